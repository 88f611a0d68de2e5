//! cargo run --release --example chat
//!
//! A chat over TCP, a line at a time: the first line is your name, every other one goes to all who are there. Without
//! arguments two clients talk, and what they see is printed. With an address it is a server for anybody:
//!
//! ```sh
//! cargo run --release --example chat serve 127.0.0.1:7777    # then, in two other terminals: nc 127.0.0.1 7777
//! ```

use async_channel::{Receiver, Sender, bounded};
use filch::io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use filch::net::{TcpListener, TcpStream};
use filch::time::timeout;
use futures_lite::future::or;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const USAGE: &str =
    "write `chat` for a demonstration, or `chat serve ADDRESS`, for instance 127.0.0.1:7777";

/// What a client can make the server keep: this much of a line, and this many lines that it does not fetch.
const LONGEST_LINE: u64 = 1000;
const MOST_WAITING: usize = 64;
/// A client that takes nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who is there, with the lines that are on their way to each.
#[derive(Default)]
struct Room(Mutex<HashMap<String, Sender<Arc<str>>>>);

impl Room {
    /// An ordinary mutex is right here, as nobody awaits anything while it is locked.
    fn members(&self) -> MutexGuard<'_, HashMap<String, Sender<Arc<str>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if the name is taken, or none.
    fn enter(&self, name: &str) -> Option<(Seat<'_>, Receiver<Arc<str>>)> {
        let (outbox, inbox) = bounded(MOST_WAITING);
        match self.members().entry(name.into()) {
            Entry::Vacant(place) if !name.is_empty() => place.insert(outbox),
            _ => return None,
        };
        self.say(&format!("* {name} has come\n"));
        let name = name.into();
        Some((Seat { room: self, name }, inbox))
    }

    /// Sends a line to all. That never waits: who is too slow is dropped, and holds up nobody.
    fn say(&self, line: &str) {
        let line = Arc::from(line);
        for outbox in self.members().values() {
            if outbox.try_send(Arc::clone(&line)).is_err() {
                outbox.close();
            }
        }
    }
}

/// A place in the room, left when this is dropped: at the end of the task, however it comes about.
struct Seat<'a> {
    room: &'a Room,
    name: String,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.room.members().remove(&self.name);
        self.room.say(&format!("* {} has gone\n", self.name));
    }
}

/// The next line, without its end, or what else a terminal would take for a command; `None` if there are no more.
async fn next_line(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    let mut line = String::new();
    let bytes = reader.take(LONGEST_LINE).read_line(&mut line).await?;
    if bytes as u64 == LONGEST_LINE && !line.ends_with('\n') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "too long a line",
        ));
    }
    line.retain(|character| !character.is_control());
    Ok((bytes > 0).then_some(line))
}

/// One client, from its name to its end.
async fn attend(stream: &TcpStream, room: &Room) -> io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    writer.write_all(b"your name?\n").await?;
    let name = next_line(&mut reader).await?.unwrap_or_default();
    let Some((seat, inbox)) = room.enter(&name) else {
        return writer
            .write_all(b"that name is taken, or none: come again with another\n")
            .await;
    };
    let speak = async {
        while let Some(line) = next_line(&mut reader).await? {
            room.say(&format!("{}: {line}\n", seat.name));
        }
        Ok(())
    };
    let hear = async {
        while let Ok(line) = inbox.recv().await {
            timeout(PATIENCE, writer.write_all(line.as_bytes())).await??;
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "too slow to follow",
        ))
    };
    // Both in one task, as neither needs the other to stop. The first to end takes the other with it.
    or(speak, hear).await
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    let room = Arc::new(Room::default());
    loop {
        let (stream, peer) = listener.accept().await?;
        let room = Arc::clone(&room);
        filch::spawn(async move {
            if let Err(error) = attend(&stream, &room).await {
                eprintln!("{peer}: {error}");
            }
        })
        .detach();
    }
}

/// Reads so many lines, prints them, and checks that they are the right ones.
async fn read(
    name: &str,
    stream: &mut BufReader<TcpStream>,
    expected: &[&str],
) -> Result<(), Box<dyn Error>> {
    for expected in expected {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        println!("{name} reads: {}", line.trim_end());
        if line.trim_end() != *expected {
            return Err(format!("{name} should have read: {expected}").into());
        }
    }
    Ok(())
}

async fn demo() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    filch::spawn(serve(listener)).detach();

    let mut anna = BufReader::new(TcpStream::connect(address).await?);
    anna.get_mut().write_all(b"anna\n").await?;
    read("anna", &mut anna, &["your name?", "* anna has come"]).await?;
    let mut ben = BufReader::new(TcpStream::connect(address).await?);
    ben.get_mut().write_all(b"ben\nhello, anna\n").await?;
    let common = ["* ben has come", "ben: hello, anna"];
    read("ben", &mut ben, &["your name?"]).await?;
    read("ben", &mut ben, &common).await?;
    drop(ben);
    read("anna", &mut anna, &common).await?;
    read("anna", &mut anna, &["* ben has gone"]).await
}

async fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        [] => demo().await?,
        ["serve", address] => {
            let listener = TcpListener::bind(address).await?;
            println!("listening on {}", listener.local_addr()?);
            serve(listener).await?;
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Err(error) = filch::block_on(run(&arguments)) {
        eprintln!("chat: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

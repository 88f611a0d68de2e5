//! Clients in a process of their own, with blocking sockets: the descriptors of both ends would be too many for one.
//!
//! This file owns what the clients do, and both ends of the pipes by which a child tells them to. It must not know what
//! is measured.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The body of a frame. A frame is its length as four bytes, the first one the least, and so many bytes.
const BODY: [u8; 60] = *b"sixty bytes that go there and back once for each connection.";

/// The clients as their master sees them. They end with it.
pub(super) struct Visitors {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Visitors {
    /// Starts the process.
    pub(super) fn start(server: SocketAddr, clients: u64) -> io::Result<Visitors> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--visit", &server.to_string()])
            .args(["--clients", &clients.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(orders), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            unreachable!("both are pipes");
        };
        Ok(Visitors {
            process,
            orders,
            answers: BufReader::new(answers),
        })
    }

    /// Has each client do the next thing, which is in turns to connect and have a frame answered, and to close. Returns
    /// when all have.
    pub(super) fn go(&mut self) -> io::Result<()> {
        self.orders.write_all(b"go\n")?;
        let mut answer = String::new();
        match self.answers.read_line(&mut answer)? {
            0 => Err(io::Error::other("the clients are gone")),
            _ => Ok(()),
        }
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        // They may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Is the clients, until there are no more orders.
pub(crate) fn visit(server: SocketAddr, clients: u64) -> io::Result<()> {
    let mut streams = Vec::new();
    for order in io::stdin().lock().lines() {
        order?;
        if streams.is_empty() {
            for _ in 0..clients {
                streams.push(TcpStream::connect(server)?);
            }
            streams.iter_mut().try_for_each(ask)?;
            streams.iter_mut().try_for_each(hear)?;
        } else {
            streams.clear();
        }
        let mut stdout = io::stdout();
        stdout.write_all(b"done\n")?;
        stdout.flush()?;
    }
    Ok(())
}

fn ask(stream: &mut TcpStream) -> io::Result<()> {
    let mut frame = (BODY.len() as u32).to_le_bytes().to_vec();
    frame.extend(BODY);
    stream.write_all(&frame)
}

fn hear(stream: &mut TcpStream) -> io::Result<()> {
    let (mut length, mut body) = ([0; 4], [0; BODY.len()]);
    stream.read_exact(&mut length)?;
    stream.read_exact(&mut body)?;
    if u32::from_le_bytes(length) as usize == BODY.len() && body == BODY {
        Ok(())
    } else {
        Err(io::Error::other("an answer is not its request"))
    }
}

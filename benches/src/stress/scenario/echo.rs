//! Connections whose clients send a request, wait for its echo, and send the next; all ends in one process, on one
//! runtime. In waves, if there are several: all connections are opened, used and closed, and then the next ones.
//!
//! Every byte is a function of the seed, the connection, the request and its place, so that nothing that is lost,
//! doubled or mixed up comes back right. This file must not judge what is left after a wave; it notes it.

use std::io;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::runtime::{Handle, Runtime};
use filch::task::JoinHandle;
use filch_bench::process;
use filch_bench::rng::mix;
use futures_lite::future::{try_zip, zip};

use super::Load;
use crate::interrupt::{interrupted, stopping};
use crate::ledger::track::{self, Joined};
use crate::ledger::{Count, add, tick, took, wake_main};
use crate::outcome::Level;

/// One listener has no more connections than this: a port has about 28,000 others to be connected from.
const LANE: u32 = 8_192;
/// What an end reads and writes at a time, if a request is longer.
const CHUNK: usize = 16 * 1024;
/// How long what a wave has left may take to go.
const SETTLING: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(5);

/// What there was before the first wave and after each.
static LEVELS: Mutex<Vec<Level>> = Mutex::new(Vec::new());

pub(super) fn levels() -> Vec<Level> {
    LEVELS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

pub(super) fn start(runtime: &Runtime, load: Load) {
    let waves = async move {
        note(level());
        let begin = Instant::now();
        for number in 1..=load.waves {
            let end = begin
                + load
                    .length
                    .mul_f64(f64::from(number) / f64::from(load.waves));
            wave(load, end).await;
            settle().await;
            if interrupted() {
                break;
            }
        }
        tick(Count::SpawnerDone);
        wake_main();
    };
    runtime.spawn(waves).detach();
}

fn level() -> Level {
    Level {
        descriptors: process::descriptors(),
        slots: Handle::current().metrics().io_watched as u64,
        rss: process::exact_rss(),
    }
}

fn note(level: Level) {
    LEVELS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(level);
}

/// Notes what is left when it is as before the first wave, or after a while.
async fn settle() {
    let begin = Instant::now();
    let first = levels()[0];
    loop {
        let now = level();
        let is_back = now.descriptors <= first.descriptors && now.slots <= first.slots;
        if is_back || begin.elapsed() > SETTLING {
            return note(now);
        }
        filch::time::sleep(LOOK).await;
    }
}

/// Opens all connections, uses them until `end`, each once at least, and closes them.
async fn wave(load: Load, end: Instant) {
    let lanes: Vec<_> = (0..load.tasks)
        .step_by(LANE as usize)
        .map(|first| first..load.tasks.min(first.saturating_add(LANE)))
        .map(|numbers| track::spawn(open(load, numbers)))
        .collect();
    let (mut serving, mut asking) = (Vec::new(), Vec::new());
    for lane in lanes {
        let Some((tasks, streams)) = value(track::join(lane).await) else {
            continue;
        };
        serving.extend(tasks);
        asking.extend(streams);
    }
    // All are open before the first is used, so that the clients do not compete with what opens the others.
    let ask = |(number, stream)| track::spawn(ask(stream, load, number, end));
    let asking: Vec<_> = (0..).zip(asking).map(ask).collect();
    for task in asking.into_iter().chain(serving) {
        value(track::join(task).await);
    }
}

/// What came of a task, unless it failed: then that is said, and counted as wrong.
fn value<T>(joined: Joined<io::Result<T>>) -> Option<T> {
    match joined {
        Joined::Value(Ok(value)) => return Some(value),
        Joined::Value(Err(error)) if !interrupted() => eprintln!("error: {error}"),
        _ => {}
    }
    tick(Count::Wrong);
    None
}

/// The servers of some connections, at work, and their other ends.
type Opened = (Vec<JoinHandle<io::Result<()>>>, Vec<TcpStream>);

/// Opens some of the connections, on a listener of their own.
async fn open(load: Load, numbers: Range<u32>) -> io::Result<Opened> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let server = listener.local_addr()?;
    let accept = async {
        let mut serving = Vec::new();
        for _ in numbers.clone() {
            let (stream, _) = listener.accept().await?;
            tick(Count::Accepted);
            serving.push(track::spawn(serve(stream, load.chunk())));
        }
        Ok(serving)
    };
    let connect = async {
        let mut streams = Vec::new();
        for _ in numbers.clone() {
            if interrupted() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            streams.push(TcpStream::connect(server).await?);
            tick(Count::Opened);
        }
        Ok(streams)
    };
    try_zip(accept, connect).await
}

/// Echoes until the client has no more to say.
async fn serve(mut stream: TcpStream, chunk: usize) -> io::Result<()> {
    let mut buffer = vec![0; chunk];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
        add(Count::EchoedBytes, count as u64);
    }
}

/// One request after the other, until the end of the wave or of the run.
async fn ask(stream: TcpStream, load: Load, number: u32, end: Instant) -> io::Result<()> {
    let connection = mix(load.seed ^ (u64::from(number) << 32));
    let (mut there, mut back) = (vec![0; load.chunk()], vec![0; load.chunk()]);
    let mut turn = 0;
    loop {
        turn += 1;
        let pattern = Pattern(mix(connection.wrapping_add(turn)));
        let begin = Instant::now();
        tick(Count::Asked);
        // Both at once, as a request may be longer than what fits in the sockets.
        let sent = send(&stream, load.size, pattern, &mut there);
        let heard = hear(&stream, load.size, pattern, &mut back);
        let (sent, heard) = zip(sent, heard).await;
        sent?;
        match heard? {
            true => tick(Count::Answered),
            false => tick(Count::Wrong),
        }
        took(begin);
        if stopping() || Instant::now() >= end {
            break;
        }
    }
    // The server sees the end, and closes.
    (&stream).close().await?;
    if (&stream).read(&mut back).await? != 0 {
        tick(Count::Wrong);
    }
    drop(stream);
    tick(Count::Closed);
    Ok(())
}

async fn send(
    mut stream: &TcpStream,
    size: u32,
    pattern: Pattern,
    chunk: &mut [u8],
) -> io::Result<()> {
    let (size, mut place) = (size as usize, 0);
    while place < size {
        let count = chunk.len().min(size - place);
        pattern.write(place, &mut chunk[..count]);
        stream.write_all(&chunk[..count]).await?;
        place += count;
    }
    Ok(())
}

/// Whether the answer is what it has to be.
async fn hear(
    mut stream: &TcpStream,
    size: u32,
    pattern: Pattern,
    chunk: &mut [u8],
) -> io::Result<bool> {
    let (size, mut place, mut is_right) = (size as usize, 0, true);
    while place < size {
        let count = chunk.len().min(size - place);
        stream.read_exact(&mut chunk[..count]).await?;
        is_right &= pattern.is(place, &chunk[..count]);
        place += count;
    }
    Ok(is_right)
}

/// The bytes of one request.
#[derive(Clone, Copy)]
struct Pattern(u64);

impl Pattern {
    fn word(self, place: usize) -> [u8; 8] {
        mix(self.0.wrapping_add(place as u64)).to_le_bytes()
    }

    /// Writes the bytes from a place on, which is a multiple of eight.
    fn write(self, place: usize, bytes: &mut [u8]) {
        for (i, bytes) in bytes.chunks_mut(8).enumerate() {
            bytes.copy_from_slice(&self.word(place + 8 * i)[..bytes.len()]);
        }
    }

    /// Whether these are the bytes from that place on.
    fn is(self, place: usize, bytes: &[u8]) -> bool {
        let mut chunks = bytes.chunks(8).enumerate();
        chunks.all(|(i, bytes)| *bytes == self.word(place + 8 * i)[..bytes.len()])
    }
}

impl Load {
    /// The length of the buffers.
    fn chunk(self) -> usize {
        CHUNK.min(self.size as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_wrong_shows() {
        let pattern = Pattern(7);
        let mut bytes = [0; 29];
        pattern.write(16, &mut bytes);
        assert!(pattern.is(16, &bytes));
        assert!(!pattern.is(0, &bytes) && !Pattern(8).is(16, &bytes));
        for i in 0..bytes.len() {
            bytes[i] ^= 1;
            assert!(!pattern.is(16, &bytes), "{i}");
            bytes[i] ^= 1;
        }
    }

    #[test]
    fn the_parts_of_a_pattern_are_those_of_the_whole() {
        let (mut whole, mut part) = ([0; 64], [0; 24]);
        Pattern(1).write(0, &mut whole);
        Pattern(1).write(40, &mut part);
        assert_eq!(whole[40..], part);
    }
}

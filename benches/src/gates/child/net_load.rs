//! What the scenarios with sockets do, the same on every runtime.
//!
//! This file owns the loads and what is measured around them. It must not know the bounds, nor which runtime it is on.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use filch_bench::process;

use super::Readings;
use super::load::{LOOK, START, lock, since};
use super::marks;
use super::net_host::NetHost;
use super::visitors::Visitors;
use crate::scenario::{Kind, Scenario};

/// The bytes of a request of the echo, and what both ends have to read into.
const REQUEST: usize = 64;
const BUFFER: usize = 1024;
/// How often connections come and go in `waves`.
const WAVES: u32 = 5;
/// How long the server may take to close what the clients have closed, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a task takes at most to its next wait.
const MOMENT: Duration = Duration::from_millis(100);

/// Whether a scenario is one of these.
pub(super) fn knows(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Echo | Kind::Http | Kind::IdleConnections | Kind::Waves
    )
}

/// Runs a scenario with all sizes multiplied by `scale`, durations by no less than a hundredth.
pub(super) fn run<H: NetHost>(scenario: &Scenario, scale: f64) -> io::Result<Readings> {
    let size = ((scenario.size as f64 * scale) as u64).max(1);
    let seconds = |seconds: f64| Duration::from_secs_f64(seconds * scale.clamp(0.01, 1.0));
    match scenario.kind {
        Kind::Echo => echo::<H>(size, seconds(0.5), seconds(3.0)),
        #[cfg(feature = "peers")]
        Kind::Http => super::http::run::<H>(size, seconds(3.0)),
        Kind::IdleConnections => idle::<H>(size),
        Kind::Waves => waves::<H>(size),
        _ => Err(io::Error::other("this is no scenario with sockets")),
    }
}

/// Builds the runtime and lets its workers start.
pub(super) fn build<H: NetHost>() -> io::Result<H> {
    let host = H::build_with_sockets()?;
    thread::sleep(START);
    Ok(host)
}

/// What the clients of the echo are at.
static STAGE: AtomicU8 = AtomicU8::new(WARMING_UP);
const WARMING_UP: u8 = 0;
const MEASURING: u8 = 1;
const ENDING: u8 = 2;

/// How long each answer took that came while it was measured, in nanoseconds, by client.
static TOOK: Mutex<Vec<Vec<u32>>> = Mutex::new(Vec::new());
/// Answers that were not their requests, and connections that failed.
static WRONG: AtomicU64 = AtomicU64::new(0);

fn echo<H: NetHost>(connections: u64, warmup: Duration, length: Duration) -> io::Result<Readings> {
    let host = build::<H>()?;
    host.run(async move {
        let listener = H::listen().await?;
        let server = H::address(&listener)?;
        H::detach(async move {
            for _ in 0..connections {
                match H::accept(&listener).await {
                    Ok(stream) => H::detach(serve::<H>(stream)),
                    Err(_) => note_wrong(),
                }
            }
        });
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(H::connect(server).await?);
        }
        for (number, stream) in (0..).zip(streams) {
            H::detach(client::<H>(stream, number));
        }
        io::Result::Ok(())
    })?;
    // This thread keeps the time, as a task may be late.
    thread::sleep(warmup);
    let (cpu, begin) = (process::cpu_time(), Instant::now());
    STAGE.store(MEASURING, Relaxed);
    thread::sleep(length);
    STAGE.store(ENDING, Relaxed);
    let (cpu, length) = (since(cpu), begin.elapsed());
    while host.run(async { H::alive() }) > 1 {
        thread::sleep(LOOK);
    }
    drop(host);
    let mut took: Vec<u64> = lock(&TOOK).concat().into_iter().map(u64::from).collect();
    took.sort_unstable();
    let answers = took.len() as f64;
    let micros = |percent| marks::percentile(&took, percent) as f64 / 1e3;
    let mut readings = vec![
        ("wrong", WRONG.load(Relaxed) as f64),
        ("per_s", answers / length.as_secs_f64()),
        ("p50_us", micros(50)),
        ("p99_us", micros(99)),
    ];
    readings.extend(cpu.map(|cpu| ("cpu_us", cpu.as_secs_f64() * 1e6 / answers)));
    Ok(readings)
}

fn note_wrong() {
    WRONG.fetch_add(1, Relaxed);
}

/// Echoes until the client closes.
async fn serve<H: NetHost>(mut stream: H::Stream) {
    let mut buffer = [0; BUFFER];
    loop {
        match H::read(&mut stream, &mut buffer).await {
            Ok(0) => return,
            Ok(count) if H::write_all(&mut stream, &buffer[..count]).await.is_ok() => {}
            _ => return note_wrong(),
        }
    }
}

/// Sends the next request when the answer to the last has come, until it is told to end.
async fn client<H: NetHost>(mut stream: H::Stream, number: u64) {
    let (mut request, mut buffer) = ([0; REQUEST], [0; BUFFER]);
    let (mut took, mut turn) = (Vec::new(), 0_u64);
    request[..8].copy_from_slice(&number.to_le_bytes());
    loop {
        let stage = STAGE.load(Relaxed);
        if stage == ENDING {
            break lock(&TOOK).push(took);
        }
        turn += 1;
        request[8..16].copy_from_slice(&turn.to_le_bytes());
        let begin = Instant::now();
        if !is_answered::<H>(&mut stream, &request, &mut buffer).await {
            break note_wrong();
        }
        if stage == MEASURING && STAGE.load(Relaxed) == MEASURING {
            took.push(begin.elapsed().as_nanos().try_into().unwrap_or(u32::MAX));
        }
    }
}

async fn is_answered<H: NetHost>(
    stream: &mut H::Stream,
    request: &[u8],
    buffer: &mut [u8],
) -> bool {
    if H::write_all(stream, request).await.is_err() {
        return false;
    }
    let mut read = 0;
    while read < request.len() {
        match H::read(stream, &mut buffer[read..]).await {
            Ok(count) if count > 0 => read += count,
            _ => return false,
        }
    }
    buffer[..read] == *request
}

/// A server of frames, for [`Visitors`].
struct Frames<H: NetHost> {
    host: H,
    address: SocketAddr,
}

impl<H: NetHost> Frames<H> {
    fn start() -> io::Result<Frames<H>> {
        let host = build::<H>()?;
        let address = host.run(async {
            let listener = H::listen().await?;
            let address = H::address(&listener);
            H::detach(async move {
                loop {
                    match H::accept(&listener).await {
                        Ok(stream) => H::detach(serve_frames::<H>(stream)),
                        Err(_) => HAS_FAILED.store(true, Relaxed),
                    }
                }
            });
            address
        })?;
        Ok(Frames { host, address })
    }

    /// How many connections there are.
    fn open(&self) -> u64 {
        // The one that asks and the one that accepts are no connections.
        self.host.run(async { H::alive() }).saturating_sub(2)
    }

    /// Returns when all connections are closed, and fails when they are not for long.
    fn all_closed(&self) -> io::Result<()> {
        let begin = Instant::now();
        while self.open() > 0 {
            if begin.elapsed() > PATIENCE {
                return Err(io::Error::other(
                    "connections stay open that the clients have closed",
                ));
            }
            thread::sleep(LOOK);
        }
        if HAS_FAILED.load(Relaxed) {
            return Err(io::Error::other("a connection has failed"));
        }
        Ok(())
    }
}

/// Whether a connection of [`Frames`] has failed.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// The longest body of a frame.
const LONGEST: usize = 1 << 20;

/// Echoes frames until the client closes. It has a buffer only as long as there is something in it.
async fn serve_frames<H: NetHost>(mut stream: H::Stream) {
    loop {
        let mut length = [0; 4];
        if H::read_exact(&mut stream, &mut length).await.is_err() {
            // There is no next frame.
            return;
        }
        let count = u32::from_le_bytes(length) as usize;
        if count > LONGEST || answer::<H>(&mut stream, count).await.is_err() {
            return HAS_FAILED.store(true, Relaxed);
        }
    }
}

async fn answer<H: NetHost>(stream: &mut H::Stream, count: usize) -> io::Result<()> {
    let mut frame = vec![0; 4 + count];
    frame[..4].copy_from_slice(&(count as u32).to_le_bytes());
    H::read_exact(stream, &mut frame[4..]).await?;
    H::write_all(stream, &frame).await
}

fn idle<H: NetHost>(connections: u64) -> io::Result<Readings> {
    let frames = Frames::<H>::start()?;
    let mut visitors = Visitors::start(frames.address, connections)?;
    let before = process::exact_rss();
    visitors.go()?;
    thread::sleep(MOMENT);
    let after = process::exact_rss();
    let open = frames.open();
    if open != connections {
        let why = format!("{open} of {connections} connections are open");
        return Err(io::Error::other(why));
    }
    let (Some(before), Some(after)) = (before, after) else {
        return Ok(Vec::new());
    };
    let each = (after as f64 - before as f64) / connections as f64;
    Ok(vec![("rss_each", each)])
}

fn waves<H: NetHost>(connections: u64) -> io::Result<Readings> {
    let frames = Frames::<H>::start()?;
    let mut visitors = Visitors::start(frames.address, connections)?;
    // The one that accepts waits by then, so that its own descriptor is watched before the first wave as after it.
    thread::sleep(MOMENT);
    let (files, slots) = (process::descriptors(), frames.host.watched());
    let (mut files_left, mut slots_left) = (0, 0);
    let (mut first, mut last) = (None, None);
    for _ in 0..WAVES {
        visitors.go()?;
        if frames.open() != connections {
            return Err(io::Error::other("a connection is closed too early"));
        }
        visitors.go()?;
        frames.all_closed()?;
        let more = |now: Option<u64>, before: Option<u64>| {
            now.unwrap_or(0).saturating_sub(before.unwrap_or(0))
        };
        files_left = files_left.max(more(process::descriptors(), files));
        slots_left = slots_left.max(more(frames.host.watched(), slots));
        last = process::exact_rss();
        first = first.or(last);
    }
    let mut readings = Vec::new();
    readings.extend(files.map(|_| ("files_left", files_left as f64)));
    readings.extend(slots.map(|_| ("slots_left", slots_left as f64)));
    if let (Some(first), Some(last)) = (first, last) {
        readings.push(("rss_growth_mb", (last as f64 - first as f64) / 1e6));
    }
    Ok(readings)
}

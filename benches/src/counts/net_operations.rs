//! The operations of filch over connections, each with what the other end does for it.
//!
//! This file owns both ends' exchange. It must not know how they are measured. The other end lets the measured one go to
//! sleep where else it would depend on chance whether it does, so that the counts repeat.

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use std::io::{self, Read, Write};
use std::net::{self, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

/// The bytes of a request and of its answer.
const REQUEST: usize = 64;
/// What a server reads into; more than a request, as servers do.
const BUFFER: usize = 1024;
/// What [`visit`] waits before each connection: the measured process falls asleep meanwhile, also under a slow tool.
const MOMENT: Duration = Duration::from_micros(300);
/// What [`ask`] waits before the first request, so that each server has waited once: filch watches a socket from then on,
/// and before that it tries.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Listens, and tells the other end where.
async fn listen(other_end: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    net::TcpStream::connect(other_end)?.write_all(&port.to_be_bytes())?;
    Ok(listener)
}

/// Where the measured process listens, as it tells.
fn meet(door: &net::TcpListener) -> io::Result<SocketAddr> {
    let mut port = [0; 2];
    door.accept()?.0.read_exact(&mut port)?;
    Ok((Ipv4Addr::LOCALHOST, u16::from_be_bytes(port)).into())
}

/// A server that answers `n` requests, or a few less, so that each of its connections has as many.
pub(crate) async fn echo(n: u64, connections: u64, clients: SocketAddr) {
    let listener = listen(clients).await.expect("it listens");
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (stream, _) = listener.accept().await.expect("a client connects");
        tasks.push(filch::spawn(serve(stream)));
    }
    let mut bytes = 0;
    for task in tasks {
        let served = task.await.expect("no server panics");
        bytes += served.expect("no connection fails");
    }
    let requests = n / connections * connections;
    let right = requests * REQUEST as u64;
    assert_eq!(bytes, right, "every request is answered");
}

/// Echoes until the client closes; gives how many bytes.
async fn serve(mut stream: TcpStream) -> io::Result<u64> {
    let (mut buffer, mut bytes) = ([0; BUFFER], 0);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(bytes),
            count => {
                stream.write_all(&buffer[..count]).await?;
                bytes += count as u64;
            }
        }
    }
}

/// The clients: in each turn, every one of them sends a request, and then waits for the answer.
pub(crate) fn ask(n: u64, connections: u64, door: net::TcpListener) -> io::Result<()> {
    let server = meet(&door)?;
    let connect = |_| net::TcpStream::connect(server);
    let mut streams: Vec<_> = (0..connections).map(connect).collect::<io::Result<_>>()?;
    thread::sleep(PAUSE);
    for turn in 0..n / connections {
        let request = [turn as u8; REQUEST];
        for stream in &mut streams {
            stream.write_all(&request)?;
        }
        for stream in &mut streams {
            let mut answer = [0; REQUEST];
            stream.read_exact(&mut answer)?;
            if answer != request {
                return Err(io::Error::other("an answer is not its request"));
            }
        }
    }
    Ok(())
}

/// Accepts `n` connections and drops each.
pub(crate) async fn accept(n: u64, client: SocketAddr) {
    let listener = listen(client).await.expect("it listens");
    for _ in 0..n {
        let accepted = listener.accept().await;
        drop(accepted.expect("a client connects"));
    }
}

/// Connects `n` times, and waits each time until the server closes.
pub(crate) fn visit(n: u64, door: net::TcpListener) -> io::Result<()> {
    let server = meet(&door)?;
    for _ in 0..n {
        thread::sleep(MOMENT);
        let mut stream = net::TcpStream::connect(server)?;
        if stream.read(&mut [0])? != 0 {
            return Err(io::Error::other("the server says something"));
        }
    }
    Ok(())
}

/// Connects `n` times and drops each connection.
pub(crate) async fn connect(n: u64, server: SocketAddr) {
    for _ in 0..n {
        let connected = TcpStream::connect(server).await;
        drop(connected.expect("the server accepts"));
    }
}

/// Accepts `n` connections, each until the client closes.
pub(crate) fn receive(n: u64, door: net::TcpListener) -> io::Result<()> {
    // Room for all that may come while this thread has no processor.
    rustix::net::listen(&door, BACKLOG)?;
    for _ in 0..n {
        let mut stream = door.accept()?.0;
        if stream.read(&mut [0])? != 0 {
            return Err(io::Error::other("the client says something"));
        }
    }
    Ok(())
}

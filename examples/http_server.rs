//! cargo run --release --features filch/hyper --example http_server
//!
//! An HTTP server: hyper's protocol on filch's sockets, timers and tasks. Clients have ten seconds to finish a header. On
//! Ctrl-C or SIGTERM it accepts no more, finishes the requests at hand, and ends. Without arguments it shows that with
//! clients of its own. With an address it is yours:
//!
//! ```sh
//! cargo run --release --features filch/hyper --example http_server serve 127.0.0.1:8000
//! curl http://127.0.0.1:8000/
//! curl http://127.0.0.1:8000/slow                  # and press Ctrl-C at the server meanwhile
//! curl --data 'some text' http://127.0.0.1:8000/echo
//! ```

use async_channel::Receiver;
use filch::io::hyper::FilchTimer;
use filch::io::{self, AsyncReadExt, AsyncWriteExt, Registered};
use filch::net::{TcpListener, TcpStream};
use filch::time::{Instant, sleep, timeout};
use futures_lite::future::or;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, server::conn::http1, service::service_fn};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

const USAGE: &str = "write `http_server` for a demonstration, or `http_server serve ADDRESS`, for instance 127.0.0.1:8000";

/// How long the last requests may take after the server was told to stop.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that `/echo` takes.
const LARGEST_BODY: usize = 1 << 20;

/// How many requests are being answered.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    UNDER_WAY.fetch_add(1, Relaxed);
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => (StatusCode::OK, "hello from filch\n".into()),
        (&Method::GET, "/slow") => {
            sleep(Duration::from_secs(2)).await;
            (StatusCode::OK, "that took a while\n".into())
        }
        (&Method::POST, "/echo") => match Limited::new(request, LARGEST_BODY).collect().await {
            Ok(body) => (StatusCode::OK, body.to_bytes()),
            Err(_) => (StatusCode::BAD_REQUEST, "too long, or broken off\n".into()),
        },
        _ => (
            StatusCode::NOT_FOUND,
            "there are /, /slow and /echo\n".into(),
        ),
    };
    let mut response = Response::new(Full::new(text));
    *response.status_mut() = status;
    UNDER_WAY.fetch_sub(1, Relaxed);
    Ok(response)
}

/// Runs a future, unless the server is told to stop before: nothing is ever sent on that channel, but it is closed.
async fn unless_stopped<T>(stop: &Receiver<()>, future: impl Future<Output = T>) -> Option<T> {
    let stopped = async {
        stop.recv().await.ok();
        None
    };
    or(stopped, async { Some(future.await) }).await
}

async fn attend(
    stream: TcpStream,
    header_limit: Duration,
    stop: Receiver<()>,
) -> hyper::Result<()> {
    // The streams have hyper's traits, so that hyper needs no adapter; the timer it must be given.
    let connection = http1::Builder::new()
        .timer(FilchTimer::new())
        .header_read_timeout(header_limit)
        .serve_connection(stream, service_fn(answer));
    let mut connection = pin!(connection);
    match unless_stopped(&stop, connection.as_mut()).await {
        Some(ended) => ended,
        None => {
            // No more than the request at hand, if there is one.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// Serves until it is told to stop, then lets the requests at hand finish.
async fn serve(
    listener: TcpListener,
    header_limit: Duration,
    stop: Receiver<()>,
) -> io::Result<()> {
    // Each connection has a clone of the sender. When all are gone, there is nothing to receive.
    let (working, all_done) = async_channel::bounded::<()>(1);
    while let Some(accepted) = unless_stopped(&stop, listener.accept()).await {
        let (stream, peer) = accepted?;
        let (stop, working) = (stop.clone(), working.clone());
        filch::spawn(async move {
            if let Err(error) = attend(stream, header_limit, stop).await {
                eprintln!("{peer}: {error}");
            }
            drop(working);
        })
        .detach();
    }
    // From here on, clients are refused by the system.
    drop((listener, working));
    timeout(PATIENCE, all_done.recv()).await?.ok();
    Ok(())
}

/// Becomes readable at Ctrl-C or a SIGTERM: the signal's handler writes a byte. filch can wait for any descriptor.
fn signals() -> io::Result<Registered<UnixStream>> {
    let (ours, handlers) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::low_level::pipe::register(signal, handlers.try_clone()?)?;
    }
    Registered::new(ours)
}

/// Sends a request as it stands here, and gives the last line of what comes back.
async fn fetch(address: SocketAddr, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.lines().last().unwrap_or("nothing").to_owned())
}

async fn demo() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = async_channel::bounded(1);
    let server = filch::spawn(serve(listener, Duration::from_millis(500), stopped));

    let get = |path| format!("GET {path} HTTP/1.1\r\nhost: filch\r\nconnection: close\r\n\r\n");
    let hello = fetch(address, &get("/")).await?;
    println!("GET /: {hello}");

    let start = Instant::now();
    let half = fetch(address, "GET / HTTP/1.1\r\nhost: fi").await?;
    println!("half a request: {half}, after {:.1?}", start.elapsed());

    let slow_request = get("/slow");
    let slow = filch::spawn(async move { fetch(address, &slow_request).await });
    while UNDER_WAY.load(Relaxed) == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    println!("told to stop, with a request under way");
    stop.close();
    server.await??;
    let slow = slow.await??;
    println!("GET /slow: {slow}");
    match hello == "hello from filch" && slow == "that took a while" {
        true => Ok(()),
        false => Err("these are not the right answers".into()),
    }
}

async fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        [] => demo().await?,
        ["serve", address] => {
            let signals = signals()?;
            let listener = TcpListener::bind(address).await?;
            println!("listening on {}", listener.local_addr()?);
            let (stop, stopped) = async_channel::bounded(1);
            let server = filch::spawn(serve(listener, Duration::from_secs(10), stopped));
            signals.readable().await?;
            println!("stopping; requests under way: {}", UNDER_WAY.load(Relaxed));
            stop.close();
            server.await??;
            println!("stopped");
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Err(error) = filch::block_on(run(&arguments)) {
        eprintln!("http_server: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

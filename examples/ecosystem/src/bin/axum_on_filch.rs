//! cargo run --release --package filch-examples --bin axum_on_filch
//!
//! A web application of axum's, on filch. axum without its feature `tokio` is routes, extractors and responses; hyper
//! reads and writes the messages, and each connection is a task of filch. No part of tokio's runtime is compiled in:
//! `cargo tree --package filch-examples --no-default-features --edges features --invert tokio` shows its channels alone.
//! Without arguments it asks itself for some pages. With an address it is yours:
//!
//! ```sh
//! cargo run --release --package filch-examples --bin axum_on_filch serve 127.0.0.1:8000
//! curl http://127.0.0.1:8000/hello/you
//! ```

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use filch::io::hyper::FilchTimer;
use filch::io::{self, AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::time::sleep;
use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const USAGE: &str = "write `axum_on_filch` for a demonstration, or `axum_on_filch serve ADDRESS`, for instance \
                     127.0.0.1:8000";

async fn hello(Path(name): Path<String>, State(greeted): State<Arc<AtomicU64>>) -> String {
    let count = greeted.fetch_add(1, Relaxed) + 1;
    format!("hello, {name}: you are number {count}\n")
}

fn app() -> Router {
    Router::new()
        .route("/hello/{name}", get(hello))
        .route("/shout", post(async |text: String| text.to_uppercase()))
        // Handlers run on filch, so they can use all of it.
        .route(
            "/nap",
            get(async || {
                sleep(Duration::from_millis(100)).await;
                "refreshed\n"
            }),
        )
        .with_state(Arc::default())
}

/// What `axum::serve` is for tokio: it hands each connection to hyper.
async fn serve(listener: TcpListener, app: Router) -> io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        // axum is made of tower's services. hyper has a trait of its own for them.
        let service = TowerToHyperService::new(app.clone());
        let connection = http1::Builder::new()
            .timer(FilchTimer::new())
            .header_read_timeout(Duration::from_secs(10))
            .serve_connection(stream, service);
        filch::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("{peer}: {error}");
            }
        })
        .detach();
    }
}

/// Asks for a page in plain text, and gives what follows the header.
async fn fetch(address: SocketAddr, method: &str, path: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let header = "host: filch\r\nconnection: close";
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    Ok(body.unwrap_or(&answer).to_owned())
}

async fn demo() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    filch::spawn(serve(listener, app())).detach();

    for (method, path, body, expected) in [
        ("GET", "/hello/anna", "", "hello, anna: you are number 1\n"),
        ("GET", "/hello/ben", "", "hello, ben: you are number 2\n"),
        ("POST", "/shout", "quietly\n", "QUIETLY\n"),
        ("GET", "/nap", "", "refreshed\n"),
    ] {
        let answer = fetch(address, method, path, body).await?;
        print!("{method} {path}: {answer}");
        if answer != expected {
            return Err(format!("{path} should have answered {expected:?}").into());
        }
    }
    Ok(())
}

async fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        [] => demo().await?,
        ["serve", address] => {
            let listener = TcpListener::bind(address).await?;
            println!("listening on {}", listener.local_addr()?);
            serve(listener, app()).await?;
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Err(error) = filch::block_on(run(&arguments)) {
        eprintln!("axum_on_filch: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

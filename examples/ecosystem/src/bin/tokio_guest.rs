//! cargo run --release --package filch-examples --bin tokio_guest
//!
//! A crate that needs tokio's runtime, as a guest on filch: reqwest opens its sockets with tokio, sleeps with tokio, and
//! runs in tasks of filch all the same, because async-compat keeps a small runtime of tokio's at hand for it. It talks to a
//! server that hyper runs on filch. With addresses it fetches those:
//!
//! ```sh
//! cargo run --release --package filch-examples --bin tokio_guest http://127.0.0.1:8000/
//! ```

use async_compat::CompatExt;
use filch::io;
use filch::io::hyper::FilchTimer;
use filch::net::TcpListener;
use filch::time::sleep;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, server::conn::http1, service::service_fn};
use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "write `tokio_guest` for a demonstration, or `tokio_guest URL...`, for instance http://127.0.0.1:8000/ \
                     (https is not built in)";

/// Answers with the path; if that is `/slow`, in a minute.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    if path == "/slow" {
        sleep(Duration::from_secs(60)).await;
    }
    Ok(Response::new(format!("this is {path}").into()))
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        let connection = http1::Builder::new()
            .timer(FilchTimer::new())
            .serve_connection(stream, service_fn(answer));
        filch::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("{peer}: {error}");
            }
        })
        .detach();
    }
}

/// A page. Without `compat` this would panic: "there is no reactor running". With it, filch polls the future, and what it
/// waits for is on the one thread that async-compat has for tokio's sockets and timers.
async fn get(client: reqwest::Client, url: String) -> reqwest::Result<String> {
    async {
        let response = client.get(url).send().await?;
        response.error_for_status()?.text().await
    }
    .compat()
    .await
}

/// A client that gives up after half a second. The clock of that is tokio's.
fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(Duration::from_millis(500))
        .build()
}

async fn demo() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = format!("http://{}", listener.local_addr()?);
    filch::spawn(serve(listener)).detach();

    // Tasks of filch, one for each page, as if reqwest knew no other runtime.
    let client = client()?;
    let pages = ["/one", "/two", "/three"];
    let tasks = pages.map(|path| filch::spawn(get(client.clone(), format!("{server}{path}"))));
    for (path, task) in pages.into_iter().zip(tasks) {
        let text = task.await??;
        println!("{path}: {text}");
        if text != format!("this is {path}") {
            return Err("that is another page".into());
        }
    }
    match get(client, format!("{server}/slow")).await {
        Err(error) if error.is_timeout() => println!("/slow: given up, by tokio's clock"),
        result => return Err(format!("/slow should have taken too long: {result:?}").into()),
    }
    Ok(())
}

async fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    if arguments.is_empty() {
        return demo().await;
    }
    if !arguments.iter().all(|url| url.starts_with("http://")) {
        return Err(USAGE.into());
    }
    let client = client()?;
    for url in arguments {
        println!("{}", get(client.clone(), url.clone()).await?);
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = filch::block_on(run(&arguments)) {
        eprintln!("tokio_guest: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

//! cargo run --release --example echo
//!
//! A TCP server that sends back what it gets, and a client. Without arguments it shows both: three clients at the same
//! time, each of which checks its answer. With arguments it is one of the two, for you to play the other:
//!
//! ```sh
//! cargo run --release --example echo serve 127.0.0.1:7777    # then, elsewhere: nc 127.0.0.1 7777
//! cargo run --release --example echo send 127.0.0.1:7777     # sends what you type, or pipe into it
//! ```

use filch::io::{self, AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use futures_lite::future::or;
use std::error::Error;
use std::future::pending;
use std::net::SocketAddr;
use std::process::ExitCode;

const USAGE: &str = "write `echo` for a demonstration, `echo serve ADDRESS` or `echo send ADDRESS`, where an ADDRESS \
                     is for instance 127.0.0.1:7777";

/// Accepts for ever, with a task for each connection.
async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        // Detached: nobody waits for this task, which ends with its connection.
        filch::spawn(async move {
            // A reference to a stream reads and writes as well, so one stream is both ends of the copy.
            match io::copy(&stream, &stream).await {
                Ok(bytes) => println!("{peer}: sent back {bytes} bytes"),
                Err(error) => eprintln!("{peer}: {error}"),
            }
        })
        .detach();
    }
}

/// Sends the standard input, and prints what comes back, until the server ends the connection.
async fn send(address: &str) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let there = async {
        io::copy(io::stdin(), &stream).await?;
        // Nothing more to say, but all to hear: this closes one direction, and the server sees the end.
        (&stream).close().await?;
        pending().await
    };
    let back = async { io::copy(&stream, io::stdout()).await.map(drop) };
    // Both at the same time, in this one task. Whatever is not finished then is dropped.
    or(back, there).await
}

/// Sends a text and gives what comes back.
async fn ask(address: SocketAddr, text: String) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(text.as_bytes()).await?;
    stream.close().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn demo() -> Result<(), Box<dyn Error>> {
    // Port 0: any that is free.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    filch::spawn(serve(listener)).detach();

    let texts = ["one", "two", "three"].map(|word| word.repeat(10_000));
    let clients = texts.clone().map(|text| filch::spawn(ask(address, text)));
    for (text, client) in texts.into_iter().zip(clients) {
        // The first `?` is for a panic in the task, the second for what it returned.
        if client.await?? != text {
            return Err("the answer is not what was sent".into());
        }
    }
    println!("every byte came back");
    // The server is still accepting. The end of the runtime, which follows, drops it.
    Ok(())
}

async fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        [] => demo().await?,
        ["serve", address] => {
            let listener = TcpListener::bind(address).await?;
            println!("listening on {}", listener.local_addr()?);
            serve(listener).await?;
        }
        ["send", address] => send(address).await?,
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Err(error) = filch::block_on(run(&arguments)) {
        eprintln!("echo: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

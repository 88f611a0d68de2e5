//! cargo run --release --example proxy
//!
//! A TCP proxy: every connection to one address becomes a connection to another, and bytes go both ways. Without
//! arguments it shows that with a server of its own. With two addresses it stands between them:
//!
//! ```sh
//! cargo run --release --example proxy 127.0.0.1:7000 example.org:80
//! curl -H 'Host: example.org' http://127.0.0.1:7000/
//! ```

use filch::io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use filch::net::{TcpListener, TcpStream};
use filch::time::timeout;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "write `proxy` for a demonstration, or `proxy LISTEN TARGET`, two addresses such as 127.0.0.1:7000 \
                     and example.org:80";

/// How long a target may take to answer. Without a limit, the system's is minutes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects to the target, and moves bytes until both sides have ended. Gives how many went there, and back.
async fn forward(client: TcpStream, target: &str) -> io::Result<(u64, u64)> {
    let server = timeout(PATIENCE, TcpStream::connect(target)).await??;
    // What one side sends at once goes on at once.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    // When one side says that it is done, the other is told, and may go on: a request, its end, the answer.
    // A connection on which nothing happens has no buffer, so that ten thousand idle ones cost next to nothing.
    io::copy_bidirectional(&client, &server).await
}

async fn serve(listener: TcpListener, target: String) -> io::Result<()> {
    loop {
        let (client, peer) = listener.accept().await?;
        let target = target.clone();
        filch::spawn(async move {
            // One connection that fails is one line here; the others do not notice.
            match forward(client, &target).await {
                Ok((there, back)) => println!("{peer}: {there} bytes there, {back} back"),
                Err(error) => eprintln!("{peer}: {error}"),
            }
        })
        .detach();
    }
}

/// A server to stand in front of: answers a line with the same in capitals, until there are no more lines.
async fn shout(listener: TcpListener) -> io::Result<()> {
    let (stream, _) = listener.accept().await?;
    let mut reader = BufReader::new(&stream);
    let mut line = String::new();
    while reader.read_line(&mut line).await? > 0 {
        (&stream).write_all(line.to_uppercase().as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

async fn demo() -> Result<(), Box<dyn Error>> {
    let target = TcpListener::bind("127.0.0.1:0").await?;
    let target_address = target.local_addr()?.to_string();
    let shouting = filch::spawn(shout(target));
    let front = TcpListener::bind("127.0.0.1:0").await?;
    let address = front.local_addr()?;
    filch::spawn(serve(front, target_address)).detach();

    let mut client = TcpStream::connect(address).await?;
    client.write_all(b"is anybody\nthere?\n").await?;
    // The end of our side arrives behind the proxy, or the server would never stop reading.
    client.close().await?;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await?;
    shouting.await??;
    print!("through the proxy: {answer}");
    if answer != "IS ANYBODY\nTHERE?\n" {
        return Err("the answer is not what was asked for".into());
    }
    Ok(())
}

async fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        [] => demo().await?,
        [listen, target] => {
            let listener = TcpListener::bind(listen).await?;
            println!("listening on {}", listener.local_addr()?);
            serve(listener, String::from(*target)).await?;
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Err(error) = filch::block_on(run(&arguments)) {
        eprintln!("proxy: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

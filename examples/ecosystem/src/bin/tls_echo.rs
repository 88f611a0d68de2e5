//! cargo run --release --package filch-examples --bin tls_echo
//!
//! The echo server behind TLS: futures-rustls on filch's sockets, with a certificate made on the spot by rcgen. Without
//! arguments a client that trusts the certificate gets its text back, and one that does not hangs up. With an address,
//! and a file for the certificate, the client is yours:
//!
//! ```sh
//! cargo run --release --package filch-examples --bin tls_echo serve 127.0.0.1:7443 /tmp/echo.pem
//! openssl s_client -connect 127.0.0.1:7443 -CAfile /tmp/echo.pem -verify_return_error -quiet
//! ```

use filch::io::{self, AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::time::timeout;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector};
use rcgen::generate_simple_self_signed;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const USAGE: &str = "write `tls_echo` for a demonstration, or `tls_echo serve ADDRESS FILE`, for instance 127.0.0.1:7443 \
                     and /tmp/echo.pem, to which the server's certificate is written";

/// How long a client may take for the handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server's side of TLS, and the certificate that its clients are to trust, in two notations.
struct Identity {
    acceptor: TlsAcceptor,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Identity {
    fn new() -> Result<Self, Box<dyn Error>> {
        let made = generate_simple_self_signed(["localhost".into(), "127.0.0.1".into()])?;
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate,
            pem: made.cert.pem(),
        })
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) -> io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        let acceptor = acceptor.clone();
        filch::spawn(async move {
            match echo(stream, acceptor).await {
                Ok(bytes) => println!("{peer}: sent back {bytes} bytes"),
                Err(error) => eprintln!("{peer}: {error}"),
            }
        })
        .detach();
    }
}

async fn echo(stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<u64> {
    // The acceptor takes any stream with the traits of futures-io, and gives another one.
    let stream = timeout(PATIENCE, acceptor.accept(stream)).await??;
    // Unlike a socket, it has no reading and writing through a reference: `split` makes two halves of it.
    let (reader, mut writer) = io::split(stream);
    let bytes = io::copy(reader, &mut writer).await?;
    // Says goodbye, as TLS asks for: without that, the client cannot tell an end from a broken line.
    writer.close().await?;
    Ok(bytes)
}

/// Sends a text to a server on this machine, whose certificate must be among those that are trusted.
async fn ask(address: SocketAddr, trusted: RootCertStore, text: &str) -> io::Result<String> {
    let config = ClientConfig::builder()
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let stream = TcpStream::connect(address).await?;
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    stream.write_all(text.as_bytes()).await?;
    stream.close().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn demo() -> Result<(), Box<dyn Error>> {
    let identity = Identity::new()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    filch::spawn(serve(listener, identity.acceptor)).detach();

    let mut trusted = RootCertStore::empty();
    trusted.add(identity.certificate)?;
    let answer = ask(address, trusted, "nobody else can read this").await?;
    println!("who trusts the server gets back: {answer}");
    if answer != "nobody else can read this" {
        return Err("the answer is not what was sent".into());
    }
    match ask(address, RootCertStore::empty(), "never sent").await {
        Err(error) => println!("who trusts nobody hangs up: {error}"),
        Ok(_) => return Err("a certificate was trusted that nobody has vouched for".into()),
    }
    Ok(())
}

async fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        [] => demo().await?,
        ["serve", address, file] => {
            let identity = Identity::new()?;
            filch::fs::write(file, identity.pem).await?;
            let listener = TcpListener::bind(address).await?;
            println!("listening on {}", listener.local_addr()?);
            serve(listener, identity.acceptor).await?;
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Err(error) = filch::block_on(run(&arguments)) {
        eprintln!("tls_echo: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

//! cargo run --release --example udp_dns
//!
//! A small name server, and a client that does not take it for granted that datagrams arrive: each try has a timeout, and
//! there are three. Without arguments it shows both, the server losing every other query. The messages are those of DNS
//! (RFC 1035), so either can be played by another program:
//!
//! ```sh
//! cargo run --release --example udp_dns serve 127.0.0.1:5353    # then: dig @127.0.0.1 -p 5353 one.example
//! cargo run --release --example udp_dns ask 127.0.0.1:5353 two.example
//! ```

use filch::io;
use filch::net::{ToSocketAddrs, UdpSocket};
use filch::time::timeout;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "write `udp_dns` for a demonstration, `udp_dns serve ADDRESS` or `udp_dns ask ADDRESS NAME`, where an \
                     ADDRESS is for instance 127.0.0.1:5353, and the names are one.example and two.example";

/// All that the server knows: names and addresses that are set aside for examples.
const TABLE: [(&str, Ipv4Addr); 2] = [
    ("one.example", Ipv4Addr::new(192, 0, 2, 1)),
    ("two.example", Ipv4Addr::new(192, 0, 2, 2)),
];

const TRIES: u32 = 3;
const PATIENCE: Duration = Duration::from_millis(300);

/// A message begins with twelve bytes: a number of the client's, two bytes of flags, and how many questions and records
/// follow, of four kinds.
const HEADER: usize = 12;
/// An address record of the internet, as a question asks for it.
const A_IN: [u8; 4] = [0, 1, 0, 1];
/// In front of an address: the name, which stands at byte 12; the kind; seconds to live; how many bytes.
const A_RECORD: [u8; 12] = [0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4];

/// A question with a number: does this name have an address?
fn query(id: u16, name: &str) -> Vec<u8> {
    let mut message = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message[..2].copy_from_slice(&id.to_be_bytes());
    for label in name.split('.') {
        message.push(label.len().min(63) as u8);
        message.extend(label.bytes().take(63));
    }
    message.push(0);
    message.extend(A_IN);
    message
}

/// The answer to a message, or `None` if that is no question. It comes from the network: nothing in it is to be relied on.
fn answer(message: &[u8]) -> Option<Vec<u8>> {
    let is_query = message.get(2)? & 0x80 == 0;
    let (mut name, mut at) = (String::new(), HEADER);
    loop {
        let length = usize::from(*message.get(at)?);
        let label = message.get(at + 1..at + 1 + length)?;
        at += 1 + length;
        if length == 0 {
            break;
        }
        name.extend((!name.is_empty()).then_some('.'));
        name.push_str(&std::str::from_utf8(label).ok()?.to_ascii_lowercase());
    }
    let kind = message.get(at..at + 4)?;
    let known = TABLE.iter().find(|(known, _)| *known == name);
    let address = known.filter(|_| kind == A_IN).map(|(_, address)| address);

    // The question is sent back with it.
    let mut answer = message[..at + 4].to_vec();
    // An answer, from whom to ask; and error 3, if there is no such name.
    answer[2] = 0x84 | answer[2] & 1;
    answer[3] = if known.is_some() { 0 } else { 3 };
    answer[4..HEADER].copy_from_slice(&[0, 1, 0, address.is_some().into(), 0, 0, 0, 0]);
    if let Some(address) = address {
        answer.extend(A_RECORD);
        answer.extend(address.octets());
    }
    is_query.then_some(answer)
}

/// Answers for ever, but loses all queries save every `nth`.
async fn serve(socket: UdpSocket, nth: usize) -> io::Result<()> {
    let mut buffer = [0; 512];
    for number in 1_usize.. {
        let (length, peer) = socket.recv_from(&mut buffer).await?;
        match answer(&buffer[..length]) {
            Some(answer) if number % nth == 0 => socket.send_to(&answer, peer).await?,
            _ => continue,
        };
    }
    Ok(())
}

/// The reply to a query on a connected socket; whatever else comes there is not for us.
async fn reply(socket: &UdpSocket, query: &[u8]) -> io::Result<Option<Ipv4Addr>> {
    let mut buffer = [0; 512];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let message = &buffer[..length];
        let Some(records) = message.get(query.len()..) else {
            continue;
        };
        if message[..2] != query[..2] || message[2] & 0x80 == 0 {
            continue;
        }
        return match (message[3] & 0x0f, records.strip_prefix(&A_RECORD)) {
            (0, Some(&[a, b, c, d])) => Ok(Some(Ipv4Addr::new(a, b, c, d))),
            (3, _) => Ok(None),
            (0, _) => Err(io::Error::other("an answer that this client cannot read")),
            (code, _) => Err(io::Error::other(format!(
                "the server refuses: error {code}"
            ))),
        };
    }
}

/// Asks a server for the address of a name, up to three times; `None` if there is no such name.
async fn resolve(server: impl ToSocketAddrs, name: &str) -> io::Result<Option<Ipv4Addr>> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    // From here on the socket hears nobody else.
    socket.connect(server).await?;
    // A number that nobody guesses, from the standard library's source of them.
    let query = query(RandomState::new().hash_one(name) as u16, name);
    for number in 1..=TRIES {
        socket.send(&query).await?;
        // When the time is over, the `reply` is dropped. It has taken nothing that the next one would miss.
        match timeout(PATIENCE, reply(&socket, &query)).await {
            Ok(result) => return result,
            Err(_) => eprintln!("{name}: no reply to query {number} of {TRIES} in {PATIENCE:?}"),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "the server does not answer",
    ))
}

async fn demo() -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let server = socket.local_addr()?;
    filch::spawn(serve(socket, 2)).detach();
    let (one, two) = (Some(TABLE[0].1), Some(TABLE[1].1));
    for (name, expected) in [
        ("one.example", one),
        ("two.example", two),
        ("three.example", None),
    ] {
        let address = resolve(server, name).await?;
        println!("{name}: {address:?}");
        if address != expected {
            return Err(format!("{name} should have been {expected:?}").into());
        }
    }
    Ok(())
}

async fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        [] => demo().await?,
        ["serve", address] => {
            let socket = UdpSocket::bind(address).await?;
            println!("listening on {}", socket.local_addr()?);
            serve(socket, 1).await?;
        }
        ["ask", address, name] => match resolve(address, name).await? {
            Some(address) => println!("{address}"),
            None => return Err(format!("there is no {name}").into()),
        },
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Err(error) = filch::block_on(run(&arguments)) {
        eprintln!("udp_dns: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

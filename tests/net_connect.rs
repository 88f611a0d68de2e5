//! Connecting: names, several addresses, those that refuse and those that do not answer.
#![cfg(all(unix, not(any(loom, shuttle))))]

mod common;

use common::net::on_each;
use filch::net::{AddrError, TcpListener, TcpStream, ToSocketAddrs, lookup_host};
use filch::time::Instant;
#[cfg(target_os = "linux")]
use filch::time::timeout;
use futures_lite::future::poll_once;
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

/// An address of this machine where nobody listens.
fn dead() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn error_of(address: impl ToSocketAddrs) -> Error {
    TcpStream::connect(address).await.unwrap_err()
}

fn attempts(error: &Error) -> &[(SocketAddr, Error)] {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.map_or(&[], AddrError::attempts)
}

/// A listener whose queue is full: the system drops what comes, as a network does that leads nowhere.
#[cfg(target_os = "linux")]
struct Hole {
    listener: std::net::TcpListener,
    _queued: Vec<std::net::TcpStream>,
}

#[cfg(target_os = "linux")]
impl Hole {
    async fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        loop {
            let connect = TcpStream::connect(address);
            match timeout(Duration::from_millis(100), connect).await {
                Ok(stream) => queued.push(stream.unwrap().into_std()),
                Err(_) => break,
            }
        }
        Self {
            listener,
            _queued: queued,
        }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }
}

#[test]
fn row_73_a_dead_port_is_refused_and_named() {
    on_each(|| async {
        let dead = dead();
        let error = error_of(dead).await;
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(attempts(&error)[0].0, dead);
        assert!(attempts(&error)[0].1.raw_os_error().is_some());
        let text = error.to_string();
        assert!(
            text.contains("TcpStream::connect") && text.contains(&dead.to_string()),
            "{text}"
        );
        let socket = filch::net::TcpSocket::new_v4().unwrap();
        let error = socket.connect(dead).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains("TcpSocket::connect"));
    });
}

#[test]
fn all_forms_of_an_address_lead_there() {
    on_each(|| async {
        let (listener, address) = listener().await;
        let port = address.port();
        let SocketAddr::V4(v4) = address else {
            unreachable!("it was bound to an IPv4 address")
        };
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        TcpStream::connect(address).await.unwrap();
        TcpStream::connect(&address).await.unwrap();
        TcpStream::connect(SocketAddrV4::new(*v4.ip(), port))
            .await
            .unwrap();
        TcpStream::connect((ip, port)).await.unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        TcpStream::connect(("localhost".to_string(), port))
            .await
            .unwrap();
        TcpStream::connect(format!("127.0.0.1:{port}"))
            .await
            .unwrap();
        TcpStream::connect(&*format!("localhost:{port}"))
            .await
            .unwrap();
        TcpStream::connect([address]).await.unwrap();
        TcpStream::connect(&[address][..]).await.unwrap();
        TcpStream::connect(vec![address]).await.unwrap();
        for _ in 0..12 {
            listener.accept().await.unwrap();
        }
        let found: Vec<_> = lookup_host([address, address]).await.unwrap().collect();
        assert_eq!(found, [address, address]);
    });
}

#[test]
fn what_is_no_address_is_explained() {
    on_each(|| async {
        for text in [
            "localhost",
            "localhost:",
            ":80",
            "localhost:http",
            "localhost:65536",
            "",
        ] {
            let error = error_of(text).await;
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
            assert!(error.to_string().contains("host:port"), "{error}");
        }
        let none: &[SocketAddr] = &[];
        let error = error_of(none).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("no address"), "{error}");
        let error = error_of("no-such-host.invalid:80").await;
        assert!(
            error.to_string().contains("no-such-host.invalid"),
            "{error}"
        );
        let error = TcpListener::bind(("no-such-host.invalid", 0))
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("no-such-host.invalid"),
            "{error}"
        );
        assert!(lookup_host("nul\0byte:80").await.is_err());
    });
}

#[test]
fn the_next_address_is_tried_at_once_when_one_refuses() {
    on_each(|| async {
        let (listener, address) = listener().await;
        let start = Instant::now();
        let addresses = [dead(), dead(), dead(), dead(), dead(), address];
        let stream = TcpStream::connect(addresses).await.unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "five pauses of 250 ms"
        );
        assert_eq!(stream.peer_addr().unwrap(), address);
        listener.accept().await.unwrap();
    });
}

#[test]
fn all_errors_are_kept() {
    on_each(|| async {
        let addresses = [dead(), "0.0.0.0:1".parse().unwrap(), dead()];
        let error = error_of(addresses).await;
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let mut tried: Vec<_> = attempts(&error)
            .iter()
            .map(|(address, _)| *address)
            .collect();
        let mut wanted = addresses.to_vec();
        tried.sort();
        wanted.sort();
        assert_eq!(tried, wanted);
        let inner: &dyn std::error::Error = error.get_ref().unwrap();
        assert!(inner.source().is_some());

        let (_listener, address) = listener().await;
        let error = TcpListener::bind([address, address]).await.unwrap_err();
        assert_eq!(
            (error.kind(), attempts(&error).len()),
            (ErrorKind::AddrInUse, 2)
        );
        let free = TcpListener::bind([address, ([127, 0, 0, 1], 0).into()]).await;
        assert_ne!(free.unwrap().local_addr().unwrap(), address);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_that_does_not_answer_is_overtaken_after_250_ms() {
    on_each(|| async {
        let hole = Hole::new().await;
        let (listener, address) = listener().await;
        let start = Instant::now();
        let stream = TcpStream::connect([hole.address(), address]).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(250));
        assert_eq!(stream.peer_addr().unwrap(), address);
        listener.accept().await.unwrap();
        // A refusal among them does not end it, and a hole is waited for behind it.
        let stream = TcpStream::connect([hole.address(), dead(), address])
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        let late = timeout(
            Duration::from_millis(400),
            TcpStream::connect([hole.address(), dead()]),
        );
        assert!(late.await.is_err(), "the first may still answer");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn row_73_a_connect_that_is_given_up_leaves_no_descriptor() {
    if !common::is_child() {
        let name = "row_73_a_connect_that_is_given_up_leaves_no_descriptor";
        return common::run_child(name, common::LIMIT, &[]).assert_success();
    }
    on_each(|| async {
        let hole = Hole::new().await;
        let (listener, address) = listener().await;
        let before = common::net::descriptors();
        for addresses in [vec![hole.address()], vec![hole.address(); 3]] {
            let connect = TcpStream::connect(addresses);
            assert!(timeout(Duration::from_millis(20), connect).await.is_err());
        }
        assert!(
            poll_once(Box::pin(TcpStream::connect(hole.address())))
                .await
                .is_none()
        );
        drop(TcpStream::connect([hole.address(), address]).await.unwrap());
        drop(error_of([dead(), dead()]).await);
        drop(listener.accept().await.unwrap());
        assert_eq!(common::net::descriptors(), before, "the losers are closed");
    });
}

#[test]
fn a_look_up_can_be_dropped_and_needs_a_runtime() {
    on_each(|| async {
        let mut look_up = Box::pin(lookup_host("localhost:80"));
        let _ = poll_once(&mut look_up).await;
        drop(look_up);
        assert!(lookup_host("localhost:80").await.unwrap().len() >= 1);
    });
    // A literal address needs none, and a listener neither.
    let literal = futures_lite::future::block_on(lookup_host("127.0.0.1:80"));
    assert_eq!(literal.unwrap().len(), 1);
    let listener = futures_lite::future::block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    assert!(listener.local_addr().is_ok());
    let outside = std::panic::catch_unwind(|| {
        futures_lite::future::block_on(lookup_host("localhost:80")).is_ok()
    });
    let text = common::text(&*outside.unwrap_err());
    assert!(
        text.contains("look-up") && text.contains("filch::block_on"),
        "{text}"
    );
}

#[test]
fn a_wait_outside_a_runtime_says_what_to_write() {
    let listener = futures_lite::future::block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let outside =
        std::panic::catch_unwind(|| futures_lite::future::block_on(listener.accept()).is_ok());
    let text = common::text(&*outside.unwrap_err());
    assert!(text.contains("filch::block_on"), "{text}");
    // And the listener is as good as before.
    on_each({
        let listener = std::sync::Arc::new(listener);
        move || {
            let listener = listener.clone();
            async move {
                let address = listener.local_addr().unwrap();
                let (client, server) =
                    futures_lite::future::zip(TcpStream::connect(address), listener.accept()).await;
                assert_eq!(client.unwrap().local_addr().unwrap(), server.unwrap().1);
            }
        }
    });
}

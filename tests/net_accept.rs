//! Accepting: by several tasks, dropped halfway, from a long queue.
#![cfg(all(unix, not(any(loom, shuttle))))]

mod common;

use common::net::on_each;
use filch::net::{TcpListener, TcpStream};
use futures_lite::StreamExt;
use futures_lite::future::poll_once;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn an_accept_that_is_dropped_loses_no_connection() {
    on_each(|| async {
        let (listener, address) = listener().await;
        let refused = listener.try_accept().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
        for _ in 0..3 {
            assert!(poll_once(Box::pin(listener.accept())).await.is_none());
            let client = TcpStream::connect(address).await.unwrap();
            let (server, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            assert_eq!(server.peer_addr().unwrap(), peer);
        }
        let _client = TcpStream::connect(address).await.unwrap();
        assert!(listener.try_accept().is_ok());
        assert!(format!("{listener:?}").contains("127.0.0.1"));
    });
}

#[test]
fn several_tasks_accept_each_its_own() {
    on_each(|| async {
        let (listener, address) = listener().await;
        let listener = Arc::new(listener);
        let mut tasks: Vec<_> = (0..6)
            .map(|_| {
                let listener = listener.clone();
                filch::spawn(async move { listener.accept().await.unwrap().1 })
            })
            .collect();
        for _ in 0..100 {
            filch::task::yield_now().await;
        }
        for task in tasks.drain(..2) {
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let mut accepted = BTreeSet::new();
        for task in tasks {
            accepted.insert(task.await.unwrap());
        }
        let connected: BTreeSet<_> = clients.iter().map(|it| it.local_addr().unwrap()).collect();
        assert_eq!(accepted, connected);
    });
}

#[test]
fn streams_of_connections_and_the_way_to_std_and_back() {
    on_each(|| async {
        let (listener, address) = listener().await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let mut incoming = listener.incoming();
        for client in &clients {
            let server = incoming.next().await.unwrap().unwrap();
            assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
        }
        assert!(poll_once(incoming.next()).await.is_none());
        let std = listener.into_std();
        assert_eq!(std.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let listener = TcpListener::try_from(std).unwrap();
        listener.set_ttl(44).unwrap();
        assert_eq!(listener.ttl().unwrap(), 44);
        let mut incoming = listener.into_incoming();
        let mut next = Box::pin(incoming.next());
        assert!(poll_once(&mut next).await.is_none());
        let _client = TcpStream::connect(address).await.unwrap();
        assert!(next.await.unwrap().is_ok());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn row_75_the_queue_is_long() {
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    if most.trim().parse::<usize>().unwrap() < 300 {
        return eprintln!("not checked: the system allows no long queue");
    }
    on_each(|| async {
        let (listener, address) = listener().await;
        // With the 128 of the standard library the later ones would have to try again after a second.
        let start = std::time::Instant::now();
        let mut clients = Vec::new();
        for _ in 0..300 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        assert!(
            start.elapsed().as_millis() < 900,
            "no connection was turned away"
        );
        for _ in 0..300 {
            listener.accept().await.unwrap();
        }
    });
}

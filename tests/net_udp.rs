//! UDP sockets: every operation, and what datagrams may do.
#![cfg(all(unix, not(any(loom, shuttle))))]

mod common;

use common::net::on_each;
use filch::io::Interest;
use filch::net::UdpSocket;
use futures_lite::future::poll_once;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

async fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn datagrams_go_to_an_address_and_say_whence_they_came() {
    on_each(|| async {
        let ((one, at_one), (other, at_other)) = (socket().await, socket().await);
        let mut buffer = [0; 64];
        let mut theirs = [0; 64];
        let receive = other.recv_from(&mut theirs);
        futures_lite::pin!(receive);
        assert!(poll_once(&mut receive).await.is_none());
        assert_eq!(one.send_to(b"hello", at_other).await.unwrap(), 5);
        assert_eq!(receive.await.unwrap(), (5, at_one));
        assert_eq!(
            one.send_to(b"name", ("localhost", at_other.port()))
                .await
                .unwrap(),
            4
        );
        // A name may stand for an address of the other family, where nobody listens.
        one.try_send_to(b"last", at_other).unwrap();
        other.readable().await.unwrap();
        let (count, from) = other.try_recv_from(&mut buffer).unwrap();
        assert!(count == 4 && from == at_one);
    });
}

#[test]
fn a_connected_socket_sends_to_and_receives_from_one_address() {
    on_each(|| async {
        let ((one, at_one), (other, at_other)) = (socket().await, socket().await);
        let (stranger, _) = socket().await;
        assert!(one.send(b"x").await.is_err());
        one.connect(at_other).await.unwrap();
        assert_eq!(one.peer_addr().unwrap(), at_other);
        stranger.try_send_to(b"not for you", at_one).unwrap();
        other.try_send_to(b"answer", at_one).unwrap();
        let mut buffer = [0; 64];
        assert_eq!(one.recv(&mut buffer).await.unwrap(), 6);
        assert_eq!(one.send(b"hello").await.unwrap(), 5);
        assert_eq!(one.try_send(b"again").unwrap(), 5);
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 5);
        other.readable().await.unwrap();
        assert_eq!(other.try_recv(&mut buffer).unwrap(), 5);
        assert!(
            poll_once(other.readable()).await.is_some(),
            "more may be there"
        );
        assert_eq!(
            other.try_recv(&mut buffer).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert!(poll_once(other.readable()).await.is_none());
    });
}

#[test]
fn row_80_empty_and_oversize_datagrams_and_a_peer_that_is_not_there() {
    on_each(|| async {
        let ((one, _), (other, at_other)) = (socket().await, socket().await);
        one.connect(at_other).await.unwrap();
        let mut buffer = [0; 4];
        for datagram in [&b""[..], b"too long", b"", b"ok"] {
            one.send(datagram).await.unwrap();
        }
        for count in [0, 4, 0, 2] {
            assert_eq!(other.recv(&mut buffer).await.unwrap(), count);
        }
        one.send(b"x").await.unwrap();
        assert_eq!(
            other.recv(&mut []).await.unwrap(),
            0,
            "it is taken, and cut to nothing"
        );
        assert!(poll_once(other.recv(&mut buffer)).await.is_none());
        let error = one.send(&[0; 70_000]).await.unwrap_err();
        assert_eq!(
            error.raw_os_error(),
            Some(rustix::io::Errno::MSGSIZE.raw_os_error())
        );

        drop(other);
        one.send(b"nobody").await.unwrap();
        let error = one.recv(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let other = UdpSocket::bind(at_other).await.unwrap();
        one.send(b"back").await.unwrap();
        let (count, from) = other.recv_from(&mut buffer).await.unwrap();
        assert_eq!(count, 4);
        other.send_to(b"yes", from).await.unwrap();
        assert_eq!(one.recv(&mut buffer).await.unwrap(), 3);
    });
}

#[test]
fn a_peek_leaves_the_datagram() {
    on_each(|| async {
        let ((one, at_one), (other, at_other)) = (socket().await, socket().await);
        let mut buffer = [0; 64];
        assert!(poll_once(other.peek_from(&mut buffer)).await.is_none());
        one.send_to(b"hello", at_other).await.unwrap();
        assert_eq!(other.peek_from(&mut buffer).await.unwrap(), (5, at_one));
        assert_eq!(other.peek(&mut buffer).await.unwrap(), 5);
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 5);
    });
}

#[test]
fn a_thousand_datagrams_among_several_receivers() {
    on_each(|| async {
        let ((one, _), (other, at_other)) = (socket().await, socket().await);
        let other = Arc::new(other);
        let (received, mut dropped) = (Arc::new(std::sync::Mutex::new(Vec::new())), Vec::new());
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (other, received) = (other.clone(), received.clone());
                filch::spawn(async move {
                    let mut buffer = [0; 8];
                    loop {
                        match other.recv(&mut buffer).await.unwrap() {
                            0 => return,
                            count => received.lock().unwrap().push(buffer[..count].to_vec()),
                        }
                    }
                })
            })
            .collect();
        for number in 0..1000_u32 {
            one.send_to(&number.to_le_bytes(), at_other).await.unwrap();
            if number % 16 == 0 {
                // The kernel drops what the receiver has no room for; so it is given time.
                while received.lock().unwrap().len() <= number as usize {
                    filch::task::yield_now().await;
                }
            }
            dropped.push(number.to_le_bytes().to_vec());
        }
        for _ in 0..4 {
            one.send_to(b"", at_other).await.unwrap();
        }
        for task in tasks {
            task.await.unwrap();
        }
        let mut received = received.lock().unwrap().clone();
        received.sort();
        dropped.sort();
        assert_eq!(received, dropped);
    });
}

#[test]
fn multicast_reaches_its_group_on_this_machine() {
    on_each(|| async {
        let group = Ipv4Addr::new(239, 255, 77, 77);
        let receiver = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        if let Err(error) = receiver.join_multicast_v4(group, Ipv4Addr::LOCALHOST) {
            return eprintln!("not checked: no multicast here: {error}");
        }
        let port = receiver.local_addr().unwrap().port();
        let (sender, _) = socket().await;
        sender.set_multicast_loop_v4(true).unwrap();
        sender.set_multicast_ttl_v4(0).unwrap();
        assert!(sender.multicast_loop_v4().unwrap());
        assert_eq!(sender.multicast_ttl_v4().unwrap(), 0);
        if let Err(error) = sender.send_to(b"all", (group, port)).await {
            return eprintln!("not checked: no route for multicast here: {error}");
        }
        let mut buffer = [0; 8];
        assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 3);
        receiver
            .leave_multicast_v4(group, Ipv4Addr::LOCALHOST)
            .unwrap();
        assert!(
            receiver
                .leave_multicast_v4(group, Ipv4Addr::LOCALHOST)
                .is_err()
        );
    });
}

#[test]
fn options_readiness_and_conversions() {
    on_each(|| async {
        let (one, at_one) = socket().await;
        one.set_broadcast(true).unwrap();
        assert!(one.broadcast().unwrap());
        one.set_ttl(5).unwrap();
        assert_eq!(one.ttl().unwrap(), 5);
        one.set_recv_buffer_size(50_000).unwrap();
        assert!(one.recv_buffer_size().unwrap() >= 50_000);
        let ready = one
            .ready(Interest::READABLE | Interest::WRITABLE)
            .await
            .unwrap();
        assert!(ready.is_writable() && !ready.is_readable());
        assert!(one.take_error().unwrap().is_none());

        let mut buffer = [0; 8];
        assert!(poll_once(one.recv(&mut buffer)).await.is_none());
        let std = one.into_std();
        std.send_to(b"self", at_one).unwrap();
        let one = UdpSocket::from_std(std).unwrap();
        assert_eq!(one.recv(&mut buffer).await.unwrap(), 4);
        let receive = one.recv(&mut buffer);
        futures_lite::pin!(receive);
        assert!(poll_once(&mut receive).await.is_none());
        one.send_to(b"later", at_one).await.unwrap();
        assert_eq!(receive.await.unwrap(), 5);
    });
}

#[test]
fn nothing_to_bind_to_is_an_error_of_its_own() {
    on_each(|| async {
        let none: &[SocketAddr] = &[];
        let error = UdpSocket::bind(none).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("UdpSocket::bind"));
        let (one, at_one) = socket().await;
        assert_eq!(
            one.connect(none).await.unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(
            one.send_to(b"x", none).await.unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(
            UdpSocket::bind(at_one).await.unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
    });
}

//! TCP streams: every operation, alone and with several tasks.
#![cfg(all(unix, not(any(loom, shuttle))))]

mod common;

use common::net::{on_each, tcp_pair};
use filch::io::Interest;
use filch::net::{TcpSocket, TcpStream};
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

/// Reads so many bytes, or to the end.
async fn take(mut stream: &TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let mut at = 0;
    while at < count {
        match stream.read(&mut bytes[at..]).await.unwrap() {
            0 => break,
            read => at += read,
        }
    }
    bytes.truncate(at);
    bytes
}

#[test]
fn what_is_written_is_read_both_ways() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        for size in [1, 100, 100_000, 3_000_000] {
            let bytes: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8).collect();
            for (from, to) in [(&one, &other), (&other, &one)] {
                let (mut from, expected) = (from, bytes.clone());
                let write = from.write_all(&bytes);
                let (wrote, read) = futures_lite::future::zip(write, take(to, size as usize)).await;
                wrote.unwrap();
                assert!(read == expected, "{size}");
            }
        }
    });
}

#[test]
fn vectored_reads_and_writes_fill_one_buffer_after_another() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        let parts = [
            IoSlice::new(b"ab"),
            IoSlice::new(b""),
            IoSlice::new(b"cdefg"),
        ];
        assert_eq!((&one).write_vectored(&parts).await.unwrap(), 7);
        other.readable().await.unwrap();
        let (mut first, mut second) = ([0; 3], [0; 3]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!((&other).read_vectored(&mut buffers).await.unwrap(), 6);
        assert_eq!((&first, &second), (b"abc", b"def"));
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(other.try_read_vectored(&mut buffers).unwrap(), 1);
        assert_eq!(first[0], b'g');
        let mut buffers = [IoSliceMut::new(&mut first)];
        assert!(
            poll_once((&other).read_vectored(&mut buffers))
                .await
                .is_none()
        );
        let many: Vec<_> = (0..3000).map(|_| IoSlice::new(b"x")).collect();
        assert!(one.try_write_vectored(&many).unwrap() > 0);
    });
}

#[test]
fn empty_buffers_are_done_at_once() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        other.set_linger(Some(Duration::ZERO)).unwrap();
        drop(other);
        // The connection is reset, which no operation on nothing finds out.
        assert_eq!((&one).read(&mut []).await.unwrap(), 0);
        assert_eq!((&one).write(&[]).await.unwrap(), 0);
        assert_eq!(one.try_read(&mut []).unwrap(), 0);
        assert_eq!(one.try_write(&[]).unwrap(), 0);
        assert_eq!(one.peek(&mut []).await.unwrap(), 0);
        assert_eq!(
            one.try_read_vectored(&mut [IoSliceMut::new(&mut [])])
                .unwrap(),
            0
        );
        assert_eq!(one.try_write_vectored(&[IoSlice::new(&[])]).unwrap(), 0);
        assert_eq!((&one).read_vectored(&mut []).await.unwrap(), 0);
        assert_eq!((&one).write_vectored(&[]).await.unwrap(), 0);
        let error = (&one).read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn row_71_each_direction_ends_for_itself_and_twice() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        for (ends, goes_on) in [(&one, &other), (&other, &one)] {
            ends.shutdown(Shutdown::Write).unwrap();
            ends.shutdown(Shutdown::Write).unwrap();
            assert_eq!(take(goes_on, 1).await, b"");
            assert_eq!(take(goes_on, 1).await, b"", "the end stays");
            let error = (&*ends).write(b"more").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            if std::ptr::eq(ends, &one) {
                (&other).write_all(b"still").await.unwrap();
                assert_eq!(take(&one, 5).await, b"still");
            }
        }
        let mut one = one;
        one.close().await.unwrap();
        one.close().await.unwrap();
        one.shutdown(Shutdown::Both).unwrap();
    });
}

#[test]
fn the_end_of_reading_wakes_the_reader_here() {
    on_each(|| async {
        let (one, _other) = tcp_pair().await;
        let mut buffer = [0; 8];
        let mut half = &one;
        let mut read = half.read(&mut buffer);
        assert!(poll_once(&mut read).await.is_none());
        one.shutdown(Shutdown::Read).unwrap();
        assert_eq!(read.await.unwrap(), 0);
    });
}

#[test]
fn a_peek_leaves_everything_where_it_is() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        let mut buffer = [0; 8];
        assert!(poll_once(other.peek(&mut buffer)).await.is_none());
        one.try_write(b"hello").unwrap();
        assert_eq!(other.peek(&mut buffer).await.unwrap(), 5);
        assert_eq!(other.peek(&mut buffer[..2]).await.unwrap(), 2);
        assert_eq!(take(&other, 5).await, b"hello");
        drop(one);
        assert_eq!(other.peek(&mut buffer).await.unwrap(), 0);
    });
}

#[test]
fn attempts_do_not_wait_and_readiness_follows_them() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        let refused = |error: std::io::Error| assert_eq!(error.kind(), ErrorKind::WouldBlock);
        refused(one.try_read(&mut [0; 8]).unwrap_err());
        let readable = one.readable();
        futures_lite::pin!(readable);
        assert!(poll_once(&mut readable).await.is_none());
        other.try_write(b"hello").unwrap();
        readable.await.unwrap();
        assert_eq!(one.try_read(&mut [0; 8]).unwrap(), 5);
        assert!(poll_once(one.readable()).await.is_none(), "all was read");

        let mut sent = 0;
        loop {
            match one.try_write(&[7; 65_536]) {
                Ok(count) => sent += count,
                Err(error) => break refused(error),
            }
        }
        assert!(poll_once(one.writable()).await.is_none());
        let ready = one.ready(Interest::READABLE | Interest::WRITABLE);
        futures_lite::pin!(ready);
        assert!(poll_once(&mut ready).await.is_none());
        assert_eq!(take(&other, sent).await, vec![7; sent]);
        assert!(ready.await.unwrap().is_writable());
        assert_eq!(one.try_write(b"x").unwrap(), 1);

        let mut buffer = [0; 8];
        let read = |mut stream: &std::net::TcpStream| stream.read(&mut buffer);
        assert_eq!(other.async_io(Interest::READABLE, read).await.unwrap(), 1);
        let read = |mut stream: &std::net::TcpStream| stream.read(&mut [0; 8]);
        refused(other.try_io(Interest::READABLE, read).unwrap_err());
    });
}

#[test]
fn halves_work_on_two_tasks_and_reunite() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        let (mut read, mut write) = one.into_split();
        let writer = filch::spawn(async move {
            write.write_all(&vec![1; 1_000_000]).await.unwrap();
            write
        });
        let reader = filch::spawn(async move {
            let mut bytes = [0; 4];
            read.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"back");
            read
        });
        assert_eq!(take(&other, 1_000_000).await, vec![1; 1_000_000]);
        (&other).write_all(b"back").await.unwrap();
        let (read, write) = (reader.await.unwrap(), writer.await.unwrap());
        assert!(read.as_ref().nodelay().is_ok() && write.as_ref().nodelay().is_ok());

        let (two, _another) = tcp_pair().await;
        let (other_read, other_write) = two.into_split();
        let error = read.reunite(other_write).unwrap_err();
        assert!(error.to_string().contains("different streams"));
        let read = error.0;
        assert!(write.reunite(other_read).is_err_and(|error| {
            // Both halves come back; the write half of the first stream is dropped here, and ends it.
            drop(error);
            true
        }));
        assert_eq!(
            take(&other, 1).await,
            b"",
            "the drop of a write half ends the writing"
        );
        (&other).write_all(b"on").await.unwrap();
        assert_eq!(take(read.as_ref(), 2).await, b"on");
    });
}

#[test]
fn reunited_halves_are_the_stream_and_nothing_has_ended() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        let address = one.local_addr().unwrap();
        let (read, write) = one.into_split();
        let mut one = write.reunite(read).unwrap();
        assert_eq!(one.local_addr().unwrap(), address);
        one.write_all(b"hello").await.unwrap();
        assert_eq!(take(&other, 5).await, b"hello");
        let (mut read, mut write) = one.split();
        let parts = [IoSlice::new(b"a"), IoSlice::new(b"b")];
        assert_eq!(write.write_vectored(&parts).await.unwrap(), 2);
        assert_eq!(take(&other, 2).await, b"ab");
        (&other).write_all(b"back").await.unwrap();
        assert_eq!(read.read(&mut [0; 8]).await.unwrap(), 4);
        write.close().await.unwrap();
        assert_eq!(take(&other, 1).await, b"");
    });
}

#[test]
fn all_who_wait_for_one_direction_are_served_and_the_dropped_take_nothing() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        let one = Arc::new(one);
        let readers: Vec<_> = (0..8)
            .map(|_| {
                let one = one.clone();
                filch::spawn(async move {
                    let mut byte = [0; 1];
                    (&*one).read_exact(&mut byte).await.unwrap();
                    byte[0]
                })
            })
            .collect();
        // The tasks wait: each has been polled when all have let this one run again.
        for _ in 0..100 {
            filch::task::yield_now().await;
        }
        let mut left = Vec::new();
        for (at, reader) in readers.into_iter().enumerate() {
            if at % 2 == 0 {
                reader.abort();
                assert!(reader.await.unwrap_err().is_cancelled());
            } else {
                left.push(reader);
            }
        }
        for byte in 0..4 {
            (&other).write_all(&[byte]).await.unwrap();
        }
        let mut got = Vec::new();
        for reader in left {
            got.push(reader.await.unwrap());
        }
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2, 3]);
    });
}

#[test]
fn options_are_what_was_set() {
    on_each(|| async {
        let (one, _other) = tcp_pair().await;
        one.set_nodelay(true).unwrap();
        one.set_keepalive(true).unwrap();
        one.set_linger(Some(Duration::from_secs(2))).unwrap();
        assert!(one.nodelay().unwrap() && one.keepalive().unwrap());
        assert_eq!(one.linger().unwrap(), Some(Duration::from_secs(2)));
        one.set_linger(None).unwrap();
        assert_eq!(one.linger().unwrap(), None);
        one.set_ttl(17).unwrap();
        assert_eq!(one.ttl().unwrap(), 17);
        one.set_send_buffer_size(20_000).unwrap();
        assert!(one.send_buffer_size().unwrap() >= 20_000);
        one.set_recv_buffer_size(20_000).unwrap();
        assert!(one.recv_buffer_size().unwrap() >= 20_000);
        assert!(one.take_error().unwrap().is_none());
        assert!(format!("{one:?}").contains("127.0.0.1"));
    });
}

#[test]
fn a_socket_takes_its_options_along() {
    on_each(|| async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        let listener = socket.listen(4).unwrap();
        let twin = TcpSocket::new_v4().unwrap();
        twin.set_reuse_port(true).unwrap();
        twin.bind(address).unwrap();
        drop(twin);

        let socket = TcpSocket::new_v4().unwrap();
        socket.set_nodelay(true).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let from = socket.local_addr().unwrap();
        let stream = socket.connect(address).await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert_eq!(listener.accept().await.unwrap().1, from);
        assert!(format!("{:?}", TcpSocket::new_v4().unwrap()).contains("TcpSocket"));
    });
}

#[test]
fn ipv6_has_hops_and_a_class_where_ipv4_has_a_time_to_live() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return eprintln!("not checked: no IPv6 here");
    }
    on_each(|| async {
        let socket = TcpSocket::new_v6().unwrap();
        socket.bind("[::1]:0".parse().unwrap()).unwrap();
        let listener = socket.listen(4).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        stream.set_ttl(33).unwrap();
        assert_eq!(stream.ttl().unwrap(), 33);
        stream.set_tos(0x20).unwrap();
        assert_eq!(stream.tos().unwrap(), 0x20);
    });
}

//! TCP streams under faults: resets, urgent data, ends that come with data, futures dropped halfway, runtimes that end.
#![cfg(all(unix, not(any(loom, shuttle))))]

mod common;

use common::net::{on_each, tcp_pair};
use common::{current_thread, guarded, workers};
use filch::net::{TcpListener, TcpStream};
use filch::runtime::Runtime;
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use rustix::net::{SendFlags, send};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

fn reset(stream: TcpStream) {
    stream.set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

#[test]
fn row_72_a_reset_during_a_read_is_told_once() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        let mut buffer = [0; 8];
        let mut half = &one;
        let mut read = half.read(&mut buffer);
        assert!(poll_once(&mut read).await.is_none());
        reset(other);
        let error = read.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!((&one).read(&mut buffer).await.unwrap(), 0);
        let error = (&one).write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        one.shutdown(Shutdown::Write).unwrap();
        (&one).close().await.unwrap();
    });
}

#[test]
fn row_72_a_reset_during_a_write() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        let block = vec![0; 32 << 20];
        let mut half = &one;
        let mut write = half.write_all(&block);
        assert!(
            poll_once(&mut write).await.is_none(),
            "more than the system takes"
        );
        reset(other);
        let error = write.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = (&one).write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn row_72_a_reset_before_the_accept_and_before_the_first_read() {
    on_each(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        reset(TcpStream::connect(address).await.unwrap());
        let good = TcpStream::connect(address).await.unwrap();
        // Linux gives a connection that was reset in the queue, other systems pass it over.
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            if peer == good.local_addr().unwrap() {
                break;
            }
            let error = (&stream).read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    });
}

#[test]
fn data_and_the_end_that_come_together_are_both_read() {
    on_each(|| async {
        // Before the first wait, and while a task waits; into a buffer that is too large, and one that fits.
        for waits in [false, true] {
            for room in [4, 5, 64] {
                let (one, other) = tcp_pair().await;
                let mut buffer = vec![0; room];
                let mut half = &one;
                let mut all = Vec::new();
                let mut read = half.read(&mut buffer);
                if waits {
                    assert!(poll_once(&mut read).await.is_none());
                }
                other.try_write(b"hello").unwrap();
                drop(other);
                let count = read.await.unwrap();
                all.extend_from_slice(&buffer[..count]);
                half.read_to_end(&mut all).await.unwrap();
                assert_eq!(all, b"hello");
            }
        }
    });
}

#[test]
fn urgent_data_does_not_make_the_rest_hang() {
    on_each(|| async {
        for waits in [false, true] {
            let (one, other) = tcp_pair().await;
            let mut buffer = [0; 64];
            let mut half = &one;
            let mut read = half.read(&mut buffer);
            if waits {
                assert!(poll_once(&mut read).await.is_none());
            }
            other.try_write(b"before").unwrap();
            send(&other, b"!", SendFlags::OOB).unwrap();
            other.try_write(b"after").unwrap();
            let mut all = Vec::new();
            let count = read.await.unwrap();
            all.extend_from_slice(&buffer[..count]);
            while all.len() < 11 {
                let count = half.read(&mut buffer).await.unwrap();
                assert_ne!(count, 0);
                all.extend_from_slice(&buffer[..count]);
            }
            assert_eq!(all, b"beforeafter");
            // And the stream waits as before.
            assert!(poll_once(half.read(&mut buffer)).await.is_none());
            other.try_write(b"later").unwrap();
            assert_eq!(half.read(&mut buffer).await.unwrap(), 5);
        }
    });
}

#[test]
fn row_78_a_read_and_a_write_dropped_halfway_take_nothing_along() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        let mut buffer = [0; 8];
        for _ in 0..3 {
            assert!(poll_once((&one).read(&mut buffer)).await.is_none());
            other.try_write(b"hello").unwrap();
            assert_eq!((&one).read(&mut buffer).await.unwrap(), 5);
        }
        let mut sent = 0_usize;
        while let Some(count) = poll_once((&one).write(&[9; 65_536])).await {
            sent += count.unwrap();
        }
        let mut got = vec![0; sent];
        (&other).read_exact(&mut got).await.unwrap();
        assert!(got.iter().all(|&byte| byte == 9));
        (&one).write_all(b"more").await.unwrap();
        assert_eq!(
            (&other).read(&mut buffer).await.unwrap(),
            4,
            "the dropped write has sent nothing"
        );
    });
}

/// Waits for a read in `first`, and has it dropped there; then reads in `second`.
fn move_between(first: Runtime, second: Runtime, ends: bool) {
    let (one, other) = first.block_on(async {
        let (one, other) = tcp_pair().await;
        assert!(poll_once((&one).read(&mut [0; 8])).await.is_none());
        assert!(poll_once((&other).read(&mut [0; 8])).await.is_none());
        (one, other)
    });
    let first = if ends {
        drop(first);
        None
    } else {
        Some(first)
    };
    second.block_on(async move {
        let task = filch::spawn(async move {
            let mut buffer = [0; 8];
            let count = (&one).read(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..count], b"ping");
            (&one).write_all(b"pong").await.unwrap();
        });
        filch::task::yield_now().await;
        (&other).write_all(b"ping").await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!((&other).read(&mut buffer).await.unwrap(), 4);
        task.await.unwrap();
    });
    drop(first);
}

#[test]
fn a_stream_goes_on_in_another_runtime_whether_the_first_lives_or_not() {
    guarded(|| {
        for ends in [false, true] {
            move_between(workers(2), workers(2), ends);
            move_between(workers(1), current_thread(), ends);
        }
        // A current-thread runtime is driven by its `block_on` alone, so the first one must have ended.
        move_between(current_thread(), workers(2), true);
        move_between(current_thread(), current_thread(), true);
    });
}

#[test]
fn the_end_of_a_runtime_with_io_in_flight_leaves_what_others_own_usable() {
    guarded(|| {
        let first = workers(2);
        let (one, other) = first.block_on(tcp_pair());
        let one = std::sync::Arc::new(one);
        for _ in 0..4 {
            let one = one.clone();
            first
                .spawn(async move {
                    let _ = (&*one).read(&mut [0; 8]).await;
                })
                .detach();
        }
        first.block_on(async {
            for _ in 0..100 {
                filch::task::yield_now().await;
            }
        });
        drop(first);
        let one = std::sync::Arc::into_inner(one).expect("the tasks were dropped");
        workers(1).block_on(async move {
            (&other).write_all(b"ping").await.unwrap();
            assert_eq!((&one).read(&mut [0; 8]).await.unwrap(), 4);
            let mut buffer = [0; 8];
            let mut half = &one;
            let mut read = half.read(&mut buffer);
            assert!(poll_once(&mut read).await.is_none());
            (&other).write_all(b"again").await.unwrap();
            assert_eq!(read.await.unwrap(), 5);
        });
    });
}

#[test]
fn into_std_and_back_after_a_wait() {
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        let mut buffer = [0; 8];
        assert!(poll_once((&one).read(&mut buffer)).await.is_none());
        let mut std = one.into_std();
        assert_eq!(
            std.read(&mut buffer).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        std.set_nonblocking(false).unwrap();
        other.try_write(b"hello").unwrap();
        assert_eq!(std.read(&mut buffer).unwrap(), 5);
        std.write_all(b"back").unwrap();
        let one = TcpStream::from_std(std).unwrap();
        assert_eq!((&other).read(&mut buffer).await.unwrap(), 4);
        let mut half = &one;
        let mut read = half.read(&mut buffer);
        assert!(poll_once(&mut read).await.is_none());
        other.try_write(b"last").unwrap();
        assert_eq!(read.await.unwrap(), 4);
        let fd = std::os::fd::OwnedFd::from(one);
        let one = TcpStream::try_from(fd).unwrap();
        assert_eq!(one.peer_addr().unwrap(), other.local_addr().unwrap());
    });
}

#[test]
fn a_thousand_connections_at_once() {
    // 2000 descriptors, which is more than some systems give by default.
    if !common::is_child() {
        return common::run_child_with("a_thousand_connections_at_once", "--nofile=4096")
            .assert_success();
    }
    guarded(|| {
        workers(2).block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = filch::spawn(async move {
                let mut served = Vec::new();
                for _ in 0..1000 {
                    let (stream, _) = listener.accept().await.unwrap();
                    served.push(filch::spawn(async move {
                        let mut buffer = [0; 64];
                        loop {
                            match (&stream).read(&mut buffer).await.unwrap() {
                                0 => return,
                                count => (&stream).write_all(&buffer[..count]).await.unwrap(),
                            }
                        }
                    }));
                }
                for task in served {
                    task.await.unwrap();
                }
            });
            let mut clients = Vec::new();
            for number in 0..1000_u32 {
                let stream = TcpStream::connect(address).await.unwrap();
                clients.push(filch::spawn(async move {
                    for round in 0..5 {
                        let word = (number * 5 + round).to_le_bytes();
                        (&stream).write_all(&word).await.unwrap();
                        let mut back = [0; 4];
                        (&stream).read_exact(&mut back).await.unwrap();
                        assert_eq!(back, word);
                        filch::task::yield_now().await;
                    }
                }));
            }
            for client in clients {
                client.await.unwrap();
            }
            server.await.unwrap();
        });
    });
}

/// In a child that has the signal's default action, as a host that is written in C has.
#[cfg(target_os = "linux")]
#[test]
fn row_70_a_write_to_a_broken_connection_is_no_signal() {
    if !common::is_child() {
        let name = "row_70_a_write_to_a_broken_connection_is_no_signal";
        return common::run_child(name, common::LIMIT, &[]).assert_success();
    }
    // SAFETY: no handler is installed, and no other thread relies on the signal being ignored.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    on_each(|| async {
        let (one, other) = tcp_pair().await;
        reset(other);
        one.readable().await.unwrap();
        let (unix, unix_other) = filch::net::UnixStream::pair().unwrap();
        drop(unix_other);
        let kind = |result: std::io::Result<usize>| result.unwrap_err().kind();
        assert_eq!(kind(one.try_write(b"x")), ErrorKind::ConnectionReset);
        let parts = [std::io::IoSlice::new(b"x")];
        for _ in 0..2 {
            assert_eq!(kind(one.try_write(b"x")), ErrorKind::BrokenPipe);
            assert_eq!(kind(one.try_write_vectored(&parts)), ErrorKind::BrokenPipe);
            assert_eq!(kind(unix.try_write(b"x")), ErrorKind::BrokenPipe);
            assert_eq!(kind(unix.try_write_vectored(&parts)), ErrorKind::BrokenPipe);
        }
    });
}

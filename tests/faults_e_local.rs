//! Faults of datagrams, of Unix sockets and of pipes. The names bear the rows of the table of faults.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod common;

use common::{LIMIT, descriptors, is_child, on_each_flavor, run_child, workers};
use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
use filch::net::{UdpSocket, UnixListener, UnixStream};
use filch::task::yield_now;
use filch::time::timeout;
use futures_lite::future::poll_once;
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg,
    sendmsg,
};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::time::Duration;

/// Sockets ask for no signal. Pipes cannot: who writes to them leaves `SIGPIPE` ignored, as Rust's programs begin.
#[test]
fn e70_unix_sockets_whose_peer_is_gone_do_not_kill() {
    const NAME: &str = "e70_unix_sockets_whose_peer_is_gone_do_not_kill";
    if !is_child() {
        let child = run_child(NAME, LIMIT, &[]);
        child.assert_success();
        assert!(child.stdout.contains("alive"), "{child:#?}");
        return;
    }
    filch::block_on(async {
        let (mut sender, receiver) = filch::io::pipe::pipe().unwrap();
        drop(receiver);
        let error = sender.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        // SAFETY: no handler is installed, and nothing else in this process sets the signal.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        for _ in 0..3 {
            let error = ours.write(b"x").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            let blocks = [IoSlice::new(b"x"), IoSlice::new(b"y")];
            let error = ours.write_vectored(&blocks).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            assert_eq!(ours.read(&mut [0; 8]).await.unwrap(), 0);
        }
    });
    println!("alive");
}

#[test]
fn e71_unix_half_close_leaves_the_other_direction_open() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            for waits in [false, true] {
                let (mut one, mut other) = UnixStream::pair().unwrap();
                if waits {
                    assert!(poll_once(one.read(&mut [0; 8])).await.is_none());
                    assert!(poll_once(other.read(&mut [0; 8])).await.is_none());
                }
                one.write_all(b"last words").await.unwrap();
                one.close().await.unwrap();
                one.close().await.unwrap();
                let mut text = String::new();
                other.read_to_string(&mut text).await.unwrap();
                assert_eq!(text, "last words");
                for round in 0..3 {
                    assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0);
                    other.write_all(&[round; 1000]).await.unwrap();
                    let mut block = [9; 1000];
                    one.read_exact(&mut block).await.unwrap();
                    assert_eq!(block, [round; 1000]);
                }
                other.close().await.unwrap();
                assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0);
                assert_eq!(
                    one.write(b"x").await.unwrap_err().kind(),
                    ErrorKind::BrokenPipe
                );
            }
        });
    });
}

/// A peer that ends with unread data resets a Unix connection, too: told once, and then it has ended.
#[test]
fn e72_unix_reset_is_told_once() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let (mut ours, mut theirs) = UnixStream::pair().unwrap();
            ours.write_all(b"never read").await.unwrap();
            theirs.write_all(b"read").await.unwrap();
            let task = filch::spawn(async move {
                let mut word = [0; 4];
                ours.read_exact(&mut word).await.unwrap();
                let error = ours.read(&mut word).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                for _ in 0..3 {
                    assert_eq!(ours.read(&mut word).await.unwrap(), 0);
                }
            });
            for _ in 0..20 {
                yield_now().await;
            }
            drop(theirs);
            task.await.unwrap();
        });
    });
}

/// Refusals by a port that is dead now and then, empty datagrams and ones that are too long, among proper ones.
#[test]
fn e80_refused_empty_and_oversize_datagrams_leave_the_next_alone() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let ours = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let theirs = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let address = theirs.local_addr().unwrap();
            ours.connect(address).await.unwrap();
            let mut theirs = Some(theirs);
            for round in 0..30_u8 {
                if round % 3 == 1 {
                    // Nobody is there: each datagram is answered by a refusal, told to whoever comes next, once.
                    drop(theirs.take());
                    ours.send(b"anybody?").await.unwrap();
                    let error = timeout(LIMIT, ours.recv(&mut [0; 8]))
                        .await
                        .unwrap()
                        .unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
                    assert!(poll_once(Box::pin(ours.recv(&mut [0; 8]))).await.is_none());
                    theirs = Some(UdpSocket::bind(address).await.unwrap());
                }
                let theirs = theirs.as_ref().unwrap();
                let back = ours.local_addr().unwrap();
                for datagram in [&[][..], &[round; 100], &[round; 4]] {
                    assert_eq!(
                        theirs.send_to(datagram, back).await.unwrap(),
                        datagram.len()
                    );
                }
                let mut buffer = [99; 8];
                assert_eq!(ours.recv(&mut buffer).await.unwrap(), 0);
                assert_eq!(
                    ours.recv(&mut buffer).await.unwrap(),
                    8,
                    "the rest is cut off"
                );
                assert_eq!(ours.recv(&mut buffer).await.unwrap(), 4);
                assert_eq!(buffer[..4], [round; 4]);
            }
            // More than a datagram can hold.
            let error = ours.send(&vec![0; 70_000]).await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
            assert_eq!(ours.send(b"x").await.unwrap(), 1);
        });
    });
}

fn send_descriptors(stream: &std::os::unix::net::UnixStream, count: usize) {
    let null = std::fs::File::open("/dev/null").unwrap();
    let descriptors = vec![null.as_fd(); count];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
    sendmsg(
        stream,
        &[IoSlice::new(b"with")],
        &mut control,
        SendFlags::NOSIGNAL,
    )
    .unwrap();
}

/// Descriptors that are sent along: not asked for, or with too little room to receive them. The bytes come whole, what was
/// received can be used, and the rest is closed.
#[test]
fn e81_descriptors_sent_along_do_not_leak() {
    const NAME: &str = "e81_descriptors_sent_along_do_not_leak";
    if !is_child() {
        return run_child(NAME, LIMIT, &[]).assert_success();
    }
    workers(2).block_on(async {
        let (theirs, ours) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut ours = UnixStream::from_std(ours).unwrap();
        assert!(poll_once(ours.read(&mut [0; 8])).await.is_none());
        let before = descriptors();
        for _ in 0..500 {
            // A read ends where descriptors were sent; the bytes behind them need no new event.
            (&theirs).write_all(b"bare").unwrap();
            send_descriptors(&theirs, 3);
            (&theirs).write_all(b"bare").unwrap();
            send_descriptors(&theirs, 1);
            let mut bytes = [0; 16];
            ours.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"barewithbarewith");
        }
        assert_eq!(descriptors(), before);
        for _ in 0..200 {
            send_descriptors(&theirs, 4);
            // Room for one or two of the four.
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let received = ours
                .async_io(Interest::READABLE, |stream| {
                    let mut control = RecvAncillaryBuffer::new(&mut space);
                    let mut bytes = [0; 16];
                    let mut buffers = [IoSliceMut::new(&mut bytes)];
                    let got = recvmsg(stream, &mut buffers, &mut control, RecvFlags::CMSG_CLOEXEC)?;
                    // The control buffer closes what it holds.
                    Ok((got.bytes, control.drain().count()))
                })
                .await
                .unwrap();
            assert_eq!(received, (4, 1));
        }
        assert_eq!(descriptors(), before);
    });
}

/// A path without a socket, with one that nobody listens to, and with one whose queue is full: errors, or a wait that can be
/// given up, and no descriptor left.
#[test]
fn e81_unix_connects_that_fail_or_wait_leave_nothing() {
    const NAME: &str = "e81_unix_connects_that_fail_or_wait_leave_nothing";
    if !is_child() {
        return run_child(NAME, LIMIT, &[]).assert_success();
    }
    let path = std::env::temp_dir().join(format!("filch-e81-{}", std::process::id()));
    workers(2).block_on(async {
        drop(UnixStream::pair().unwrap());
        let before = descriptors();
        for _ in 0..20 {
            let error = UnixStream::connect(&path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
        let listener = UnixListener::bind(&path).unwrap();
        // A queue of one, as `bind` gives no choice.
        rustix::net::listen(&listener, 0).unwrap();
        let first = UnixStream::connect(&path).await.unwrap();
        for _ in 0..5 {
            let full = timeout(Duration::from_millis(20), UnixStream::connect(&path)).await;
            assert!(full.is_err(), "it waits: {full:?}");
        }
        let waits: Vec<_> = (0..10)
            .map(|_| {
                let path = path.clone();
                filch::spawn(async move { UnixStream::connect(path).await })
            })
            .collect();
        let mut accepted = Vec::new();
        for _ in 0..11 {
            accepted.push(listener.accept().await.unwrap());
        }
        for wait in waits {
            wait.await.unwrap().unwrap();
        }
        drop((first, accepted, listener));
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(descriptors(), before);
    });
}

//! Faults of connections: ends and resets. The names bear the rows of the table of faults.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod common;

use common::{
    LIMIT, Random, guarded, is_child, listener, on_each_flavor, processor_time, reset, run_child,
    tcp_pair, tcp_pair_with_std, workers,
};
use filch::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ErrorKind};
use filch::net::TcpStream;
use filch::task::yield_now;
use futures_lite::future::{poll_once, zip};
use std::io::{IoSlice, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// Lets a task of the runtime run up to where it waits.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// The signal's default would end the process: sockets ask for none.
#[test]
fn e70_writes_to_a_peer_that_is_gone_do_not_kill() {
    const NAME: &str = "e70_writes_to_a_peer_that_is_gone_do_not_kill";
    if !is_child() {
        let child = run_child(NAME, LIMIT, &[]);
        child.assert_success();
        assert!(child.stdout.contains("alive"), "{child:#?}");
        return;
    }
    // SAFETY: no handler is installed, and nothing else in this process sets the signal.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    filch::block_on(async {
        for is_reset in [false, true] {
            for is_vectored in [false, true] {
                let (mut ours, theirs) = tcp_pair_with_std().await;
                if is_reset {
                    reset(&theirs);
                }
                drop(theirs);
                let error = loop {
                    let block = [7; 1000];
                    let written = if is_vectored {
                        let blocks = [IoSlice::new(&block), IoSlice::new(&block)];
                        ours.write_vectored(&blocks).await
                    } else {
                        ours.write(&block).await
                    };
                    if let Err(error) = written {
                        break error;
                    }
                    settle().await;
                };
                let expected = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
                assert!(expected.contains(&error.kind()), "{error}");
                let error = ours.write(b"again").await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                ours.close().await.unwrap();
            }
        }
    });
    println!("alive");
}

/// One end ends its writing; the other reads the end, as often as it asks, and writes on.
async fn half_close<S>(one: S, other: S, one_waits: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut one, mut other) = (one, other);
    let mut buffer = [0; 16];
    if one_waits {
        // Both are watched from now on.
        let mut room = [0; 16];
        let waits = poll_once(zip(one.read(&mut room), other.read(&mut buffer))).await;
        assert!(waits.is_none());
    }
    let reader = filch::spawn(async move {
        let mut all = Vec::new();
        other.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"last words");
        for _ in 0..3 {
            assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0);
        }
        for _ in 0..100 {
            other.write_all(&[5; 1000]).await.unwrap();
        }
        assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0);
        other.close().await.unwrap();
        other.close().await.unwrap();
        other
    });
    one.write_all(b"last words").await.unwrap();
    one.close().await.unwrap();
    one.close().await.unwrap();
    let error = one.write(b"more").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let mut all = Vec::new();
    one.read_to_end(&mut all).await.unwrap();
    assert!(all.len() == 100_000 && all.iter().all(|&byte| byte == 5));
    drop(reader.await.unwrap());
    assert_eq!(one.read(&mut buffer).await.unwrap(), 0);
}

#[test]
fn e71_half_close_leaves_the_other_direction_open() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            for one_waits in [false, true] {
                let (one, other) = tcp_pair().await;
                half_close(one, other, one_waits).await;
                let (one, other) = tcp_pair().await;
                half_close(other, one, one_waits).await;
            }
        });
    });
}

/// Reads to the end or to an error; how many bytes, and what ended it.
async fn read_on(stream: &TcpStream) -> (usize, Option<ErrorKind>) {
    let mut stream = stream;
    let (mut count, mut buffer) = (0, [0; 1000]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return (count, None),
            Ok(more) => count += more,
            Err(error) => return (count, Some(error.kind())),
        }
    }
}

#[test]
fn e72_reset_is_told_once_and_then_the_stream_has_ended() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            for waits in [false, true] {
                let (ours, theirs) = tcp_pair_with_std().await;
                let ours = Arc::new(ours);
                let reader = ours.clone();
                let reader = filch::spawn(async move { read_on(&reader).await });
                if waits {
                    settle().await;
                }
                reset(&theirs);
                drop(theirs);
                let told = reader.await.unwrap();
                assert_eq!(told, (0, Some(ErrorKind::ConnectionReset)));
                for _ in 0..3 {
                    assert_eq!((&*ours).read(&mut [0; 8]).await.unwrap(), 0);
                    let error = (&*ours).write(b"x").await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                }
            }
        });
    });
}

#[test]
fn e72_reset_ends_a_write_that_waits_and_a_read_beside_it() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let (ours, theirs) = tcp_pair_with_std().await;
            let ours = Arc::new(ours);
            let writer = ours.clone();
            let writer = filch::spawn(async move {
                loop {
                    if let Err(error) = (&*writer).write(&[1; 65536]).await {
                        return error.kind();
                    }
                }
            });
            let reader = ours.clone();
            let reader = filch::spawn(async move { read_on(&reader).await });
            settle().await;
            reset(&theirs);
            drop(theirs);
            let ends = (reader.await.unwrap().1, writer.await.unwrap());
            // Whoever comes first is told of the reset.
            let read_first = (Some(ErrorKind::ConnectionReset), ErrorKind::BrokenPipe);
            let wrote_first = (None, ErrorKind::ConnectionReset);
            assert!(ends == read_first || ends == wrote_first, "{ends:?}");
        });
    });
}

/// The other end is reset after any number of bytes either way, whatever this end does then.
#[test]
fn e72_reset_at_any_point_ends_both_directions() {
    guarded(|| {
        workers(2).block_on(async {
            let mut random = Random::new(72);
            for _ in 0..300 {
                let (ours, mut theirs) = tcp_pair_with_std().await;
                let (sends, takes) = (random.below(3000) as usize, random.below(3000) as usize);
                let ours = Arc::new(ours);
                let writer = ours.clone();
                let writer = filch::spawn(async move {
                    let written = (&*writer).write_all(&vec![3; takes]).await;
                    let closed = (&mut &*writer).close().await;
                    (written, closed)
                });
                let reader = ours.clone();
                let reader = filch::spawn(async move { read_on(&reader).await });
                let peer = filch::spawn_blocking(move || {
                    theirs.write_all(&vec![4; sends]).unwrap();
                    theirs.read_exact(&mut vec![0; takes]).unwrap();
                    reset(&theirs);
                });
                let (count, error) = reader.await.unwrap();
                // What was sent before a reset may be lost with it.
                assert!(count <= sends);
                assert_eq!(error, Some(ErrorKind::ConnectionReset));
                peer.await.unwrap();
                let (written, closed) = writer.await.unwrap();
                written.unwrap();
                closed.unwrap();
            }
        });
    });
}

#[test]
fn e72_reset_before_the_accept_and_after_the_connect_is_an_error_or_the_end() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let listener = listener().await;
            let address = listener.local_addr().unwrap();
            // Reset while they wait to be accepted: the listener passes them over, or gives streams that say so.
            for _ in 0..20 {
                reset(std::net::TcpStream::connect(address).unwrap());
            }
            let mut last = TcpStream::connect(address).await.unwrap();
            last.write_all(b"I live").await.unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if stream
                    .peer_addr()
                    .is_ok_and(|peer| peer == last.local_addr().unwrap())
                {
                    let mut text = [0; 6];
                    (&stream).read_exact(&mut text).await.unwrap();
                    assert_eq!(&text, b"I live");
                    break;
                }
                assert_eq!(
                    read_on(&stream).await,
                    (0, Some(ErrorKind::ConnectionReset))
                );
            }
            // Connected, and never accepted.
            let (ours, other) = (TcpStream::connect(address), TcpStream::connect(address));
            let (ours, other) = (ours.await.unwrap(), other.await.unwrap());
            let reader = filch::spawn(async move { read_on(&ours).await });
            settle().await;
            drop(listener);
            assert_eq!(reader.await.unwrap(), (0, Some(ErrorKind::ConnectionReset)));
            assert_eq!(read_on(&other).await, (0, Some(ErrorKind::ConnectionReset)));
        });
    });
}

/// Descriptors that have hung up, half or wholly, and are kept, cost no processor time.
#[test]
fn e72_streams_that_have_hung_up_do_not_spin() {
    const NAME: &str = "e72_streams_that_have_hung_up_do_not_spin";
    if !is_child() {
        let child = run_child(NAME, LIMIT, &[]);
        child.assert_success();
        assert!(child.stdout.contains("idle"), "{child:#?}");
        return;
    }
    for runtime in [workers(2), common::current_thread()] {
        runtime.block_on(async {
            let mut kept = Vec::new();
            for at in 0..60 {
                let (ours, theirs) = tcp_pair_with_std().await;
                // Watched in both directions.
                let full = vec![0; 1 << 20];
                let _ = poll_once((&ours).read(&mut [0; 8])).await;
                while poll_once((&ours).write(&full)).await.is_some() {}
                match at % 3 {
                    0 => reset(&theirs),
                    1 => {}
                    _ => theirs.shutdown(std::net::Shutdown::Write).unwrap(),
                }
                if at % 3 == 2 {
                    // Waits for room beside an end that is told again and again where events are levels.
                    let ours = Arc::new(ours);
                    let writer = ours.clone();
                    filch::spawn(async move { (&*writer).write_all(&full).await }).detach();
                    kept.push((ours, Some(theirs)));
                } else {
                    drop(theirs);
                    kept.push((Arc::new(ours), None));
                }
            }
            let start = processor_time();
            filch::time::sleep(Duration::from_millis(300)).await;
            let spent = processor_time() - start;
            assert!(spent < Duration::from_millis(60), "{spent:?} of 300 ms");
            drop(kept);
        });
    }
    println!("idle");
}

//! Faults of reads and writes that end early: readers that do not read, futures that are dropped, nothing to move. The
//! names bear the rows of the table of faults.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod common;

use common::{
    LIMIT, Random, descriptors, is_child, listener, on_each_flavor, run_child, tcp_pair,
    tcp_pair_with_std, wait_until, workers,
};
use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::TcpStream;
use filch::time::timeout;
use futures_lite::future::poll_once;
use std::io::{IoSlice, Read, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// How long nothing must have happened to be taken for rest.
const MOMENT: Duration = Duration::from_millis(100);

/// A peer that does not read: each writer waits, holding no more than the system's buffers; others go on; and when the
/// peer reads at last, all is there.
#[test]
fn e76_readers_that_do_not_read_hold_writers_back() {
    const NAME: &str = "e76_readers_that_do_not_read_hold_writers_back";
    const CONNECTIONS: usize = 50;
    const BLOCK: usize = 65536;
    if !is_child() {
        let child = run_child(NAME, LIMIT, &[]);
        child.assert_success();
        assert!(child.stdout.contains("held back"), "{child:#?}");
        return;
    }
    let runtime = workers(2);
    runtime.block_on(async {
        let block: Arc<Vec<u8>> = Arc::new((0..BLOCK).map(|at| (at % 251) as u8).collect());
        let before = common::resident_bytes();
        let mut peers = Vec::new();
        let mut writers = Vec::new();
        let taken = Arc::new(AtomicUsize::new(0));
        for _ in 0..CONNECTIONS {
            let (ours, theirs) = tcp_pair_with_std().await;
            socket2::SockRef::from(&ours)
                .set_send_buffer_size(BLOCK)
                .unwrap();
            socket2::SockRef::from(&theirs)
                .set_recv_buffer_size(BLOCK)
                .unwrap();
            let (block, taken) = (block.clone(), taken.clone());
            peers.push(theirs);
            writers.push(filch::spawn(async move {
                let mut written = 0_usize;
                for _ in 0..32 {
                    let mut rest = &block[..];
                    while !rest.is_empty() {
                        let count = (&ours).write(rest).await.unwrap();
                        rest = &rest[count..];
                        written += count;
                        taken.fetch_add(count, SeqCst);
                    }
                }
                written
            }));
        }
        // They have come to rest when nothing was taken for a while.
        let taken = || taken.load(SeqCst);
        let mut last = 0;
        loop {
            filch::time::sleep(MOMENT).await;
            if taken() == last {
                break;
            }
            last = taken();
        }
        assert!(writers.iter().all(|writer| !writer.is_finished()));
        assert!(last < CONNECTIONS * 16 * BLOCK, "{last} bytes were taken");
        let grown = common::resident_bytes().saturating_sub(before);
        let bounded = grown < CONNECTIONS * BLOCK || !common::MEMORY_TELLS;
        assert!(bounded, "grown by {grown} bytes");
        // Others go on.
        let (mut ours, mut theirs) = tcp_pair().await;
        for _ in 0..100 {
            ours.write_all(b"ping").await.unwrap();
            theirs.read_exact(&mut [0; 4]).await.unwrap();
        }
        let readers = peers.into_iter().map(|mut peer| {
            filch::spawn_blocking(move || {
                let mut all = Vec::new();
                peer.read_to_end(&mut all).unwrap();
                assert!(all.chunks(BLOCK).all(|chunk| {
                    chunk
                        .iter()
                        .enumerate()
                        .all(|(at, &byte)| byte == (at % 251) as u8)
                }));
                all.len()
            })
        });
        let readers: Vec<_> = readers.collect();
        for (writer, reader) in writers.into_iter().zip(readers) {
            assert_eq!(writer.await.unwrap(), 32 * BLOCK);
            assert_eq!(reader.await.unwrap(), 32 * BLOCK);
        }
    });
    println!("held back");
}

/// Timeouts cut reads, writes and accepts short at random moments; nothing is lost and nothing comes twice.
#[test]
fn e78_futures_dropped_midway_lose_nothing() {
    const NAME: &str = "e78_futures_dropped_midway_lose_nothing";
    if !is_child() {
        let child = run_child(NAME, LIMIT, &[]);
        child.assert_success();
        assert!(child.stdout.contains("nothing lost"), "{child:#?}");
        return;
    }
    const CLIENTS: usize = 40;
    const BYTES: usize = 200_000;
    let runtime = workers(2);
    runtime.block_on(async { tcp_pair().await });
    let before = descriptors();
    runtime.block_on(async {
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|at| {
                filch::spawn(async move {
                    let mut random = Random::new(at as u64);
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    let mut sent = 0;
                    while sent < BYTES {
                        let most = (BYTES - sent).min(1 + random.below(20_000) as usize);
                        let block: Vec<_> =
                            (sent..sent + most).map(|at| (at % 253) as u8).collect();
                        let limit = Duration::from_micros(random.below(300));
                        // A write that is cut short has written nothing.
                        if let Ok(count) = timeout(limit, stream.write(&block)).await {
                            sent += count.unwrap();
                        }
                    }
                    stream.close().await.unwrap();
                    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
                })
            })
            .collect();
        let mut servers = Vec::new();
        let mut random = Random::new(78);
        while servers.len() < CLIENTS {
            let limit = Duration::from_micros(random.below(200));
            let Ok(accepted) = timeout(limit, listener.accept()).await else {
                continue;
            };
            let (mut stream, _) = accepted.unwrap();
            let mut random = Random::new(random.next());
            servers.push(filch::spawn(async move {
                let mut buffer = vec![0; 30_000];
                let mut received = 0;
                loop {
                    let limit = Duration::from_micros(random.below(300));
                    let most = 1 + random.below(30_000) as usize;
                    let Ok(count) = timeout(limit, stream.read(&mut buffer[..most])).await else {
                        continue;
                    };
                    let count = count.unwrap();
                    if count == 0 {
                        break;
                    }
                    for &byte in &buffer[..count] {
                        assert_eq!(byte, (received % 253) as u8);
                        received += 1;
                    }
                }
                received
            }));
        }
        for server in servers {
            assert_eq!(server.await.unwrap(), BYTES);
        }
        for client in clients {
            client.await.unwrap();
        }
    });
    wait_until("all descriptors are closed", || descriptors() == before);
    println!("nothing lost");
}

#[test]
fn e78_read_exact_that_is_dropped_leaves_a_stream_that_works() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let (mut ours, mut theirs) = tcp_pair_with_std().await;
            theirs.write_all(b"12345").unwrap();
            let mut eight = [0; 8];
            assert!(timeout(MOMENT, ours.read_exact(&mut eight)).await.is_err());
            assert_eq!(&eight, b"12345\0\0\0");
            // It has taken what there was, as is documented.
            theirs.write_all(b"6789").unwrap();
            let mut four = [0; 4];
            ours.read_exact(&mut four).await.unwrap();
            assert_eq!(&four, b"6789");
        });
    });
}

/// They are over at once, whatever there is, and change nothing.
#[test]
fn zero_length_reads_and_writes_are_no_end() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let (mut ours, mut theirs) = tcp_pair().await;
            for round in 0..3 {
                assert_eq!(ours.read(&mut []).await.unwrap(), 0);
                assert_eq!(ours.read_vectored(&mut []).await.unwrap(), 0);
                assert_eq!(ours.write(&[]).await.unwrap(), 0);
                assert_eq!(ours.write_vectored(&[]).await.unwrap(), 0);
                let nothing = [IoSlice::new(&[]), IoSlice::new(&[])];
                assert_eq!(ours.write_vectored(&nothing).await.unwrap(), 0);
                assert!(poll_once(theirs.read(&mut [0; 8])).await.is_none());
                ours.write_all(&[round]).await.unwrap();
                let mut byte = [9];
                assert_eq!(theirs.read(&mut byte).await.unwrap(), 1);
                assert_eq!(byte, [round]);
                theirs.write_all(&[round]).await.unwrap();
                assert_eq!(ours.read(&mut []).await.unwrap(), 0);
                ours.read_exact(&mut byte).await.unwrap();
            }
        });
    });
}

//! Faults of descriptors: numbers that are used again at once, kinds that cannot be watched, storms of wake-ups. The names
//! bear the rows of the table of faults.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod common;

use common::{LIMIT, Random, Tally, guarded, on_each_flavor, within, workers};
use filch::io::{Interest, Registered};
use futures_lite::future::poll_once;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;

/// How often each of four tasks makes and drops a pair of sockets.
fn cycles() -> u64 {
    let chosen = std::env::var("FILCH_REUSE_CYCLES").ok();
    let chosen = chosen.map(|text| text.parse().expect("a number of cycles"));
    chosen.unwrap_or(if cfg!(filch_tsan) {
        10_000
    } else if cfg!(debug_assertions) {
        100_000
    } else {
        250_000
    })
}

async fn read_word(ours: &Registered<UnixStream>) -> u64 {
    let mut word = [0; 8];
    let read = |mut stream: &UnixStream| stream.read(&mut word);
    assert_eq!(ours.async_io(Interest::READABLE, read).await.unwrap(), 8);
    u64::from_le_bytes(word)
}

/// Four tasks on four workers open, watch, use and close descriptors of the same few numbers, many of them with an event
/// under way: whoever waits is woken by what is its own, and reads that.
#[test]
fn e62_numbers_used_again_at_once_get_no_event_of_before() {
    within(LIMIT * 6, || {
        let runtime = workers(4);
        runtime.block_on(async {
            let tasks: Vec<_> = (0..4)
                .map(|seed| {
                    filch::spawn(async move {
                        let mut random = Random::new(seed);
                        for cycle in 0..cycles() {
                            let word = cycle << 8 | seed;
                            let (ours, mut theirs) = UnixStream::pair().unwrap();
                            let ours = Registered::new(ours).unwrap();
                            let mut reads = Box::pin(read_word(&ours));
                            // Watched from here on.
                            assert!(poll_once(reads.as_mut()).await.is_none());
                            match random.below(4) {
                                // The event is under way when the source ends.
                                0 => theirs.write_all(&word.to_le_bytes()).unwrap(),
                                // So is the peer's end.
                                1 => drop(theirs),
                                // No event at all: it must not be woken by that of another one.
                                2 => assert!(poll_once(reads.as_mut()).await.is_none()),
                                _ => {
                                    theirs.write_all(&word.to_le_bytes()).unwrap();
                                    assert_eq!(reads.as_mut().await, word);
                                }
                            }
                            drop(reads);
                            drop(ours);
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

#[test]
fn e69_descriptors_that_cannot_be_watched_are_errors_with_a_remedy() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            // Always ready, as a regular file, which is refused before.
            let null = std::fs::File::open("/dev/null").unwrap();
            let null = Registered::new(null).unwrap();
            for _ in 0..2 {
                let error = null.readable().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PermissionDenied);
                assert!(error.to_string().contains("filch::fs"), "{error}");
            }
            // The same number twice.
            let (stream, mut peer) = UnixStream::pair().unwrap();
            let (one, other) = (
                Registered::new(&stream).unwrap(),
                Registered::new(&stream).unwrap(),
            );
            let mut waits = pin!(one.readable());
            assert!(poll_once(waits.as_mut()).await.is_none());
            let error = other.readable().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            assert!(error.to_string().contains("try_clone"), "{error}");
            peer.write_all(b"x").unwrap();
            waits.await.unwrap();
        });
    });
}

/// Threads of no runtime wake tasks of a runtime that waits for events, by the hundred thousand: none is lost, and IO
/// goes on between them.
#[test]
fn e83_wake_ups_from_outside_during_waits_are_not_lost() {
    const THREADS: usize = 3;
    const EACH: usize = 30_000;
    guarded(|| {
        for runtime in [workers(1), workers(2)] {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let echo = runtime.spawn(async move {
                let ours = Registered::new(ours).unwrap();
                while read_word(&ours).await != 0 {
                    let write = |mut stream: &UnixStream| stream.write(b"backback");
                    ours.async_io(Interest::WRITABLE, write).await.unwrap();
                }
            });
            let tally = Tally::new();
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    let (handle, tally) = (runtime.handle().clone(), tally.clone());
                    std::thread::spawn(move || {
                        let mut tasks = Vec::new();
                        for at in 0..EACH {
                            let tally = tally.clone();
                            let task = handle.spawn(async move { tally.count() });
                            if at % 16 == 0 {
                                // The workers may have gone to sleep by then.
                                handle.block_on(task).unwrap();
                            } else {
                                tasks.push(task);
                            }
                        }
                        for task in tasks {
                            handle.block_on(task).unwrap();
                        }
                    })
                })
                .collect();
            for round in 1..=1000_u64 {
                theirs.write_all(&round.to_le_bytes()).unwrap();
                let mut back = [0; 8];
                theirs.read_exact(&mut back).unwrap();
            }
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(tally.counted(), THREADS * EACH);
            theirs.write_all(&0_u64.to_le_bytes()).unwrap();
            runtime.block_on(echo).unwrap();
        }
    });
}

/// A task that is woken for nothing, because another one took what came, waits on.
#[test]
fn e68_wake_ups_for_nothing_are_waits_again() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let ours = Arc::new(Registered::new(ours).unwrap());
            let tally = Tally::new();
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    let (ours, tally) = (ours.clone(), tally.clone());
                    filch::spawn(async move {
                        let word = read_word(&ours).await;
                        tally.count();
                        word
                    })
                })
                .collect();
            for word in 0..8_u64 {
                // Whoever has come first has got it, and the others are woken for nothing.
                theirs.write_all(&word.to_le_bytes()).unwrap();
                while tally.counted() <= word as usize {
                    filch::task::yield_now().await;
                }
            }
            let mut words = Vec::new();
            for task in tasks {
                words.push(task.await.unwrap());
            }
            words.sort_unstable();
            assert_eq!(words, [0, 1, 2, 3, 4, 5, 6, 7]);
        });
    });
}

//! Faults of waiting: several that wait for one stream, wakers of all kinds, runtimes that end, descriptors that are
//! closed. The names bear the rows of the table of faults.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod common;

use common::{
    LIMIT, Tally, guarded, is_child, on_each_flavor, run_child, tcp_pair, tcp_pair_with_std,
    workers,
};
use filch::io::{AsyncReadExt, AsyncWriteExt, Registered};
use filch::net::TcpStream;
use filch::task::yield_now;
use futures_lite::future::poll_once;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

/// How long nothing must have happened to be taken for rest.
const MOMENT: Duration = Duration::from_millis(100);

/// Lets a task of the runtime run up to where it waits.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// Two tasks read and two write, of which some are aborted while they wait: each byte comes once, to one of them.
#[test]
fn e79_several_tasks_in_each_direction_lose_nothing() {
    const BYTES: usize = 20_000;
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let (ours, theirs) = tcp_pair().await;
            let (ours, theirs) = (Arc::new(ours), Arc::new(theirs));
            let sent = Arc::new(AtomicUsize::new(0));
            let got = Arc::new(Mutex::new(vec![0_u8; BYTES / 4]));
            let read = |stream: &Arc<TcpStream>| {
                let (stream, got) = (stream.clone(), got.clone());
                filch::spawn(async move {
                    let mut number = [0; 4];
                    // Small enough to come whole, and to be written whole.
                    while (&*stream).read(&mut number).await.unwrap() == 4 {
                        got.lock().unwrap()[u32::from_le_bytes(number) as usize] += 1;
                    }
                })
            };
            let write = || {
                let (stream, sent) = (theirs.clone(), sent.clone());
                filch::spawn(async move {
                    loop {
                        let next = sent.fetch_add(4, SeqCst);
                        if next >= BYTES {
                            return;
                        }
                        let number = (next as u32 / 4).to_le_bytes();
                        assert_eq!((&*stream).write(&number).await.unwrap(), 4);
                        if next % 1000 == 0 {
                            settle().await;
                        }
                    }
                })
            };
            let readers = [0; 4].map(|_| read(&ours));
            settle().await;
            // They wait, and are dropped there.
            let [gone, stays, also_gone, also_stays] = readers;
            gone.abort();
            let writers = [0; 2].map(|_| write());
            also_gone.abort();
            for writer in writers {
                writer.await.unwrap();
            }
            (&*theirs).close().await.unwrap();
            stays.await.unwrap();
            also_stays.await.unwrap();
            assert!(gone.await.is_err());
            let _ = also_gone.await;
            let got = got.lock().unwrap();
            let lost = got.iter().filter(|&&count| count != 1).count();
            assert_eq!(lost, 0, "of {} numbers", got.len());
        });
    });
}

/// A waker that is counted as long as anybody keeps it, and that may panic.
struct Foreign {
    _token: common::Token,
    panics: bool,
    wakes: Tally,
}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        self.wakes.count();
        if self.panics {
            common::panic_quietly("a foreign waker");
        }
    }
}

fn foreign(tally: &Tally, panics: bool) -> Waker {
    let (_token, wakes) = (tally.token(), tally.clone());
    Waker::from(Arc::new(Foreign {
        _token,
        panics,
        wakes,
    }))
}

/// As A8: what the driver wakes may panic; the others are woken all the same, and the runtime goes on.
#[test]
fn e79_foreign_wakers_that_panic_do_not_stop_the_driver() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let tally = Tally::new();
            let mut peers = Vec::new();
            let mut streams = Vec::new();
            let mut tasks = Vec::new();
            for at in 0..300 {
                let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
                let ours = Arc::new(Registered::new(ours).unwrap());
                for panics in [true, at % 2 == 0] {
                    let waker = foreign(&tally, panics);
                    let ready = ours.poll_read_ready(&mut Context::from_waker(&waker));
                    assert!(ready.is_pending());
                }
                let reader = ours.clone();
                tasks.push(filch::spawn(async move { reader.readable().await }));
                streams.push(ours);
                peers.push(theirs);
            }
            settle().await;
            for peer in &mut peers {
                peer.write_all(b"x").unwrap();
            }
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            while tally.counted() < 600 {
                yield_now().await;
            }
            for task in (0..1000).map(|at| filch::spawn(async move { at })) {
                task.await.unwrap();
            }
            assert_eq!(tally.dropped(), tally.made());
        });
    });
}

/// Wakers that come once and are never seen again, as of tasks that poll and turn to something else, are not kept for
/// ever when no event comes. One that stays is woken when it does.
#[test]
fn e79_wakers_that_come_and_go_without_an_event_are_bounded() {
    guarded(|| {
        workers(2).block_on(async {
            let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            let ours = Arc::new(Registered::new(ours).unwrap());
            let reader = ours.clone();
            let stays = filch::spawn(async move { reader.readable().await });
            settle().await;
            let tally = Tally::new();
            let kept = || tally.made() - tally.dropped();
            let come_and_go = |count| {
                for _ in 0..count {
                    let waker = foreign(&tally, false);
                    let ready = ours.poll_read_ready(&mut Context::from_waker(&waker));
                    assert!(ready.is_pending());
                }
            };
            // A burst is kept until as many have come once more; and then, as they come slowly, only a few are.
            come_and_go(1000);
            filch::time::sleep(Duration::from_millis(1100)).await;
            let mut more = 0;
            while kept() > 1 {
                assert!(more < 1000, "{} wakers are kept", kept());
                come_and_go(1);
                more += 1;
            }
            for _ in 0..2 {
                filch::time::sleep(Duration::from_millis(1100)).await;
                come_and_go(40);
                assert!(kept() <= 33, "{} wakers are kept", kept());
            }
            assert!(!stays.is_finished());
            theirs.write_all(b"x").unwrap();
            stays.await.unwrap().unwrap();
            assert_eq!(kept(), 0);
        });
    });
}

/// Many that wait for one stream at a time, all of them in earnest: all are woken, and without an event few are.
#[test]
fn e79_a_crowd_that_stays_is_woken_whole_and_seldom_before() {
    const CROWD: usize = 3000;
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            let ours = Arc::new(Registered::new(ours).unwrap());
            let polls = Arc::new(AtomicUsize::new(0));
            let tasks: Vec<_> = (0..CROWD)
                .map(|_| {
                    let (ours, polls) = (ours.clone(), polls.clone());
                    filch::spawn(std::future::poll_fn(move |cx| {
                        polls.fetch_add(1, SeqCst);
                        ours.poll_read_ready(cx)
                    }))
                })
                .collect();
            let mut last = 0;
            while last < CROWD || polls.load(SeqCst) > last {
                last = polls.load(SeqCst);
                filch::time::sleep(MOMENT / 4).await;
            }
            assert!(last < 10 * CROWD, "{last} polls");
            assert!(tasks.iter().all(|task| !task.is_finished()));
            theirs.write_all(b"x").unwrap();
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        });
    });
}

/// Streams are watched by the runtime in which they first waited, and by another one when that has ended.
#[test]
fn streams_outlive_the_runtime_that_watched_them() {
    guarded(|| {
        let first = workers(1);
        let second = workers(2);
        let (ours, mut theirs) = first.block_on(tcp_pair_with_std());
        let ours = Arc::new(ours);
        // Watched by the first; a task of each waits.
        let of_first = ours.clone();
        let lost = first.spawn(async move { (&*of_first).read(&mut [0; 8]).await.map(drop) });
        while first.metrics().live_tasks == 0 {
            std::thread::yield_now();
        }
        let of_second = ours.clone();
        let kept = second.spawn(async move {
            let mut bytes = [0; 5];
            (&*of_second).read_exact(&mut bytes).await.unwrap();
            bytes
        });
        second.block_on(settle());
        drop(first);
        assert!(second.block_on(lost).unwrap_err().is_cancelled());
        theirs.write_all(b"hello").unwrap();
        assert_eq!(&second.block_on(kept).unwrap(), b"hello");
        // And by a third one, from a thread of none.
        drop(second);
        theirs.write_all(b"again").unwrap();
        let mut bytes = [0; 5];
        filch::block_on((&*ours).read_exact(&mut bytes)).unwrap();
        assert_eq!(&bytes, b"again");
    });
}

/// The streams of futures that a runtime drops are closed, and their peers see it.
#[test]
fn runtime_that_ends_with_io_in_flight_closes_it() {
    on_each_flavor(|runtime| {
        let mut peers = Vec::new();
        runtime.block_on(async {
            for at in 0..50 {
                let (mut ours, theirs) = tcp_pair_with_std().await;
                peers.push(theirs);
                let task = filch::spawn(async move {
                    if at % 2 == 0 {
                        ours.read(&mut [0; 8]).await.map(drop)
                    } else {
                        ours.write_all(&vec![0; 64 << 20]).await
                    }
                });
                if at % 3 == 0 {
                    settle().await;
                }
                task.detach();
            }
        });
        drop(runtime);
        for mut peer in peers {
            peer.set_read_timeout(Some(LIMIT)).unwrap();
            let mut rest = Vec::new();
            peer.read_to_end(&mut rest).unwrap();
        }
    });
}

/// What a program must not do, and a C library may: the number is closed under a stream. Its calls fail; others go on.
#[test]
fn descriptor_closed_behind_its_back_fails_and_others_go_on() {
    const NAME: &str = "descriptor_closed_behind_its_back_fails_and_others_go_on";
    if !is_child() {
        let child = run_child(NAME, LIMIT, &[]);
        child.assert_success();
        assert!(child.stdout.contains("went on"), "{child:#?}");
        return;
    }
    for runtime in [workers(2), common::current_thread()] {
        runtime.block_on(async {
            let mut pairs = Vec::new();
            for _ in 0..4 {
                let (ours, theirs) = tcp_pair().await;
                let _ = poll_once((&ours).read(&mut [0; 8])).await;
                pairs.push((ours, theirs));
            }
            let (closed, _peer) = pairs.pop().unwrap();
            let (fresh, _other) = tcp_pair().await;
            let numbers = [closed.as_raw_fd(), fresh.as_raw_fd()];
            for number in numbers {
                // SAFETY: it is open, and nothing opens one in this process before it is taken again below.
                assert_eq!(unsafe { libc::close(number) }, 0);
            }
            // One that was watched, and one that never was.
            for stream in [&closed, &fresh] {
                let mut stream = stream;
                let error = stream.write(b"x").await.unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EBADF));
            }
            let mut stream = &fresh;
            let error = stream.read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
            for (ours, theirs) in &mut pairs {
                theirs.write_all(b"ping").await.unwrap();
                ours.read_exact(&mut [0; 4]).await.unwrap();
            }
            let nothing = std::fs::File::open("/dev/null").unwrap();
            for number in numbers {
                // SAFETY: so that the streams, which own the numbers, have something to close.
                assert!(unsafe { libc::dup2(nothing.as_raw_fd(), number) } == number);
            }
            std::mem::forget(nothing);
            drop((closed, fresh));
        });
    }
    println!("went on");
}

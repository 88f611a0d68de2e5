//! Streams in memory: that every byte arrives once and in order, how they end, and what they keep.
#![cfg(not(any(loom, shuttle)))]

mod common;

use common::{CountingWaker, Event, PerThread, Random, guarded, held, on_each_flavor, poll_once};
use filch::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ErrorKind, SimplexReader,
    SimplexWriter, duplex, simplex,
};
use std::future::Future;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

#[global_allocator]
static ALLOCATOR: PerThread = PerThread;

/// The bytes that a stream of a given seed carries.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..len).map(|_| random.next() as u8).collect()
}

async fn send(stream: impl AsyncWrite, bytes: Vec<u8>, seed: u64) -> std::io::Result<()> {
    let mut stream = pin!(stream);
    let mut random = Random::new(seed);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (first, second) = (random.below(300) as usize, random.below(300) as usize);
        let first = first.min(rest.len());
        let second = second.min(rest.len() - first);
        let buffers = [
            IoSlice::new(&rest[..first]),
            IoSlice::new(&[]),
            IoSlice::new(&rest[first..first + second]),
        ];
        let written = match random.below(2) {
            0 => stream.write(&rest[..first]).await?,
            _ => stream.write_vectored(&buffers).await?,
        };
        assert!(written > 0 || first == 0);
        rest = &rest[written..];
    }
    stream.close().await
}

async fn receive(stream: impl AsyncRead, seed: u64) -> std::io::Result<Vec<u8>> {
    let mut stream = pin!(stream);
    let mut random = Random::new(seed);
    let mut all = Vec::new();
    loop {
        let mut buffer = vec![0; random.below(500) as usize];
        let count = stream.read(&mut buffer).await?;
        if count == 0 && !buffer.is_empty() {
            return Ok(all);
        }
        all.extend_from_slice(&buffer[..count]);
    }
}

#[test]
fn every_byte_arrives_both_ways_at_once() {
    on_each_flavor(|runtime| {
        for (round, limit) in [1, 2, 7, 64, 1000, 100_000].into_iter().enumerate() {
            let seed = round as u64;
            let (a, b) = duplex(limit);
            let (a, b) = (Arc::new(a), Arc::new(b));
            let ways: Vec<_> = [(a.clone(), b.clone()), (b, a)]
                .into_iter()
                .enumerate()
                .map(|(way, (from, to))| {
                    let seed = seed * 2 + way as u64;
                    let sent = bytes(seed, 20_000);
                    let expected = sent.clone();
                    let sender = runtime.spawn(async move { send(&*from, sent, seed).await });
                    let receiver = runtime.spawn(async move { receive(&*to, seed).await });
                    (expected, sender, receiver)
                })
                .collect();
            for (expected, sender, receiver) in ways {
                runtime.block_on(sender).unwrap().unwrap();
                assert_eq!(runtime.block_on(receiver).unwrap().unwrap(), expected);
            }
        }
    });
}

#[test]
fn halves_live_on_threads_without_a_runtime() {
    guarded(|| {
        let (reader, writer) = simplex(100);
        let sent = bytes(1, 1 << 20);
        let expected = sent.clone();
        let sender =
            std::thread::spawn(move || futures_lite::future::block_on(send(writer, sent, 1)));
        let received = futures_lite::future::block_on(receive(reader, 2)).unwrap();
        sender.join().unwrap().unwrap();
        assert!(received == expected);
    });
}

#[test]
fn end_of_a_stream_comes_after_its_bytes_and_leaves_the_way_back_open() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            for closes in [true, false] {
                let (mut here, there) = duplex(64);
                let (mut reader, mut writer) = there.into_split();
                writer.write_all(b"last words").await.unwrap();
                if closes {
                    writer.close().await.unwrap();
                    writer.close().await.unwrap();
                    let error = writer.write(b"more").await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                    assert!(error.to_string().contains("closed"), "{error}");
                    assert_eq!(writer.write(b"").await.unwrap(), 0);
                } else {
                    drop(writer);
                }
                let mut text = String::new();
                here.read_to_string(&mut text).await.unwrap();
                assert_eq!(text, "last words");
                for _ in 0..3 {
                    assert_eq!(here.read(&mut [0; 8]).await.unwrap(), 0);
                }
                here.write_all(b"answer").await.unwrap();
                drop(here);
                text.clear();
                reader.read_to_string(&mut text).await.unwrap();
                assert_eq!(text, "answer");
            }
        });
    });
}

#[test]
fn write_to_a_dropped_peer_is_a_broken_pipe_also_when_it_waits() {
    on_each_flavor(|runtime| {
        let (mut here, there) = duplex(4);
        let waiting = Event::new();
        let waits = waiting.clone();
        let writer = runtime.spawn(async move {
            here.write_all(b"1234").await.unwrap();
            waits.set();
            let waited = here.write(b"5").await.unwrap_err();
            let later = here.write_vectored(&[IoSlice::new(b"6")]).await;
            assert_eq!(later.unwrap_err().kind(), ErrorKind::BrokenPipe);
            // Nothing is no error, as with a socket.
            assert_eq!(here.write(b"").await.unwrap(), 0);
            assert_eq!(here.write_vectored(&[]).await.unwrap(), 0);
            // What the peer had not sent is not an error either.
            assert_eq!(here.read(&mut [0]).await.unwrap(), 0);
            waited
        });
        runtime.block_on(waiting.wait());
        drop(there);
        let error = runtime.block_on(writer).unwrap();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(error.to_string().contains("dropped"), "{error}");
    });
}

/// #8353: an empty vectored write on a simplex stream, and what else moves nothing, when the pipe is empty, full or dead.
#[test]
fn nothing_is_moved_at_once() {
    let nothing = [IoSlice::new(&[]), IoSlice::new(&[])];
    let (mut reader, mut writer) = simplex(2);
    let is_nothing = |result| matches!(result, Poll::Ready(Ok(0)));
    let check = |reader: &mut SimplexReader, writer: &mut SimplexWriter| {
        assert!(is_nothing(poll_once(&mut reader.read(&mut []))));
        assert!(is_nothing(poll_once(&mut writer.write(&[]))));
        assert!(is_nothing(poll_once(&mut writer.write_vectored(&[]))));
        assert!(is_nothing(poll_once(&mut writer.write_vectored(&nothing))));
    };
    check(&mut reader, &mut writer);
    assert!(poll_once(&mut reader.read(&mut [0])).is_pending());
    assert!(poll_once(&mut writer.write(b"abc")).is_ready());
    assert!(poll_once(&mut writer.write(b"c")).is_pending());
    check(&mut reader, &mut writer);
    let mut both = [0; 3];
    assert!(matches!(
        poll_once(&mut reader.read(&mut both)),
        Poll::Ready(Ok(2))
    ));
    assert_eq!(&both, b"ab\0");
    drop(reader);
    assert!(is_nothing(poll_once(&mut writer.write_vectored(&nothing))));
    assert!(poll_once(&mut writer.flush()).is_ready());
}

#[test]
fn full_pipe_takes_no_more_than_its_limit() {
    let (mut reader, mut writer) = simplex(1000);
    let big = vec![7; 5000];
    assert!(matches!(
        poll_once(&mut writer.write(&big)),
        Poll::Ready(Ok(1000))
    ));
    assert!(poll_once(&mut writer.write(&big)).is_pending());
    assert!(matches!(
        poll_once(&mut reader.read(&mut [0; 300])),
        Poll::Ready(Ok(300))
    ));
    let slices = [IoSlice::new(&big[..200]), IoSlice::new(&big)];
    assert!(matches!(
        poll_once(&mut writer.write_vectored(&slices)),
        Poll::Ready(Ok(300))
    ));
    assert!(poll_once(&mut writer.write(&big)).is_pending());
    assert!(format!("{reader:?} {writer:?}").contains("buffered: 1000"));
}

#[test]
fn buffer_of_nothing_is_refused_with_a_reason() {
    let error = std::panic::catch_unwind(|| duplex(0)).unwrap_err();
    let text = common::text(&*error);
    assert!(text.contains("use 1 or more"), "{text}");
}

/// #4478: a task whose streams are always ready kept its worker for itself.
#[test]
fn streams_that_are_always_ready_let_others_run() {
    on_each_flavor(|runtime| {
        let stop = Arc::new(AtomicBool::new(false));
        let until = |mut once: Box<dyn FnMut() -> Pending + Send>| {
            let stop = stop.clone();
            runtime.spawn(async move {
                while !stop.load(SeqCst) {
                    once().await;
                }
            })
        };
        type Pending = Pin<Box<dyn Future<Output = ()> + Send>>;
        let pair = || {
            let (here, there) = duplex(8);
            (Arc::new(here), Arc::new(there))
        };
        let tasks = [
            until(Box::new({
                let (here, there) = pair();
                move || {
                    let (here, there) = (here.clone(), there.clone());
                    Box::pin(async move {
                        (&*here).write_all(b"x").await.unwrap();
                        (&*there).read_exact(&mut [0]).await.unwrap();
                    })
                }
            })),
            until(Box::new({
                let (here, _) = pair();
                move || {
                    let here = here.clone();
                    Box::pin(async move {
                        assert_eq!((&*here).read(&mut [0]).await.unwrap(), 0);
                    })
                }
            })),
            until(Box::new({
                let (here, there) = pair();
                move || {
                    let (here, _open) = (here.clone(), there.clone());
                    Box::pin(async move {
                        assert_eq!((&*here).read(&mut []).await.unwrap(), 0);
                    })
                }
            })),
            until(Box::new({
                let (here, there) = pair();
                move || {
                    let (here, _open) = (here.clone(), there.clone());
                    Box::pin(async move {
                        assert_eq!((&*here).write(&[]).await.unwrap(), 0);
                    })
                }
            })),
            until(Box::new({
                let (here, _) = pair();
                move || {
                    let here = here.clone();
                    Box::pin(async move {
                        (&*here).write(b"x").await.unwrap_err();
                    })
                }
            })),
        ];
        runtime
            .block_on(runtime.spawn(async move { stop.store(true, SeqCst) }))
            .unwrap();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
    });
}

/// More tasks than the waiters' bound, all on one end and in one direction, on both sides of the pipe.
#[test]
fn many_tasks_share_an_end() {
    on_each_flavor(|runtime| {
        const TASKS: usize = 50;
        let (here, there) = duplex(1);
        let (here, there) = (Arc::new(here), Arc::new(there));
        let sum = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..TASKS)
            .flat_map(|number| {
                let (here, there, sum) = (here.clone(), there.clone(), sum.clone());
                let reader = runtime.spawn(async move {
                    let mut byte = [0];
                    (&*there).read_exact(&mut byte).await.unwrap();
                    sum.fetch_add(byte[0] as usize, SeqCst);
                });
                let writer = runtime.spawn(async move {
                    (&*here).write_all(&[number as u8]).await.unwrap();
                });
                [reader, writer]
            })
            .collect();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
        assert_eq!(sum.load(SeqCst), TASKS * (TASKS - 1) / 2);
    });
}

#[test]
fn futures_that_were_dropped_leave_little_behind() {
    let (mut reader, mut writer) = simplex(16);
    let wakers: Vec<_> = (0..1000).map(|_| CountingWaker::new()).collect();
    for waker in &wakers {
        let mut buffer = [0];
        let mut read = reader.read(&mut buffer);
        let waker = waker.waker();
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut read).poll(&mut cx).is_pending());
        assert!(Pin::new(&mut read).poll(&mut cx).is_pending());
    }
    let kept = wakers.iter().filter(|waker| Arc::strong_count(waker) > 1);
    assert_eq!(kept.count(), 16);
    assert!(poll_once(&mut writer.write(b"x")).is_ready());
    // Each was woken once: by a later one, or by the byte.
    assert!(
        wakers
            .iter()
            .all(|waker| waker.wakes() == 1 && Arc::strong_count(waker) == 1)
    );
}

/// #7886, #8095: an end that was dropped kept the waker of its task for as long as the other end lived.
#[test]
fn dropped_end_keeps_no_waker() {
    let (here, there) = duplex(1);
    let waker = CountingWaker::new();
    let task = waker.waker();
    let mut cx = Context::from_waker(&task);
    assert!(
        Pin::new(&mut (&here))
            .poll_read(&mut cx, &mut [0])
            .is_pending()
    );
    assert!(Pin::new(&mut (&here)).poll_write(&mut cx, b"1").is_ready());
    assert!(
        Pin::new(&mut (&here))
            .poll_write(&mut cx, b"2")
            .is_pending()
    );
    // The test's, and the `Waker`'s; and two in the stream.
    assert_eq!(Arc::strong_count(&waker), 4);
    drop(here);
    assert_eq!(Arc::strong_count(&waker), 2);
    drop(there);
}

/// #5429: a waker that is cloned, woken or dropped goes back into the stream, whose lock must be free.
#[test]
fn waker_that_uses_the_stream_finds_it_unlocked() {
    struct Meddler(Arc<DuplexStream>, AtomicUsize);

    impl Meddler {
        fn meddle(&self) {
            self.1.fetch_add(1, SeqCst);
            assert!(format!("{:?}", self.0).contains("buffered"));
        }
    }

    impl Wake for Meddler {
        fn wake(self: Arc<Self>) {
            self.meddle();
        }
    }

    impl Drop for Meddler {
        fn drop(&mut self) {
            self.meddle();
        }
    }

    guarded(|| {
        let (here, there) = duplex(1);
        let (here, there) = (Arc::new(here), Arc::new(there));
        let count = |end: &Arc<DuplexStream>| Arc::new(Meddler(end.clone(), AtomicUsize::new(0)));
        let read = count(&here);
        let waker: Waker = read.clone().into();
        let mut cx = Context::from_waker(&waker);
        let mut byte = [0];
        assert!(
            Pin::new(&mut &*here)
                .poll_read(&mut cx, &mut byte)
                .is_pending()
        );
        assert!(poll_once(&mut (&*there).write(b"x")).is_ready());
        assert_eq!(read.1.load(SeqCst), 1);
        assert!(
            Pin::new(&mut &*here)
                .poll_read(&mut cx, &mut byte)
                .is_ready()
        );
        // The last reference to a waker goes with the peer's end.
        assert!(
            Pin::new(&mut &*here)
                .poll_read(&mut cx, &mut byte)
                .is_pending()
        );
        drop(waker);
        drop(read);
        drop(there);
        assert_eq!(
            poll_once(&mut (&*here).read(&mut byte)).map(Result::unwrap),
            Poll::Ready(0)
        );
        drop(here);
    });
}

/// A burst takes the memory that it needs and no more than the limit, and gives it back when the reader waits.
#[test]
fn memory_follows_the_bytes() {
    let before = held();
    let (mut reader, mut writer) = simplex(1 << 20);
    assert!(
        held() - before < 400,
        "{} bytes for an empty pipe",
        held() - before
    );
    let burst = vec![1; 3 << 20];
    let mut into = vec![0; 1 << 20];
    let start = held();
    for _ in 0..3 {
        assert!(matches!(poll_once(&mut writer.write(&burst)), Poll::Ready(Ok(n)) if n == 1 << 20));
        let full = held() - start;
        assert!(
            (1 << 20..=1 << 20).contains(&full),
            "{full} bytes for a full pipe"
        );
        assert!(
            matches!(poll_once(&mut reader.read(&mut into)), Poll::Ready(Ok(n)) if n == 1 << 20)
        );
        assert!(poll_once(&mut reader.read(&mut into)).is_pending());
        assert!(held() - start <= 512, "{} bytes kept", held() - start);
    }
    // Byte for byte up to the limit: it grows, and stays below twice what is in it.
    for count in 1..=10_000 {
        assert!(poll_once(&mut writer.write(b"x")).is_ready());
        assert!(
            held() - start <= (2 * count).max(64),
            "{} bytes for {count}",
            held() - start
        );
    }
    drop(reader);
    assert!(held() - start <= 0, "the reader takes the bytes along");
    drop(writer);
    drop((burst, into));
    assert_eq!(held(), before);
}

/// A read or write that is given up has moved nothing.
#[test]
fn dropped_futures_lose_no_bytes() {
    on_each_flavor(|runtime| {
        let (here, there) = duplex(3);
        let sent = bytes(9, 5000);
        let expected = sent.clone();
        let turn: Arc<Mutex<Random>> = Arc::new(Mutex::new(Random::new(4)));
        let writer = runtime.spawn({
            let turn = turn.clone();
            async move {
                let mut rest = &sent[..];
                while !rest.is_empty() {
                    let dice = turn.lock().unwrap().below(2);
                    let mut stream = &here;
                    let mut write = stream.write(rest);
                    let result = match dice {
                        0 => futures_lite::future::poll_once(&mut write).await,
                        _ => Some(write.await),
                    };
                    if let Some(count) = result {
                        rest = &rest[count.unwrap()..];
                    }
                    filch::task::yield_now().await;
                }
            }
        });
        let reader = runtime.spawn(async move {
            let mut all = Vec::new();
            loop {
                let mut buffer = [0; 2];
                let dice = turn.lock().unwrap().below(2);
                let mut stream = &there;
                let mut read = stream.read(&mut buffer);
                let result = match dice {
                    0 => futures_lite::future::poll_once(&mut read).await,
                    _ => Some(read.await),
                };
                match result {
                    Some(count) => match count.unwrap() {
                        0 => break all,
                        count => all.extend_from_slice(&buffer[..count]),
                    },
                    None => filch::task::yield_now().await,
                }
            }
        });
        runtime.block_on(writer).unwrap();
        assert!(runtime.block_on(reader).unwrap() == expected);
    });
}

#[test]
fn streams_go_between_threads() {
    fn is_send_and_sync<T: Send + Sync + Unpin + 'static>() {}
    is_send_and_sync::<DuplexStream>();
    is_send_and_sync::<SimplexReader>();
    is_send_and_sync::<SimplexWriter>();
    // In a static, where only a reference is left.
    static END: OnceLock<DuplexStream> = OnceLock::new();
    let (here, mut there) = duplex(8);
    END.set(here).unwrap();
    guarded(move || {
        let thread = std::thread::spawn(|| {
            filch::block_on(async { END.get().unwrap().write_all(b"static").await })
        });
        let mut text = [0; 6];
        filch::block_on(async { there.read_exact(&mut text).await }).unwrap();
        assert_eq!(&text, b"static");
        thread.join().unwrap().unwrap();
    });
}

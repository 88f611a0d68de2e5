//! Copying between streams: all bytes and their number, both ends' ends, fairness, and what a copy that waits keeps.
#![cfg(not(any(loom, shuttle)))]

mod common;

use common::{PerThread, Random, guarded, held, on_each_flavor, poll_once, text};
use filch::io::{
    self, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
    BufWriter, Cursor, DuplexStream, ErrorKind, SimplexReader, SimplexWriter, copy,
    copy_bidirectional, copy_bidirectional_with_sizes, duplex,
};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};

#[global_allocator]
static ALLOCATOR: PerThread = PerThread;

fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..len).map(|_| random.next() as u8).collect()
}

/// What comes until the end. futures-lite's `read_to_end` zeroes all that its vector has to spare at each poll.
async fn all_of(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match reader.read(&mut buffer).await.unwrap() {
            0 => return all,
            count => all.extend_from_slice(&buffer[..count]),
        }
    }
}

/// A stream that does what it is told, one step at each call, knows no budget, and is never pending.
#[derive(Default)]
struct Scripted {
    reads: VecDeque<io::Result<usize>>,
    writes: VecDeque<io::Result<usize>>,
    flushes: usize,
    is_closed: bool,
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let result = self.reads.pop_front().unwrap_or(Ok(0));
        if let Ok(count) = result {
            let count = count.min(buffer.len());
            buffer[..count].fill(b'x');
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.writes.pop_front().unwrap_or(Ok(buffer.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        assert!(self.flushes > 0, "flushed before it is closed");
        self.is_closed = true;
        Poll::Ready(Ok(()))
    }
}

fn reads(results: impl IntoIterator<Item = io::Result<usize>>) -> Scripted {
    Scripted {
        reads: results.into_iter().collect(),
        ..Scripted::default()
    }
}

fn writes(results: impl IntoIterator<Item = io::Result<usize>>) -> Scripted {
    Scripted {
        writes: results.into_iter().collect(),
        ..Scripted::default()
    }
}

fn interrupted() -> io::Result<usize> {
    Err(ErrorKind::Interrupted.into())
}

#[test]
fn echo_through_a_reference_gives_all_back() {
    on_each_flavor(|runtime| {
        let (client, server) = duplex(100);
        let (from, mut to) = client.into_split();
        let echo = runtime.spawn(async move { copy(&server, &server).await });
        let sent = bytes(1, 300_000);
        let expected = sent.clone();
        let writer = runtime.spawn(async move { to.write_all(&sent).await });
        let received = runtime.block_on(all_of(from));
        runtime.block_on(writer).unwrap().unwrap();
        assert!(received == expected);
        assert_eq!(runtime.block_on(echo).unwrap().unwrap(), 300_000);
    });
}

/// Bytes, and their end, go through a row of proxies in both directions, whatever the sizes of the pipes between.
#[test]
fn row_of_proxies_passes_everything_on() {
    on_each_flavor(|runtime| {
        for (a_limit, b_limit, size) in [(1, 1, 1), (7, 100, 3), (70_000, 5_000, 100_000)] {
            let (client, a) = duplex(a_limit);
            let (b, c) = duplex(b_limit);
            let (d, server) = duplex(a_limit);
            let proxies = [
                runtime.spawn(async move { copy_bidirectional(a, b).await }),
                runtime.spawn(async move {
                    let (mut c, mut d) = (c, d);
                    copy_bidirectional_with_sizes(&mut c, &mut d, size, size * 2).await
                }),
            ];
            let (up, down) = if a_limit < 10 {
                (2000, 3000)
            } else {
                (200_000, 300_000)
            };
            let ends = [(client, up), (server, down)].map(|(stream, len)| {
                let (reader, mut writer) = stream.into_split();
                let sender = runtime.spawn(async move {
                    writer.write_all(&bytes(len, len as usize)).await?;
                    writer.close().await
                });
                let receiver = runtime.spawn(all_of(reader));
                (sender, receiver)
            });
            for ((sender, receiver), len) in ends.into_iter().zip([down, up]) {
                runtime.block_on(sender).unwrap().unwrap();
                let received = runtime.block_on(receiver).unwrap();
                assert!(received == bytes(len, len as usize));
            }
            for proxy in proxies {
                let counts = runtime.block_on(proxy).unwrap().unwrap();
                assert_eq!(counts, (up, down));
            }
        }
    });
}

/// Half a connection ends: the other stream sees it at once, and the way back goes on.
#[test]
fn half_close_is_passed_on() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let (mut client, front) = duplex(64);
            let (back, mut server) = duplex(64);
            let proxy = filch::spawn(async move { copy_bidirectional(&front, &back).await });
            client.write_all(b"one").await.unwrap();
            client.close().await.unwrap();
            let mut text = String::new();
            server.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "one");
            for word in [b"two", b"six"] {
                server.write_all(word).await.unwrap();
                let mut answer = [0; 3];
                client.read_exact(&mut answer).await.unwrap();
                assert_eq!(&answer, word);
            }
            assert!(!proxy.is_finished());
            server.close().await.unwrap();
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
            assert_eq!(proxy.await.unwrap().unwrap(), (3, 6));
        });
    });
}

/// A stream with a buffer before its writing half, as one of TLS has.
struct Buffered(SimplexReader, BufWriter<SimplexWriter>);

impl Buffered {
    fn new(stream: DuplexStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self(reader, BufWriter::new(writer))
    }
}

impl AsyncRead for Buffered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Buffered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.1).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.1).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.1).poll_close(cx)
    }
}

/// A request in a `BufWriter` must get to the peer while the reader waits for the next one: futures-lite's copy keeps it.
#[test]
fn writer_is_flushed_when_the_reader_waits() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let (mut client, front) = duplex(64);
            let (back, server) = duplex(64);
            let back = Buffered::new(back);
            let proxy = filch::spawn(copy_bidirectional(front, back));
            let mut server = BufReader::new(server);
            for line in ["first\n", "second\n"] {
                client.write_all(line.as_bytes()).await.unwrap();
                let mut text = String::new();
                server.read_line(&mut text).await.unwrap();
                assert_eq!(text, line);
            }
            drop((client, server));
            assert_eq!(proxy.await.unwrap().unwrap(), (13, 0));

            let (mut from, mut to) = (duplex(8), duplex(8));
            let one_way = filch::spawn(copy(from.1, BufWriter::new(to.0)));
            from.0.write_all(b"!").await.unwrap();
            to.1.read_exact(&mut [0]).await.unwrap();
            drop(from.0);
            assert_eq!(one_way.await.unwrap().unwrap(), 1);
        });
    });
}

#[test]
fn interrupted_calls_are_made_again() {
    let reader = reads([interrupted(), Ok(5), interrupted(), interrupted(), Ok(3)]);
    let mut writer = writes([interrupted(), Ok(1), interrupted(), Ok(4), Ok(2), Ok(1)]);
    let mut copied = Box::pin(copy(reader, &mut writer));
    assert_eq!(poll_once(&mut copied).map(Result::unwrap), Poll::Ready(8));
    drop(copied);
    assert!(writer.writes.is_empty());
    assert_eq!(writer.flushes, 1);
    assert!(!writer.is_closed, "a copy leaves the writer open");
}

#[test]
fn errors_end_a_copy_at_once() {
    let error = |result: Poll<io::Result<u64>>| match result {
        Poll::Ready(Err(error)) => error,
        other => panic!("{other:?}"),
    };
    let refused = || Err(ErrorKind::ConnectionReset.into());
    let mut failing = Box::pin(copy(reads([Ok(1), refused()]), io::sink()));
    assert_eq!(
        error(poll_once(&mut failing)).kind(),
        ErrorKind::ConnectionReset
    );
    let mut failing = Box::pin(copy(io::repeat(1), writes([Ok(5), refused()])));
    assert_eq!(
        error(poll_once(&mut failing)).kind(),
        ErrorKind::ConnectionReset
    );
    let mut failing = Box::pin(copy(io::repeat(1), writes([Ok(0)])));
    let zero = error(poll_once(&mut failing));
    assert_eq!(zero.kind(), ErrorKind::WriteZero);
    assert!(zero.to_string().contains("took none"), "{zero}");

    // One direction's error ends both, while the other still waits.
    let (idle, _peer) = duplex(1);
    let mut failing = Box::pin(copy_bidirectional(reads([refused()]), idle));
    let ended = poll_once(&mut failing).map(|result| result.unwrap_err().kind());
    assert_eq!(ended, Poll::Ready(ErrorKind::ConnectionReset));
}

#[test]
fn both_writers_are_closed_at_the_end_and_once() {
    let (mut a, mut b) = (reads([Ok(2)]), reads([Ok(3)]));
    let mut both = Box::pin(copy_bidirectional(&mut a, &mut b));
    assert_eq!(
        poll_once(&mut both).map(Result::unwrap),
        Poll::Ready((2, 3))
    );
    drop(both);
    assert!(a.is_closed && b.is_closed);
    assert_eq!((a.flushes, b.flushes), (1, 1));
}

#[test]
fn streams_that_lie_are_found_out() {
    for (reader, writer, says) in [
        (
            reads([Ok(usize::MAX)]),
            Scripted::default(),
            "a reader says",
        ),
        (reads([Ok(4)]), writes([Ok(5)]), "a writer says"),
    ] {
        let mut copied = Box::pin(copy(reader, writer));
        let error = catch_unwind(AssertUnwindSafe(|| poll_once(&mut copied))).unwrap_err();
        assert!(text(&*error).contains(says), "{}", text(&*error));
    }
    let error = catch_unwind(|| copy_bidirectional_with_sizes(io_pair(), io_pair(), 1, 0));
    let error = error.err().expect("a buffer of nothing is refused");
    assert!(text(&*error).contains("use 1 or more"));
}

fn io_pair() -> DuplexStream {
    duplex(1).0
}

/// #4300, #6221, and the like: streams that are always ready, with a budget of their own or without, kept the worker.
#[test]
fn endless_copies_let_others_run() {
    /// Always ready, and knows no budget, as streams from elsewhere.
    struct Endless;

    impl AsyncRead for Endless {
        fn poll_read(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buffer.len().min(100)))
        }
    }

    impl AsyncWrite for Endless {
        fn poll_write(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buffer: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buffer.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let copies = [
                filch::spawn(async { copy(io::repeat(1), io::sink()).await }),
                filch::spawn(async { copy(Endless, Endless).await }),
                filch::spawn(async { copy(Endless.chain(io::empty()), io::sink()).await }),
                filch::spawn(async { copy_bidirectional(Endless, Endless).await.map(|(a, _)| a) }),
                filch::spawn(async {
                    loop {
                        assert_eq!(io::empty().read(&mut [0]).await?, 0);
                    }
                }),
                filch::spawn(async {
                    let mut empty = io::empty();
                    loop {
                        assert_eq!(empty.fill_buf().await?, b"");
                    }
                }),
                filch::spawn(async {
                    let mut empty = io::empty();
                    loop {
                        assert_eq!(empty.read_line(&mut String::new()).await?, 0);
                    }
                }),
                filch::spawn(async {
                    loop {
                        io::sink().write_all(b"x").await?;
                    }
                }),
            ];
            for _ in 0..3 {
                filch::spawn(async {}).await.unwrap();
                filch::task::yield_now().await;
            }
            for copied in copies {
                assert!(!copied.is_finished());
                copied.abort();
                assert!(copied.await.unwrap_err().is_cancelled());
            }
        });
    });
}

/// #4612, for copies: a direction that is never done used up the whole budget in each poll, and the other one never came
/// to its turn.
#[test]
fn flood_one_way_leaves_the_other_its_turn() {
    on_each_flavor(|runtime| {
        let (mut answer, back) = duplex(16);
        let stop = Arc::new(AtomicBool::new(false));

        /// Reads for ever; writes to a stream.
        struct Flood(DuplexStream, Arc<AtomicBool>);

        impl AsyncRead for Flood {
            fn poll_read(
                self: Pin<&mut Self>,
                _cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                let count = if self.1.load(SeqCst) { 0 } else { buffer.len() };
                Poll::Ready(Ok(count))
            }
        }

        impl AsyncWrite for Flood {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_write(cx, buffer)
            }

            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_close(cx)
            }
        }

        /// Takes everything, has a few words to say, and ends the flood with the last.
        struct Quiet(Cursor<&'static [u8]>, Arc<AtomicBool>);

        impl AsyncRead for Quiet {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.1.store(self.0.position() >= 10, SeqCst);
                Pin::new(&mut self.0).poll_read(cx, &mut buffer[..1])
            }
        }

        impl AsyncWrite for Quiet {
            fn poll_write(
                self: Pin<&mut Self>,
                _cx: &mut Context<'_>,
                buffer: &[u8],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(Ok(buffer.len()))
            }

            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }

        let flood = Flood(back, stop.clone());
        let quiet = Quiet(Cursor::new(b"a few words"), stop);
        let copied = runtime.spawn(copy_bidirectional(flood, quiet));
        let mut text = String::new();
        runtime
            .block_on(async { answer.read_to_string(&mut text).await })
            .unwrap();
        assert_eq!(text, "a few words");
        let (flooded, said) = runtime.block_on(copied).unwrap().unwrap();
        assert_eq!(said, 11);
        let polls = flooded / (128 * (32 << 10));
        assert!(
            (1..=4).contains(&polls),
            "{polls} polls of the flood before the words"
        );
    });
}

/// A copy that waits for its reader has no buffer; all of a thread share one.
#[test]
fn copies_that_wait_for_bytes_have_no_buffer() {
    let mut pairs: Vec<_> = (0..1000).map(|_| (duplex(64), duplex(64))).collect();
    let (from, to): (Vec<_>, Vec<_>) = pairs.drain(..).unzip();
    let (mut clients, fronts): (Vec<_>, Vec<_>) = from.into_iter().unzip();
    let (backs, mut servers): (Vec<_>, Vec<_>) = to.into_iter().unzip();
    let before = held();
    let mut copies: Vec<_> = fronts
        .into_iter()
        .zip(backs)
        .map(|(front, back)| Box::pin(copy_bidirectional(front, back)))
        .collect();
    for round in 0..3 {
        for ((copied, client), server) in copies.iter_mut().zip(&mut clients).zip(&mut servers) {
            assert!(poll_once(copied).is_pending());
            if round > 0 {
                let mut got = [0; 2];
                assert!(poll_once(&mut client.write(b"hi")).is_ready());
                assert!(poll_once(copied).is_pending());
                assert!(poll_once(&mut server.read(&mut got)).is_ready());
                assert_eq!(&got, b"hi");
            }
        }
        let each = (held() - before) / 1000;
        assert!(
            each < 600,
            "{each} bytes for a connection that says nothing"
        );
    }
}

/// A writer that takes nothing for now stops the reader: no more than one buffer is on its way.
#[test]
fn stalled_writer_stops_the_reader() {
    for size in [100, 32 << 10] {
        let (mut source, front) = duplex(1 << 20);
        let (back, mut target) = duplex(50);
        let data = bytes(2, 200_000);
        assert!(matches!(
            poll_once(&mut source.write(&data)),
            Poll::Ready(Ok(200_000))
        ));
        let mut copied = Box::pin(copy_bidirectional_with_sizes(front, back, size, 1));
        for _ in 0..10 {
            assert!(poll_once(&mut copied).is_pending());
        }
        let left = format!("{source:?}");
        let on_the_way = if size == 100 { 100 } else { 32 << 10 };
        assert!(
            left.contains(&format!("buffered: {}", 200_000 - on_the_way)),
            "{left}"
        );
        // And goes on when there is room.
        let mut received = Vec::new();
        let mut chunk = [0; 50];
        while received.len() < data.len() {
            match poll_once(&mut target.read(&mut chunk)) {
                Poll::Ready(count) => received.extend_from_slice(&chunk[..count.unwrap()]),
                Poll::Pending => assert!(poll_once(&mut copied).is_pending()),
            }
        }
        assert!(received == data);
    }
}

/// What a copy that is given up has not read is still there, in order.
#[test]
fn streams_outlive_a_copy_that_is_dropped() {
    guarded(|| {
        filch::block_on(async {
            let ((mut client, front), (back, mut server)) = (duplex(64), duplex(64));
            {
                let mut copied = pin!(copy_bidirectional(&front, &back));
                assert!(futures_lite::future::poll_once(&mut copied).await.is_none());
                client.write_all(b"one").await.unwrap();
                assert!(futures_lite::future::poll_once(&mut copied).await.is_none());
            }
            client.write_all(b"two").await.unwrap();
            client.close().await.unwrap();
            server.close().await.unwrap();
            assert_eq!(copy_bidirectional(&front, &back).await.unwrap(), (3, 0));
            let mut text = String::new();
            server.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "onetwo");
        });
    });
}

/// A copy inside the reader of a copy: the buffer that the outer one has borrowed is not lent twice.
#[test]
fn copies_nest() {
    struct Nested(Cursor<Vec<u8>>);

    impl AsyncRead for Nested {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            buffer.fill(b'o');
            let inner: Vec<u8> = vec![b'i'; 40_000];
            let mut taken = Vec::new();
            let mut copied = Box::pin(copy(&inner[..], &mut taken));
            assert_eq!(
                poll_once(&mut copied).map(Result::unwrap),
                Poll::Ready(40_000)
            );
            drop(copied);
            assert!(taken == inner);
            assert!(buffer.iter().all(|byte| *byte == b'o'));
            Pin::new(&mut self.0).poll_read(cx, buffer)
        }
    }

    let data = bytes(3, 100_000);
    let mut taken = Vec::new();
    let mut copied = Box::pin(copy(Nested(Cursor::new(data.clone())), &mut taken));
    assert_eq!(
        poll_once(&mut copied).map(Result::unwrap),
        Poll::Ready(100_000)
    );
    drop(copied);
    assert!(taken == data);
}

/// The same over sockets of the loopback: a client, a proxy, and a server that echoes with one line.
#[test]
fn proxy_between_sockets_passes_bytes_and_their_ends() {
    use filch::net::{TcpListener, TcpStream};

    on_each_flavor(|runtime| {
        runtime.block_on(async {
            const CLIENTS: usize = 20;
            let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (behind, address) = (server.local_addr().unwrap(), proxy.local_addr().unwrap());
            let server = filch::spawn(async move {
                let mut echoes = Vec::new();
                for _ in 0..CLIENTS {
                    let (stream, _) = server.accept().await.unwrap();
                    echoes.push(filch::spawn(async move { copy(&stream, &stream).await }));
                }
                for echo in echoes {
                    assert_eq!(echo.await.unwrap().unwrap(), 300_000);
                }
            });
            let proxy = filch::spawn(async move {
                let mut ways = Vec::new();
                for _ in 0..CLIENTS {
                    let (front, _) = proxy.accept().await.unwrap();
                    let back = TcpStream::connect(behind).await.unwrap();
                    ways.push(filch::spawn(copy_bidirectional(front, back)));
                }
                for way in ways {
                    assert_eq!(way.await.unwrap().unwrap(), (300_000, 300_000));
                }
            });
            let clients: Vec<_> = (0..CLIENTS as u64)
                .map(|seed| {
                    filch::spawn(async move {
                        let sent = bytes(seed, 300_000);
                        let expected = sent.clone();
                        let stream = Arc::new(TcpStream::connect(address).await.unwrap());
                        let other = stream.clone();
                        let writer = filch::spawn(async move {
                            (&*other).write_all(&sent).await.unwrap();
                            (&*other).close().await.unwrap();
                        });
                        let received = all_of(&*stream).await;
                        writer.await.unwrap();
                        assert!(received == expected);
                    })
                })
                .collect();
            for task in clients.into_iter().chain([server, proxy]) {
                task.await.unwrap();
            }
        });
    });
}

/// `&[u8]`, `Vec`, `Cursor`, `Take`, `Chain`, by value and by reference: whatever has the traits.
#[test]
fn anything_that_reads_is_copied_to_anything_that_writes() {
    guarded(|| {
        filch::block_on(async {
            let mut taken = Vec::new();
            let reader = (&b"ab"[..])
                .chain(Cursor::new("cdef"))
                .chain(io::repeat(b'!'))
                .take(8);
            assert_eq!(copy(reader, &mut taken).await.unwrap(), 8);
            assert_eq!(taken, b"abcdef!!");
            let boxed: Pin<Box<dyn AsyncRead + Send>> = Box::pin(&b"boxed"[..]);
            assert_eq!(copy(boxed, io::sink()).await.unwrap(), 5);
            assert_eq!(copy(io::empty(), io::sink()).await.unwrap(), 0);
            // Half of a stream that has to be borrowed mutably.
            let (mut reader, mut writer) = io::split(duplex(8).0);
            let mut copied = Box::pin(copy(&mut reader, &mut writer));
            assert_eq!(poll_once(&mut copied).map(Result::unwrap), Poll::Ready(0));
        });
    });
}

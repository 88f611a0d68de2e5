//! The streams as the ecosystems see them: futures-io's traits, and with the features hyper's and tokio's.
#![cfg(not(any(loom, shuttle)))]

mod common;

#[cfg(feature = "hyper")]
use common::Event;
use common::{CountingWaker, guarded, on_each_flavor, poll_once};
use filch::io::{
    self, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt,
    Cursor, DuplexStream, ErrorKind, SeekFrom, SimplexReader, SimplexWriter, duplex, split,
};
#[cfg(feature = "tokio")]
use std::future::poll_fn;
use std::io::{IoSlice, IoSliceMut};
use std::pin::Pin;
use std::sync::Arc;
#[cfg(any(feature = "hyper", feature = "tokio"))]
use std::task::Waker;
use std::task::{Context, Poll};

#[test]
fn streams_have_the_traits_of_futures_io_by_value_and_by_reference() {
    fn reads<T: AsyncRead + Unpin + Send + Sync>() {}
    fn writes<T: AsyncWrite + Unpin + Send + Sync>() {}
    reads::<DuplexStream>();
    reads::<&DuplexStream>();
    reads::<SimplexReader>();
    reads::<&SimplexReader>();
    reads::<io::Empty>();
    reads::<io::Repeat>();
    writes::<DuplexStream>();
    writes::<&DuplexStream>();
    writes::<SimplexWriter>();
    writes::<&SimplexWriter>();
    writes::<io::Sink>();
    reads::<io::ReadHalf<DuplexStream>>();
    writes::<io::WriteHalf<DuplexStream>>();
}

#[test]
fn vectored_read_fills_the_first_buffer_that_has_room() {
    guarded(|| {
        filch::block_on(async {
            let (mut here, mut there) = duplex(16);
            there.write_all(b"abcdef").await.unwrap();
            let (mut none, mut some, mut more) = ([], [0; 4], [0; 4]);
            let mut buffers = [&mut none[..], &mut some, &mut more].map(IoSliceMut::new);
            assert_eq!(here.read_vectored(&mut buffers).await.unwrap(), 4);
            assert_eq!(&some, b"abcd");
            assert_eq!(here.read_vectored(&mut []).await.unwrap(), 0);
        });
    });
}

#[test]
fn streams_of_nothing_are_what_std_has() {
    guarded(|| {
        filch::block_on(async {
            let mut empty = io::empty();
            assert_eq!(empty.read(&mut [1; 4]).await.unwrap(), 0);
            assert_eq!(empty.fill_buf().await.unwrap(), b"");
            assert_eq!(empty.seek(SeekFrom::End(9)).await.unwrap(), 0);
            let mut text = String::new();
            assert_eq!(empty.read_line(&mut text).await.unwrap(), 0);

            let mut bytes = [0; 5];
            io::repeat(7).read_exact(&mut bytes).await.unwrap();
            assert_eq!(bytes, [7; 5]);

            let slices = [IoSlice::new(b"ab"), IoSlice::new(b"cde")];
            assert_eq!(io::sink().write_vectored(&slices).await.unwrap(), 5);
            io::sink().close().await.unwrap();
        });
    });
}

#[test]
fn halves_serve_two_tasks_and_come_together_again() {
    on_each_flavor(|runtime| {
        let (here, there) = duplex(5);
        let (mut reader, mut writer) = split(here);
        let echo = runtime.spawn(async move { io::copy(&there, &there).await });
        let sent: Vec<u8> = (0..5000_u32).map(|at| at as u8).collect();
        let expected = sent.clone();
        let send = runtime.spawn(async move {
            for chunk in sent.chunks(777) {
                let (front, back) = chunk.split_at(chunk.len() / 2);
                let mut buffers = &mut [IoSlice::new(front), IoSlice::new(back)][..];
                while !buffers.is_empty() {
                    let count = writer.write_vectored(buffers).await.unwrap();
                    IoSlice::advance_slices(&mut buffers, count);
                }
            }
            writer.close().await.unwrap();
            writer
        });
        let receive = runtime.spawn(async move {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).await.unwrap();
            (reader, all)
        });
        let writer = runtime.block_on(send).unwrap();
        let (reader, all) = runtime.block_on(receive).unwrap();
        assert!(all == expected);
        assert_eq!(runtime.block_on(echo).unwrap().unwrap(), 5000);
        assert!(reader.is_pair_of(&writer));
        let mut stream = reader.reunite(writer).unwrap();
        let closed = runtime.block_on(async { stream.write(b"x").await });
        assert_eq!(closed.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

/// #5375: halves of different streams were made into one.
#[test]
fn halves_of_different_streams_are_given_back() {
    let (a, b) = duplex(1);
    let ((a_reader, a_writer), (b_reader, b_writer)) = (split(a), split(b));
    let error = a_reader.reunite(b_writer).unwrap_err();
    assert!(
        error.to_string().contains("two different streams"),
        "{error}"
    );
    let io::NotAPair(a_reader, b_writer) = error;
    assert!(a_reader.reunite(a_writer).is_ok());
    assert!(b_reader.reunite(b_writer).is_ok());
}

/// A stream whose poll goes to the other half, as an executor does that polls in the middle of a wake-up: the half finds
/// the stream taken, waits, and is woken when it is back. A lock around the poll would have stood still here.
#[test]
fn half_that_finds_the_stream_in_use_is_woken() {
    type Other = Arc<std::sync::Mutex<Option<io::WriteHalf<Reentrant>>>>;

    struct Reentrant(Other, Arc<CountingWaker>);

    impl AsyncRead for Reentrant {
        fn poll_read(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            _buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            let mut writer = self
                .0
                .lock()
                .unwrap()
                .take()
                .expect("the test has put it there");
            let waker = self.1.waker();
            let written = Pin::new(&mut writer).poll_write(&mut Context::from_waker(&waker), b"x");
            assert!(written.is_pending());
            *self.0.lock().unwrap() = Some(writer);
            assert_eq!(self.1.wakes(), 0);
            Poll::Ready(Ok(0))
        }
    }

    impl AsyncWrite for Reentrant {
        fn poll_write(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buffer: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buffer.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            panic!("as the test wants it")
        }

        fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    guarded(|| {
        let (other, waker) = (Other::default(), CountingWaker::new());
        let (mut reader, writer) = split(Reentrant(other.clone(), waker.clone()));
        *other.lock().unwrap() = Some(writer);
        assert!(poll_once(&mut reader.read(&mut [0])).is_ready());
        assert_eq!(waker.wakes(), 1);
        let mut writer = other.lock().unwrap().take().unwrap();
        assert!(poll_once(&mut writer.write(b"x")).is_ready());
        // A panic puts the stream back, too.
        let flush = std::panic::AssertUnwindSafe(|| poll_once(&mut writer.flush()));
        std::panic::catch_unwind(flush).unwrap_err();
        assert!(poll_once(&mut writer.write(b"x")).is_ready());
    });
}

/// What futures-lite's adapters do at the edges, because they are filch's public API: #8251, #6080, #4428.
#[test]
fn adapters_keep_their_limits() {
    guarded(|| {
        filch::block_on(async {
            let mut chained = (&b"ab"[..]).chain(&b"cd"[..]);
            assert_eq!(chained.read(&mut []).await.unwrap(), 0);
            let mut text = String::new();
            chained.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "abcd", "a read of nothing is no end");

            let mut taken = io::repeat(1).take(u64::MAX);
            taken.read_exact(&mut [0; 100]).await.unwrap();
            assert_eq!(taken.limit(), u64::MAX - 100);
            taken.set_limit(3);
            let mut bytes = Vec::new();
            taken.read_to_end(&mut bytes).await.unwrap();
            assert_eq!(bytes, [1; 3]);

            let mut cursor = Cursor::new(vec![0; 2]);
            cursor.seek(SeekFrom::End(1)).await.unwrap();
            cursor.write_all(b"!").await.unwrap();
            assert_eq!(cursor.into_inner(), b"\0\0\0!");
        });
    });
}

#[cfg(feature = "hyper")]
mod for_hyper {
    use super::*;
    use filch::io::hyper::{FilchExecutor, FilchIo, FilchTimer};
    use filch::time::Instant;
    use http_body_util::{BodyExt, Empty, Full};
    use hyper::body::{Bytes, Incoming};
    use hyper::rt::{Executor, Read, ReadBuf, Sleep, Timer, Write};
    use hyper::service::service_fn;
    use hyper::{Request, Response, client, server};
    use std::convert::Infallible;
    use std::mem::MaybeUninit;
    use std::time::Duration;

    #[test]
    fn streams_and_adapters_fit() {
        fn streams<T: Read + Write + Unpin + Send + 'static>() {}
        streams::<DuplexStream>();
        fn reads<T: Read>() {}
        reads::<&DuplexStream>();
        reads::<SimplexReader>();
        reads::<io::Repeat>();
        fn writes<T: Write>() {}
        writes::<&DuplexStream>();
        writes::<SimplexWriter>();
        writes::<io::Sink>();
        fn sleeps<T: Sleep>() {}
        sleeps::<filch::time::Sleep>();
        assert!(Write::is_write_vectored(&duplex(1).0));
        assert!(Write::is_write_vectored(&&duplex(1).0));
    }

    #[test]
    fn uninitialised_buffer_is_filled_and_no_further_than_said() {
        let (mut here, mut there) = duplex(8);
        assert!(poll_once(&mut there.write(b"abc")).is_ready());
        let mut memory = [MaybeUninit::uninit(); 8];
        let mut buffer = ReadBuf::uninit(&mut memory);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Read::poll_read(Pin::new(&mut here), &mut cx, buffer.unfilled()).is_ready());
        assert_eq!(buffer.filled(), b"abc");
        // A second read goes on behind the first.
        assert!(Read::poll_read(Pin::new(&mut here), &mut cx, buffer.unfilled()).is_pending());
        assert!(poll_once(&mut there.write(b"defghij")).is_ready());
        assert!(Read::poll_read(Pin::new(&mut here), &mut cx, buffer.unfilled()).is_ready());
        assert_eq!(buffer.filled(), b"abcdefgh");
        // Full: a read of nothing.
        assert!(Read::poll_read(Pin::new(&mut here), &mut cx, buffer.unfilled()).is_ready());
        assert_eq!(buffer.filled().len(), 8);
    }

    async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let path = request.uri().path().to_string();
        let body = request
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        let answer = format!("{path}: {}", String::from_utf8_lossy(&body));
        Ok(Response::new(answer.into()))
    }

    /// Requests with bodies, one after the other on one connection, and many connections.
    #[test]
    fn http1_runs_over_a_stream() {
        on_each_flavor(|runtime| {
            let clients: Vec<_> = (0..20)
                .map(|number| {
                    runtime.spawn(async move {
                        let (here, there) = duplex(100);
                        let connection = server::conn::http1::Builder::new()
                            .timer(FilchTimer::new())
                            .serve_connection(there, service_fn(hello));
                        let server = filch::spawn(connection);
                        let (mut sender, connection) =
                            client::conn::http1::handshake(here).await.unwrap();
                        let connection = filch::spawn(connection);
                        for round in 0..5 {
                            sender.ready().await.unwrap();
                            let body = format!("{number} {round} ").repeat(500);
                            let request = Request::post(format!("/{round}"))
                                .body(body.clone())
                                .unwrap();
                            let answer = sender.send_request(request).await.unwrap();
                            let answer = answer.into_body().collect().await.unwrap();
                            assert_eq!(answer.to_bytes(), format!("/{round}: {body}"));
                        }
                        drop(sender);
                        connection.await.unwrap().unwrap();
                        server.await.unwrap().unwrap();
                    })
                })
                .collect();
            for client in clients {
                runtime.block_on(client).unwrap();
            }
        });
    }

    /// Over a socket, against a client that knows nothing of hyper.
    #[test]
    fn http1_is_served_on_a_socket() {
        on_each_flavor(|runtime| {
            let listener = runtime
                .block_on(filch::net::TcpListener::bind("127.0.0.1:0"))
                .unwrap();
            let address = listener.local_addr().unwrap();
            let server = runtime.spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                server::conn::http1::Builder::new()
                    .timer(FilchTimer::new())
                    .serve_connection(stream, service_fn(hello))
                    .await
            });
            let client = std::thread::spawn(move || {
                use std::io::{Read, Write};
                let mut stream = std::net::TcpStream::connect(address).unwrap();
                stream
                    .write_all(b"GET /path HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
                    .unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer
            });
            runtime.block_on(server).unwrap().unwrap();
            let answer = client.join().unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert!(answer.ends_with("\r\n\r\n/path: "), "{answer}");
        });
    }

    /// A stream that hyper does not know, read in pieces that are smaller than its buffer and larger than ours.
    #[test]
    fn foreign_streams_run_through_the_adapter() {
        on_each_flavor(|runtime| {
            runtime.block_on(async {
                let (here, there) = duplex(100_000);
                let there: Pin<Box<dyn Both>> = Box::pin(there);
                let mut builder = server::conn::http1::Builder::new();
                builder.timer(FilchTimer::new()).max_buf_size(1 << 20);
                let server = builder.serve_connection(FilchIo::new(there), service_fn(hello));
                let server = filch::spawn(server);
                let (mut sender, connection) = client::conn::http1::handshake(FilchIo::new(here))
                    .await
                    .unwrap();
                let connection = filch::spawn(connection);
                for size in [0, 1, 70_000, 500_000] {
                    sender.ready().await.unwrap();
                    let body = "b".repeat(size);
                    let request = Request::post("/").body(body.clone()).unwrap();
                    let answer = sender.send_request(request).await.unwrap();
                    let answer = answer.into_body().collect().await.unwrap().to_bytes();
                    assert!(answer == format!("/: {body}"), "{} bytes", answer.len());
                }
                drop(sender);
                connection.await.unwrap().unwrap();
                server.await.unwrap().unwrap();
            });
        });

        let mut memory = [MaybeUninit::uninit(); 8];
        let mut buffer = ReadBuf::uninit(&mut memory);
        let mut stream = FilchIo::new(Cursor::new(b"abc"));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Read::poll_read(Pin::new(&mut stream), &mut cx, buffer.unfilled()).is_ready());
        assert_eq!(buffer.filled(), b"abc");
        assert_eq!(stream.get_ref().position(), 3);
        stream.get_mut().set_position(2);
        assert_eq!(stream.into_inner().position(), 2);
    }

    trait Both: AsyncRead + AsyncWrite + Send {}

    impl<T: AsyncRead + AsyncWrite + Send> Both for T {}

    /// A client that sends half a header is cut off by filch's timer.
    #[test]
    fn header_read_timeout_is_kept() {
        on_each_flavor(|runtime| {
            runtime.block_on(async {
                let (mut here, there) = duplex(1000);
                let start = Instant::now();
                let server = server::conn::http1::Builder::new()
                    .timer(FilchTimer::new())
                    .header_read_timeout(Duration::from_millis(20))
                    .serve_connection(there, service_fn(hello));
                let server = filch::spawn(server);
                here.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
                let error = server.await.unwrap().unwrap_err();
                assert!(error.is_timeout(), "{error:?}");
                assert!(start.elapsed() >= Duration::from_millis(20));
                // A request in time is answered, and the next header's time begins anew.
                let (here, there) = duplex(1000);
                let server = server::conn::http1::Builder::new()
                    .timer(FilchTimer::new())
                    .header_read_timeout(Duration::from_secs(3600))
                    .serve_connection(there, service_fn(hello));
                let server = filch::spawn(server);
                let (mut sender, connection) = client::conn::http1::handshake(here).await.unwrap();
                filch::spawn(connection).detach();
                for _ in 0..3 {
                    sender.ready().await.unwrap();
                    let request = Request::new(Empty::<Bytes>::new());
                    let answer = sender.send_request(request).await.unwrap();
                    assert_eq!(answer.collect().await.unwrap().to_bytes(), "/: ");
                }
                drop(sender);
                server.await.unwrap().unwrap();
            });
        });
    }

    #[test]
    fn sleeps_are_moved_in_place_and_wake_their_task() {
        on_each_flavor(|runtime| {
            runtime.block_on(async {
                let timer = FilchTimer::new();
                let mut sleep = timer.sleep(Duration::from_secs(3600));
                assert!(futures_lite::future::poll_once(&mut sleep).await.is_none());
                let address = std::ptr::from_ref(&*sleep).cast::<()>();
                let deadline = timer.now() + Duration::from_millis(3);
                timer.reset(&mut sleep, deadline);
                assert_eq!(std::ptr::from_ref(&*sleep).cast::<()>(), address);
                sleep.as_mut().await;
                assert!(timer.now() >= deadline);
                // And again, from the past, and later than it was.
                timer.reset(&mut sleep, timer.now() + Duration::from_secs(3600));
                assert!(futures_lite::future::poll_once(&mut sleep).await.is_none());
                timer.reset(&mut sleep, deadline);
                sleep.await;
                timer.sleep_until(deadline).await;
            });
        });
    }

    /// A sleep of another timer is replaced.
    #[test]
    fn foreign_sleeps_are_replaced() {
        struct Never;

        impl Future for Never {
            type Output = ();

            fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
                Poll::Pending
            }
        }

        impl Sleep for Never {}

        guarded(|| {
            filch::block_on(async {
                let mut sleep: Pin<Box<dyn Sleep>> = Box::pin(Never);
                let timer = FilchTimer::new();
                timer.reset(&mut sleep, timer.now() + Duration::from_millis(1));
                sleep.await;
            });
        });
    }

    #[cfg(feature = "test-util")]
    #[test]
    fn timer_goes_by_a_paused_clock() {
        guarded(|| {
            let mut builder = filch::runtime::Builder::current_thread();
            let runtime = builder.start_paused(true).build().unwrap();
            runtime.block_on(async {
                let timer = FilchTimer::new();
                let (start, real) = (timer.now(), std::time::Instant::now());
                timer.sleep(Duration::from_secs(3600)).await;
                assert!(timer.now() - start >= Duration::from_secs(3600));
                timer.sleep_until(start + Duration::from_secs(7200)).await;
                assert!(timer.now() - start >= Duration::from_secs(7200));
                assert!(real.elapsed() < Duration::from_secs(3600));
            });
        });
    }

    #[test]
    fn executor_runs_what_it_is_given() {
        on_each_flavor(|runtime| {
            let events: Vec<_> = (0..10).map(|_| Event::new()).collect();
            runtime.block_on(async {
                for event in &events {
                    let event = event.clone();
                    FilchExecutor::new().execute(async move {
                        filch::task::yield_now().await;
                        event.set();
                    });
                }
                for event in &events {
                    event.wait().await;
                }
            });
        });
    }

    #[test]
    fn misuse_says_what_is_missing() {
        let error = std::panic::catch_unwind(|| FilchExecutor::new().execute(async {}));
        let text = common::text(&*error.unwrap_err());
        assert!(text.contains("runtime"), "{text}");
        let error = std::panic::catch_unwind(|| drop(FilchTimer::new().sleep(Duration::ZERO)));
        let text = common::text(&*error.unwrap_err());
        assert!(text.contains("runtime"), "{text}");
    }
}

#[cfg(feature = "tokio")]
mod for_tokio {
    use super::*;
    use ::tokio::io as tokio_io;
    use std::mem::MaybeUninit;
    use tokio_io::{ReadBuf, copy_bidirectional};
    use tokio_util::bytes::BytesMut;
    use tokio_util::codec::{Encoder, Framed, LinesCodec};

    #[test]
    fn streams_have_tokios_traits() {
        fn reads<T: tokio_io::AsyncRead + Unpin>() {}
        fn writes<T: tokio_io::AsyncWrite + Unpin>() {}
        reads::<DuplexStream>();
        reads::<&DuplexStream>();
        reads::<SimplexReader>();
        reads::<io::Repeat>();
        writes::<DuplexStream>();
        writes::<&DuplexStream>();
        writes::<SimplexWriter>();
        writes::<io::Sink>();
        fn buffers<T: tokio_io::AsyncBufRead + tokio_io::AsyncSeek>() {}
        buffers::<io::Empty>();
        assert!(tokio_io::AsyncWrite::is_write_vectored(&duplex(1).0));
    }

    #[test]
    fn uninitialised_buffer_is_filled_and_no_further_than_said() {
        let (mut here, mut there) = duplex(8);
        assert!(poll_once(&mut there.write(b"abc")).is_ready());
        let mut memory = [MaybeUninit::uninit(); 8];
        let mut buffer = ReadBuf::uninit(&mut memory);
        let mut cx = Context::from_waker(Waker::noop());
        let mut read = |buffer: &mut ReadBuf<'_>| {
            tokio_io::AsyncRead::poll_read(Pin::new(&mut here), &mut cx, buffer)
        };
        assert!(read(&mut buffer).is_ready());
        assert_eq!(buffer.filled(), b"abc");
        assert_eq!(buffer.initialized().len(), 3, "nothing was zeroed");
        assert!(read(&mut buffer).is_pending());
        assert!(poll_once(&mut there.write(b"defghij")).is_ready());
        assert!(read(&mut buffer).is_ready());
        assert_eq!(buffer.filled(), b"abcdefgh");
        assert!(read(&mut buffer).is_ready());
        assert_eq!(buffer.remaining(), 0);
    }

    #[test]
    fn seek_in_two_calls_is_a_seek_in_one() {
        guarded(|| {
            filch::block_on(async {
                use tokio_io::AsyncSeek;
                let mut empty = io::empty();
                let complete = |empty: &mut io::Empty, cx: &mut Context<'_>| {
                    AsyncSeek::poll_complete(Pin::new(empty), cx)
                };
                // Nothing was started.
                assert_eq!(poll_fn(|cx| complete(&mut empty, cx)).await.unwrap(), 0);
                Pin::new(&mut empty).start_seek(SeekFrom::Start(3)).unwrap();
                let twice = Pin::new(&mut empty).start_seek(SeekFrom::Start(3));
                assert!(twice.unwrap_err().to_string().contains("poll_complete"));
                assert_eq!(poll_fn(|cx| complete(&mut empty, cx)).await.unwrap(), 0);
                Pin::new(&mut empty).start_seek(SeekFrom::Start(3)).unwrap();
                let seek = tokio_io::AsyncSeekExt::seek(&mut empty, SeekFrom::End(0));
                assert_eq!(seek.await.unwrap(), 0);
                let mut line = String::new();
                let read = tokio_io::AsyncBufReadExt::read_line(&mut empty, &mut line);
                assert_eq!(read.await.unwrap(), 0);
            });
        });
    }

    /// tokio's own copy moves bytes between filch's streams, vectored writes and shutdown included.
    #[test]
    fn tokios_adapters_run_on_filch() {
        on_each_flavor(|runtime| {
            let (client, mut front) = duplex(64);
            let (mut back, server) = duplex(64);
            let proxy =
                runtime.spawn(async move { copy_bidirectional(&mut front, &mut back).await });
            let echo = runtime.spawn(async move {
                let mut lines = Framed::new(server, LinesCodec::new());
                let mut count = 0;
                while let Some(line) = next(&mut lines).await {
                    let line = line.unwrap().to_uppercase();
                    send(&mut lines, line).await;
                    count += 1;
                }
                count
            });
            runtime.block_on(async {
                let mut lines = Framed::new(client, LinesCodec::new());
                for number in 0..100 {
                    send(&mut lines, format!("line {number}")).await;
                    let answer = next(&mut lines).await.unwrap().unwrap();
                    assert_eq!(answer, format!("LINE {number}"));
                }
                let mut stream = lines.into_inner();
                let slices = [IoSlice::new(b"in "), IoSlice::new(b"two\n")];
                let written = tokio_io::AsyncWriteExt::write_vectored(&mut stream, &slices).await;
                assert_eq!(written.unwrap(), 7);
                tokio_io::AsyncWriteExt::shutdown(&mut stream)
                    .await
                    .unwrap();
                let mut rest = String::new();
                tokio_io::AsyncReadExt::read_to_string(&mut stream, &mut rest)
                    .await
                    .unwrap();
                assert_eq!(rest, "IN TWO\n");
            });
            assert_eq!(runtime.block_on(echo).unwrap(), 101);
            let (up, down) = runtime.block_on(proxy).unwrap().unwrap();
            assert_eq!(up, down);
        });
    }

    #[test]
    fn tokios_buffers_read_lines_of_filchs_streams() {
        guarded(|| {
            filch::block_on(async {
                use tokio_io::{AsyncBufReadExt, AsyncWriteExt};
                let (here, there) = duplex(4);
                let (reader, mut writer) = tokio_io::split(here);
                let echo = filch::spawn(async move { io::copy(&there, &there).await });
                let write = filch::spawn(async move {
                    writer.write_all(b"one\ntwo\nthree").await.unwrap();
                    writer.shutdown().await.unwrap();
                });
                let mut lines = tokio_io::BufReader::new(reader).lines();
                for line in ["one", "two", "three"] {
                    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some(line));
                }
                assert_eq!(lines.next_line().await.unwrap(), None);
                write.await.unwrap();
                assert_eq!(echo.await.unwrap().unwrap(), 13);
            });
        });
    }

    type Lines<T> = Framed<T, LinesCodec>;
    type Line = Result<String, tokio_util::codec::LinesCodecError>;

    async fn next(lines: &mut Lines<DuplexStream>) -> Option<Line> {
        futures_lite::StreamExt::next(lines).await
    }

    /// What `SinkExt::send` does, without futures-util.
    async fn send(lines: &mut Lines<DuplexStream>, line: String) {
        let mut bytes = BytesMut::new();
        lines.codec_mut().encode(line, &mut bytes).unwrap();
        lines.get_mut().write_all(&bytes).await.unwrap();
    }
}

/// Apart from the others, where futures-lite's methods of the same names are in scope.
#[cfg(feature = "tokio")]
mod files_for_tokio {
    use crate::common::on_each_flavor;
    use filch::fs::{self, OpenOptions};
    use std::io::SeekFrom;
    use std::pin::Pin;
    use tokio::io::{AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWriteExt};

    /// A seek is in two calls, and may be given up between them.
    #[test]
    fn files_are_read_written_and_sought() {
        on_each_flavor(|runtime| {
            let name = format!("filch-io-traits-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            runtime.block_on(async move {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create(true).truncate(true);
                let mut file = options.open(&path).await.unwrap();
                file.write_all(b"0123456789").await.unwrap();
                assert_eq!(file.seek(SeekFrom::End(-3)).await.unwrap(), 7);
                let mut text = String::new();
                file.read_to_string(&mut text).await.unwrap();
                assert_eq!(text, "789");
                assert_eq!(file.seek(SeekFrom::Start(2)).await.unwrap(), 2);
                assert_eq!(file.seek(SeekFrom::Current(1)).await.unwrap(), 3);
                file.seek(SeekFrom::Current(-9)).await.unwrap_err();
                assert_eq!(file.stream_position().await.unwrap(), 3);
                // Announced and given up: it is done before the next.
                Pin::new(&mut file).start_seek(SeekFrom::Start(5)).unwrap();
                Pin::new(&mut file)
                    .start_seek(SeekFrom::Start(6))
                    .unwrap_err();
                assert_eq!(file.seek(SeekFrom::Current(1)).await.unwrap(), 6);
                file.write_all(b"x").await.unwrap();
                file.shutdown().await.unwrap();
                assert_eq!(fs::read(&path).await.unwrap(), b"012345x789");
                fs::remove_file(&path).await.unwrap();
            });
        });
    }
}

//! filch as the runtime of [hyper](https://docs.rs/hyper): its timer and its executor.
//!
//! With the feature `hyper`, the streams of filch implement [`hyper::rt::Read`] and
//! [`hyper::rt::Write`] by themselves, without an adapter, and without zeroing hyper's buffers.
//! [`FilchTimer`] and [`FilchExecutor`] are what else hyper asks for, and [`FilchIo`] is for streams that are not filch's
//! own, such as those of TLS. Their models are hyper-util's `TokioTimer`, `TokioExecutor` and `TokioIo`.
//!
//! # Examples
//!
//! A server and a client on the two ends of one stream:
//!
//! ```
//! use filch::io::hyper::FilchTimer;
//! use http_body_util::{BodyExt, Empty, Full};
//! use hyper::body::{Bytes, Incoming};
//! use hyper::{Request, Response, client, server, service::service_fn};
//! use std::{convert::Infallible, time::Duration};
//!
//! async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     Ok(Response::new("hello".into()))
//! }
//!
//! # fn main() -> hyper::Result<()> {
//! filch::block_on(async {
//!     let (here, there) = filch::io::duplex(4096);
//!     let server = server::conn::http1::Builder::new()
//!         .timer(FilchTimer::new())
//!         .header_read_timeout(Duration::from_secs(10))
//!         .serve_connection(there, service_fn(hello));
//!     filch::spawn(server).detach();
//!
//!     let (mut client, connection) = client::conn::http1::handshake(here).await?;
//!     filch::spawn(connection).detach();
//!     let answer = client.send_request(Request::new(Empty::<Bytes>::new())).await?;
//!     assert_eq!(answer.collect().await?.to_bytes(), "hello");
//!     Ok(())
//! })
//! # }
//! ```

// It must not know any of filch's streams, which have hyper's traits through `traits/`.

use crate::runtime::spawn::spawn;
use crate::timer::{self, Instant};
use ::hyper::rt;
use core::future::Future;
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use futures_io::{AsyncRead, AsyncWrite};
use pin_project_lite::pin_project;
use std::io::{self, IoSlice};

/// Runs hyper's tasks as tasks of filch.
///
/// They are spawned on the runtime of whoever calls hyper, and detached: they end with their connection. HTTP/2 needs it.
///
/// # Panics
///
/// [`execute`](rt::Executor::execute) panics on a thread without a runtime.
///
/// # Examples
///
/// ```
/// use filch::io::hyper::FilchExecutor;
/// use hyper::rt::Executor;
/// use std::sync::mpsc;
///
/// filch::block_on(async {
///     let (sender, receiver) = mpsc::channel();
///     FilchExecutor::new().execute(async move { sender.send(42).unwrap() });
///     assert_eq!(filch::block_in_place(|| receiver.recv()), Ok(42));
/// });
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct FilchExecutor;

impl FilchExecutor {
    /// An executor, for the runtime that is current when it is used.
    pub const fn new() -> Self {
        Self
    }
}

impl<F> rt::Executor<F> for FilchExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        spawn(future).detach();
    }
}

/// Gives hyper the timers of filch, and its clock, which a test can [pause](crate::time#).
///
/// What hyper resets often, such as the deadline for a keep-alive, is moved in place.
///
/// # Panics
///
/// The sleeps must be made, and first polled, where [`time::sleep`](crate::time::sleep()) may be: in a runtime.
///
/// # Examples
///
/// ```
/// use filch::io::hyper::FilchTimer;
/// use hyper::rt::Timer;
/// use std::time::Duration;
///
/// filch::block_on(async {
///     let timer = FilchTimer::new();
///     let deadline = timer.now() + Duration::from_millis(2);
///     let mut sleep = timer.sleep(Duration::from_secs(3600));
///     timer.reset(&mut sleep, deadline);
///     sleep.await;
///     assert!(timer.now() >= deadline);
/// });
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct FilchTimer;

impl FilchTimer {
    /// A timer, for the runtime that is current when it is used.
    pub const fn new() -> Self {
        Self
    }
}

impl rt::Timer for FilchTimer {
    #[track_caller]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(timer::sleep(duration))
    }

    #[track_caller]
    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(timer::sleep_until(Instant::from_std(deadline)))
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, new_deadline: std::time::Instant) {
        match sleep.as_mut().downcast_mut_pin::<timer::Sleep>() {
            Some(sleep) => sleep.reset(Instant::from_std(new_deadline)),
            // Another timer's.
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}

impl rt::Sleep for timer::Sleep {}

pin_project! {
    /// A stream with the traits of futures-io as one with hyper's.
    ///
    /// The streams of filch need no such thing. It is for what is built on them without knowing hyper, such as the TLS
    /// streams of futures-rustls. The stream's type does not tell whether it writes vectored, so hyper puts small pieces
    /// together before it writes them.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::hyper::{FilchIo, FilchTimer};
    /// use filch::io::{AsyncRead, AsyncWrite};
    /// use http_body_util::Empty;
    /// use hyper::body::{Bytes, Incoming};
    /// use hyper::{Request, Response, server::conn::http1, service::service_fn};
    /// use std::convert::Infallible;
    ///
    /// async fn nothing(_: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    ///     Ok(Response::new(Empty::new()))
    /// }
    ///
    /// async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) -> hyper::Result<()> {
    ///     http1::Builder::new()
    ///         .timer(FilchTimer::new())
    ///         .serve_connection(FilchIo::new(stream), service_fn(nothing))
    ///         .await
    /// }
    /// ```
    #[derive(Clone, Debug)]
    pub struct FilchIo<T> {
        #[pin]
        stream: T,
    }
}

impl<T> FilchIo<T> {
    /// The stream, for hyper.
    pub const fn new(stream: T) -> Self {
        Self { stream }
    }

    /// The stream.
    pub fn get_ref(&self) -> &T {
        &self.stream
    }

    /// The stream, to be changed.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.stream
    }

    /// The stream as it was, for instance after an upgrade of the connection.
    pub fn into_inner(self) -> T {
        self.stream
    }
}

/// The most that is read at once, which is the size of a TLS record: futures-io wants the buffer zeroed.
const MOST_READ: usize = 16 << 10;

impl<T: AsyncRead> rt::Read for FilchIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: below it is written to, and nothing is made uninitialised.
        let unfilled = unsafe { cursor.as_mut() };
        let size = unfilled.len().min(MOST_READ);
        let buffer = &mut unfilled[..size];
        buffer.fill(MaybeUninit::new(0));
        // SAFETY: all of it was written just now, and the layouts are the same.
        let buffer = unsafe { &mut *(core::ptr::from_mut(buffer) as *mut [u8]) };
        let count = ready!(self.project().stream.poll_read(cx, buffer))?;
        assert!(
            count <= size,
            "a reader says that it put {count} bytes into a buffer of {size}"
        );
        // SAFETY: so many bytes are in the buffer, all of which is initialised.
        unsafe { cursor.advance(count) };
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite> rt::Write for FilchIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write_vectored(cx, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_close(cx)
    }
}

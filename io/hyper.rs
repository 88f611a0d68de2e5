//! filch as the runtime of [hyper](https://docs.rs/hyper): its timer and its executor.
//!
//! With the feature `hyper`, the streams of filch implement [`hyper::rt::Read`](::hyper::rt::Read) and
//! [`Write`](::hyper::rt::Write) by themselves, without an adapter such as hyper-util's `TokioIo`, and without
//! zeroing hyper's buffers. The two types here are what else hyper asks for; they are hyper-util's `TokioTimer` and
//! `TokioExecutor`.
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

// It must not know the streams.

use crate::runtime::spawn::spawn;
use crate::timer::{self, Instant};
use ::hyper::rt;
use core::future::Future;
use core::pin::Pin;
use core::time::Duration;

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

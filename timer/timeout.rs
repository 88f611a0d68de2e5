//! A future with a deadline. It owns the order of the two polls.

use super::error::Elapsed;
use super::instant::Instant;
use super::sleep::Sleep;
use core::future::{Future, IntoFuture};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use pin_project_lite::pin_project;

/// Waits for `future`, but no longer than `duration`.
///
/// The future is polled first: if it is ready at once it wins even over a duration of zero, and no
/// timer is set. The duration counts from the call, not from the first poll. It is
/// `tokio::time::timeout` and asyncio's `wait_for`.
///
/// # Errors
///
/// [`Elapsed`] if the deadline passes first. The future is dropped with the [`Timeout`].
///
/// # Panics
///
/// On a thread without a runtime; and when polled by a `block_on` whose runtime has been shut down.
///
/// # Cancel safety
///
/// Dropping the timeout drops the future under it, which decides whether something is lost.
///
/// # Examples
///
/// ```
/// use filch::time;
/// use std::time::Duration;
///
/// filch::block_on(async {
///     assert_eq!(time::timeout(Duration::from_secs(1), async { 7 }).await, Ok(7));
///     let never = std::future::pending::<()>();
///     assert!(time::timeout(Duration::from_millis(1), never).await.is_err());
/// });
/// ```
#[track_caller]
#[inline]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    let sleep = Sleep::after(duration, "time::timeout");
    Timeout {
        future: future.into_future(),
        sleep,
    }
}

/// Waits for `future`, but no longer than until `deadline`.
///
/// Everything said of [`timeout`] holds. Several steps can share one deadline. It is
/// `tokio::time::timeout_at`.
///
/// # Errors
///
/// [`Elapsed`] if the deadline passes first.
///
/// # Panics
///
/// On a thread without a runtime; and when polled by a `block_on` whose runtime has been shut down.
///
/// # Cancel safety
///
/// Dropping the timeout drops the future under it, which decides whether something is lost.
///
/// # Examples
///
/// ```
/// use filch::time::{self, Instant, error::Elapsed};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Elapsed> {
/// filch::block_on(async {
///     let deadline = Instant::now() + Duration::from_secs(1);
///     let head = time::timeout_at(deadline, async { 1 }).await?;
///     let body = time::timeout_at(deadline, async { 2 }).await?;
///     assert_eq!(head + body, 3);
///     Ok(())
/// })
/// # }
/// ```
#[track_caller]
#[inline]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    let sleep = Sleep::until(deadline, "time::timeout_at");
    Timeout {
        future: future.into_future(),
        sleep,
    }
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{self, Instant};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let work = time::sleep(Duration::from_millis(1));
    ///     let mut work = pin!(time::timeout(Duration::ZERO, work));
    ///     let more = Instant::now() + Duration::from_secs(60);
    ///     work.as_mut().reschedule(more);
    ///     assert_eq!(work.deadline(), more);
    ///     assert_eq!(work.await, Ok(()));
    /// });
    /// ```
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        #[pin]
        sleep: Sleep,
    }
}

impl<F> Timeout<F> {
    /// Moves the deadline, whether it has passed or not. Later is one store.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{self, Instant};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let mut patient = pin!(time::timeout(Duration::ZERO, time::sleep(Duration::ZERO)));
    ///     patient.as_mut().reschedule(Instant::now() + Duration::from_secs(60));
    ///     assert_eq!(patient.await, Ok(()));
    /// });
    /// ```
    pub fn reschedule(self: Pin<&mut Self>, deadline: Instant) {
        self.project().sleep.reset(deadline);
    }

    /// When the wait ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{self, Instant};
    ///
    /// filch::block_on(async {
    ///     let deadline = Instant::now();
    ///     assert_eq!(time::timeout_at(deadline, async {}).deadline(), deadline);
    /// });
    /// ```
    pub fn deadline(&self) -> Instant {
        self.sleep.deadline()
    }

    /// Whether the deadline has passed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time;
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     assert!(time::timeout(Duration::ZERO, async {}).is_expired());
    /// });
    /// ```
    pub fn is_expired(&self) -> bool {
        self.sleep.is_elapsed()
    }

    /// The future under the timeout.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time;
    /// use std::{future, time::Duration};
    ///
    /// filch::block_on(async {
    ///     let timeout = time::timeout(Duration::ZERO, future::ready(3));
    ///     assert_eq!(timeout.get_ref().clone().await, 3);
    /// });
    /// ```
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future under the timeout, to change it before the first poll.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time;
    /// use std::{future, time::Duration};
    ///
    /// filch::block_on(async {
    ///     let mut timeout = time::timeout(Duration::ZERO, future::ready(3));
    ///     *timeout.get_mut() = future::ready(4);
    ///     assert_eq!(timeout.await, Ok(4));
    /// });
    /// ```
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// The future under the timeout, pinned.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time;
    /// use std::{future, pin::pin, time::Duration};
    ///
    /// filch::block_on(async {
    ///     let mut timeout = pin!(time::timeout(Duration::ZERO, future::ready(3)));
    ///     assert_eq!(timeout.as_mut().get_pin_mut().await, 3);
    /// });
    /// ```
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future
    }

    /// Gives the future back without a deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time;
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let timeout = time::timeout(Duration::ZERO, async { 3 });
    ///     assert_eq!(timeout.into_inner().await, 3);
    /// });
    /// ```
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // Without the budget: a future that consumes all of it at every poll would otherwise
        // outlive its deadline for ever (tokio #4314).
        this.sleep.poll_elapsed(cx).map(|()| Err(Elapsed::new()))
    }
}

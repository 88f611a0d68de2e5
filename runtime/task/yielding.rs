//! Giving way: `yield_now`, and the cooperative budget as users see it.

use super::waker;
use crate::runtime::coop;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use pin_project_lite::pin_project;

/// Lets other tasks run: the task goes to the back of its worker's queue.
///
/// # Cancel safety
///
/// Dropping the future only takes the wish to yield back.
///
/// # Examples
///
/// ```
/// filch::block_on(async {
///     for _ in 0..3 {
///         // A piece of work without an await of its own.
///         filch::task::yield_now().await;
///     }
/// });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
///
/// ```
/// let give_way: filch::task::YieldNow = filch::task::yield_now();
/// filch::block_on(give_way);
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        give_way(cx.waker());
        Poll::Pending
    }
}

fn give_way(waker: &Waker) {
    if waker::is_of_current(waker) {
        // The runner puts the task back itself: no wake-up is needed.
        coop::set_yield();
    } else {
        // In `block_on`, or inside a combinator that has wakers of its own.
        waker.wake_by_ref();
    }
}

/// Uses one unit of the task's budget, and yields if there is none left; for loops whose own futures are always ready.
///
/// Each poll of a task has 128 units. Timers, joins and the other futures of filch use one each time they are ready;
/// futures from elsewhere use none. As tokio's.
///
/// # Cancel safety
///
/// Dropping the future uses nothing.
///
/// # Examples
///
/// ```
/// filch::block_on(async {
///     for _ in 0..1000 {
///         filch::task::consume_budget().await;
///     }
/// });
/// ```
pub async fn consume_budget() {
    poll_fn(|cx| {
        ready!(coop::poll_proceed(cx));
        coop::made_progress();
        Poll::Ready(())
    })
    .await
}

/// Runs a future without a budget: its awaits never yield for the sake of others.
///
/// # Examples
///
/// ```
/// filch::block_on(filch::task::unconstrained(async {
///     for _ in 0..1000 {
///         filch::task::consume_budget().await;
///     }
/// }));
/// ```
pub fn unconstrained<F: Future>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

pin_project! {
    /// The future of [`unconstrained`].
    ///
    /// ```
    /// let ready: filch::task::Unconstrained<_> = filch::task::unconstrained(async { 5 });
    /// assert_eq!(filch::block_on(ready), 5);
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _budget = coop::Unlimited::enter();
        self.project().future.poll(cx)
    }
}

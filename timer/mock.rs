//! Time that a test moves by hand. It owns the three verbs; the clock itself is in `clock.rs`.

use super::clock::nanos_in;
use super::context::{self, Timers};
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

/// Stops the clock of the current runtime.
///
/// From now on [`Instant::now`](super::Instant::now) stands still. When every task waits, the clock
/// jumps to the next deadline by itself, so that a test of hours of sleeping takes no time; its
/// sleeps end exactly at their deadlines. It is `tokio::time::pause`, and works on every kind of
/// runtime. Needs the feature `test-util`.
///
/// # Panics
///
/// If the clock is stopped already, and on a thread without a runtime.
///
/// # Examples
///
/// ```
/// use filch::time::{self, Instant};
/// use std::time::Duration;
///
/// filch::block_on(async {
///     time::pause();
///     let start = Instant::now();
///     time::sleep(Duration::from_secs(3600)).await;
///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// });
/// ```
#[track_caller]
pub fn pause() {
    let paused = timers("time::pause").clock().freeze();
    assert!(
        paused,
        "`time::pause` was called, but the clock is paused already. Call `time::resume()` first, \
         or leave this call out"
    );
}

/// Lets the clock of the current runtime run again, from where it stands: never backwards.
///
/// It is `tokio::time::resume`. Needs the feature `test-util`.
///
/// # Panics
///
/// If the clock is not paused, and on a thread without a runtime.
///
/// # Examples
///
/// ```
/// use filch::time;
///
/// filch::block_on(async {
///     time::pause();
///     time::resume();
/// });
/// ```
#[track_caller]
pub fn resume() {
    let timers = timers("time::resume");
    let resumed = timers.clock().unfreeze();
    assert!(
        resumed,
        "`time::resume` was called, but the clock is not paused. Call `time::pause()` first"
    );
    // The leader may sleep without a limit, as it does while the clock stands.
    timers.alarm().kick();
}

/// Moves the paused clock of the current runtime on by `duration`.
///
/// Timers that are due then are woken in the order of their deadlines, and run while this
/// yields once; each sees the time at the end of the move. It is `tokio::time::advance`. Needs the
/// feature `test-util`.
///
/// # Panics
///
/// If the clock is not paused, and on a thread without a runtime.
///
/// # Cancel safety
///
/// The clock moves at the first poll.
///
/// # Examples
///
/// ```
/// use filch::time::{self, Instant};
/// use std::time::Duration;
///
/// filch::block_on(async {
///     time::pause();
///     let start = Instant::now();
///     time::advance(Duration::from_secs(5)).await;
///     assert_eq!(start.elapsed(), Duration::from_secs(5));
/// });
/// ```
#[track_caller]
pub fn advance(duration: Duration) -> impl Future<Output = ()> + Send {
    let timers = timers("time::advance");
    assert!(
        timers.clock().is_frozen(),
        "`time::advance` was called, but the clock is not paused. Call `time::pause()` first, or \
         wait with `time::sleep(..)`"
    );
    let nanos = nanos_in(duration);
    let mut moved = false;
    poll_fn(move |cx| {
        if moved {
            return Poll::Ready(());
        }
        moved = true;
        timers.clock().advance(nanos);
        timers.advance_due(context::now(), |waker| waker.wake());
        timers.alarm().kick();
        // Behind those that were just woken.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

#[track_caller]
fn timers(called: &str) -> Arc<Timers> {
    context::current().unwrap_or_else(|| context::panic_outside(called))
}

//! Time that stands still in a test. It owns two verbs; the third, `advance`, runs tasks and is the runtime's
//! (`runtime/paused.rs`), and the clock itself is in `clock.rs`.

use super::context::{self, Timers};
use std::sync::Arc;

/// Stops the clock of the current runtime.
///
/// From now on [`Instant::now`](super::Instant::now) stands still. When every task waits, the clock
/// jumps to the next deadline by itself, so that a test of hours of sleeping takes no time; its
/// sleeps end exactly at their deadlines. Blocking jobs that the runtime's threads have submitted, to
/// its own pool or to an [`Executor`](crate::runtime::Executor), hold the clock back until they have
/// ended. It is `tokio::time::pause`, and works on every kind of runtime. Needs the feature `test-util`.
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

#[track_caller]
fn timers(called: &str) -> Arc<Timers> {
    context::current().unwrap_or_else(|| context::panic_outside(called))
}

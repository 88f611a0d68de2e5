//! Ticks at a fixed period. It owns what happens to ticks that were missed.

use super::instant::Instant;
use super::sleep::Sleep;
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use futures_core::Stream;

/// A tick this much late counts as missed, as with tokio.
const GRACE: Duration = Duration::from_millis(5);

/// Ticks every `period`, for the first time at once.
///
/// It is `tokio::time::interval`. A tick is at `start + n * period`, however long the work between
/// two ticks takes; what happens when that is longer than the period is said by
/// [`MissedTickBehavior`].
///
/// # Panics
///
/// If `period` is zero; and on a thread without a runtime.
///
/// # Examples
///
/// ```
/// use filch::time;
/// use std::time::Duration;
///
/// filch::block_on(async {
///     let mut interval = time::interval(Duration::from_millis(2));
///     let first = interval.tick().await;
///     let second = interval.tick().await;
///     assert_eq!(second - first, Duration::from_millis(2));
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    Interval::new(Instant::now(), period, "time::interval")
}

/// Ticks every `period`, for the first time at `start`.
///
/// # Panics
///
/// If `period` is zero; and on a thread without a runtime.
///
/// # Examples
///
/// ```
/// use filch::time::{self, Instant};
/// use std::time::Duration;
///
/// filch::block_on(async {
///     let start = Instant::now() + Duration::from_millis(1);
///     let mut interval = time::interval_at(start, Duration::from_millis(2));
///     assert_eq!(interval.tick().await, start);
/// });
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval::new(start, period, "time::interval_at")
}

/// What an [`Interval`] does when a tick is asked for long after its time.
///
/// Work that takes 2.5 periods, started at tick 0 (`|`), delays tick 1 to `x`:
///
/// ```text
/// expected  |    1    2    3    4    5
/// Burst     |            x23  4    5       until it has caught up
/// Delay     |            x    2    3       a period after the late one, from then on
/// Skip      |            x  3    4    5    at the next multiple of the period
/// ```
///
/// # Examples
///
/// ```
/// use filch::time::{self, MissedTickBehavior};
/// use std::time::Duration;
///
/// filch::block_on(async {
///     let mut interval = time::interval(Duration::from_secs(1));
///     interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
///     assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Skip);
/// });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// The missed ticks follow at once, one after the other.
    #[default]
    Burst,
    /// The next tick is a whole period after the late one.
    Delay,
    /// The missed ticks are left out; the others keep their times.
    Skip,
}

impl MissedTickBehavior {
    /// The tick after the one due at `due`, which is delivered at `now`.
    fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        match self {
            Self::Burst => due + period,
            Self::Delay => now + period,
            Self::Skip => {
                let late = (now - due).as_nanos() % period.as_nanos();
                // Below a period, which is a `Duration`: the seconds fit.
                let late =
                    Duration::new((late / 1_000_000_000) as u64, (late % 1_000_000_000) as u32);
                now + (period - late)
            }
        }
    }
}

/// Made by [`interval`] and [`interval_at`]. It is a [`Stream`] of its ticks, too.
///
/// # Examples
///
/// ```
/// use filch::time;
/// use std::time::Duration;
///
/// filch::block_on(async {
///     let mut interval = time::interval(Duration::from_millis(1));
///     for _ in 0..3 {
///         interval.tick().await;
///     }
/// });
/// ```
pub struct Interval {
    /// Boxed, so that the interval may move between two ticks.
    sleep: Pin<Box<Sleep>>,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    #[track_caller]
    fn new(start: Instant, period: Duration, called: &str) -> Self {
        assert!(
            !period.is_zero(),
            "`{called}` was called with a period of zero, which would tick without end. Pass a \
             period of a nanosecond or more, or call `task::yield_now()` in a loop"
        );
        let sleep = Box::pin(Sleep::until(start, called));
        Self {
            sleep,
            period,
            missed: MissedTickBehavior::default(),
        }
    }

    /// Waits for the next tick, and returns the time it was due.
    ///
    /// # Cancel safety
    ///
    /// No tick is lost if the future is dropped before it is ready.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time;
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let mut interval = time::interval(Duration::from_millis(1));
    ///     interval.tick().await;
    /// });
    /// ```
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for the next tick; `Pending` has the task woken when it is due.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time;
    /// use std::future::poll_fn;
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let mut interval = time::interval(Duration::from_millis(1));
    ///     poll_fn(|cx| interval.poll_tick(cx)).await;
    /// });
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(self.sleep.as_mut().poll(cx));
        let due = self.sleep.deadline();
        let now = Instant::now();
        let next = if now - due > GRACE {
            self.missed.next(due, now, self.period)
        } else {
            due + self.period
        };
        self.sleep.as_mut().reset(next);
        Poll::Ready(due)
    }

    /// Puts the next tick one period from now.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{self, Instant};
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let mut interval = time::interval(Duration::from_millis(2));
    ///     let now = Instant::now();
    ///     interval.reset();
    ///     assert!(interval.tick().await >= now + Duration::from_millis(2));
    /// });
    /// ```
    pub fn reset(&mut self) {
        self.reset_after(self.period);
    }

    /// Makes the next tick due at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time;
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let mut interval = time::interval(Duration::from_secs(60));
    ///     interval.tick().await;
    ///     interval.reset_immediately();
    ///     interval.tick().await;
    /// });
    /// ```
    pub fn reset_immediately(&mut self) {
        self.reset_at(Instant::now());
    }

    /// Puts the next tick `after` from now.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time;
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let mut interval = time::interval(Duration::from_secs(60));
    ///     interval.reset_after(Duration::from_millis(1));
    ///     interval.tick().await;
    /// });
    /// ```
    pub fn reset_after(&mut self, after: Duration) {
        self.reset_at(Instant::now() + after);
    }

    /// Puts the next tick at `deadline`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{self, Instant};
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let mut interval = time::interval(Duration::from_secs(60));
    ///     let deadline = Instant::now() + Duration::from_millis(1);
    ///     interval.reset_at(deadline);
    ///     assert_eq!(interval.tick().await, deadline);
    /// });
    /// ```
    pub fn reset_at(&mut self, deadline: Instant) {
        self.sleep.as_mut().reset(deadline);
    }

    /// The time between two ticks.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time;
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let period = Duration::from_secs(1);
    ///     assert_eq!(time::interval(period).period(), period);
    /// });
    /// ```
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What happens to missed ticks; `Burst` unless it was set.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{self, MissedTickBehavior};
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let interval = time::interval(Duration::from_secs(1));
    ///     assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Burst);
    /// });
    /// ```
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn next_tick(&self) -> Instant {
        self.sleep.deadline()
    }

    /// Says what happens to ticks that are missed from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{self, MissedTickBehavior};
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let mut interval = time::interval(Duration::from_secs(1));
    ///     interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    /// });
    /// ```
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }
}

/// The ticks, without end.
impl Stream for Interval {
    type Item = Instant;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.get_mut().poll_tick(cx).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("next", &self.sleep.deadline())
            .field("period", &self.period)
            .field("missed_tick_behavior", &self.missed)
            .finish()
    }
}

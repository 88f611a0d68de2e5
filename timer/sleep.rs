//! The future that waits for a point in time. It owns the life of one entry: when it is
//! registered, where, and that it is taken out before it is freed.

use super::entry::{Entry, State};
use super::instant::Instant;
use super::wheel::{Inserted, Wheel};
use super::{clock, context, table};
use crate::runtime::coop;
use crate::runtime::task::waker::{ThinWaker, current_is_cancelled};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

/// Waits until `duration` has passed.
///
/// The sleep ends at its deadline or soon after it, never before: see the [module](crate::time) for how soon. A duration of zero
/// is over at the first poll, one of `Duration::MAX` never. To create a sleep reads the clock; it
/// is registered with a timer wheel when it is first polled, and makes no system call. It is
/// `tokio::time::sleep` and asyncio's `sleep`.
///
/// # Panics
///
/// On a thread without a runtime; and when polled by a `block_on` whose runtime has been shut down. (A task sees nothing of
/// it: it is dropped.)
///
/// # Cancel safety
///
/// Dropping a sleep that is not over takes it out of the wheel; nothing else was waiting for it.
///
/// # Examples
///
/// ```
/// use filch::time::{self, Instant};
/// use std::time::Duration;
///
/// filch::block_on(async {
///     let start = Instant::now();
///     time::sleep(Duration::from_millis(5)).await;
///     assert!(start.elapsed() >= Duration::from_millis(5));
/// });
/// ```
#[track_caller]
#[inline]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::after(duration, "time::sleep")
}

/// Waits until `deadline`, and not at all if it has passed.
///
/// Everything said of [`sleep`] holds.
///
/// # Panics
///
/// On a thread without a runtime; and when polled by a `block_on` whose runtime has been shut down. (A task sees nothing of
/// it: it is dropped.)
///
/// # Cancel safety
///
/// Dropping a sleep that is not over takes it out of the wheel; nothing else was waiting for it.
///
/// # Examples
///
/// ```
/// use filch::time::{self, Instant};
/// use std::time::Duration;
///
/// filch::block_on(async {
///     let deadline = Instant::now() + Duration::from_millis(5);
///     time::sleep_until(deadline).await;
///     assert!(Instant::now() >= deadline);
/// });
/// ```
#[track_caller]
#[inline]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::until(deadline, "time::sleep_until")
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// It is 24 bytes and allocates nothing. Pin it to keep it across several polls, for instance
/// with [`std::pin::pin!`]; [`reset`](Self::reset) lets one sleep serve many waits.
///
/// # Examples
///
/// ```
/// use filch::time::{self, Instant};
/// use std::pin::pin;
/// use std::time::Duration;
///
/// filch::block_on(async {
///     let mut sleep = pin!(time::sleep(Duration::from_secs(60)));
///     sleep.as_mut().reset(Instant::now() + Duration::from_millis(1));
///     sleep.as_mut().await;
///     assert!(sleep.is_elapsed());
/// });
/// ```
#[must_use = "a sleep waits only while it is awaited"]
pub struct Sleep {
    /// Not `Unpin`, hence neither is this.
    entry: Entry,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Sleep>() == 24 && align_of::<Sleep>() == 8);

/// A first poll asks the clock only if the deadline is closer than this to what the thread last
/// saw: a sleep is mostly polled right after its creation, which did ask. If the deadline has passed
/// meanwhile, it is registered as due, and fires at the next turn of the wheel.
const NEAR: u64 = 1_000_000;

impl Sleep {
    #[track_caller]
    #[inline]
    pub(super) fn after(duration: Duration, called: &str) -> Self {
        Self::new(
            context::now().saturating_add(clock::nanos_in(duration)),
            called,
        )
    }

    #[track_caller]
    #[inline]
    pub(super) fn until(deadline: Instant, called: &str) -> Self {
        Self::new(deadline.as_nanos(), called)
    }

    #[track_caller]
    #[inline]
    fn new(deadline: u64, called: &str) -> Self {
        let Some(wheel) = context::wheel() else {
            context::panic_outside(called);
        };
        Self {
            entry: Entry::new(deadline, wheel.id()),
        }
    }

    /// A sleep that is made outside every runtime.
    #[cfg(all(test, loom))]
    pub(super) fn in_model(deadline: u64, wheel: u16) -> Self {
        Self {
            entry: Entry::new(deadline, wheel),
        }
    }

    /// When the sleep ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{self, Instant};
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let deadline = Instant::now() + Duration::from_secs(1);
    ///     assert_eq!(time::sleep_until(deadline).deadline(), deadline);
    /// });
    /// ```
    pub fn deadline(&self) -> Instant {
        Instant::from_nanos(self.entry.deadline())
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
    ///     assert!(!time::sleep(Duration::from_secs(60)).is_elapsed());
    ///     assert!(time::sleep(Duration::ZERO).is_elapsed());
    /// });
    /// ```
    pub fn is_elapsed(&self) -> bool {
        let fired = self.entry.state() == State::Fired && !self.entry.is_moved();
        fired || context::now() >= self.entry.deadline()
    }

    /// Moves the deadline, whether the sleep is over or not.
    ///
    /// A task that waits for the sleep goes on waiting, for the new deadline. To move the
    /// deadline of a waiting sleep later, as a connection does at every request, is one store.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{self, Instant};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// filch::block_on(async {
    ///     let mut ticker = pin!(time::sleep(Duration::from_millis(1)));
    ///     for _ in 0..3 {
    ///         ticker.as_mut().await;
    ///         let next = ticker.deadline() + Duration::from_millis(1);
    ///         ticker.as_mut().reset(next);
    ///     }
    /// });
    /// ```
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let entry = &self.as_ref().get_ref().entry;
        let deadline = deadline.as_nanos();
        match entry.state() {
            State::Registered if deadline >= entry.deadline() => {
                // It stands where the old deadline put it, and moves on when that slot comes up.
                entry.set_moved();
                entry.set_deadline(deadline);
            }
            State::Registered => {
                let wheel = table::get(entry.wheel());
                if let Some(expiry) = wheel.reset_earlier(entry, deadline, context::now()) {
                    tell_unless_own(wheel, expiry);
                }
            }
            State::Idle | State::Fired | State::Closed => {
                entry.set_idle();
                entry.set_deadline(deadline);
            }
        }
    }

    /// Polls without charging the task's cooperative budget: a timeout must see its deadline
    /// however much the future under it has consumed.
    #[inline]
    pub(super) fn poll_elapsed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.entry.state() {
            State::Idle => self.poll_idle(cx),
            _ => self.poll_again(cx),
        }
    }

    #[inline(never)]
    fn poll_again(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let entry = &self.as_ref().get_ref().entry;
        if entry.state() == State::Registered
            && table::get(entry.wheel()).set_waker(entry, cx.waker())
        {
            return Poll::Pending;
        }
        // Not registered, or let go meanwhile.
        match entry.state() {
            State::Fired if !entry.is_moved() => Poll::Ready(()),
            State::Closed => {
                // Its runtime has ended: it goes on in that of whoever polls it now, if there is one.
                entry.set_idle();
                self.poll_idle(cx)
            }
            _ => self.poll_idle(cx),
        }
    }

    /// Registers unless the deadline has passed: a task's far deadline in its worker's wheel here,
    /// anything else [out of line](Self::poll_idle_anywhere).
    #[inline(never)]
    fn poll_idle(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let entry = &self.as_ref().get_ref().entry;
        let (Some(wheel), seen) = context::own_wheel_and_seen() else {
            return self.poll_idle_anywhere(cx);
        };
        if entry.deadline().saturating_sub(seen) < NEAR {
            return self.poll_idle_anywhere(cx);
        }
        let Some(waker) = ThinWaker::of_task(cx.waker()) else {
            return self.poll_idle_anywhere(cx);
        };
        // SAFETY: the entry is pinned inside `self`, and `drop` takes it out of the wheel.
        match unsafe { wheel.insert(entry, seen, waker) } {
            Inserted::Standing(_) => Poll::Pending,
            Inserted::Elapsed => Poll::Ready(()),
            Inserted::Closed => closed(),
        }
    }

    #[cold]
    fn poll_idle_anywhere(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let entry = &self.as_ref().get_ref().entry;
        let now = context::now();
        if now >= entry.deadline() {
            return Poll::Ready(());
        }
        let waker = ThinWaker::new(cx.waker());
        // The wheel of the thread that polls; without a runtime here, that of the one where the
        // sleep was made.
        let wheel = context::wheel().unwrap_or_else(|| table::get(entry.wheel()));
        // SAFETY: the entry is pinned inside `self`, and `drop` takes it out of the wheel.
        match unsafe { wheel.insert(entry, now, waker) } {
            Inserted::Standing(expiry) => {
                tell_unless_own(wheel, expiry);
                Poll::Pending
            }
            Inserted::Elapsed => Poll::Ready(()),
            Inserted::Closed => closed(),
        }
    }
}

/// A worker looks at its own wheel before it parks; for any other the leader must be told.
#[inline]
fn tell_unless_own(wheel: &Wheel, expiry: u64) {
    if context::own_wheel().is_some_and(|own| core::ptr::eq(own, wheel)) {
        return;
    }
    if let Some(alarm) = wheel.alarm() {
        alarm.tell(expiry);
    }
}

/// The wheel takes no more entries, because its runtime ends.
#[cold]
fn closed() -> Poll<()> {
    // A poll that the end has overtaken, after `block_in_place` say: the task is dropped when the poll returns.
    if current_is_cancelled() {
        return Poll::Pending;
    }
    panic!(
        "a timer was polled, but the runtime of this timer has been shut down, so that it would \
         never fire. Await it inside a task of a running runtime, or drop it"
    );
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The cooperative budget is charged here, and only here, around the real poll.
        ready!(coop::poll_proceed(cx));
        ready!(self.poll_elapsed(cx));
        coop::made_progress();
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        if self.entry.state() == State::Registered {
            table::get(self.entry.wheel()).cancel(&self.entry);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline())
            .field("state", &self.entry.state())
            .finish()
    }
}

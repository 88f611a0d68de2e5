//! The cooperative budget of the current poll, and the mark of a yield.
//! Both are words of the thread; leaf futures of every layer use them, so this file knows none of the layers.
//!
//! A task gets 128 units at each poll. A leaf future of filch (a timer, a channel, a join, IO) asks
//! [`poll_proceed`] before it works and calls [`made_progress`] when it was ready. At zero it wakes itself and stays
//! pending, so that a task whose leaves are always ready still lets others run; tokio does the same.

use super::shim;
#[cfg(loom)]
use super::shim::LocalCell as _;
use core::cell::Cell;
use core::task::{Context, Poll};

/// Units of one poll.
pub(crate) const BUDGET: u32 = 128;
/// A budget that does not run out.
const UNLIMITED: u32 = u32::MAX;

shim::thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(UNLIMITED) };
    static YIELDED: Cell<bool> = const { Cell::new(false) };
}

/// Gives the poll that starts now a fresh budget.
#[inline]
pub(crate) fn refill() {
    LEFT.set(BUDGET);
}

/// Sets the budget aside for something that is not a task, and gives it back when dropped.
pub(crate) struct Unlimited(u32);

impl Unlimited {
    pub(crate) fn enter() -> Self {
        Self(LEFT.replace(UNLIMITED))
    }
}

impl Drop for Unlimited {
    fn drop(&mut self) {
        LEFT.set(self.0);
    }
}

/// Runs `f` with a fresh budget, whatever is left of the present one, which comes back afterwards.
///
/// A timeout polls its timer with it, so that a future that eats the budget cannot keep the timeout from firing.
pub(crate) fn with_fresh<R>(f: impl FnOnce() -> R) -> R {
    let outer = Unlimited(LEFT.replace(BUDGET));
    let result = f();
    drop(outer);
    result
}

/// Pending, after a wake-up of the task, if the budget is used up.
#[inline]
pub(crate) fn poll_proceed(cx: &Context<'_>) -> Poll<()> {
    if LEFT.get() == 0 {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// Uses one unit up.
#[inline]
pub(crate) fn made_progress() {
    let left = LEFT.get();
    if left != UNLIMITED {
        LEFT.set(left.saturating_sub(1));
    }
}

/// Marks the running task as one that goes to the back of the queue when it returns `Pending`.
#[inline]
pub(crate) fn set_yield() {
    YIELDED.set(true);
}

/// Reads and clears the mark.
#[inline]
pub(crate) fn take_yield() -> bool {
    YIELDED.replace(false)
}

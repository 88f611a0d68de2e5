//! The cooperative budget of the current poll, and the mark of a yield.
//! Both are words of the thread; leaf futures of every layer use them, so this file knows none of the layers.
//!
//! A task gets 128 units at each poll. A leaf future of filch (a timer, a channel, a join, IO) asks
//! [`poll_proceed`] before it works and calls [`made_progress`] when it was ready. At zero it wakes itself and stays
//! pending, so that a task whose leaves are always ready still lets others run; tokio does the same.

use super::shim;
use core::cell::Cell;
use core::ptr::null;
use core::task::{Context, Poll};

/// Units of one poll.
pub(crate) const BUDGET: u32 = 128;
/// A budget that does not run out.
const UNLIMITED: u32 = u32::MAX;

/// The words of a thread, next to each other so that a poll touches one place.
struct Words {
    left: Cell<u32>,
    /// How often a leaf was refused.
    refused: Cell<u32>,
    yielded: Cell<bool>,
    /// The task that is being polled: for this file, just an address.
    task: Cell<*const ()>,
}

impl Words {
    /// Pending, after a wake-up of the task.
    ///
    /// An executor inside the poll, such as a foreign `block_on`, polls again at once and would do so for ever, because
    /// only a new poll of the task brings a new budget. So a budget's worth of refusals is worth a budget.
    #[cold]
    fn refuse(&self, cx: &Context<'_>) -> Poll<()> {
        let refused = self.refused.get() + 1;
        if refused < BUDGET {
            self.refused.set(refused);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.refused.set(0);
        self.left.set(BUDGET);
        Poll::Ready(())
    }
}

shim::thread_local! {
    static WORDS: Words = const {
        Words { left: Cell::new(UNLIMITED), refused: Cell::new(0), yielded: Cell::new(false), task: Cell::new(null()) }
    };
}

/// Begins the poll of a task: a fresh budget, no yield, and the address of the task; returns that of the outer one.
#[inline]
pub(crate) fn begin_poll(task: *const ()) -> *const () {
    WORDS.with(|words| {
        words.left.set(BUDGET);
        words.yielded.set(false);
        words.task.replace(task)
    })
}

/// Ends the poll of a task; whether it yielded.
#[inline]
pub(crate) fn end_poll(outer: *const ()) -> bool {
    WORDS.with(|words| {
        words.task.set(outer);
        words.yielded.get()
    })
}

/// The task that is being polled; null if there is none.
#[inline]
pub(crate) fn task() -> *const () {
    WORDS.with(|words| words.task.get())
}

/// Changes what [`task`] says, and returns what it said.
pub(crate) fn replace_task(task: *const ()) -> *const () {
    WORDS.with(|words| words.task.replace(task))
}

/// Gives the poll of something that is not a task a fresh budget.
pub(crate) fn refill() {
    WORDS.with(|words| words.left.set(BUDGET));
}

/// Sets the budget aside for something that is not a task, and gives it back when dropped.
pub(crate) struct Unlimited(u32);

impl Unlimited {
    pub(crate) fn enter() -> Self {
        Self(replace(UNLIMITED))
    }
}

impl Drop for Unlimited {
    fn drop(&mut self) {
        replace(self.0);
    }
}

/// Runs `f`, which polls other tasks in the middle of a poll, with a fresh budget. What is left of the present one, and
/// whether the task that is being polled has yielded, come back afterwards.
pub(crate) fn with_fresh<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(
        bool,
        #[expect(dead_code, reason = "gives the budget back")] Unlimited,
    );
    impl Drop for Restore {
        fn drop(&mut self) {
            WORDS.with(|words| words.yielded.set(self.0));
        }
    }
    let yielded = WORDS.with(|words| words.yielded.replace(false));
    let _outer = Restore(yielded, Unlimited(replace(BUDGET)));
    f()
}

/// Pending, after a wake-up of the task, if the budget is used up.
#[inline]
pub(crate) fn poll_proceed(cx: &Context<'_>) -> Poll<()> {
    WORDS.with(|words| match words.left.get() {
        0 => words.refuse(cx),
        _ => Poll::Ready(()),
    })
}

/// [`poll_proceed`] and [`made_progress`] in one, for a leaf that is known to be ready.
#[inline]
pub(crate) fn poll_progress(cx: &Context<'_>) -> Poll<()> {
    WORDS.with(|words| match words.left.get() {
        0 => words.refuse(cx),
        UNLIMITED => Poll::Ready(()),
        left => {
            words.left.set(left - 1);
            Poll::Ready(())
        }
    })
}

/// Uses one unit up, if there is one; if not, [`poll_progress`] says what is to be done.
#[cfg(not(any(loom, shuttle)))]
#[inline]
pub(crate) fn take_one() -> bool {
    WORDS.with(|words| match words.left.get() {
        0 => false,
        UNLIMITED => true,
        left => {
            words.left.set(left - 1);
            true
        }
    })
}

/// Uses one unit up.
#[inline]
pub(crate) fn made_progress() {
    WORDS.with(|words| {
        let left = words.left.get();
        if left != UNLIMITED {
            words.left.set(left.saturating_sub(1));
        }
    });
}

/// Gives one unit back, of which nothing came.
#[cfg(not(any(loom, shuttle)))]
pub(crate) fn refund() {
    WORDS.with(|words| {
        let left = words.left.get();
        if left != UNLIMITED {
            words.left.set(left + 1);
        }
    });
}

/// Marks the running task as one that goes to the back of the queue when it returns `Pending`.
#[inline]
pub(crate) fn set_yield() {
    WORDS.with(|words| words.yielded.set(true));
}

fn replace(left: u32) -> u32 {
    WORDS.with(|words| words.left.replace(left))
}

//! Tasks: one allocation, one word of state, one right to run and one right to the output.
//!
//! This page tells the protocol; `state.rs` has its transitions, `header.rs` what all tasks share, `cell.rs` the memory,
//! `runnable.rs` the runner's side, `join.rs` the handle's, `waker.rs` the wakers', `arena/` where the memory comes from
//! and how all tasks are found.
//!
//! # The life of a task
//!
//! ```text
//!                       wake: Push                        start                    poll: Ready
//!   spawn ──────────────▶ SCHED ─────────────────────────▶ RUN ──────────────────────▶ DONE ──▶ free, when the
//!                           ▲                             │ ▲ │                                 last reference goes
//!                           │        pend: Idle           │ │ └── yield: the entry keeps RUN ─┐
//!                           └───────── (neither) ◀────────┘ └─────────────────────────────────┘
//!                             wake                        pend: Again (SCHED was set during the poll)
//! ```
//!
//! # Rights
//!
//! - *The queue entry* ([`Runnable`]) exists once, from the transition that set `SCHED` without `RUN` (or from a yield)
//!   to the next `start`. It owns no reference: while it exists the task is not `DONE`, and the *alive reference*, which
//!   the completion gives up last, keeps the memory.
//! - *The right to run* is `RUN`. Who has it may touch the future. `start` takes it, `pend` and the completion give it
//!   up. A yield gives it to the queue entry. After giving it up, touch nothing of the task: it may run elsewhere.
//! - *The right to the output* is the completer's until it sets `DONE`. If it sees `HANDLE` in that same transition, the
//!   output is the handle's from then on; else the completer drops it.
//! - *The joiner word* is the handle's while `JOINER` is clear. `set_joiner` offers it; `DONE` closes the offer. Whoever
//!   comes second sees it: a handle that finds `DONE` keeps its waker and takes the output, a completer that finds
//!   `JOINER` takes the waker and wakes it. Between, both only read the word.
//! - *References* are owned by wakers, handles and walkers. The one that brings the count to zero frees.
//!
//! # Why no wake-up is lost
//!
//! A waker sets `SCHED` by a read-modify-write, also when it is set already, and `start` clears it by one. They are
//! ordered on the one word. Wake before `start`: the poll that follows sees all that the waker did before. Wake after
//! it: `SCHED` is set again, and `pend`, a read-modify-write too, either comes later and finds it (`Again`), or came
//! earlier, and then the waker saw neither `SCHED` nor `RUN` and pushed. After a yield `start` clears nothing; a `SCHED`
//! that a waker set meanwhile is found by the next `pend`: one spurious poll, none lost.
//!
//! # Cancellation
//!
//! `cancel` sets `CANCEL` and `SCHED` in one step, so the task comes to a runner, which drops the future instead of
//! polling it. A poll that is under way completes first; if it is ready, the task has ended, and the cancellation with it.
//!
//! # Panics
//!
//! Nothing that user code throws leaves this module: a panic in a poll or in a future's drop becomes the outcome, one in
//! the drop of an output that nobody retrieved is reported, one in a joiner's waker is swallowed. A panic in a drop
//! during unwinding aborts the process; that is the language's rule.

mod arena;
mod cell;
mod error;
mod extra;
mod header;
mod id;
mod info;
mod join;
mod local_key;
#[cfg(all(test, loom))]
mod model;
mod new;
mod outcome;
mod runnable;
mod state;
mod unhandled;
pub(crate) mod waker;
mod yielding;

use core::ptr::NonNull;

pub use self::error::JoinError;
pub use self::id::Id;
pub use self::info::{TaskInfo, TaskState, current, id, try_current, try_id};
pub use self::join::{AbortHandle, JoinHandle};
pub use self::local_key::{LocalKey, Scoped};
pub use self::unhandled::Unhandled;
pub use self::yielding::{Unconstrained, YieldNow, consume_budget, unconstrained, yield_now};

#[cfg(all(test, shuttle))]
pub(crate) use self::arena::settle;
pub(crate) use self::arena::{tidy, walk};
pub(crate) use self::cell::Schedule;
pub(crate) use self::extra::name_of;
pub(crate) use self::header::Header;
#[cfg(all(test, loom))]
pub(crate) use self::model::{Bell, Stand, run_all, turn};
pub(crate) use self::new::{New, make, make_at};
pub(crate) use self::runnable::{Aside, Ran, Runnable};
pub(crate) use self::waker::ThinWaker;

/// Whether this thread is polling a task that may not leave it.
pub(crate) fn current_task_is_local() -> bool {
    // SAFETY: the task that is being polled is alive.
    runnable::current().is_some_and(|task| unsafe { task.as_ref() }.is_local())
}

/// Asks a task to be cancelled, giving up a reference to it; its queue entry, if it was waiting.
///
/// # Safety
/// The caller owns a reference to the task and gives it up.
pub(crate) unsafe fn abort_owned(task: NonNull<Header>) -> Option<Runnable> {
    // SAFETY: the reference keeps the header until it is dropped; `Push` gives the queue entry, which the alive
    // reference covers.
    unsafe {
        let cancelled = task.as_ref().state.cancel();
        let entry = (cancelled == Some(state::Wake::Push)).then(|| Runnable::from_raw(task));
        waker::drop_ref(task);
        entry
    }
}

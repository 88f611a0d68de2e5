//! The blocking pool: threads for calls that block, such as `std::thread::sleep` or `getaddrinfo`.
//! It must not know what a job is beyond [`Job`]: tasks, handles and wakers stand above it.
//!
//! The whole gain of such a pool is in *not* waking and *not* creating threads, because a wake-up costs as much as a
//! hundred small jobs. So one thread is woken at a time, only up to the number of cores are woken on submission, and
//! anything beyond that waits for proof that the threads which are awake are stuck.
//!
//! # The hand-over, step by step
//!
//! One lock, the one around [`handover::Handover`], covers the queue, the stack of idle threads, all counts, the stage
//! of every thread and the stage of the watcher. There are no atomics: two steps below never overlap, and the argument
//! is one about the state between steps.
//!
//! - **P (push)**, any thread: the job is appended; then *summon*.
//! - **S (summon)**, part of P, T and F: if the queue is non-empty and no wake-up is in flight, then, while fewer
//!   threads are awake than there are cores, the newest idle thread is popped and marked *waking*, or else a place is
//!   reserved for a new thread, which counts as *waking* from here on; if as many are awake as there are cores, the
//!   watcher is called instead. The notification or the creation itself follows after the lock has been released.
//! - **T (take)**, a pool thread: it stops being *waking*, takes the oldest job and *summons*: that is how a wake-up is
//!   passed on.
//! - **I (idle)**, a pool thread, only if T found the queue empty: it puts itself on the stack and waits on its own
//!   condition variable, which releases the lock in the same step.
//! - **X (expire)**, a pool thread whose wait reached the keep-alive: if it is still on the stack *and* the queue is
//!   empty, it takes itself off and leaves. If it is not on the stack, somebody has popped it in S: it goes to T. If
//!   the queue is non-empty it takes itself off the stack and goes to T.
//! - **F (failed creation)**, whoever tried: the reservation is undone; then *summon*, which will not create again.
//! - **G (growth)**, the watcher: wakes idle threads and reserves new ones beyond the number of cores, see [`growth`].
//! - **C (close)**: the queue is emptied, further pushes are refused, the whole stack is marked *waking*.
//!
//! *No job is lost.* Invariant A: while the queue is non-empty, at least one thread lives that is certain to reach T.
//! P keeps it: with no such thread, the first one is created before the push and under the lock, and on failure the job
//! goes back to the caller. A thread leaves in X and C only, and only while the queue is empty. A thread that exists
//! is running a job (and reaches T afterwards), waking (reaches T next), or idle (reaches T in X at the latest). A
//! place that is merely reserved is not counted, since its creation may fail.
//!
//! *No job is forgotten.* Invariant B: while the queue is non-empty, a thread is waking, or the watcher is awake, or
//! every thread there may be is awake. P, T and F end in S, which establishes it; I, X and C do not apply to a non-empty
//! queue; the watcher goes to sleep only when the invariant holds without it.
//!
//! *Time-out against submission* (X against P): both are steps under the lock. If P comes first, S either pops the
//! expiring thread, which then finds itself off the stack and goes to T, or leaves it, and then X finds the queue
//! non-empty and goes to T as well. If X comes first the thread is gone from all counts before P decides.
//!
//! # Threads and their ends
//!
//! Nothing foreign runs under the lock: hooks, `run`, `cancel`, the drop of a job, and `describe` are all called after
//! its release. [`Job::tag`] alone is called under it, and is a copy of a few words. A thread that leaves joins those
//! that left before it, so at most one ended thread is ever unjoined; [`Pool::wait`] joins that one too.

mod config;
mod growth;
mod handover;
#[cfg(all(test, loom))]
mod model;
mod pool;
mod roster;
mod runnable;
mod shared;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
mod worker;

pub(crate) use config::Config;
pub(crate) use pool::Pool;

/// A piece of blocking work: in the runtime, a pointer to a task cell.
pub(crate) trait Job: Send + Sized + 'static {
    /// What a report needs to describe the job, cheap to copy and valid after the job is gone: it is copied out as the
    /// job is taken, and read by other threads whenever somebody asks what is running.
    type Tag: Copy + Send + 'static;

    /// Runs the job to its end. An implementation catches the panics of user code; the pool guards itself regardless.
    fn run(self);

    /// Gives the job up without running it; its handle resolves as cancelled.
    fn cancel(self);

    /// The tag of this job. Called under the pool's lock: a few loads, no call into user code.
    fn tag(&self) -> Self::Tag;

    /// The name or type of the job with this tag, and where it was spawned.
    fn describe(tag: Self::Tag) -> String;
}

/// A job that was not accepted, with the reason.
pub(crate) enum SubmitError<J> {
    /// The pool has been closed.
    Closed(J),
    /// As many jobs wait as `Config::queue_bound` allows.
    Full(J),
    /// The pool has no thread, and the system would not give it one.
    NoThread(J, std::io::Error),
}

impl<J> std::fmt::Debug for SubmitError<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed(_) => f.write_str("Closed"),
            Self::Full(_) => f.write_str("Full"),
            Self::NoThread(_, error) => f.debug_tuple("NoThread").field(error).finish(),
        }
    }
}

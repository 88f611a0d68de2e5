//! What a clock that a test has paused means to a runtime: when it may jump by itself, who holds it back, and how a test
//! moves it.
//! It must not know how the clock stands still (`timer/clock.rs`) or how a wheel is turned.

#[cfg(feature = "test-util")]
use super::context;
use super::scheduler::Shared;
#[cfg(feature = "test-util")]
use super::scheduler::{config::Flavor, remote::Remote};
#[cfg(feature = "test-util")]
use super::shim::atomic::fence;
#[cfg(feature = "test-util")]
use crate::timer::clock::nanos_in;
#[cfg(feature = "test-util")]
use core::{
    future::{Future, poll_fn},
    sync::atomic::Ordering::SeqCst,
    task::Poll,
    time::Duration,
};
#[cfg(feature = "test-util")]
use std::sync::{Arc, Weak};

/// Keeps a paused clock of the runtime whose thread makes it from jumping, until it is dropped. For work of that runtime
/// which its own books do not show.
pub(super) struct Hold {
    #[cfg(feature = "test-util")]
    runtime: Option<Weak<Shared>>,
}

impl Hold {
    pub(super) fn for_caller() -> Self {
        Self {
            #[cfg(feature = "test-util")]
            runtime: context::current().map(|shared| {
                shared.shares.hold_clock();
                Arc::downgrade(&shared)
            }),
        }
    }
}

#[cfg(feature = "test-util")]
impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(shared) = self.runtime.take().and_then(|runtime| runtime.upgrade()) {
            shared.shares.release_clock();
            shared.let_time_jump();
        }
    }
}

/// Moves the paused clock of the current runtime on by `duration`.
///
/// On a current-thread runtime each task whose timer is due then has run once when this returns, from `block_on` as from
/// a task: in the order of the deadlines, and before whatever else was waiting to run. Each sees the time at the end of
/// the move. What those tasks wake in their turn may run later; a [`yield_now`](crate::task::yield_now) gives way to it.
/// On a multi-threaded runtime, and on a thread that does not run the tasks, they are woken in the same order, and may
/// still run when this returns.
///
/// It is `tokio::time::advance`, which yields once and does not say what has run by then. Needs the feature `test-util`.
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
/// let runtime = filch::runtime::Builder::current_thread().start_paused(true).build()?;
/// runtime.block_on(async {
///     let start = Instant::now();
///     let sleeper = filch::spawn(time::sleep(Duration::from_secs(5)));
///     // Lets it set its timer.
///     filch::task::yield_now().await;
///     time::advance(Duration::from_secs(7)).await;
///     assert!(sleeper.is_finished());
///     assert_eq!(start.elapsed(), Duration::from_secs(7));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[cfg(feature = "test-util")]
#[track_caller]
pub fn advance(duration: Duration) -> impl Future<Output = ()> + Send {
    let shared = context::expect("time::advance");
    assert!(
        shared.timers.clock().is_frozen(),
        "`time::advance` was called, but the clock is not paused. Call `time::pause()` first, or wait with \
         `time::sleep(..)`"
    );
    let nanos = nanos_in(duration);
    let mut moved = false;
    poll_fn(move |cx| {
        if !moved {
            moved = true;
            shared.timers.clock().advance(nanos);
            shared.fire_due();
            shared.timers.alarm().kick();
        } else if !shared.has_due_tasks_here() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

impl Shared {
    /// Wakes what is due, in the order of the deadlines.
    #[cfg(feature = "test-util")]
    fn fire_due(self: &Arc<Self>) {
        let here = context::worker().filter(|worker| Arc::ptr_eq(worker.shared(), self));
        match (here, self.flavor) {
            (Some(worker), Flavor::CurrentThread) => worker.fire_before_all(),
            (Some(worker), Flavor::MultiThread) => {
                worker.fire_timers();
            }
            (None, _) => {
                let now = self.timers.clock().now();
                self.timers.advance_due(now, |waker| waker.wake());
            }
        }
    }

    /// Whether tasks that [`fire_due`](Self::fire_due) woke wait for this thread.
    #[cfg(feature = "test-util")]
    fn has_due_tasks_here(self: &Arc<Self>) -> bool {
        let here = context::worker().filter(|worker| Arc::ptr_eq(worker.shared(), self));
        // Workers of the other flavour move tasks about among themselves.
        self.flavor == Flavor::CurrentThread && here.is_some_and(|worker| worker.has_urgent())
    }

    /// With a frozen clock: if everybody waits for it, lets it jump to the next timer; whether it did.
    pub(crate) fn auto_advance(&self) -> bool {
        #[cfg(feature = "test-util")]
        if self.timers.clock().is_frozen() {
            // The looks below are made one after the other. What they say together holds for one moment only if nobody
            // moved meanwhile: otherwise a task that slept at the first look and set a timer before the last is missed.
            loop {
                let before = self.activity();
                let earliest = self.timers.min_expiry();
                if !self.everybody_rests() || earliest == u64::MAX {
                    return false;
                }
                // ORDERING: SeqCst with the fence of `idle.rs` before a worker's sleep and with the counts of roots: who
                // is seen to rest has counted before what it did.
                fence(SeqCst);
                if self.everybody_rests()
                    && self.activity() == before
                    && self.timers.min_expiry() == earliest
                {
                    self.timers.clock().advance_to(earliest);
                    return true;
                }
            }
        }
        false
    }

    #[cfg(feature = "test-util")]
    fn everybody_rests(&self) -> bool {
        self.idle.everyone_sleeps()
            && self.shares.roots_awake() == 0
            && !self.shares.is_clock_held()
            && self.blocking.threads() == self.blocking.idle()
            && self.blocking.queued() == 0
    }

    /// Changes whenever a task is polled, or a thread in `block_on` or of a blocking pool has come to rest.
    #[cfg(feature = "test-util")]
    fn activity(&self) -> (u64, u64) {
        let polls = |remote: &Arc<Remote>| remote.counters.polls.get();
        (
            self.remotes.iter().map(polls).sum(),
            self.shares.rests.load(SeqCst),
        )
    }
}

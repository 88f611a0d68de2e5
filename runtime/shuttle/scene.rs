//! What the scenarios are made of: runtimes, guests whose lives are counted, and bells to wait for.
//! It must not know a race.

use crate::runtime::shim::Mutex;
use crate::runtime::shim::thread::JoinHandle;
use crate::runtime::{Builder, Runtime};
use core::future::poll_fn;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::task::{Poll, Waker};
use std::sync::Arc;

/// A multi-threaded runtime whose blocking threads wait for ever, so that nobody who is forgotten wakes by itself.
pub(super) fn runtime(workers: usize) -> Runtime {
    builder(workers).build().expect("a model has no limits")
}

pub(super) fn builder(workers: usize) -> Builder {
    let mut builder = Builder::multi_thread();
    builder
        .workers(workers)
        .blocking_keep_alive(core::time::Duration::MAX);
    builder
}

/// Ends the runtime, and looks at what it leaves.
pub(super) fn end(runtime: Runtime) {
    end_against::<()>(runtime, []);
}

/// Ends the runtime while other threads still use it, and looks at what all of them leave.
pub(super) fn end_against<T>(runtime: Runtime, others: impl IntoIterator<Item = JoinHandle<T>>) {
    let handle = runtime.handle().clone();
    drop(runtime);
    for other in others {
        other.join().expect("no thread panics");
    }
    assert_eq!(
        handle.metrics().live_tasks,
        0,
        "tasks are alive after the end"
    );
}

/// Counts guests. Its counters are no steps of the schedule.
#[derive(Clone, Default)]
pub(super) struct Tally(Arc<Counts>);

#[derive(Default)]
struct Counts {
    came: AtomicUsize,
    stayed: AtomicUsize,
    left: AtomicUsize,
}

/// Is owned by a future: it leaves once, when the future is dropped.
pub(super) struct Guest(Tally);

impl Tally {
    pub(super) fn guest(&self) -> Guest {
        self.0.came.fetch_add(1, Relaxed);
        Guest(self.clone())
    }

    /// Guests whose futures came to their ends.
    pub(super) fn stayed(&self) -> usize {
        self.0.stayed.load(Relaxed)
    }

    /// Every future was dropped, once.
    pub(super) fn assert_all_left(&self) {
        let (came, left) = (self.0.came.load(Relaxed), self.0.left.load(Relaxed));
        assert_eq!(left, came, "futures dropped, and made");
    }

    /// Every future came to its end, once, and was dropped.
    pub(super) fn assert_all_stayed(&self, count: usize) {
        self.assert_all_left();
        assert_eq!(self.stayed(), count, "futures that ended, and should");
    }
}

impl Guest {
    /// At the end of the future.
    pub(super) fn stay(self) {
        self.0.0.stayed.fetch_add(1, Relaxed);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.0.left.fetch_add(1, Relaxed);
    }
}

/// Rings once for one who waits.
#[derive(Clone, Default)]
pub(super) struct Bell(Arc<Mutex<(bool, Option<Waker>)>>);

impl Bell {
    pub(super) fn ring(&self) {
        let waker = {
            let mut state = self.0.lock();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) async fn wait(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if state.0 {
                return Poll::Ready(());
            }
            let _before = state.1.replace(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

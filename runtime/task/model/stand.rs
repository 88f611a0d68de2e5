//! What the models of the task protocol stand on: real cells on a queue of the model's own. It must not know any model.
//!
//! What is checked in every execution, whatever the model is about: the accesses to future and output exclude each other
//! (the stage is an `Exclusive` cell), both are dropped exactly once, and the cell is freed exactly once and not touched
//! afterwards (its state word is a `mortal` one).

use crate::runtime::coop;
use crate::runtime::shim::Mutex;
use crate::runtime::table;
use crate::runtime::task::runnable::Ran;
use crate::runtime::task::{JoinError, JoinHandle, Runnable, Schedule, Unhandled, arena, make};
use core::cell::RefCell;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::AtomicU32 as Count;
use core::sync::atomic::Ordering::Relaxed;
use core::task::{Context, Poll, Waker};
use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU32;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex as Slot};
use std::task::Wake;

pub(crate) type Queue = Mutex<VecDeque<Runnable>>;

std::thread_local! {
    /// One for each model: loom runs all threads of a model on one thread of the system.
    static QUEUE: RefCell<Option<Arc<Queue>>> = const { RefCell::new(None) };
}

/// The scheduler of a model.
pub(crate) struct OnQueue;

impl Schedule for OnQueue {
    fn schedule(task: Runnable) {
        queue().lock().push_back(task);
    }
    fn unhandled(report: &Unhandled) {
        // The panic was caught as one of user code's; in a model it is the model's.
        eprintln!("{report}");
        std::process::abort();
    }
}

pub(crate) fn queue() -> Arc<Queue> {
    QUEUE.with_borrow(|queue| queue.clone().expect("a model is running"))
}

/// What became of a task.
#[derive(Default)]
struct Trace {
    polls: Count,
    drops: Count,
    outputs: Count,
}

/// A future whose drop loom takes for a write, as it does each access to the cell's stage.
struct Probe<S> {
    trace: Arc<Trace>,
    touched: UnsafeCell<()>,
    step: S,
}

/// An output, likewise.
pub(crate) struct Prize {
    trace: Arc<Trace>,
    touched: UnsafeCell<()>,
}

impl<S: FnMut(&Context<'_>, u32) -> Poll<()> + Unpin> Future for Probe<S> {
    type Output = Prize;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Prize> {
        let polls = self.trace.polls.fetch_add(1, Relaxed) + 1;
        (self.step)(cx, polls).map(|()| Prize {
            trace: self.trace.clone(),
            touched: UnsafeCell::new(()),
        })
    }
}

impl<S> Drop for Probe<S> {
    fn drop(&mut self) {
        self.touched.with_mut(|_| ());
        self.trace.drops.fetch_add(1, Relaxed);
    }
}

impl Drop for Prize {
    fn drop(&mut self) {
        self.touched.with_mut(|_| ());
        self.trace.outputs.fetch_add(1, Relaxed);
    }
}

/// The tasks of one execution.
pub(crate) struct Stand {
    traces: RefCell<Vec<Arc<Trace>>>,
}

impl Stand {
    pub(crate) fn new() -> Self {
        let queue = Mutex::new(VecDeque::new());
        QUEUE.set(Some(Arc::new(queue)));
        Self {
            traces: RefCell::default(),
        }
    }

    /// A task that is in no queue yet.
    pub(crate) fn make(
        &self,
        step: impl FnMut(&Context<'_>, u32) -> Poll<()> + Unpin + Send + 'static,
    ) -> (Runnable, JoinHandle<Prize>) {
        let trace = Arc::new(Trace::default());
        self.traces.borrow_mut().push(trace.clone());
        let touched = UnsafeCell::new(());
        let future = Probe {
            trace,
            touched,
            step,
        };
        // SAFETY: what is in the future is `Send`, and loom checks that its polls exclude each other.
        let task = unsafe { make::<_, OnQueue>(future, table::NONE, 0, false, None) };
        (task.entry, task.handle)
    }

    pub(crate) fn spawn(
        &self,
        step: impl FnMut(&Context<'_>, u32) -> Poll<()> + Unpin + Send + 'static,
    ) -> JoinHandle<Prize> {
        let (entry, handle) = self.make(step);
        OnQueue::schedule(entry);
        handle
    }

    /// A task that is waiting, and whose waker is at hand; it is ready when `data` is 1.
    pub(crate) fn waiting(
        &self,
        data: &Arc<AtomicU32>,
        yields: bool,
    ) -> (JoinHandle<Prize>, Waker) {
        let (data, slot) = (data.clone(), Arc::new(Slot::new(None)));
        let given = slot.clone();
        let handle = self.spawn(move |cx, polls| {
            if polls == 1 {
                *given.lock().unwrap() = Some(cx.waker().clone());
                if yields {
                    coop::set_yield();
                }
                return Poll::Pending;
            }
            match data.load(Relaxed) {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        });
        assert!(turn());
        let waker = slot.lock().unwrap().take();
        (handle, waker.expect("the first poll left it"))
    }

    /// The end of an execution: all tasks have ended and left nothing behind.
    pub(crate) fn end(self) {
        let queue = QUEUE.take().expect("a model is running");
        assert!(queue.lock().is_empty());
        let traces = self.traces.into_inner();
        for trace in &traces {
            assert_eq!(trace.drops.load(Relaxed), 1, "a future is dropped once");
        }
        assert_eq!(arena::settle(), (traces.len(), 0), "a cell is freed once");
    }
}

pub(crate) fn output(trace: u32, stand: &Stand) -> u32 {
    stand.traces.borrow()[trace as usize].outputs.load(Relaxed)
}

/// Runs one task, if one is queued.
pub(crate) fn turn() -> bool {
    let Some(task) = queue().lock().pop_front() else {
        return false;
    };
    if let Ran::Again(task) = task.run(0) {
        OnQueue::schedule(task);
    }
    true
}

pub(crate) fn run_all() {
    while turn() {}
}

/// A foreign waker that counts.
#[derive(Default)]
pub(crate) struct Bell(Count);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Bell {
    pub(crate) fn rings(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

pub(crate) fn poll(
    handle: &mut JoinHandle<Prize>,
    bell: &Arc<Bell>,
) -> Poll<Result<Prize, JoinError>> {
    let waker = Waker::from(bell.clone());
    Pin::new(handle).poll(&mut Context::from_waker(&waker))
}

/// What a cancelled task's handle gives.
pub(crate) fn assert_cancelled(mut handle: JoinHandle<Prize>) {
    match poll(&mut handle, &Arc::default()) {
        Poll::Ready(Err(error)) => assert!(error.is_cancelled(), "{error}"),
        Poll::Ready(Ok(_)) => panic!("the task was not cancelled"),
        Poll::Pending => panic!("the cancellation was lost"),
    }
}

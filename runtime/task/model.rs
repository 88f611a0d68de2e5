//! Loom models of the task protocol: real cells on a queue of the model's own.
//!
//! What is checked in every execution, whatever the model is about: the accesses to future and output exclude each other
//! (the stage is an `Exclusive` cell), both are dropped exactly once, and the cell is freed exactly once and not touched
//! afterwards (its state word is a `mortal` one).

use super::waker::ThinWaker;
use super::{JoinHandle, Runnable, Schedule, Unhandled, arena};
use crate::runtime::coop;
use crate::runtime::model::check;
use crate::runtime::shim::Mutex;
use crate::runtime::task::runnable::Ran;
use crate::runtime::{spawn, table};
use core::cell::RefCell;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::AtomicU32 as Count;
use core::sync::atomic::Ordering::Relaxed;
use core::task::{Context, Poll, Waker};
use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU32;
use loom::thread;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex as Slot};
use std::task::Wake;

type Queue = Mutex<VecDeque<Runnable>>;

std::thread_local! {
    /// One for each model: loom runs all threads of a model on one thread of the system.
    static QUEUE: RefCell<Option<Arc<Queue>>> = const { RefCell::new(None) };
}

/// The scheduler of a model.
struct OnQueue;

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

fn queue() -> Arc<Queue> {
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
        let task = unsafe { spawn::make::<_, OnQueue>(future, table::NONE, 0, false, None) };
        (task.entry, task.handle)
    }

    fn spawn(
        &self,
        step: impl FnMut(&Context<'_>, u32) -> Poll<()> + Unpin + Send + 'static,
    ) -> JoinHandle<Prize> {
        let (entry, handle) = self.make(step);
        OnQueue::schedule(entry);
        handle
    }

    /// A task that is waiting, and whose waker is at hand; it is ready when `data` is 1.
    fn waiting(&self, data: &Arc<AtomicU32>, yields: bool) -> (JoinHandle<Prize>, Waker) {
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

fn output(trace: u32, stand: &Stand) -> u32 {
    stand.traces.borrow()[trace as usize].outputs.load(Relaxed)
}

/// Runs one task, if one is queued.
fn turn() -> bool {
    let Some(task) = queue().lock().pop_front() else {
        return false;
    };
    if let Ran::Again(task) = task.run(0) {
        OnQueue::schedule(task);
    }
    true
}

fn run_all() {
    while turn() {}
}

/// A foreign waker that counts.
#[derive(Default)]
struct Bell(Count);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Bell {
    fn rings(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

fn poll(handle: &mut JoinHandle<Prize>, bell: &Arc<Bell>) -> Poll<Result<Prize, super::JoinError>> {
    let waker = Waker::from(bell.clone());
    Pin::new(handle).poll(&mut Context::from_waker(&waker))
}

/// What a cancelled task's handle gives.
fn assert_cancelled(mut handle: JoinHandle<Prize>) {
    match poll(&mut handle, &Arc::default()) {
        Poll::Ready(Err(error)) => assert!(error.is_cancelled(), "{error}"),
        Poll::Ready(Ok(_)) => panic!("the task was not cancelled"),
        Poll::Pending => panic!("the cancellation was lost"),
    }
}

/// A wake-up during a poll, against the end of that poll: the next poll sees what the waker did.
#[test]
fn wake_against_pend() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(0));
        let (handle, waker) = stand.waiting(&data, false);
        waker.wake_by_ref();
        let other = thread::spawn(move || {
            data.store(1, Relaxed);
            waker.wake_by_ref();
        });
        run_all();
        other.join().unwrap();
        run_all();
        assert!(handle.is_finished(), "a wake-up was lost");
        drop(handle);
        assert_eq!(output(0, &stand), 1);
        stand.end();
    });
}

/// Two wake-ups of an idle task: one entry.
#[test]
fn wake_against_wake() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(0));
        let (handle, waker) = stand.waiting(&data, false);
        let (first, second) = (waker.clone(), data.clone());
        let other = thread::spawn(move || {
            second.fetch_add(1, Relaxed);
            first.wake();
        });
        data.fetch_add(1, Relaxed);
        waker.wake();
        other.join().unwrap();
        assert_eq!(queue().lock().len(), 1, "one entry");
        run_all();
        assert!(handle.is_finished());
        handle.detach();
        stand.end();
    });
}

/// Each thread polls what it has woken: the polls follow one upon the other.
#[test]
fn poll_here_against_poll_there() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(0));
        let (handle, waker) = stand.waiting(&data, false);
        waker.wake_by_ref();
        let other = thread::spawn(move || {
            data.store(1, Relaxed);
            waker.wake();
            run_all();
        });
        run_all();
        other.join().unwrap();
        run_all();
        assert!(handle.is_finished(), "a wake-up was lost");
        handle.detach();
        stand.end();
    });
}

/// A wake-up by value against the last poll of a task without a handle: one of them frees.
#[test]
fn wake_against_complete_and_free() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(1));
        let (handle, waker) = stand.waiting(&data, false);
        handle.detach();
        waker.wake_by_ref();
        let other = thread::spawn(move || waker.wake());
        run_all();
        other.join().unwrap();
        run_all();
        assert_eq!(output(0, &stand), 1);
        stand.end();
    });
}

/// Two wakers dropped, and the completion: the last one frees, after everything that the others did.
#[test]
fn waker_dropped_last_frees() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(1));
        let (handle, waker) = stand.waiting(&data, false);
        handle.detach();
        let thin = ThinWaker::new(&waker);
        waker.wake_by_ref();
        let first = thread::spawn(move || drop(waker));
        let second = thread::spawn(move || drop(thin));
        run_all();
        first.join().unwrap();
        second.join().unwrap();
        stand.end();
    });
}

/// An abort against a poll that leaves the task waiting: it comes before, during or after, and ends the task.
#[test]
fn abort_against_run() {
    check(|| {
        let stand = Stand::new();
        let handle = stand.spawn(|_, _| Poll::Pending);
        let abort = handle.abort_handle();
        let other = thread::spawn(move || abort.abort());
        run_all();
        other.join().unwrap();
        run_all();
        assert_cancelled(handle);
        stand.end();
    });
}

/// An abort against a poll that completes: the task ends one way or the other.
#[test]
fn abort_against_complete() {
    check(|| {
        let stand = Stand::new();
        let mut handle = stand.spawn(|_, _| Poll::Ready(()));
        let abort = handle.abort_handle();
        let other = thread::spawn(move || abort.abort());
        run_all();
        other.join().unwrap();
        run_all();
        let Poll::Ready(ended) = poll(&mut handle, &Arc::default()) else {
            panic!("the task did not end")
        };
        let outputs = u32::from(ended.is_ok());
        drop(ended);
        assert_eq!(output(0, &stand), outputs);
        stand.end();
    });
}

/// An abort while a queue entry carries the right to run.
#[test]
fn abort_against_yield() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(0));
        let (handle, waker) = stand.waiting(&data, true);
        drop(waker);
        let abort = handle.abort_handle();
        let other = thread::spawn(move || abort.abort());
        run_all();
        other.join().unwrap();
        run_all();
        assert_cancelled(handle);
        stand.end();
    });
}

/// An abort and a wake-up of an idle task: one entry.
#[test]
fn abort_against_wake() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(1));
        let (handle, waker) = stand.waiting(&data, false);
        let other = thread::spawn(move || waker.wake());
        handle.abort();
        other.join().unwrap();
        assert_eq!(queue().lock().len(), 1, "one entry");
        run_all();
        assert_cancelled(handle);
        stand.end();
    });
}

/// The first poll of a handle against the completion: ready, or woken.
#[test]
fn join_registers_against_complete() {
    check(|| {
        let stand = Stand::new();
        let mut handle = stand.spawn(|_, _| Poll::Ready(()));
        let bell = Arc::new(Bell::default());
        let rung = bell.clone();
        let other = thread::spawn(move || match poll(&mut handle, &bell) {
            Poll::Ready(ended) => {
                drop(ended.unwrap());
                None
            }
            Poll::Pending => Some(handle),
        });
        run_all();
        if let Some(mut handle) = other.join().unwrap() {
            assert_eq!(rung.rings(), 1, "the joiner was not woken");
            assert!(poll(&mut handle, &rung).is_ready());
        }
        assert_eq!((output(0, &stand), Arc::strong_count(&rung)), (1, 1));
        stand.end();
    });
}

/// A handle that is polled with another waker, against the completion: the new one is woken, and none is left.
#[test]
fn joiner_replaced_against_complete() {
    check(|| {
        let stand = Stand::new();
        let mut handle = stand.spawn(|_, _| Poll::Ready(()));
        let (old, new) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        assert!(poll(&mut handle, &old).is_pending());
        let bell = new.clone();
        let other = thread::spawn(move || (poll(&mut handle, &bell).is_pending(), handle));
        run_all();
        let (pending, handle) = other.join().unwrap();
        assert!(!pending || new.rings() == 1, "the joiner was not woken");
        drop(handle);
        assert_eq!(output(0, &stand), 1);
        assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 1));
        stand.end();
    });
}

/// A handle dropped against the completion: the output is dropped once, by one of them.
#[test]
fn handle_dropped_against_complete() {
    check(|| {
        let stand = Stand::new();
        let handle = stand.spawn(|_, _| Poll::Ready(()));
        let other = thread::spawn(move || drop(handle));
        run_all();
        other.join().unwrap();
        assert_eq!(output(0, &stand), 1, "the output is dropped once");
        stand.end();
    });
}

/// The same with a waker in the joiner's word.
#[test]
fn joined_handle_dropped_against_complete() {
    check(|| {
        let stand = Stand::new();
        let mut handle = stand.spawn(|_, _| Poll::Ready(()));
        let bell = Arc::new(Bell::default());
        assert!(poll(&mut handle, &bell).is_pending());
        let other = thread::spawn(move || drop(handle));
        run_all();
        other.join().unwrap();
        assert_eq!(output(0, &stand), 1, "the output is dropped once");
        assert_eq!(Arc::strong_count(&bell), 1, "the waker is dropped once");
        stand.end();
    });
}

/// A wake-up while a queue entry carries the right to run: the polls that follow see what the waker did.
#[test]
fn yield_against_wake() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(0));
        let (handle, waker) = stand.waiting(&data, true);
        let other = thread::spawn(move || {
            data.store(1, Relaxed);
            waker.wake();
        });
        run_all();
        other.join().unwrap();
        run_all();
        assert!(handle.is_finished(), "a wake-up was lost");
        handle.detach();
        stand.end();
    });
}

/// A task that awaits another's handle, both running at once.
#[test]
fn task_joins_task() {
    check(|| {
        let stand = Stand::new();
        let (first, mut joined) = stand.make(|_, _| Poll::Ready(()));
        let handle = stand.spawn(move |cx, _| {
            let mut cx = Context::from_waker(cx.waker());
            Pin::new(&mut joined).poll(&mut cx).map(drop)
        });
        let other = thread::spawn(move || drop(first.run(0)));
        run_all();
        other.join().unwrap();
        run_all();
        assert!(handle.is_finished(), "the joiner was not woken");
        handle.detach();
        assert_eq!((output(0, &stand), output(1, &stand)), (1, 1));
        stand.end();
    });
}

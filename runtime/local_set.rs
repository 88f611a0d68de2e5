//! A set of tasks that stay on the thread that polls the set.
//! It owns the set's queues; the tasks are ordinary ones, whose wake-ups lead here. It must not know workers.

use super::coop;
use super::report;
use super::shim::{self, Mutex, seeded};
use super::table::{self, Slot};
use super::task::{JoinHandle, Ran, Runnable, Schedule, Unhandled, abort_owned, make, walk};
use super::{Runtime, context};
use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::{Future, IntoFuture};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use pin_project_lite::pin_project;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// How many tasks of the set run at one poll of it.
const TASKS_PER_POLL: usize = 61;

shim::thread_local! {
    static CURRENT: RefCell<Option<Rc<Inner>>> = const { RefCell::new(None) };
}

/// The set that this thread is polling.
pub(crate) fn current() -> Option<LocalSet> {
    CURRENT
        .with(|current| current.borrow().clone())
        .map(|inner| LocalSet { inner: Some(inner) })
}

/// Tasks that are not `Send`, run by whoever awaits [`run_until`](LocalSet::run_until) or the set itself, which is ready
/// when all its tasks are. As tokio's.
///
/// Dropping the set drops its tasks.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// let runtime = filch::runtime::Runtime::new()?;
/// let set = filch::task::LocalSet::new();
/// let count = Rc::new(Cell::new(0));
/// set.block_on(&runtime, async {
///     let there = count.clone();
///     filch::spawn_local(async move { there.set(1) }).await.unwrap();
/// });
/// assert_eq!(count.get(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LocalSet {
    /// `None` only in a handle that [`current`] made, when it is dropped.
    inner: Option<Rc<Inner>>,
}

struct Inner {
    shared: Arc<Inbox>,
    queue: RefCell<VecDeque<Runnable>>,
    spawned: Cell<u64>,
    ended: Cell<u64>,
}

/// The side of the set that wakers on other threads reach.
struct Inbox {
    slot: Slot<Inbox>,
    state: Mutex<(VecDeque<Runnable>, Option<Waker>)>,
}

struct OnSet;

impl Schedule for OnSet {
    fn schedule(task: Runnable) {
        let number = task.header().runtime;
        let here = CURRENT.try_with(|current| {
            current
                .borrow()
                .as_ref()
                .filter(|inner| inner.shared.slot.number() == number)
                .cloned()
        });
        if let Ok(Some(inner)) = here {
            return inner.queue.borrow_mut().push_back(task);
        }
        // SAFETY: the task's queue entry is in our hands, so it is not done, and its set not dropped.
        let inbox = unsafe { table::get::<Inbox>(number) };
        let waker = {
            let mut state = inbox.state.lock();
            state.0.push_back(task);
            state.1.take()
        };
        // From here on the task may be gone.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn unhandled(report: &Unhandled) {
        report::deliver(report);
    }
}

impl LocalSet {
    /// An empty set, which belongs to this thread.
    ///
    /// # Panics
    ///
    /// If the process has 65535 runtimes and sets.
    ///
    /// # Examples
    ///
    /// ```
    /// let set = filch::task::LocalSet::new();
    /// // A set without tasks is ready at once.
    /// filch::block_on(set);
    /// ```
    #[track_caller]
    pub fn new() -> Self {
        let slot = Slot::acquire().expect(
            "`LocalSet::new`: this process has 65535 runtimes and local sets already: drop some first",
        );
        let shared = Arc::new(Inbox {
            slot,
            state: Mutex::default(),
        });
        shared.slot.point_to(&shared);
        let inner = Inner {
            shared,
            queue: RefCell::default(),
            spawned: Cell::new(0),
            ended: Cell::new(0),
        };
        Self {
            inner: Some(Rc::new(inner)),
        }
    }

    fn inner(&self) -> &Rc<Inner> {
        self.inner.as_ref().expect("the set is dropped last")
    }

    /// Adds a task to the set; it runs when the set is polled next.
    ///
    /// ```
    /// let set = filch::task::LocalSet::new();
    /// let task = set.spawn_local(async { *std::rc::Rc::new(5) });
    /// assert_eq!(filch::block_on(set.run_until(task)).unwrap(), 5);
    /// ```
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn(future, None)
    }

    #[track_caller]
    pub(crate) fn spawn<F>(&self, future: F, name: Option<Box<str>>) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let inner = self.inner();
        // SAFETY: the task is local to the set, which is not `Send`: it is polled and dropped on this thread only.
        let task = unsafe { make::<F, OnSet>(future, inner.shared.slot.number(), 0, true, name) };
        inner.spawned.set(inner.spawned.get() + 1);
        OnSet::schedule(task.entry);
        task.handle
    }

    /// Runs the set's tasks and `future`, until that is ready.
    ///
    /// # Cancel safety
    ///
    /// Dropping the returned future drops `future`; the set's tasks stay where they are.
    ///
    /// # Examples
    ///
    /// ```
    /// let set = filch::task::LocalSet::new();
    /// let sum = filch::block_on(set.run_until(async {
    ///     1 + filch::spawn_local(async { *std::rc::Rc::new(5) }).await.unwrap()
    /// }));
    /// assert_eq!(sum, 6);
    /// ```
    pub fn run_until<F: IntoFuture>(&self, future: F) -> RunUntil<'_, F::IntoFuture> {
        RunUntil {
            set: self,
            future: future.into_future(),
        }
    }

    /// [`run_until`](Self::run_until) in `runtime.block_on`.
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_on`].
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let set = filch::task::LocalSet::new();
    /// assert_eq!(set.block_on(&runtime, async { 5 }), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn block_on<F: IntoFuture>(&self, runtime: &Runtime, future: F) -> F::Output {
        runtime.block_on(self.run_until(future))
    }
}

impl Inner {
    /// Runs some tasks; whether all of the set's tasks have ended.
    fn run(self: &Rc<Self>, cx: &Context<'_>) -> bool {
        // Cloned and dropped without the lock: a waker may be foreign code.
        let waker = cx.waker().clone();
        let left = {
            let mut state = self.shared.state.lock();
            self.queue.borrow_mut().append(&mut state.0);
            if seeded("the_set_lets_go_before_it_waits") {
                drop(state);
                state = self.shared.state.lock();
            }
            state.1.replace(waker)
        };
        drop(left);
        for _ in 0..TASKS_PER_POLL {
            let task = self.queue.borrow_mut().pop_front();
            let Some(task) = task else { break };
            let ran = coop::with_fresh(|| task.run(0));
            match ran {
                Ran::Idle => {}
                Ran::Done => self.ended.set(self.ended.get() + 1),
                Ran::Again(task) => self.queue.borrow_mut().push_back(task),
            }
        }
        if !self.queue.borrow().is_empty() {
            cx.waker().wake_by_ref();
        }
        self.spawned.get() == self.ended.get()
    }

    /// Drops all tasks of the set, on its thread.
    fn end(self: &Rc<Self>) {
        while self.spawned.get() != self.ended.get() {
            let mut entries: VecDeque<_> = self.queue.take();
            entries.append(&mut self.shared.state.lock().0);
            let number = self.shared.slot.number();
            walk(
                |header| header.runtime == number,
                // SAFETY: the walk gave a reference, which is given up here.
                |task| entries.extend(unsafe { abort_owned(task) }),
            );
            if entries.is_empty() {
                // A waker on another thread is about to push.
                shim::thread::yield_now();
            }
            for task in entries {
                task.cancel();
                self.ended.set(self.ended.get() + 1);
            }
        }
    }
}

/// Makes a set the thread's current one until it is dropped.
struct Entered(Option<Rc<Inner>>);

impl Entered {
    fn new(inner: &Rc<Inner>) -> Self {
        Self(CURRENT.with(|current| current.replace(Some(inner.clone()))))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let outer = self.0.take();
        let _inner = CURRENT.with(|current| current.replace(outer));
    }
}

impl Future for LocalSet {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let _entered = Entered::new(self.inner());
        if self.inner().run(cx) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

pin_project! {
    /// The future of [`LocalSet::run_until`].
    ///
    /// ```
    /// let set = filch::task::LocalSet::new();
    /// let run: filch::task::RunUntil<'_, _> = set.run_until(async { 5 });
    /// assert_eq!(filch::block_on(run), 5);
    /// ```
    #[must_use = "futures do nothing unless awaited"]
    pub struct RunUntil<'a, F> {
        set: &'a LocalSet,
        #[pin]
        future: F,
    }
}

impl<F> fmt::Debug for RunUntil<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunUntil")
            .field("set", self.set)
            .finish_non_exhaustive()
    }
}

impl<F: Future> Future for RunUntil<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(this.set.inner());
        // The tasks first: the future is often waiting for one of them.
        this.set.inner().run(cx);
        let polled = this.future.poll(cx);
        if polled.is_pending() && !this.set.inner().queue.borrow().is_empty() {
            // The future has spawned or woken tasks of the set.
            cx.waker().wake_by_ref();
        }
        polled
    }
}

impl Default for LocalSet {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner();
        f.debug_struct("LocalSet")
            .field("live_tasks", &(inner.spawned.get() - inner.ended.get()))
            .finish_non_exhaustive()
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else {
            return;
        };
        // Handles of `current` are further owners; the last one is the user's.
        if Rc::strong_count(&inner) == 1 {
            let _entered = Entered::new(&inner);
            let _aside = context::Blocking::enter();
            inner.end();
        }
    }
}

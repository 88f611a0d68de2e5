//! Spawning: from a future to a task in a queue.
//! It owns the ways in; it must not know how a task is laid out or which queue is served when.

use super::context;
use super::scheduler::Shared;
use super::scheduler::on_runtime::OnRuntime;
use super::task::{JoinHandle, New, Runnable, Schedule, make};
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::Ordering::Relaxed;
use core::task::{Context, Poll};
use std::sync::Arc;

/// Starts a task on the current runtime. It runs at once, whether or not the handle is awaited.
///
/// # Panics
///
/// Outside a runtime.
///
/// # Examples
///
/// ```
/// filch::block_on(async {
///     let double = filch::spawn(async { 21 * 2 });
///     assert_eq!(double.await.unwrap(), 42);
/// });
/// ```
#[track_caller]
#[inline]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_named(future, None)
}

#[track_caller]
#[inline]
pub(crate) fn spawn_named<F>(future: F, name: Option<Box<str>>) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match context::worker() {
        Some(worker) => {
            let shared = worker.shared();
            // SAFETY: future and output are `Send`.
            let task =
                unsafe { shared.make::<F, OnRuntime>(future, worker.index() as u16, false, name) };
            if shared.gate.is_stopping() {
                shared.shares.remote_spawns.fetch_add(1, Relaxed);
                shared.end_task_at_once(task.entry);
            } else {
                worker.push_spawned(task.entry);
            }
            task.handle
        }
        None => context::expect("spawn").spawn(future, name),
    }
}

/// Starts a task that may not leave this thread, and hence need not be `Send`.
///
/// Inside a [`LocalSet`](crate::task::LocalSet) it joins the set. On a current-thread runtime it binds the runtime to
/// this thread: from then on `block_on` panics on others, and a runtime that is dropped on another thread leaves the
/// task's memory untouched. In a task of [`spawn_pinned`], or of this function, on a multi-threaded runtime, it stays
/// on the same worker.
///
/// # Panics
///
/// Anywhere else: on a multi-threaded runtime an ordinary task moves between threads.
///
/// # Examples
///
/// ```
/// let runtime = filch::runtime::Builder::current_thread().build()?;
/// let shared = std::rc::Rc::new(5);
/// let sum = runtime.block_on(async move {
///     let there = shared.clone();
///     filch::spawn_local(async move { *there + 1 }).await.unwrap() + *shared
/// });
/// assert_eq!(sum, 11);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_local_named(future, None)
}

#[track_caller]
pub(crate) fn spawn_local_named<F>(future: F, name: Option<Box<str>>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    if let Some(set) = super::local_set::current() {
        return set.spawn(future, name);
    }
    let worker = match context::worker() {
        Some(worker) if worker.may_host() => worker,
        Some(_) => panic!(
            "`spawn_local` was called in a task that moves between threads. Call it inside `LocalSet::run_until`, in a \
             task of `spawn_pinned(|| ..)`, or on a `Builder::current_thread()` runtime"
        ),
        None => panic!(
            "`spawn_local` was called on a thread that runs no worker. Call it inside `LocalSet::run_until`, in a task \
             of `spawn_pinned(|| ..)`, or inside `block_on` of a `Builder::current_thread()` runtime"
        ),
    };
    let shared = worker.shared();
    // SAFETY: the task is local, and the worker stays on this thread: `may_host` has bound it.
    let task = unsafe { shared.make::<F, OnRuntime>(future, worker.index() as u16, true, name) };
    worker.push_pinned(task.entry);
    task.handle
}

/// Starts a task whose future is made on one worker and stays there, so that it need not be `Send`; the closure that
/// makes it must be. The workers take turns.
///
/// # Panics
///
/// Outside a runtime.
///
/// # Examples
///
/// ```
/// filch::block_on(async {
///     let handle = filch::spawn_pinned(|| async {
///         let not_send = std::rc::Rc::new(7);
///         filch::task::yield_now().await;
///         *not_send
///     });
///     assert_eq!(handle.await.unwrap(), 7);
/// });
/// ```
#[track_caller]
pub fn spawn_pinned<M, F>(make: M) -> JoinHandle<F::Output>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    context::expect("spawn_pinned").spawn_pinned(make, None)
}

/// A future that is made at its first poll.
enum Pinned<M, F> {
    Before(Option<M>),
    Made(F),
}

impl<M, F> Future for Pinned<M, F>
where
    M: FnOnce() -> F,
    F: Future,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the closure is moved out before anything is pinned; the made future is never moved.
        let this = unsafe { self.get_unchecked_mut() };
        if let Self::Before(make) = this {
            let make = make.take().expect("a task is not polled after a panic");
            *this = Self::Made(make());
        }
        let Self::Made(future) = this else {
            unreachable!("the future was made above")
        };
        // SAFETY: `this` was pinned, and so is what is in it.
        unsafe { Pin::new_unchecked(future) }.poll(cx)
    }
}

impl Shared {
    /// # Safety
    /// As [`allocate`].
    #[track_caller]
    #[inline]
    unsafe fn make<F, S>(
        &self,
        future: F,
        home: u16,
        local: bool,
        name: Option<Box<str>>,
    ) -> New<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
        S: Schedule,
    {
        // SAFETY: passed on.
        unsafe { make::<F, S>(future, self.slot.number(), home, local, name) }
    }

    /// A spawn from anywhere.
    #[track_caller]
    pub(crate) fn spawn<F>(
        self: &Arc<Self>,
        future: F,
        name: Option<Box<str>>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // SAFETY: future and output are `Send`.
        let task = unsafe { self.make::<F, OnRuntime>(future, self.next_home(), false, name) };
        match context::worker().filter(|worker| Arc::ptr_eq(worker.shared(), self)) {
            Some(worker) if !self.gate.is_stopping() => worker.push_spawned(task.entry),
            _ => self.push_spawned(task.entry),
        }
        task.handle
    }

    #[track_caller]
    pub(crate) fn spawn_pinned<M, F>(
        self: &Arc<Self>,
        make: M,
        name: Option<Box<str>>,
    ) -> JoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let future = Pinned::<M, F>::Before(Some(make));
        // SAFETY: until its first poll the future is a `Send` closure, and afterwards the task, which is local, stays on
        // the thread that polled it.
        let task = unsafe { self.make::<_, OnRuntime>(future, self.next_home(), true, name) };
        self.push_spawned(task.entry);
        task.handle
    }

    /// Through the gate into an inbox; after the end, into nothing.
    fn push_spawned(&self, task: Runnable) {
        self.shares.remote_spawns.fetch_add(1, Relaxed);
        match self.gate.enter() {
            Some(_pass) => self.push_remote(task),
            None => self.end_task_at_once(task),
        }
    }

    /// Cancels a task that came too late: the caller is the only one who knows of it.
    #[cold]
    pub(crate) fn end_task_at_once(&self, task: Runnable) {
        task.cancel();
        self.shares.done.fetch_add(1, Relaxed);
    }
}

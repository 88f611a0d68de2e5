//! What users look for under `filch::task` and what needs a runtime: spawning with more than a future (so far, a name),
//! and the list of all tasks. It must not know how a task is made or found.

use super::task::{JoinHandle, TaskInfo};
use super::{context, spawn};
use core::future::Future;

/// Names a task before it is spawned. The name is shown in dumps and reports, and by
/// [`JoinHandle::name`](crate::task::JoinHandle::name).
///
/// ```
/// filch::block_on(async {
///     let handle = filch::task::Builder::new().name("answer").spawn(async { 42 });
///     assert_eq!(handle.name().as_deref(), Some("answer"));
///     assert_eq!(handle.await.unwrap(), 42);
/// });
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until a task is spawned"]
pub struct Builder {
    name: Option<Box<str>>,
}

impl Builder {
    /// A task without a name.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::task::Builder::new().spawn(async {});
    ///     assert_eq!(handle.name(), None);
    /// });
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the task a name. It need not be unique.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::task::Builder::new().name("reader").spawn(async {});
    ///     assert_eq!(handle.name().as_deref(), Some("reader"));
    /// });
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// As [`filch::spawn`](crate::spawn).
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::task::Builder::new().name("answer").spawn(async { 42 });
    ///     assert_eq!(handle.await.unwrap(), 42);
    /// });
    /// ```
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn::spawn_named(future, self.name)
    }

    /// As [`filch::spawn_local`](crate::spawn_local).
    ///
    /// # Panics
    ///
    /// Where tasks move between threads.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::current_thread().build()?;
    /// runtime.block_on(async {
    ///     let handle = filch::task::Builder::new().name("local").spawn_local(async { *std::rc::Rc::new(5) });
    ///     assert_eq!(handle.await.unwrap(), 5);
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        spawn::spawn_local_named(future, self.name)
    }

    /// As [`filch::spawn_pinned`](crate::spawn_pinned).
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     let builder = filch::task::Builder::new().name("pinned");
    ///     let handle = builder.spawn_pinned(|| async { *std::rc::Rc::new(5) });
    ///     assert_eq!(handle.await.unwrap(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_pinned<M, F>(self, make: M) -> JoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        context::expect("task::Builder::spawn_pinned").spawn_pinned(make, self.name)
    }

    /// As [`filch::spawn_blocking`](crate::spawn_blocking). The name is shown by
    /// [`shutdown_timeout`](crate::runtime::Runtime::shutdown_timeout) if the job outlasts it.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::task::Builder::new().name("sum").spawn_blocking(|| 2 + 3);
    ///     assert_eq!(handle.await.unwrap(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, R>(self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        context::expect("task::Builder::spawn_blocking").spawn_blocking(f, self.name)
    }
}

/// The tasks that are alive in the current runtime: asyncio's `all_tasks`.
///
/// It looks at every task of the process, whichever runtime it belongs to; see
/// [`Handle::all_tasks`](crate::runtime::Handle::all_tasks) for what that costs.
///
/// # Panics
///
/// Outside a runtime. [`Handle::all_tasks`](crate::runtime::Handle::all_tasks) asks a certain one.
///
/// ```
/// filch::block_on(async {
///     filch::spawn(std::future::pending::<()>()).detach();
///     assert_eq!(filch::task::all_tasks().len(), 1);
/// });
/// ```
#[track_caller]
pub fn all_tasks() -> Vec<TaskInfo> {
    TaskInfo::all(context::expect("task::all_tasks").slot.number())
}

//! The handle of a runtime: what one keeps to spawn into it from anywhere.

use super::context::{self, EnterGuard};
use super::metrics::Metrics;
use super::scheduler::Shared;
use super::task::{JoinHandle, TaskInfo};
use core::fmt;
use core::future::{Future, IntoFuture};
use std::sync::Arc;

/// A handle to a runtime; cheap to clone. It does not keep the runtime running: after the end, what is spawned through it
/// is cancelled at once.
///
/// ```
/// filch::block_on(async {
///     let handle = filch::runtime::Handle::current();
///     let thread = std::thread::spawn(move || handle.block_on(async { 1 + 1 }));
///     assert_eq!(thread.join().unwrap(), 2);
/// });
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The runtime of this thread: that of the task or the blocking job that calls, or the one last entered.
    ///
    /// # Panics
    ///
    /// Outside a runtime; [`try_current`](Self::try_current) gives an error instead.
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::runtime::Handle::current();
    ///     assert_eq!(handle.spawn(async { 5 }).await.unwrap(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn current() -> Self {
        Self::new(context::expect("Handle::current"))
    }

    /// The runtime of this thread.
    ///
    /// # Errors
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::runtime::Handle;
    /// assert!(Handle::try_current().is_err());
    /// filch::block_on(async { assert!(Handle::try_current().is_ok()) });
    /// ```
    pub fn try_current() -> Result<Self, TryCurrentError> {
        context::current().map(Self::new).ok_or(TryCurrentError(()))
    }

    /// Makes this the thread's runtime until the guard is dropped: `spawn`, `sleep` and the like find it then.
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let _guard = runtime.handle().enter();
    /// let handle = filch::spawn(async { 5 });
    /// assert_eq!(runtime.block_on(handle).unwrap(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard::new(&self.shared)
    }

    /// As [`Runtime::block_on`](super::Runtime::block_on).
    ///
    /// # Panics
    ///
    /// Inside a task or another `block_on`; if `future` panics; and if it waits for a timer of a runtime that has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let handle = runtime.handle().clone();
    /// let thread = std::thread::spawn(move || handle.block_on(async { 5 }));
    /// assert_eq!(thread.join().unwrap(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn block_on<F: IntoFuture>(&self, future: F) -> F::Output {
        self.shared
            .block_on(future.into_future(), "Handle::block_on")
    }

    /// As [`filch::spawn`](crate::spawn), into this runtime.
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let task = runtime.handle().spawn(async { 5 });
    /// assert_eq!(runtime.block_on(task).unwrap(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.shared.spawn(future, None)
    }

    /// As [`filch::spawn_pinned`](crate::spawn_pinned), into this runtime.
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let task = runtime.handle().spawn_pinned(|| async { *std::rc::Rc::new(5) });
    /// assert_eq!(runtime.block_on(task).unwrap(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_pinned<M, F>(&self, make: M) -> JoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        self.shared.spawn_pinned(make, None)
    }

    /// As [`filch::spawn_blocking`](crate::spawn_blocking), on this runtime's pool.
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let job = runtime.handle().spawn_blocking(|| 5);
    /// assert_eq!(runtime.block_on(job).unwrap(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.shared.spawn_blocking(f, None)
    }

    /// The runtime's numbers at this moment.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let metrics = filch::runtime::Handle::current().metrics();
    ///     assert_eq!(metrics.live_tasks, 0);
    /// });
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// The tasks that are alive in this runtime, blocking jobs included; found by walking the memory of tasks. asyncio's
    /// `all_tasks`.
    ///
    /// # Cost
    ///
    /// No list of tasks is kept, so that a spawn need not enter one. The memory of tasks is one for the process, and this
    /// looks at all of it: about 11 ns for each task of another runtime, and 15 to 75 ns (the fewer, the less) for each of
    /// this one, so 11 ms in an empty runtime beside one with a million tasks. Tasks are spawned, polled and freed
    /// meanwhile.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let sleeper = filch::task::Builder::new().name("sleeper").spawn(std::future::pending::<()>());
    ///     let tasks = filch::runtime::Handle::current().all_tasks();
    ///     assert!(tasks.iter().any(|task| task.name() == Some("sleeper")));
    ///     sleeper.abort();
    /// });
    /// ```
    pub fn all_tasks(&self) -> Vec<TaskInfo> {
        TaskInfo::all(self.shared.slot.number())
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = self.metrics();
        f.debug_struct("Handle")
            .field("flavor", &self.shared.flavor)
            .field("workers", &metrics.workers.len())
            .field("live_tasks", &metrics.live_tasks)
            .finish_non_exhaustive()
    }
}

/// There is no filch runtime on this thread.
///
/// ```
/// let error = filch::runtime::Handle::try_current().unwrap_err();
/// assert!(error.to_string().contains("filch::block_on"));
/// ```
#[derive(Clone, Debug)]
pub struct TryCurrentError(());

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "there is no filch runtime on this thread: call from inside `filch::block_on(..)`, or keep \
             `let _guard = handle.enter();` alive",
        )
    }
}

impl std::error::Error for TryCurrentError {}

//! The runtime itself, and its end.
//! It owns who asks for the end and who waits for it; what happens meanwhile is told in `scheduler/close.rs`.

use super::context::{self, EnterGuard};
use super::handle::Handle;
use super::metrics::Metrics;
use super::scheduler::Shared;
use super::scheduler::config::Flavor;
use super::shim::Instant;
use super::task::JoinHandle;
use super::threads;
use core::fmt;
use core::future::{Future, IntoFuture};
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;
use std::sync::Arc;

/// Runs a future, and all it spawns, on a multi-threaded runtime made for this call, and gives its output. At the end the
/// tasks that are left are dropped and the threads joined, as by asyncio's `run`.
///
/// # Panics
///
/// Inside a task or another `block_on`; if the system gives no threads; and if the future panics.
///
/// # Examples
///
/// ```
/// let sum = filch::block_on(async {
///     let two = filch::spawn(async { 2 });
///     1 + two.await.unwrap()
/// });
/// assert_eq!(sum, 3);
/// ```
#[track_caller]
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    // Said before the threads are made.
    drop(context::Asynchronous::enter("filch::block_on"));
    match Runtime::new() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => panic!("`filch::block_on` could not start a runtime: {error}"),
    }
}

/// A scheduler with its workers, timers and blocking pool.
///
/// Dropping it ends it: workers finish their present poll and begin no other, all futures are dropped, each once;
/// blocking jobs that have not begun are cancelled, and those that run are waited for. A drop inside a task, or inside
/// one of the runtime's own blocking jobs, does not wait (a runtime that waits for its own caller never ends): it is a
/// [`shutdown_background`](Self::shutdown_background) then.
///
/// ```
/// let runtime = filch::runtime::Runtime::new()?;
/// let answer = runtime.block_on(async { filch::spawn(async { 42 }).await.unwrap() });
/// assert_eq!(answer, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Runtime {
    handle: Handle,
    ended: bool,
}

impl Runtime {
    pub(crate) fn new_from(shared: Arc<Shared>) -> Self {
        Self {
            handle: Handle::new(shared),
            ended: false,
        }
    }

    /// Runs a future on this thread until it is ready, and gives its output. What it spawns runs on the workers, or, on a
    /// current-thread runtime, on this thread in between.
    ///
    /// # Panics
    ///
    /// Inside a task or another `block_on` (use `.await`, or [`block_in_place`](crate::block_in_place) around the call);
    /// and if the future panics.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let first = runtime.block_on(async { 1 });
    /// let second = runtime.block_on(async { 2 });
    /// assert_eq!(first + second, 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn block_on<F: IntoFuture>(&self, future: F) -> F::Output {
        self.handle
            .shared
            .block_on(future.into_future(), "Runtime::block_on")
    }

    /// As [`filch::spawn`](crate::spawn), into this runtime.
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let task = runtime.spawn(async { 5 });
    /// assert_eq!(runtime.block_on(task).unwrap(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.shared.spawn(future, None)
    }

    /// As [`filch::spawn_blocking`](crate::spawn_blocking), on this runtime's pool.
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let job = runtime.spawn_blocking(|| 5);
    /// assert_eq!(runtime.block_on(job).unwrap(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle.shared.spawn_blocking(f, None)
    }

    /// The handle to this runtime.
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let handle = runtime.handle().clone();
    /// std::thread::spawn(move || handle.spawn(async {}).detach()).join().unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// As [`Handle::enter`].
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// let _guard = runtime.enter();
    /// filch::spawn(async {}).detach();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// The runtime's numbers at this moment.
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// assert_eq!(runtime.metrics().live_tasks, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.handle.metrics()
    }

    /// Ends the runtime, waiting at most for `timeout`, and says what was dropped and what still runs.
    ///
    /// A task that never yields, or a blocking job, may outlast the timeout: it goes on, and its thread ends with it. Called
    /// inside a task or one of the runtime's own blocking jobs it does not wait at all.
    ///
    /// ```
    /// use std::time::Duration;
    /// let runtime = filch::runtime::Runtime::new()?;
    /// runtime.spawn(std::future::pending::<()>()).detach();
    /// let report = runtime.shutdown_timeout(Duration::from_secs(5));
    /// assert!(report.complete);
    /// assert_eq!(report.tasks_dropped, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown_timeout(mut self, timeout: Duration) -> ShutdownReport {
        self.end(Some(timeout))
    }

    /// Ends the runtime without waiting.
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// runtime.spawn_blocking(|| std::thread::sleep(std::time::Duration::from_millis(50))).detach();
    /// // Does not wait for the job.
    /// runtime.shutdown_background();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown_background(mut self) {
        self.end(Some(Duration::ZERO));
    }

    fn end(&mut self, timeout: Option<Duration>) -> ShutdownReport {
        self.ended = true;
        let shared = &self.handle.shared;
        let jobs_cancelled = shared.begin_end();
        let may_wait = context::may_block() && !context::is_in_pool_of(shared);
        let timeout = if may_wait {
            timeout
        } else {
            Some(Duration::ZERO)
        };
        let start = Instant::now();
        let left = |timeout: Duration| timeout.saturating_sub(start.elapsed());
        let tasks_are_gone = shared.gate.wait(timeout);
        let deadline = timeout.map(|timeout| Instant::now() + left(timeout).min(FAR));
        let jobs_are_gone = shared.blocking.wait(deadline);
        if tasks_are_gone && may_wait && timeout != Some(Duration::ZERO) {
            // Their last steps take microseconds.
            threads::join(shared);
        }
        ShutdownReport {
            complete: tasks_are_gone && jobs_are_gone,
            tasks_dropped: shared.shares.dropped.load(Relaxed),
            tasks_running: shared.live_tasks().saturating_sub(shared.leaked()),
            jobs_cancelled,
            jobs_running: shared.blocking.running(),
        }
    }
}

/// A deadline this far away is as good as none, and no sum with it overflows.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

impl Drop for Runtime {
    fn drop(&mut self) {
        if !self.ended {
            self.end(None);
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("flavor", &self.handle.shared.flavor)
            .field("metrics", &self.metrics())
            .finish_non_exhaustive()
    }
}

/// What became of a runtime in [`Runtime::shutdown_timeout`].
///
/// ```
/// use std::{sync::mpsc, time::Duration};
/// let runtime = filch::runtime::Runtime::new()?;
/// let (let_go, waits) = mpsc::channel::<()>();
/// let (started, starts) = mpsc::channel();
/// runtime.spawn_blocking(move || {
///     started.send(()).unwrap();
///     waits.recv()
/// }).detach();
/// starts.recv().unwrap();
///
/// let report = runtime.shutdown_timeout(Duration::from_millis(1));
/// assert!(!report.complete);
/// assert_eq!(report.jobs_running.len(), 1);
/// let_go.send(()).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Whether everything has ended: no task and no blocking job is left.
    pub complete: bool,
    /// Tasks whose futures were dropped before they were ready.
    pub tasks_dropped: u64,
    /// Tasks that have not ended yet: they are in the middle of a poll.
    pub tasks_running: u64,
    /// Blocking jobs that had not begun and were cancelled.
    pub jobs_cancelled: u64,
    /// Blocking jobs that still run, by name or type and place of their spawn.
    pub jobs_running: Vec<String>,
}

impl Shared {
    /// Asks for the end; the number of blocking jobs that were cancelled by it.
    fn begin_end(&self) -> u64 {
        self.stop();
        let jobs_cancelled = self.blocking.close();
        if self.flavor == Flavor::CurrentThread {
            // If another thread drives the worker, that one brings the end.
            if let Some(worker) = self.seats.try_take() {
                self.hand_in(worker);
            }
        }
        jobs_cancelled
    }
}

//! Blocking calls: `spawn_blocking`, `run_in_executor`, and pools of one's own.
//! It owns how a closure becomes a task in a pool; it must not know how the pool grows.

use super::blocking::{Config, Job, Pool, SubmitError};
use super::context;
use super::paused::Hold;
use super::report;
use super::scheduler::Shared;
use super::shim::Instant;
use super::table;
use super::task::{Id, JoinHandle, Ran, Runnable, Schedule, Unhandled, make_at, name_of};
use core::fmt;
use core::future::Future;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

/// Runs a closure that may block on a thread of the runtime's blocking pool.
///
/// The pool grows by need: see [`Builder::max_blocking_threads`](crate::runtime::Builder::max_blocking_threads). Aborting
/// the handle keeps a job from starting, but cannot stop one that runs. When the runtime ends, jobs that have not begun
/// are cancelled, and jobs that run are waited for. A job that the pool refuses (its queue is bounded and full, or the
/// system gives no first thread) is cancelled too.
///
/// # Panics
///
/// Outside a runtime.
///
/// # Examples
///
/// ```
/// filch::block_on(async {
///     let read = filch::spawn_blocking(|| std::fs::read_to_string("Cargo.toml"));
///     assert!(read.await.unwrap().is_ok());
/// });
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    context::expect("spawn_blocking").spawn_blocking(f, None)
}

/// Runs a closure that may block in `executor`, or, for `None`, in the runtime's blocking pool: asyncio's
/// `run_in_executor`.
///
/// ```
/// use std::{thread, time::Duration};
/// filch::block_on(async {
///     let nap = filch::run_in_executor(None, || thread::sleep(Duration::from_millis(1)));
///     nap.await.unwrap();
///
///     let database = filch::runtime::Executor::new("database", 2).unwrap();
///     let row = filch::run_in_executor(&database, || 5);
///     assert_eq!(row.await.unwrap(), 5);
/// });
/// ```
///
/// # Panics
///
/// For `None`, outside a runtime.
#[track_caller]
pub fn run_in_executor<'a, F, R>(executor: impl Into<Option<&'a Executor>>, f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    match executor.into() {
        Some(executor) => executor.spawn(f),
        None => context::expect("run_in_executor").spawn_blocking(f, None),
    }
}

/// A closure as a future that is ready at its first poll.
struct Call<F>(Option<F>);

impl<F> Unpin for Call<F> {}

impl<F: FnOnce() -> R, R> Future for Call<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        Poll::Ready((self.0.take().expect("a call is polled once"))())
    }
}

/// Tasks whose queue is a pool's.
struct InPool;

impl Schedule for InPool {
    const IN_POOL: bool = true;

    fn schedule(task: Runnable) {
        // A call is scheduled from its spawn to its only run, so no wake-up ever wins its queue entry.
        debug_assert!(false, "a blocking job was scheduled twice");
        let _ = task.into_raw();
    }

    fn unhandled(report: &Unhandled) {
        report::deliver(report);
    }
}

/// What a report says of a job.
#[derive(Clone, Copy)]
pub(crate) struct Tag {
    id: Id,
    type_name: &'static str,
    location: &'static Location<'static>,
}

impl Job for Runnable {
    type Tag = Tag;

    fn run(self) {
        match Runnable::run(self, 0) {
            Ran::Done => {}
            Ran::Idle | Ran::Again(_) => unreachable!("a call is ready at its first poll"),
        }
    }

    fn cancel(self) {
        Runnable::cancel(self);
    }

    fn tag(&self) -> Tag {
        let header = self.header();
        Tag {
            id: header.id(),
            type_name: header.type_name(),
            location: header.location,
        }
    }

    fn describe(tag: Tag) -> String {
        let what = name_of(tag.id).unwrap_or_else(|| tag.type_name.into());
        format!("{what}, spawned at {}", tag.location)
    }
}

/// A job in an [`Executor`]. Until it has ended, and its joiner is woken, it holds back the paused clock of the runtime
/// that it works for, as a job in the runtime's own pool does.
struct Errand {
    entry: Runnable,
    hold: Hold,
}

impl Job for Errand {
    type Tag = Tag;

    fn run(self) {
        let Self { entry, hold: _held } = self;
        Job::run(entry);
    }

    fn cancel(self) {
        let Self { entry, hold: _held } = self;
        Job::cancel(entry);
    }

    fn tag(&self) -> Tag {
        self.entry.tag()
    }

    fn describe(tag: Tag) -> String {
        Runnable::describe(tag)
    }
}

/// Makes a job of the closure and submits it; one that the pool refuses is cancelled.
fn submit<J, F, R>(
    pool: &Pool<J>,
    location: &'static Location<'static>,
    job: impl FnOnce(Runnable) -> J,
    runtime: u16,
    f: F,
    name: Option<Box<str>>,
) -> JoinHandle<R>
where
    J: Job,
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    // SAFETY: closure and output are `Send`.
    let task = unsafe { make_at::<_, InPool>(location, Call(Some(f)), runtime, 0, false, name) };
    match pool.submit(job(task.entry)) {
        Ok(()) => {}
        Err(SubmitError::Closed(job) | SubmitError::Full(job) | SubmitError::NoThread(job, _)) => {
            job.cancel();
        }
    }
    task.handle
}

impl Shared {
    #[track_caller]
    pub(crate) fn spawn_blocking<F, R>(&self, f: F, name: Option<Box<str>>) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.spawn_blocking_at(Location::caller(), f, name)
    }

    /// For a job that was asked for at `location`, and is submitted later.
    pub(crate) fn spawn_blocking_at<F, R>(
        &self,
        location: &'static Location<'static>,
        f: F,
        name: Option<Box<str>>,
    ) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let runtime = self.slot.number();
        submit(&self.blocking, location, |entry| entry, runtime, f, name)
    }
}

/// A pool of threads of one's own for blocking calls, with a name and a size: asyncio's `ThreadPoolExecutor`.
///
/// Dropping it cancels the jobs that have not begun, and waits for those that run, unless it is dropped inside a task
/// or one of its own jobs.
///
/// ```
/// let executor = filch::runtime::Executor::new("hashing", 2)?;
/// let job = executor.spawn(|| 2 + 2);
/// assert_eq!(filch::block_on(job).unwrap(), 4);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Executor {
    pool: Pool<Errand>,
    name: String,
    /// It was waited for as long as the user wanted.
    ended: bool,
}

impl Executor {
    /// A pool of at most `threads` threads.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if `threads` is zero or more than 65536.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = filch::runtime::Executor::new("database", 2)?;
    /// assert_eq!(executor.name(), "database");
    /// assert!(filch::runtime::Executor::new("none", 0).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(name: impl Into<String>, threads: usize) -> io::Result<Self> {
        Self::builder(name).threads(threads).build()
    }

    /// More settings than a name and a size.
    ///
    /// ```
    /// let executor = filch::runtime::Executor::builder("database").queue(100).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder(name: impl Into<String>) -> ExecutorBuilder {
        ExecutorBuilder {
            name: name.into(),
            threads: num_cpus::get(),
            keep_alive: Duration::from_secs(10),
            queue: None,
        }
    }

    /// Runs a closure on a thread of the pool; see [`spawn_blocking`].
    ///
    /// ```
    /// let executor = filch::runtime::Executor::new("adder", 1)?;
    /// let sum = executor.spawn(|| 1 + 1);
    /// assert_eq!(filch::block_on(sum).unwrap(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let hold = Hold::for_caller();
        submit(
            &self.pool,
            Location::caller(),
            |entry| Errand { entry, hold },
            table::NONE,
            f,
            None,
        )
    }

    /// The pool's name.
    ///
    /// ```
    /// assert_eq!(filch::runtime::Executor::new("mail", 1)?.name(), "mail");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Threads that the pool has, idle ones included.
    ///
    /// ```
    /// let executor = filch::runtime::Executor::new("late", 4)?;
    /// assert_eq!(executor.threads(), 0);
    /// filch::block_on(executor.spawn(|| ())).unwrap();
    /// assert_eq!(executor.threads(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Jobs that wait for a thread.
    ///
    /// ```
    /// let executor = filch::runtime::Executor::new("idle", 1)?;
    /// assert_eq!(executor.queued(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn queued(&self) -> usize {
        self.pool.queued()
    }

    /// Ends the pool, waiting at most for `timeout`; says which jobs still run, by type and place of their spawn. Jobs that
    /// have not begun are cancelled.
    ///
    /// ```
    /// use std::time::Duration;
    /// let executor = filch::runtime::Executor::new("short", 1)?;
    /// executor.spawn(|| ()).detach();
    /// let still_running = executor.shutdown_timeout(Duration::from_secs(5));
    /// assert!(still_running.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Vec<String> {
        self.ended = true;
        self.pool.close();
        let deadline = Instant::now().checked_add(timeout);
        self.pool.wait(deadline);
        self.pool.running()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.pool.close();
        if !self.ended && context::may_block() {
            self.pool.wait(None);
        }
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("name", &self.name)
            .field("threads", &self.threads())
            .field("queued", &self.queued())
            .finish()
    }
}

/// Configures an [`Executor`].
///
/// ```
/// use std::time::Duration;
/// let executor = filch::runtime::Executor::builder("mail")
///     .threads(3)
///     .keep_alive(Duration::from_secs(60))
///     .queue(1000)
///     .build()?;
/// assert_eq!(filch::block_on(executor.spawn(|| 5)).unwrap(), 5);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ExecutorBuilder {
    name: String,
    threads: usize,
    keep_alive: Duration,
    queue: Option<usize>,
}

impl ExecutorBuilder {
    /// At most how many threads: as many as cores unless set.
    ///
    /// ```
    /// let executor = filch::runtime::Executor::builder("mail").threads(3).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// How long an idle thread waits for a job before it ends: ten seconds unless set.
    ///
    /// ```
    /// use std::time::Duration;
    /// let executor = filch::runtime::Executor::builder("mail").keep_alive(Duration::MAX).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.keep_alive = keep_alive;
        self
    }

    /// How many jobs may wait; the handle of a job beyond that says cancelled. No bound unless set.
    ///
    /// ```
    /// let executor = filch::runtime::Executor::builder("mail").queue(1000).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn queue(mut self, jobs: usize) -> Self {
        self.queue = Some(jobs);
        self
    }

    /// Makes the pool. No thread starts before the first job.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number out of its range.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = filch::runtime::Executor::builder("mail").build()?;
    /// assert!(filch::runtime::Executor::builder("mail").queue(0).build().is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn build(self) -> io::Result<Executor> {
        let refuse = |what: String| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        if !(1..=65536).contains(&self.threads) {
            return refuse(format!(
                "executor '{}' is asked to have {} threads: write a number from 1 to 65536",
                self.name, self.threads
            ));
        }
        if self.queue == Some(0) {
            return refuse(format!(
                "executor '{}' is asked to have a queue for 0 jobs: write at least 1, or leave `queue` out",
                self.name
            ));
        }
        let mut config = Config::new(self.name.clone());
        config.max_threads = self.threads;
        config.keep_alive = self.keep_alive;
        config.queue_bound = self.queue;
        config.fixed = true;
        Ok(Executor {
            pool: Pool::new(config),
            name: self.name,
            ended: false,
        })
    }
}

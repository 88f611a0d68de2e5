//! Numbers that a runtime keeps of itself. Counted by their owners with plain stores, so that nothing is added to the
//! hot paths; what several threads count is counted where they meet anyway.

use super::scheduler::Shared;
use core::sync::atomic::Ordering::Relaxed;

/// A snapshot of a runtime's numbers, made by [`Runtime::metrics`](super::Runtime::metrics). Counts go from the start of
/// the runtime; they are read while the workers run, so two of them may be a moment apart.
///
/// ```
/// let runtime = filch::runtime::Builder::new().workers(2).build().unwrap();
/// runtime.block_on(async { filch::spawn(async {}).await.unwrap() });
/// let metrics = runtime.metrics();
/// assert_eq!(metrics.workers.len(), 2);
/// assert_eq!(metrics.spawns(), 1);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// One entry per worker.
    pub workers: Vec<WorkerMetrics>,
    /// Tasks that were spawned and have not ended.
    pub live_tasks: u64,
    /// Tasks that were spawned by threads that are no workers of the runtime.
    pub remote_spawns: u64,
    /// Wake-ups of sleeping workers for work.
    pub unparks: u64,
    /// Descriptors that are watched: sockets, pipes and the like that a task has waited for.
    pub io_watched: usize,
    /// Threads of the blocking pool, idle ones included.
    pub blocking_threads: usize,
    /// The most threads that the blocking pool has had at a time.
    pub blocking_threads_peak: usize,
    /// Threads of the blocking pool that wait for a job.
    pub blocking_idle: usize,
    /// Jobs that wait for a thread of the blocking pool.
    pub blocking_queue: usize,
}

/// The numbers of one worker.
///
/// ```
/// let runtime = filch::runtime::Builder::new().workers(2).build()?;
/// for worker in runtime.metrics().workers {
///     println!("{} polls, {} steals, {} tasks waiting", worker.polls, worker.steals, worker.queue_depth);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// Polls of tasks.
    pub polls: u64,
    /// Tasks spawned by tasks on this worker.
    pub spawns: u64,
    /// Successful steals by this worker.
    pub steals: u64,
    /// How often the worker slept.
    pub parks: u64,
    /// Tasks that other threads put into this worker's inbox.
    pub inbox_pushes: u64,
    /// Timers that this worker fired.
    pub timers_fired: u64,
    /// Wake-ups of tasks that waited for IO.
    pub io_wakes: u64,
    /// Tasks in the worker's own queue.
    pub queue_depth: usize,
    /// Tasks in the worker's inbox.
    pub inbox_depth: usize,
}

impl Metrics {
    /// Polls of all workers.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).build()?;
    /// runtime.block_on(runtime.spawn(async {})).unwrap();
    /// assert_eq!(runtime.metrics().polls(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn polls(&self) -> u64 {
        self.sum(|worker| worker.polls)
    }
    /// All spawns, from tasks and from outside.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).build()?;
    /// runtime.block_on(runtime.spawn(async {})).unwrap();
    /// assert_eq!(runtime.metrics().spawns(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawns(&self) -> u64 {
        self.sum(|worker| worker.spawns) + self.remote_spawns
    }
    /// Successful steals of all workers.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).build()?;
    /// // There is nobody to steal from.
    /// assert_eq!(runtime.metrics().steals(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn steals(&self) -> u64 {
        self.sum(|worker| worker.steals)
    }
    /// How often workers slept.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).build()?;
    /// println!("slept {} times", runtime.metrics().parks());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn parks(&self) -> u64 {
        self.sum(|worker| worker.parks)
    }
    /// Wake-ups of sleeping workers for work; the same as the field.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).build()?;
    /// println!("{} wake-ups", runtime.metrics().unparks());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unparks(&self) -> u64 {
        self.unparks
    }
    /// Tasks that were put into an inbox.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).build()?;
    /// runtime.block_on(runtime.spawn(async {})).unwrap();
    /// assert_eq!(runtime.metrics().inbox_pushes(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn inbox_pushes(&self) -> u64 {
        self.sum(|worker| worker.inbox_pushes)
    }
    /// Timers fired by all workers.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).build()?;
    /// assert_eq!(runtime.metrics().timers_fired(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn timers_fired(&self) -> u64 {
        self.sum(|worker| worker.timers_fired)
    }
    /// Wake-ups of tasks that waited for IO, by all workers.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).build()?;
    /// assert_eq!(runtime.metrics().io_wakes(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn io_wakes(&self) -> u64 {
        self.sum(|worker| worker.io_wakes)
    }
    fn sum(&self, of: impl Fn(&WorkerMetrics) -> u64) -> u64 {
        self.workers.iter().map(of).sum()
    }
}

impl Shared {
    /// Tasks that were spawned and have not ended. Exact when no worker runs.
    pub(crate) fn live_tasks(&self) -> u64 {
        // Ends are read first: a task that is seen as ended is then also seen as spawned.
        let done = self
            .remotes
            .iter()
            .map(|remote| remote.counters.done.get())
            .sum::<u64>()
            + self.shares.done.load(Relaxed);
        let spawned = self
            .remotes
            .iter()
            .map(|remote| remote.counters.spawns.get())
            .sum::<u64>()
            + self.shares.remote_spawns.load(Relaxed);
        spawned.saturating_sub(done)
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let workers = self.remotes.iter().map(|remote| WorkerMetrics {
            polls: remote.counters.polls.get(),
            spawns: remote.counters.spawns.get(),
            steals: remote.counters.steals.get(),
            parks: remote.counters.parks.get(),
            inbox_pushes: remote.inbox_pushes.load(Relaxed),
            timers_fired: remote.counters.timers.get(),
            io_wakes: remote.counters.events.get(),
            queue_depth: remote.queue_depth(),
            inbox_depth: remote.inbox_depth(),
        });
        Metrics {
            workers: workers.collect(),
            live_tasks: self.live_tasks(),
            remote_spawns: self.shares.remote_spawns.load(Relaxed),
            unparks: self.shares.unparks.load(Relaxed),
            io_watched: self.parking.watched(),
            blocking_threads: self.blocking.threads(),
            blocking_threads_peak: self.blocking.peak_threads(),
            blocking_idle: self.blocking.idle(),
            blocking_queue: self.blocking.queued(),
        }
    }
}

//! How a runtime is configured and made. It owns the limits of the settings; what they mean to a worker is the
//! scheduler's.

use super::blocking;
use super::scheduler::Shared;
use super::scheduler::config::{Config, Flavor, Hooks};
use super::scheduler::worker::Worker;
use super::task::Unhandled;
use super::{Runtime, context, threads};
use core::fmt;
use core::time::Duration;
use std::io;
use std::sync::{Arc, Weak};

/// More workers than this are refused as absurd.
const MOST_WORKERS: usize = 1024;
/// Stacks below this are refused: a thread would overflow in the runtime's own frames.
const LEAST_STACK: usize = 16 * 1024;
/// Ticks between two maintenances, as in tokio and Go: a prime, so that it does not beat with the tasks' own rhythms.
const MAINTENANCE_INTERVAL: u32 = 61;
const WORKERS_VARIABLE: &str = "FILCH_WORKERS";

/// Configures and builds a [`Runtime`].
///
/// ```
/// use std::time::Duration;
/// let runtime = filch::runtime::Builder::new()
///     .workers(2)
///     .thread_name("web")
///     .blocking_keep_alive(Duration::from_secs(1))
///     .build()?;
/// assert_eq!(runtime.block_on(async { 1 + 1 }), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    flavor: Flavor,
    config: Config,
    /// Set by [`Builder::workers`]; otherwise the environment or the machine says.
    workers: Option<usize>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A multi-threaded runtime with one worker per core: the same as [`Builder::multi_thread`].
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().build().unwrap();
    /// assert!(!runtime.metrics().workers.is_empty());
    /// ```
    pub fn new() -> Self {
        Self::multi_thread()
    }

    /// A runtime whose tasks run on threads of its own, one worker per core, that steal from each other.
    ///
    /// The environment variable `FILCH_WORKERS` overrides the number of cores, [`Builder::workers`] overrides both.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::multi_thread().workers(3).build().unwrap();
    /// assert_eq!(runtime.metrics().workers.len(), 3);
    /// ```
    pub fn multi_thread() -> Self {
        Self::with_flavor(Flavor::MultiThread)
    }

    /// A runtime whose tasks run on the thread that calls [`Runtime::block_on`], while it is in that call.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::current_thread().build().unwrap();
    /// let here = std::thread::current().id();
    /// let there = runtime.block_on(async {
    ///     filch::spawn(async { std::thread::current().id() }).await.unwrap()
    /// });
    /// assert_eq!(here, there);
    /// ```
    pub fn current_thread() -> Self {
        Self::with_flavor(Flavor::CurrentThread)
    }

    fn with_flavor(flavor: Flavor) -> Self {
        Self {
            flavor,
            workers: None,
            config: Config {
                workers: 1,
                thread_name: "filch".into(),
                stack_size: None,
                maintenance_interval: MAINTENANCE_INTERVAL,
                hooks: Hooks::default(),
                on_unhandled: None,
                blocking_threads: 512,
                blocking_keep_alive: Duration::from_secs(10),
                blocking_queue: None,
                #[cfg(feature = "test-util")]
                paused: false,
            },
        }
    }

    /// How many workers there are: 1 to 1024. [`build`](Self::build) refuses other values, and any but 1 for a
    /// current-thread runtime.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).build().unwrap();
    /// assert_eq!(runtime.metrics().workers.len(), 1);
    /// assert!(filch::runtime::Builder::new().workers(0).build().is_err());
    /// ```
    pub fn workers(&mut self, workers: usize) -> &mut Self {
        self.workers = Some(workers);
        self
    }

    /// What the threads are called: workers `<name>-<n>`, threads of the blocking pool `<name>-blocking-<n>`.
    /// `filch` unless set.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).thread_name("web").build().unwrap();
    /// let name = runtime.spawn(async { std::thread::current().name().map(String::from) });
    /// assert_eq!(runtime.block_on(name).unwrap().as_deref(), Some("web-0"));
    /// ```
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Self {
        self.config.thread_name = name.into();
        self
    }

    /// The stack of each thread in bytes, at least 16 KiB. The standard library's default (2 MiB) unless set.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).stack_size(256 * 1024).build().unwrap();
    /// assert!(filch::runtime::Builder::new().stack_size(1).build().is_err());
    /// ```
    pub fn stack_size(&mut self, bytes: usize) -> &mut Self {
        self.config.stack_size = Some(bytes);
        self
    }

    /// Called on each thread of the runtime, blocking ones included, before its first work.
    ///
    /// ```
    /// let (started, starts) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_thread_start(move || started.send(()).unwrap())
    ///     .build().unwrap();
    /// starts.recv().unwrap();
    /// ```
    pub fn on_thread_start(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.config.hooks.start = Some(Arc::new(hook));
        self
    }

    /// Called on each thread of the runtime, blocking ones included, before it ends.
    ///
    /// ```
    /// let (stopped, stops) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_thread_stop(move || stopped.send(()).unwrap())
    ///     .build().unwrap();
    /// drop(runtime);
    /// stops.recv().unwrap();
    /// ```
    pub fn on_thread_stop(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.config.hooks.stop = Some(Arc::new(hook));
        self
    }

    /// Called on a worker before it goes to sleep.
    ///
    /// ```
    /// let mut builder = filch::runtime::Builder::new();
    /// builder.on_thread_park(|| println!("nothing to do"));
    /// ```
    pub fn on_thread_park(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.config.hooks.park = Some(Arc::new(hook));
        self
    }

    /// Called on a worker after it woke up.
    ///
    /// ```
    /// let mut builder = filch::runtime::Builder::new();
    /// builder.on_thread_unpark(|| println!("back to work"));
    /// ```
    pub fn on_thread_unpark(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.config.hooks.unpark = Some(Arc::new(hook));
        self
    }

    /// Called when a task ended in a panic or an `Err` that nobody will ever see, because its handle was dropped.
    /// Unless set, one line on stderr names the task and where it was spawned. IO that failed when nobody was left to be
    /// told is reported in the same way.
    ///
    /// The hook runs on the thread where the task ended or its handle was dropped, under no lock. A panic in it is
    /// swallowed.
    ///
    /// ```
    /// let (report, reports) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_unhandled(move |end| report.send(end.to_string()).unwrap())
    ///     .build()?;
    /// runtime.spawn(async { Err::<(), &str>("lost") }).detach();
    /// assert!(reports.recv().unwrap().contains("returned an Err"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_unhandled(&mut self, hook: impl Fn(&Unhandled) + Send + Sync + 'static) -> &mut Self {
        self.config.on_unhandled = Some(Arc::new(hook));
        self
    }

    /// At most how many tasks a busy worker runs before it looks at timers and at its inbox: 61 unless set, at least 1.
    /// With long polls it looks sooner, about every 200 µs.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).maintenance_interval(31).build().unwrap();
    /// ```
    pub fn maintenance_interval(&mut self, tasks: u32) -> &mut Self {
        self.config.maintenance_interval = tasks;
        self
    }

    /// How many threads the blocking pool may have: 512 unless set, at least 1.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).max_blocking_threads(2).build().unwrap();
    /// let jobs: Vec<_> = (0..100).map(|n| runtime.spawn_blocking(move || n)).collect();
    /// for job in jobs {
    ///     runtime.block_on(job).unwrap();
    /// }
    /// assert!(runtime.metrics().blocking_threads_peak <= 2);
    /// ```
    pub fn max_blocking_threads(&mut self, threads: usize) -> &mut Self {
        self.config.blocking_threads = threads;
        self
    }

    /// How long an idle thread of the blocking pool waits for a job before it ends: ten seconds unless set.
    ///
    /// ```
    /// use std::time::Duration;
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .blocking_keep_alive(Duration::from_secs(60))
    ///     .build().unwrap();
    /// runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
    /// assert_eq!(runtime.metrics().blocking_threads, 1);
    /// ```
    pub fn blocking_keep_alive(&mut self, keep_alive: Duration) -> &mut Self {
        self.config.blocking_keep_alive = keep_alive;
        self
    }

    /// How many blocking jobs may wait for a thread; a job beyond that is refused, and its handle says cancelled.
    /// There is no bound unless set.
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new().workers(1).blocking_queue(1000).build().unwrap();
    /// runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
    /// ```
    pub fn blocking_queue(&mut self, jobs: usize) -> &mut Self {
        self.config.blocking_queue = Some(jobs);
        self
    }

    /// Whether the clock stands still from the start, as after [`time::pause`](crate::time::pause).
    ///
    /// ```
    /// use filch::time::{Instant, sleep};
    /// use std::time::Duration;
    /// let runtime = filch::runtime::Builder::current_thread().start_paused(true).build().unwrap();
    /// runtime.block_on(async {
    ///     let start = Instant::now();
    ///     sleep(Duration::from_secs(3600)).await;
    ///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
    /// });
    /// ```
    #[cfg(feature = "test-util")]
    pub fn start_paused(&mut self, paused: bool) -> &mut Self {
        self.config.paused = paused;
        self
    }

    /// Starts the runtime.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput), naming the setting and what to write instead, for a value out of
    /// its range; otherwise what the system says when it gives no thread or descriptor. What had been started by then
    /// is ended.
    ///
    /// # Examples
    ///
    /// ```
    /// let refused = filch::runtime::Builder::new().workers(100_000).build().unwrap_err();
    /// assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    /// assert!(refused.to_string().contains("write a number from 1 to 1024"));
    /// ```
    pub fn build(&mut self) -> io::Result<Runtime> {
        let mut config = self.config.clone();
        config.workers = self.worker_count()?;
        self.check(&config)?;
        #[cfg(not(any(loom, shuttle)))]
        context::lead_sources_here();
        let (shared, workers) = Shared::new(self.flavor, config, pool_of)?;
        match self.flavor {
            Flavor::CurrentThread => {
                workers
                    .into_iter()
                    .for_each(|worker: Worker| shared.seats.put(Box::new(worker)));
                Ok(Runtime::new_from(shared))
            }
            Flavor::MultiThread => {
                threads::start(&shared, workers)?;
                Ok(Runtime::new_from(shared))
            }
        }
    }

    fn worker_count(&self) -> io::Result<usize> {
        if self.flavor == Flavor::CurrentThread {
            return match self.workers {
                None | Some(1) => Ok(1),
                Some(workers) => refuse(format!(
                    "`Builder::workers({workers})` on a current-thread runtime, which has one worker: leave the call out, \
                     or use `Builder::multi_thread()`"
                )),
            };
        }
        let (from, workers) = match (self.workers, std::env::var(WORKERS_VARIABLE)) {
            (Some(workers), _) => ("`Builder::workers`".to_string(), workers),
            (None, Err(std::env::VarError::NotPresent)) => {
                return Ok(num_cpus::get().clamp(1, MOST_WORKERS));
            }
            (None, variable) => {
                let text = variable.unwrap_or_default();
                match text.trim().parse() {
                    Ok(workers) => (
                        format!("the environment variable {WORKERS_VARIABLE}"),
                        workers,
                    ),
                    Err(_) => {
                        return refuse(format!(
                            "the environment variable {WORKERS_VARIABLE} is {text:?}, which is no number: write one from 1 \
                             to {MOST_WORKERS}, or unset it"
                        ));
                    }
                }
            }
        };
        if (1..=MOST_WORKERS).contains(&workers) {
            return Ok(workers);
        }
        refuse(format!(
            "{from} asks for {workers} workers: write a number from 1 to {MOST_WORKERS}, or leave it out for one per core"
        ))
    }

    fn check(&self, config: &Config) -> io::Result<()> {
        if let Some(bytes) = config.stack_size.filter(|bytes| *bytes < LEAST_STACK) {
            return refuse(format!(
                "`Builder::stack_size({bytes})`: write at least {LEAST_STACK} bytes, or leave it out"
            ));
        }
        if config.thread_name.contains('\0') {
            return refuse(
                "`Builder::thread_name` was given a name with a zero byte: leave it out".into(),
            );
        }
        let zero = [
            ("maintenance_interval", config.maintenance_interval == 0),
            ("max_blocking_threads", config.blocking_threads == 0),
            ("blocking_queue", config.blocking_queue == Some(0)),
        ];
        match zero.iter().find(|(_, is_zero)| *is_zero) {
            Some((setting, _)) => refuse(format!(
                "`Builder::{setting}(0)`: write at least 1, or leave it out"
            )),
            None => Ok(()),
        }
    }
}

impl Runtime {
    /// A multi-threaded runtime with one worker per core.
    ///
    /// # Errors
    ///
    /// If the system gives no threads or descriptors, or `FILCH_WORKERS` is no sensible number.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// assert_eq!(runtime.block_on(async { 5 }), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Self> {
        Builder::multi_thread().build()
    }
}

/// The settings of the blocking pool of a runtime, which is being made.
fn pool_of(config: &Config, runtime: Weak<Shared>) -> blocking::Config {
    let hooks = config.hooks.clone();
    let stop = config.hooks.clone();
    let mut pool = blocking::Config::new(config.thread_name.clone());
    pool.max_threads = config.blocking_threads;
    pool.keep_alive = config.blocking_keep_alive;
    pool.queue_bound = config.blocking_queue;
    pool.stack_size = config.stack_size;
    #[cfg(feature = "test-util")]
    {
        let runtime = runtime.clone();
        pool.on_thread_idle = Some(Arc::new(move || {
            if let Some(shared) = runtime.upgrade() {
                shared.let_time_jump();
            }
        }));
    }
    pool.on_thread_start = Some(Arc::new(move || {
        if let Some(shared) = runtime.upgrade() {
            context::enter_pool(&shared);
        }
        hooks.start();
    }));
    pool.on_thread_stop = Some(Arc::new(move || {
        stop.stop();
        context::leave_pool();
    }));
    pool
}

fn refuse<T>(what: String) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("flavor", &self.flavor)
            .field("workers", &self.workers)
            .field("thread_name", &self.config.thread_name)
            .field("maintenance_interval", &self.config.maintenance_interval)
            .field("max_blocking_threads", &self.config.blocking_threads)
            .finish_non_exhaustive()
    }
}

//! The scheduler: from a spawn to a poll.
//!
//! ```text
//!            spawn / wake on a worker            spawn / wake from elsewhere
//!                     |                                     |
//!          +----------v----------+                 +--------v--------+
//!          | next: one task      |                 | inbox, one per  |
//!          +----------+----------+                 | worker          |
//!                     | displaced                  +--------+--------+
//!          +----------v----------+   61st tick, or          |
//!          | deque (crossbeam)   |<-------------------------+
//!          +----+-----------+----+   nothing else to do
//!      the owner|           |thieves: half of it at a time
//!          +----v----+ +----v----+
//!          |  run    | |  run    |   `Worker::turn`: next (3 in a row at most), deque, inbox, steal; else park
//!          +---------+ +---------+
//! ```
//!
//! It owns the queues and the workers' common data ([`Shared`]); it must not know what a future does. `worker.rs` has
//! the order of work, `turn.rs` the loop, `queue.rs` the queues, `idle.rs` the wake-ups, `park.rs` the sleep, `remote.rs`
//! what a worker shows to the others, `current.rs` the flavour that runs in `block_on`, `close.rs` the end,
//! `on_runtime.rs` the way of a woken task into a queue.

pub(crate) mod close;
pub(crate) mod config;
pub(crate) mod current;
pub(crate) mod idle;
#[cfg(all(test, loom))]
mod model;
pub(crate) mod on_runtime;
pub(crate) mod park;
pub(crate) mod queue;
pub(crate) mod remote;
pub(crate) mod shares;
mod turn;
pub(crate) mod worker;

use self::close::Gate;
use self::config::{Config, Flavor};
use self::current::Seats;
use self::idle::{Claimed, Idle};
use self::park::Parking;
use self::queue::LocalQueue;
use self::remote::Remote;
use self::shares::Shares;
use self::worker::Worker;
use crate::io::driver::Driver;
use crate::runtime::blocking::{self, Pool};
use crate::runtime::report;
use crate::runtime::shim::atomic::AtomicUsize;
use crate::runtime::shim::{Mutex, seeded, thread::JoinHandle};
use crate::runtime::table::Slot;
use crate::runtime::task::{Header, Runnable};
use crate::timer::context::Timers;
use core::sync::atomic::Ordering;
use std::io;
use std::sync::{Arc, Weak};

/// What the workers of a runtime, its handles and its tasks' wakers share.
pub(crate) struct Shared {
    pub(crate) slot: Slot<Shared>,
    pub(crate) flavor: Flavor,
    pub(crate) config: Config,
    pub(crate) remotes: Box<[Arc<Remote>]>,
    pub(crate) idle: Idle,
    pub(crate) parking: Parking,
    pub(crate) timers: Arc<Timers>,
    pub(crate) blocking: Pool<Runnable>,
    pub(crate) gate: Gate,
    pub(crate) shares: Shares,
    _hook: Option<report::Registered>,
    /// Where a spawn from outside goes next.
    round_robin: AtomicUsize,
    /// The worker of the current-thread flavour, and who waits for it.
    pub(crate) seats: Seats,
    /// Worker threads, to be joined at the end.
    pub(crate) threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Shared {
    /// The shared part, and the workers that nobody runs yet.
    ///
    /// # Errors
    /// If the system gives no descriptors, or the process has too many runtimes.
    pub(crate) fn new(
        flavor: Flavor,
        config: Config,
        pool_of: fn(&Config, Weak<Self>) -> blocking::Config,
    ) -> io::Result<(Arc<Self>, Vec<Worker>)> {
        let count = config.workers;
        let too_many = || io::Error::other("this process has too many runtimes: drop some first");
        let slot = Slot::acquire().ok_or_else(too_many)?;
        let parking = Parking::new(count, Driver::new)?;
        let queues: Vec<_> = (0..count).map(|_| LocalQueue::new()).collect();
        let mut failed = None;
        let shared = Arc::new_cyclic(|weak: &Weak<Self>| {
            let kick = {
                let weak = weak.clone();
                move || {
                    if let Some(shared) = weak.upgrade() {
                        shared.kick();
                    }
                }
            };
            let timers = Timers::new(count, config.clock(), Box::new(kick));
            Self {
                flavor,
                remotes: queues
                    .iter()
                    .map(|queue| Arc::new(Remote::new(queue.thief())))
                    .collect(),
                idle: Idle::new(count),
                parking,
                timers: timers.unwrap_or_else(|| {
                    failed = Some(too_many());
                    Timers::new(0, config.clock(), Box::new(|| ())).expect("one spare wheel")
                }),
                blocking: Pool::new(pool_of(&config, weak.clone())),
                gate: Gate::new(count),
                shares: Shares::default(),
                _hook: config
                    .on_unhandled
                    .clone()
                    .map(|hook| report::Registered::new(slot.number(), hook)),
                round_robin: AtomicUsize::new(0),
                seats: Seats::default(),
                threads: Mutex::new(Vec::new()),
                config,
                slot,
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        shared.slot.point_to(&shared);
        let workers = queues
            .into_iter()
            .enumerate()
            .map(|(index, queue)| Worker::new(shared.clone(), index, queue))
            .collect();
        Ok((shared, workers))
    }

    /// Puts a task into a queue from a thread that is not a worker of this runtime, or that may not run the task.
    pub(crate) fn push_remote(&self, task: Runnable) {
        let home = usize::from(task.header().home.load(Ordering::Relaxed)) % self.remotes.len();
        let remote = &self.remotes[home];
        remote.inbox_pushes.fetch_add(1, Ordering::Relaxed);
        let local = task.header().is_local();
        if local {
            remote.pinned.push(task);
        } else {
            remote.inbox.push(task);
        }
        // From here on the task may be gone.
        self.idle.push_fence();
        let at_home = if local && seeded("anybody_comes_for_a_pinned_task") {
            self.idle.claim_any()
        } else {
            self.idle.claim(home)
        };
        let claimed = match at_home {
            None if !local => self.idle.claim_any(),
            claimed => claimed,
        };
        self.unpark(claimed);
    }

    /// Wakes a worker that was claimed.
    pub(crate) fn unpark(&self, claimed: Option<Claimed>) {
        if let Some(Claimed(worker)) = claimed {
            self.shares.unparks.fetch_add(1, Ordering::Relaxed);
            self.parking.unpark(worker);
        }
    }

    /// The next worker for a spawn from outside.
    pub(crate) fn next_home(&self) -> u16 {
        (self.round_robin.fetch_add(1, Ordering::Relaxed) % self.remotes.len()) as u16
    }

    /// Makes somebody look at the timers: they changed from outside, or the clock did.
    pub(crate) fn kick(&self) {
        self.idle.push_fence();
        if !self.parking.wake_leader() {
            // Nobody leads. A worker that is awake looks at all wheels at its next maintenance, and before it parks.
            self.unpark(self.idle.claim_any());
        }
    }

    /// Wakes every worker.
    pub(crate) fn unpark_all(&self) {
        for worker in 0..self.remotes.len() {
            self.parking.unpark(worker);
        }
    }

    /// Whether a searcher would find something.
    pub(crate) fn has_work(&self) -> bool {
        self.remotes.iter().any(|remote| remote.has_work())
    }
}

impl Header {
    /// Whether the task may run on its home worker only.
    #[inline]
    pub(crate) fn is_local(&self) -> bool {
        self.snapshot().is_local()
    }
}

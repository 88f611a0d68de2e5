//! The loop of a worker: one turn after the other, maintenance now and then, and sleep when there is nothing to do.
//! It owns the rhythm; it must not know how queues are built or how one sleeps.

use super::park::Events;
use super::worker::{Dispatch, Worker};
use crate::runtime::context::WorkerGuard;
use crate::runtime::shim::seeded;
use crate::runtime::task::{Ran, Runnable, tidy};
use crate::timer::clock::real as monotonic;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

/// Maintenance comes at least this often, in measured time: 200 µs.
const MAINTENANCE_NANOS: u64 = 200_000;
/// Work of less than this, 50 µs, is done before another core is awake for it.
const WAKE_WORTH_NANOS: u64 = 50_000;
/// Nor is another core called before so much time has been worked: the first polls after a sleep find cold caches, and
/// say little about the others.
const TRIAL_NANOS: u64 = 8_000;
/// So many tasks are worth another core whatever they do: a poll takes 100 ns at least.
const CROWD: usize = (WAKE_WORTH_NANOS / 100) as usize;
/// Another worker's queue is much longer if it is so many times as long, and so many tasks.
const AHEAD_TIMES: usize = 4;
const AHEAD: usize = 64;
/// The driver is left to the worker with the longer queue so many times in a row at most, some five milliseconds.
const AHEAD_AT_MOST: u32 = 24;
/// A deque that was longer has buffers to give back, of 128 KiB in all.
const LONG: u64 = 4096;
/// Without a timer in this time a sleep is a time to tidy up: 10 ms.
const LULL_NANOS: u64 = 10_000_000;
/// So many polls are measured after a sleep.
const FEW: u32 = 4;
/// How long after its own timers' time a worker that does not lead wakes by itself. The leader fires them in time, unless
/// it is kept in a long poll.
const GRACE: Duration = Duration::from_millis(2);

/// What a call of [`Worker::turn`] did.
#[must_use]
pub(crate) enum Turn {
    /// A task was run, or something was found that makes another turn worth while.
    Worked,
    /// There is nothing to do: park.
    Idle,
    /// The runtime is shutting down.
    Stop,
    /// The task that ran gave the worker to another thread: touch it no more. What remains is the end of that run.
    Lost(Ran),
}

impl Worker {
    /// Runs at most one task.
    #[inline(always)]
    pub(crate) fn turn(&self, guard: &WorkerGuard) -> Turn {
        let task = if !self.remote().is_time_to_look() {
            self.take_local()
        } else {
            if self.shared.gate.is_stopping() {
                return Turn::Stop;
            }
            self.maintain();
            // The inbox comes first once in a while, so that a busy deque does not starve it.
            let task = self.take_inbox().or_else(|| self.take_local());
            if task.is_some() {
                self.found();
            }
            task
        };
        match task.or_else(|| self.take_far()) {
            Some(task) => self.run(task, guard),
            None => Turn::Idle,
        }
    }

    #[cold]
    fn take_far(&self) -> Option<Runnable> {
        let task = self.take_inbox().or_else(|| self.steal());
        if task.is_some() {
            self.found();
        }
        task
    }

    #[inline(always)]
    fn run(&self, task: Runnable, guard: &WorkerGuard) -> Turn {
        self.remote().counters.polls.add(1);
        let ran = task.run(self.index as u16);
        if !guard.holds() {
            // The worker runs on another thread now: `self` is not ours any more.
            return Turn::Lost(ran);
        }
        match ran {
            Ran::Done => self.remote().counters.done.add(1),
            Ran::Idle => {}
            Ran::Again(task) => self.push_back(task),
        }
        Turn::Worked
    }

    /// What is done every 61 ticks or 200 µs: timers, the inbox, and another look for idle peers.
    fn maintain(&self) {
        let now = monotonic();
        let most = self.shared.config.maintenance_interval;
        let ticks = u64::from(self.interval.get()).max(1);
        let per_tick = now.saturating_sub(self.maintained_at.replace(now)) / ticks;
        let next = (MAINTENANCE_NANOS / per_tick.max(1)).clamp(1, u64::from(most)) as u32;
        self.interval.set(next);
        self.look_after(next);
        // What has come into the deque since must not keep it waiting.
        self.release_hand();
        self.fire_timers();
        self.fetch_events();
        // By the measure of the last polls: is what waits here worth the waking of another core?
        let backlog = if self.hinted.get() {
            self.deque.len() as u64
        } else {
            0
        };
        if backlog > LONG {
            self.was_long.set(true);
        }
        let worked = now.saturating_sub(self.woke_at.get());
        if worked >= TRIAL_NANOS && backlog.saturating_mul(per_tick) >= WAKE_WORTH_NANOS {
            self.look();
        }
    }

    /// Fires what is due in all wheels; whether anything was.
    pub(crate) fn fire_timers(&self) -> bool {
        let timers = &self.shared.timers;
        let earliest = timers.min_expiry();
        if earliest == u64::MAX {
            return false;
        }
        let now = timers.clock().now();
        if earliest > now {
            return false;
        }
        let outer = self.dispatch.replace(self.dispatch_for_wakes());
        let fired = timers.advance_due(now, |waker| self.wake(waker));
        self.dispatch.set(outer);
        self.remote().counters.timers.add(fired as u64);
        fired > 0
    }

    /// Where tasks go that timers and the driver wake.
    fn dispatch_for_wakes(&self) -> Dispatch {
        if self.hinted.get() && !self.deque.is_empty() {
            Dispatch::BeforeBacklog
        } else {
            Dispatch::ToDeque
        }
    }

    /// Whether another worker has much more waiting than this one, all of it older than what the driver would bring:
    /// better run out of work and take some of that. Not many times in a row, as the other may be kept in a poll.
    fn is_far_ahead(&self) -> bool {
        let own = if self.hinted.get() {
            self.deque.len()
        } else {
            0
        };
        let remotes = self.shared.remotes.iter();
        let most = remotes
            .filter(|remote| remote.deque_has_work.load(Relaxed))
            .map(|remote| remote.thief.len())
            .max();
        let is_so = most.is_some_and(|most| most > AHEAD_TIMES * own + AHEAD);
        let times = self.left_to_others.get();
        let leaves = is_so && times < AHEAD_AT_MOST;
        self.left_to_others.set(if leaves { times + 1 } else { 0 });
        leaves
    }

    /// Whether most of what ran lately had waited for IO. Then there is no backlog for events to go before: what waits is
    /// of their kind, and came first.
    fn is_mostly_io(&self) -> bool {
        let (mut polls, mut events) = (0_u64, 0_u64);
        for remote in &self.shared.remotes {
            polls = polls.wrapping_add(remote.counters.polls.get());
            events = events.wrapping_add(remote.counters.events.get());
        }
        let (polls_then, events_then) = self.asked_at.get();
        let polled = polls.wrapping_sub(polls_then);
        if polled >= u64::from(FEW) {
            self.asked_at.set((polls, events));
            let is_so = events.wrapping_sub(events_then).saturating_mul(2) >= polled;
            self.was_mostly_io.set(is_so);
        }
        self.was_mostly_io.get()
    }

    /// Asks the driver, if nobody else does, and wakes who waited for what it brings.
    fn fetch_events(&self) {
        if self.is_far_ahead() {
            return;
        }
        let Some(mut events) = self.events.take() else {
            // They are being told further out, by a waker that runs tasks.
            return;
        };
        let fetched = self.shared.parking.fetch(self.index, &mut events);
        self.events.set(Some(events));
        if fetched {
            self.tell_events();
        }
    }

    /// Wakes who waited for what the driver has brought; whether there was anybody.
    fn tell_events(&self) -> bool {
        let Some(mut events) = self.events.take() else {
            return false;
        };
        let dispatch = if self.is_mostly_io() {
            Dispatch::ToDeque
        } else {
            self.dispatch_for_wakes()
        };
        let outer = self.dispatch.replace(dispatch);
        let mut woken = 0;
        self.shared
            .parking
            .driver(self.index)
            .dispatch(&mut events, |waker| {
                woken += 1;
                self.wake(waker);
            });
        self.dispatch.set(outer);
        self.events.set(Some(events));
        self.remote().counters.events.add(woken);
        woken > 0
    }

    /// Fires what is due, before whatever else waits here.
    #[cfg(feature = "test-util")]
    pub(crate) fn fire_before_all(&self) {
        let timers = &self.shared.timers;
        let outer = self.dispatch.replace(Dispatch::BeforeBacklog);
        let fired = timers.advance_due(timers.clock().now(), |waker| self.wake(waker));
        self.dispatch.set(outer);
        self.remote().counters.timers.add(fired as u64);
    }

    /// Whether tasks that timers woke have yet to run before the backlog.
    #[cfg(feature = "test-util")]
    pub(crate) fn has_urgent(&self) -> bool {
        !self.urgent.borrow().is_empty()
    }

    /// Sleeps until there may be something to do. `keeps_awake` is looked at after the announcement, like the queues.
    pub(crate) fn park(&self, keeps_awake: impl Fn() -> bool) {
        let shared = &*self.shared;
        if self.fire_timers() && self.has_own_work() {
            return;
        }
        let recheck = || {
            shared.has_work()
                || !self.remote().pinned.is_empty()
                || self.has_own_work()
                || shared.gate.is_stopping()
                || keeps_awake()
        };
        let too_early = seeded("the_recheck_comes_first").then(recheck);
        shared
            .idle
            .announce(self.index, self.searching.replace(false));
        let stays_awake = too_early.unwrap_or_else(recheck);
        let may_tell = !stays_awake && self.sleep();
        if shared.idle.retract(self.index) {
            if stays_awake {
                shared.idle.search_on();
                self.searching.set(true);
            }
        } else {
            // Claimed: whoever did it counted this worker as searching.
            self.searching.set(true);
        }
        // The time asleep says nothing about polls.
        let now = monotonic();
        self.maintained_at.set(now);
        self.woke_at.set(now);
        // A searcher's next turn takes the long way, which notes that it found something.
        let long_way = self.searching.get() || shared.gate.is_stopping();
        self.look_after(if long_way { 0 } else { self.interval.get() });
        let told = may_tell && self.tell_events();
        let fired = self.fire_timers();
        if (told || fired) && !self.deque.is_empty() {
            self.share_fired();
        }
    }

    /// Whether it may have brought events.
    fn sleep(&self) -> bool {
        let shared = &*self.shared;
        if shared.auto_advance() {
            return false;
        }
        self.remote().counters.parks.add(1);
        if shared.timers.expiry_of(self.index) > monotonic().saturating_add(LULL_NANOS) {
            // If it was a burst that is over, what it needed goes back to the system.
            tidy();
            #[cfg(not(loom))]
            if self.was_long.replace(false) {
                super::queue::free_outgrown();
            }
        }
        shared.config.hooks.park();
        let until = |expiry: u64| {
            // A frozen clock is moved by hand, which kicks.
            (expiry != u64::MAX && !shared.timers.clock().is_frozen())
                .then(|| Duration::from_nanos(expiry.saturating_sub(shared.timers.clock().now())))
        };
        let mut events = self.events.take().unwrap_or_else(Events::new);
        let may_tell = shared.parking.park(
            self.index,
            &mut events,
            || until(shared.timers.promise()),
            || shared.timers.alarm().wake(),
            || {
                shared.timers.hand_over(self.index);
                until(shared.timers.expiry_of(self.index)).map(|time| time.saturating_add(GRACE))
            },
        );
        self.events.set(Some(events));
        shared.config.hooks.unpark();
        may_tell
    }

    /// Timers have fired after a sleep. A crowd is worth another core at once; a few are run here, and their polls
    /// measured soon, so that long ones get help.
    fn share_fired(&self) {
        if self.deque.len() > CROWD {
            self.look();
        } else if self.remote().polls_to_look() > u64::from(FEW) {
            self.interval.set(FEW);
            self.look_after(FEW);
        }
    }
}

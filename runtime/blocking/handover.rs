//! The books of the pool: the queue, the idle stack and the counts, and every decision on who is woken or created.
//! It must not know threads, clocks or locks: each method is one step of the protocol (see the module's text), made by
//! somebody who holds the pool's lock, and returns what is to be done after the lock has been released. So a model
//! checker can drive it with a lock and condition variables of its own.

use super::{
    Job,
    roster::{Id, Roster, Stage},
    runnable::Tid,
};
use crate::runtime::shim::{Arc, Condvar, seeded};
use std::collections::VecDeque;

/// Capacity, in jobs, above which an empty queue gives its memory back.
const KEPT_CAPACITY: usize = 1024;

/// The numbers that do not change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Threads that are woken or created without a stall.
    pub(super) core: usize,
    /// Threads at most.
    pub(super) max: usize,
    /// Waiting jobs at most.
    pub(super) bound: usize,
}

/// Why a job is not admitted.
#[derive(Debug)]
pub(super) enum Refusal {
    Closed,
    Full,
}

/// What whoever made a step owes to the others once it has released the lock.
#[must_use = "a thread may be waiting for this"]
pub(super) enum Errand {
    Nothing,
    /// Ring for a thread that was taken off the idle stack.
    Wake(Arc<Condvar>),
    /// Create the thread of a reserved seat.
    Create(Id),
    /// Create the watcher in a reserved seat.
    StartWatcher(Id),
    /// Ring for the watcher.
    WakeWatcher,
}

/// What a thread finds when it looks for a job.
#[must_use]
pub(super) enum Look<J> {
    Job(J, Errand),
    /// It is on the idle stack now, and waits for this bell.
    Idle(Arc<Condvar>),
    /// The pool is closed; it leaves.
    Leave,
}

/// Why an idle thread's wait ended.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stir {
    /// It is to look for a job.
    Look,
    /// Its keep-alive is over; it leaves.
    Leave,
    /// For no reason; it goes on waiting.
    Wait,
}

/// Where the watcher is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    Absent,
    Asleep,
    /// About to be created, or sampling.
    Awake,
}

/// The books.
pub(super) struct Handover<J: Job> {
    limits: Limits,
    queue: VecDeque<J>,
    closed: bool,
    /// Threads that take jobs, from the reservation on until they decide to leave.
    threads: usize,
    /// Those of them that are mere reservations.
    unconfirmed: usize,
    /// Those of them that will look at the queue next, without running anything before.
    waking: usize,
    /// Those of them that wait, newest last.
    idle: Vec<Id>,
    /// Jobs taken so far.
    takes: u64,
    /// The most threads that existed at a time; a reservation is not one of them.
    peak: usize,
    watch: Watch,
    /// The latest thread creation failed: leave further attempts to the watcher.
    shortage: bool,
    /// Pool threads that wait for the end of the pool from within a job.
    pub(super) inside: usize,
    pub(super) roster: Roster<J::Tag>,
}

impl<J: Job> Handover<J> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            queue: VecDeque::new(),
            closed: false,
            threads: 0,
            unconfirmed: 0,
            waking: 0,
            idle: Vec::new(),
            takes: 0,
            peak: 0,
            watch: Watch::Absent,
            shortage: false,
            inside: 0,
            roster: Roster::new(),
        }
    }

    // ---- submission ----

    /// Whether a job may be pushed now.
    pub(super) fn admit(&self) -> Result<(), Refusal> {
        if self.closed && !seeded("a_closed_pool_admits") {
            Err(Refusal::Closed)
        } else if self.queue.len() >= self.limits.bound {
            Err(Refusal::Full)
        } else {
            Ok(())
        }
    }

    /// Whether no thread is certain to look at the queue: the first must be created before anything is pushed.
    pub(super) fn is_deserted(&self) -> bool {
        self.threads == self.unconfirmed
    }

    /// Step P. The caller has asked [`admit`](Self::admit) and [`is_deserted`](Self::is_deserted) under the same lock.
    pub(super) fn push(&mut self, job: J) -> Errand {
        debug_assert!(!self.closed && !self.is_deserted());
        self.queue.push_back(job);
        self.summon()
    }

    /// Step S.
    fn summon(&mut self) -> Errand {
        if self.queue.is_empty() || self.waking > 0 {
            return Errand::Nothing;
        }
        if self.awake() < self.limits.core {
            if let Some(bell) = self.rouse() {
                return Errand::Wake(bell);
            }
            if !self.shortage {
                return Errand::Create(self.reserve());
            }
        }
        if self.has_reserves() {
            match self.watch {
                Watch::Awake => {}
                Watch::Asleep => {
                    self.watch = Watch::Awake;
                    return Errand::WakeWatcher;
                }
                Watch::Absent => {
                    self.watch = Watch::Awake;
                    return Errand::StartWatcher(self.roster.reserve());
                }
            }
        }
        Errand::Nothing
    }

    /// Takes the newest idle thread off the stack.
    fn rouse(&mut self) -> Option<Arc<Condvar>> {
        let id = self.idle.pop()?;
        self.waking += 1;
        let seat = self.roster.seat(id);
        seat.stage = Stage::Waking;
        Some(seat.bell.clone())
    }

    /// Whether a thread could be added to those that are awake.
    fn has_reserves(&self) -> bool {
        !self.idle.is_empty() || self.threads < self.limits.max
    }

    // ---- creation ----

    /// Reserves a seat for a thread, which counts as waking from now on.
    pub(super) fn reserve(&mut self) -> Id {
        self.threads += 1;
        self.unconfirmed += 1;
        self.waking += 1;
        self.roster.reserve()
    }

    /// The thread of this seat exists: said by its creator if it holds the lock throughout, and by the thread itself.
    pub(super) fn confirm(&mut self, id: Id) {
        let seat = self.roster.seat(id);
        if !seat.confirmed {
            seat.confirmed = true;
            self.unconfirmed -= 1;
            self.peak = self.peak.max(self.threads - self.unconfirmed);
            self.shortage = false;
        }
    }

    /// A thread's first step: it says which one it is in the operating system.
    pub(super) fn arrive(&mut self, id: Id, tid: Option<Tid>) {
        self.confirm(id);
        self.roster.seat(id).tid = tid;
    }

    /// Step F: the system would not create the thread of this seat.
    pub(super) fn creation_failed(&mut self, id: Id) -> Errand {
        self.roster.release(id);
        self.threads -= 1;
        self.unconfirmed -= 1;
        self.waking -= 1;
        self.shortage = true;
        self.summon()
    }

    // ---- the threads' side ----

    /// Step T or I, or the thread's leave-taking once the pool is closed.
    pub(super) fn look(&mut self, id: Id) -> Look<J> {
        let seat = self.roster.seat(id);
        if seat.stage == Stage::Waking {
            self.waking -= 1;
        }
        let Some(job) = self.queue.pop_front() else {
            seat.tag = None;
            if self.closed {
                self.leave(id);
                return Look::Leave;
            }
            seat.stage = Stage::Idle;
            let bell = seat.bell.clone();
            self.idle.push(id);
            if self.queue.capacity() > KEPT_CAPACITY {
                self.queue = VecDeque::new();
            }
            return Look::Idle(bell);
        };
        self.takes += 1;
        seat.stage = Stage::Busy;
        seat.took = self.takes;
        seat.tag = Some(job.tag());
        if seeded("a_take_passes_no_wake_on") {
            return Look::Job(job, Errand::Nothing);
        }
        let errand = self.summon();
        Look::Job(job, errand)
    }

    /// Step X, or the answer to a bell.
    pub(super) fn stir(&mut self, id: Id, timed_out: bool) -> Stir {
        if self.roster.seat(id).stage != Stage::Idle {
            if timed_out && seeded("an_expiry_ignores_a_wake") {
                self.leave(id);
                return Stir::Leave;
            }
            return Stir::Look;
        }
        if !timed_out {
            return Stir::Wait;
        }
        // The oldest stand first, and it is they who expire.
        if let Some(place) = self.idle.iter().position(|&other| other == id) {
            if !seeded("an_expired_thread_stays_on_the_stack") {
                self.idle.remove(place);
            }
        }
        if self.queue.is_empty() {
            self.leave(id);
            Stir::Leave
        } else {
            self.roster.seat(id).stage = Stage::Waking;
            self.waking += 1;
            Stir::Look
        }
    }

    /// The thread takes no more jobs; its seat remains until it departs.
    fn leave(&mut self, id: Id) {
        self.roster.seat(id).stage = Stage::Leaving;
        self.threads -= 1;
    }

    // ---- the watcher's side ----

    /// Whether invariant B needs the watcher: jobs wait, more threads could be had, and no submission will get them.
    pub(super) fn needs_watching(&self) -> bool {
        !self.closed
            && !self.queue.is_empty()
            && self.has_reserves()
            && (self.shortage || self.awake() >= self.limits.core)
    }

    /// The watcher waits for its bell.
    pub(super) fn watcher_sleeps(&mut self) {
        self.watch = Watch::Asleep;
    }

    /// Whether nobody has called the watcher since it went to sleep.
    pub(super) fn is_watcher_asleep(&self) -> bool {
        self.watch == Watch::Asleep
    }

    /// The watcher has ended, or could not be created.
    pub(super) fn watcher_gone(&mut self) {
        self.watch = Watch::Absent;
    }

    /// The system would not create the watcher.
    pub(super) fn watcher_failed(&mut self, id: Id) {
        self.roster.release(id);
        self.watcher_gone();
    }

    /// Whether the latest thread creation failed.
    pub(super) fn is_short(&self) -> bool {
        self.shortage
    }

    /// Step G: adds up to `count` threads, never more than there are waiting jobs, and one at a time in a shortage.
    pub(super) fn grow(&mut self, count: usize) -> Vec<Errand> {
        let count = count
            .min(self.queue.len())
            .min(if self.shortage { 1 } else { usize::MAX });
        let mut errands = Vec::with_capacity(count);
        for _ in 0..count {
            if let Some(bell) = self.rouse() {
                errands.push(Errand::Wake(bell));
            } else if self.threads < self.limits.max {
                errands.push(Errand::Create(self.reserve()));
            } else {
                break;
            }
        }
        errands
    }

    /// The operating system's numbers of at most `limit` busy threads, those that took a job last.
    pub(super) fn latest_takers(&self, limit: usize) -> Vec<Tid> {
        let busy = self.roster.seats().filter(|seat| seat.stage == Stage::Busy);
        let mut takers: Vec<_> = busy
            .filter_map(|seat| Some((seat.took, seat.tid?)))
            .collect();
        takers.sort_unstable_by(|a, b| b.cmp(a));
        takers.truncate(limit);
        takers.into_iter().map(|(_, tid)| tid).collect()
    }

    // ---- the end ----

    /// Step C: what is still queued, and the bells of all idle threads.
    pub(super) fn close(&mut self) -> (VecDeque<J>, Vec<Arc<Condvar>>) {
        self.closed = true;
        let rouse = || self.rouse().filter(|_| !seeded("a_close_wakes_nobody"));
        let bells = std::iter::from_fn(rouse).collect();
        (std::mem::take(&mut self.queue), bells)
    }

    // ---- figures ----

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    pub(super) fn idle(&self) -> usize {
        self.idle.len()
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn takes(&self) -> u64 {
        self.takes
    }

    pub(super) fn is_waking(&self) -> bool {
        self.waking > 0
    }

    /// The tags of the jobs that are running.
    pub(super) fn tags(&self) -> Vec<J::Tag> {
        self.roster.seats().filter_map(|seat| seat.tag).collect()
    }

    /// Capacity of the queue, in jobs.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn queue_capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// Threads that are not idle.
    fn awake(&self) -> usize {
        self.threads - self.idle.len()
    }
}

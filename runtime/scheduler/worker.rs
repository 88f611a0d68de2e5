//! A worker's queues: where a task that is woken here goes, and in which order work is taken and stolen.
//! It must not know when that happens (`turn.rs`), how a task is polled or how queues are built.

use super::Shared;
use super::config::Flavor;
use super::park::Events;
use super::queue::LocalQueue;
use super::remote::Remote;
use crate::runtime::shim::thread;
use crate::runtime::task::{Runnable, ThinWaker, current_task_is_local};
use core::cell::{Cell, RefCell};
use core::sync::atomic::Ordering::Relaxed;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many tasks in a row may come from the `next` slot, so that two tasks that wake each other do not starve the rest.
const NEXT_STREAK: u32 = 3;
/// How many woken tasks may stand before the backlog: thieves do not see them.
const URGENT_AT_MOST: usize = 64;

/// What belongs to the thread that runs the worker. `next`, the deque's other end and the inboxes are in [`Remote`].
pub(crate) struct Worker {
    pub(super) shared: Arc<Shared>,
    /// `shared.remotes[index]`.
    remote: Arc<Remote>,
    pub(super) index: usize,
    pub(super) deque: LocalQueue,
    /// Tasks that must run here.
    pub(super) pinned: RefCell<VecDeque<Runnable>>,
    /// Tasks that a timer woke while the deque had a backlog: they go before it.
    pub(super) urgent: RefCell<VecDeque<Runnable>>,
    /// A task that yielded when there was nobody to yield to: it runs when the deque is empty, at once as a rule.
    in_hand: Cell<Option<Runnable>>,
    /// Whether `urgent` or `pinned` hold anything.
    has_aside: Cell<bool>,
    /// The deque was long since the last sleep, and has given up buffers.
    pub(super) was_long: Cell<bool>,
    /// The own copy of `Remote::deque_has_work`.
    pub(super) hinted: Cell<bool>,
    streak: Cell<u32>,
    /// Polls from the last maintenance to the next.
    pub(super) interval: Cell<u32>,
    pub(super) maintained_at: Cell<u64>,
    /// The end of the last sleep.
    pub(super) woke_at: Cell<u64>,
    pub(super) searching: Cell<bool>,
    pub(super) dispatch: Cell<Dispatch>,
    /// A task that must not leave this thread has been here: the worker cannot be given to another thread.
    rooted: Cell<bool>,
    random: Cell<u64>,
    /// Polls and events of all workers when this one asked last whether most of what runs has waited for IO, and what it
    /// found.
    pub(super) asked_at: Cell<(u64, u64)>,
    pub(super) was_mostly_io: Cell<bool>,
    /// How many times in a row this worker has left the driver to one with a longer queue.
    pub(super) left_to_others: Cell<u32>,
    /// What the driver has brought, and was not told yet. Empty while it is told.
    pub(super) events: Cell<Option<Events>>,
}

/// Where the wake-ups of this moment come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dispatch {
    /// From a task: the woken one runs next.
    ByTask,
    /// From timers or the driver, with nothing else to do.
    ToDeque,
    /// From timers or the driver, in front of a backlog.
    BeforeBacklog,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, index: usize, deque: LocalQueue) -> Self {
        let interval = shared.config.maintenance_interval;
        shared.remotes[index].look_after(interval, || shared.gate.is_stopping());
        Self {
            remote: shared.remotes[index].clone(),
            index,
            deque,
            pinned: RefCell::default(),
            urgent: RefCell::default(),
            in_hand: Cell::new(None),
            has_aside: Cell::new(false),
            was_long: Cell::new(false),
            hinted: Cell::new(false),
            streak: Cell::new(0),
            interval: Cell::new(interval),
            maintained_at: Cell::new(0),
            woke_at: Cell::new(0),
            searching: Cell::new(false),
            dispatch: Cell::new(Dispatch::ByTask),
            rooted: Cell::new(false),
            random: Cell::new((index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            asked_at: Cell::new((0, 0)),
            was_mostly_io: Cell::new(false),
            left_to_others: Cell::new(0),
            events: Cell::new(Some(Events::new())),
            shared,
        }
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// Makes the worker stay on this thread; false if it cannot.
    fn root(&self) -> bool {
        self.rooted.set(true);
        self.shared.flavor == Flavor::MultiThread || self.shared.seats.bind()
    }

    /// Whether a task that may not leave this thread can be spawned here: after that, the worker stays here.
    pub(crate) fn may_host(&self) -> bool {
        let in_local_task = || current_task_is_local() && self.rooted.get();
        (self.shared.flavor == Flavor::CurrentThread || in_local_task()) && self.root()
    }

    /// Whether the worker must stay on its thread.
    pub(crate) fn is_rooted(&self) -> bool {
        self.rooted.get() || self.shared.flavor == Flavor::CurrentThread
    }

    #[inline]
    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Lets so many polls pass before the next maintenance.
    pub(super) fn look_after(&self, polls: u32) {
        self.remote()
            .look_after(polls, || self.shared.gate.is_stopping());
    }

    // ---- pushing ----

    /// Takes a task that was woken on this thread; gives it back if it belongs elsewhere.
    #[inline]
    pub(crate) fn schedule(&self, task: Runnable) -> Result<(), Runnable> {
        let header = task.header();
        if header.runtime != self.shared.slot.number() {
            return Err(task);
        }
        if header.is_local() && self.shared.flavor == Flavor::MultiThread {
            if usize::from(header.home.load(Relaxed)) != self.index {
                return Err(task);
            }
            self.push_to_pinned(task);
            return Ok(());
        }
        match self.dispatch.get() {
            Dispatch::ByTask => {
                if let Some(displaced) = self.remote().displace_next(task) {
                    self.push(displaced);
                }
            }
            Dispatch::ToDeque => self.push_silently(task),
            Dispatch::BeforeBacklog => self.push_urgent(task),
        }
        Ok(())
    }

    /// Wakes whom a timer or the driver gives: as a rule a task of this runtime, which goes into a queue of this worker.
    #[inline]
    pub(super) fn wake(&self, waker: ThinWaker) {
        let Some(task) = Runnable::woken(waker) else {
            return;
        };
        let header = task.header();
        // A task that is bound to a thread, or of a set, has a way of its own.
        if header.is_local() || header.runtime != self.shared.slot.number() {
            return task.queue();
        }
        match self.dispatch.get() {
            Dispatch::BeforeBacklog => self.push_urgent(task),
            _ => self.push_silently(task),
        }
    }

    /// Takes a task that was just spawned on this thread: it takes the `next` slot only if that is empty.
    #[inline]
    pub(crate) fn push_spawned(&self, task: Runnable) {
        self.remote().counters.spawns.add(1);
        if let Err(task) = self.remote().fill_next(task) {
            self.push(task);
        }
    }

    /// Takes a task that was just spawned to stay on this worker.
    pub(crate) fn push_pinned(&self, task: Runnable) {
        self.remote().counters.spawns.add(1);
        match self.shared.flavor {
            Flavor::MultiThread => self.push_to_pinned(task),
            // Nobody else runs the tasks of this flavour.
            Flavor::CurrentThread => self.push(task),
        }
    }

    /// To the back of the deque; somebody may come and steal it.
    #[inline]
    fn push(&self, task: Runnable) {
        self.push_silently(task);
        self.look();
    }

    #[inline]
    fn push_silently(&self, task: Runnable) {
        self.deque.push(task);
        if !self.hinted.get() {
            self.hint(true);
        }
    }

    fn hint(&self, has_work: bool) {
        self.hinted.set(has_work);
        self.remote().deque_has_work.store(has_work, Relaxed);
    }

    /// Wakes somebody if nobody searches and somebody sleeps. Without a fence: see `idle.rs`.
    #[inline]
    pub(super) fn look(&self) {
        if self.shared.idle.wants_a_look() {
            self.wake_another();
        }
    }

    #[cold]
    pub(super) fn wake_another(&self) {
        self.shared.unpark(self.shared.idle.claim_any());
    }

    /// A task that yielded, or was woken while it ran. It is the next one here if there is no other, so nobody is
    /// called for it alone.
    #[inline]
    pub(super) fn push_back(&self, task: Runnable) {
        if task.header().is_local() && self.shared.flavor == Flavor::MultiThread {
            return self.push_to_pinned(task);
        }
        if self.deque.is_empty() && !self.remote().has_next() {
            // A second one in hand there cannot be: nothing runs before it but what stands aside.
            if let Some(earlier) = self.in_hand.replace(Some(task)) {
                self.push_silently(earlier);
            }
            return;
        }
        self.push_silently(task);
        if self.shared.idle.wants_a_look() && self.remote().thief.len() > 1 {
            self.wake_another();
        }
    }

    fn push_urgent(&self, task: Runnable) {
        // Where there are no thieves, and a test moves the clock, all go before the backlog: see `runtime/paused.rs`.
        let all =
            self.shared.flavor == Flavor::CurrentThread && self.shared.timers.clock().is_frozen();
        let mut urgent = self.urgent.borrow_mut();
        if urgent.len() < URGENT_AT_MOST || all {
            self.has_aside.set(true);
            urgent.push_back(task);
        } else {
            drop(urgent);
            self.push_silently(task);
        }
    }

    // ---- taking ----

    #[inline]
    pub(super) fn take_local(&self) -> Option<Runnable> {
        if self.remote().has_next() {
            let streak = self.streak.get();
            if streak < NEXT_STREAK {
                self.streak.set(streak + 1);
                if let Some(task) = self.remote().take_next() {
                    return Some(task);
                }
            }
        }
        self.streak.set(0);
        self.take_queued().or_else(|| self.take_rest())
    }

    #[inline]
    fn take_queued(&self) -> Option<Runnable> {
        if self.has_aside.get() {
            if let Some(task) = self.take_aside() {
                return Some(task);
            }
        }
        if self.hinted.get() {
            let task = self.deque.pop();
            if task.is_none() {
                self.hint(false);
            }
            return task;
        }
        None
    }

    /// When the deque is empty: the task that yielded to nobody, or the `next` one after a streak.
    fn take_rest(&self) -> Option<Runnable> {
        let in_hand = self.in_hand.take();
        in_hand.or_else(|| self.remote().take_next())
    }

    /// What stands before the deque, and, at every other time, what must run here.
    #[cold]
    fn take_aside(&self) -> Option<Runnable> {
        let urgent = self.urgent.borrow_mut().pop_front();
        if urgent.is_some() {
            return urgent;
        }
        if self.remote().counters.polls.get() & 1 != 0 && self.hinted.get() {
            return None;
        }
        let mut pinned = self.pinned.borrow_mut();
        let task = pinned.pop_front();
        self.has_aside.set(!pinned.is_empty());
        task
    }

    fn push_to_pinned(&self, task: Runnable) {
        self.has_aside.set(true);
        self.pinned.borrow_mut().push_back(task);
    }

    /// From the inboxes of this worker.
    pub(super) fn take_inbox(&self) -> Option<Runnable> {
        let remote = self.remote();
        while !remote.pinned.is_empty() {
            self.root();
            self.has_aside.set(true);
            self.pinned.borrow_mut().extend(remote.pinned.take());
        }
        if !remote.inbox.is_empty() {
            let task = remote.inbox.take_into(&self.deque);
            if !self.deque.is_empty() {
                self.hint(true);
            }
            if task.is_some() {
                return task;
            }
        }
        self.pinned.borrow_mut().pop_front()
    }

    /// From the others: one pass over their deques, one over their inboxes, and as the last resort the `next` slot of a
    /// worker that has not come to it during this search.
    pub(super) fn steal(&self) -> Option<Runnable> {
        if !self.searching.get() {
            if !self.shared.idle.start_searching() {
                return None;
            }
            self.searching.set(true);
        }
        let remotes = &self.shared.remotes;
        let start = self.random() as usize % remotes.len();
        let others = || {
            (0..remotes.len())
                .map(|at| (start + at) % remotes.len())
                .filter(|&at| at != self.index)
        };
        let polls_before = others()
            .map(|at| remotes[at].counters.polls.get())
            .sum::<u64>();
        let stolen = others()
            .filter(|&at| remotes[at].deque_has_work.load(Relaxed))
            .find_map(|at| remotes[at].thief.steal_into(&self.deque))
            .or_else(|| {
                others()
                    .filter(|&at| !remotes[at].inbox.is_empty())
                    .find_map(|at| remotes[at].inbox.take_into(&self.deque))
            })
            .or_else(|| {
                let polls = others()
                    .map(|at| remotes[at].counters.polls.get())
                    .sum::<u64>();
                if polls != polls_before {
                    return None;
                }
                others().find_map(|at| remotes[at].take_next())
            });
        if stolen.is_some() {
            if !self.deque.is_empty() {
                self.hint(true);
            }
            self.remote().counters.steals.add(1);
        }
        stolen
    }

    fn random(&self) -> u64 {
        // xorshift64; the seed is never zero.
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        x
    }

    /// A searcher found work: it passes the search on if there is more.
    pub(super) fn found(&self) {
        if self.searching.replace(false)
            && self.shared.idle.stop_searching()
            && self.shared.has_work()
        {
            self.wake_another();
        }
    }

    /// Puts the task in hand, if there is one, at the back of the deque.
    pub(super) fn release_hand(&self) {
        if let Some(task) = self.in_hand.take() {
            self.push_silently(task);
        }
    }

    pub(super) fn has_in_hand(&self) -> bool {
        let task = self.in_hand.take();
        let has = task.is_some();
        self.in_hand.set(task);
        has
    }

    pub(super) fn has_own_work(&self) -> bool {
        self.remote().has_next()
            || !self.deque.is_empty()
            || !self.pinned.borrow().is_empty()
            || !self.urgent.borrow().is_empty()
            || self.has_in_hand()
    }

    /// Every task in this worker's own queues, for the end of the runtime.
    pub(super) fn drain(&self) -> Option<Runnable> {
        let queued = self.remote().take_next().or_else(|| self.deque.pop());
        queued
            .or_else(|| self.in_hand.take())
            .or_else(|| self.urgent.borrow_mut().pop_front())
            .or_else(|| self.drain_pinned())
    }

    fn drain_pinned(&self) -> Option<Runnable> {
        let queued = self.pinned.borrow_mut().pop_front();
        queued.or_else(|| self.remote().pinned.take())
    }

    /// Drops the futures that must not leave this thread, before the worker does.
    pub(super) fn end_bound_tasks(&self) {
        if self.shared.flavor == Flavor::CurrentThread {
            return;
        }
        loop {
            while let Some(task) = self.drain_pinned() {
                self.shared.end_task(task);
            }
            let left = Cell::new(0_usize);
            self.shared.cancel_waiting(
                |header| {
                    let mine =
                        header.is_local() && usize::from(header.home.load(Relaxed)) == self.index;
                    left.set(left.get() + usize::from(mine));
                    mine
                },
                |task| self.shared.end_task(task),
            );
            if left.get() == 0 {
                return;
            }
            // A task that is scheduled, but not in the queue yet, is about to be pushed by its waker.
            thread::yield_now();
        }
    }

    /// Ends the worker's share in the search when it stops.
    pub(super) fn retire(&self) {
        if self.searching.replace(false) {
            let _ = self.shared.idle.stop_searching();
        }
    }
}

//! A wheel that any thread may use: the levels under their lock, and the next expiry beside it.
//! It owns the race between firing and cancelling; it knows no clock, task or worker.
//!
//! **An entry has one owner**, the future it is embedded in, and at most one wheel.
//!
//! - *Insert* (I1) clone the waker; (I2) lock; (I3) put the address in a slot, the waker in the
//!   entry, state ← `Registered`; (I4) publish the next expiry; (I5) unlock.
//! - *Fire* (F1) lock; (F2) take up to 64 addresses out of their slots; for each take the waker
//!   and then state ← `Fired` (Release); (F3) publish; (F4) unlock; (F5) wake.
//! - *Cancel* (C1) state (Acquire): unless `Registered`, there is nothing to do; (C2) lock; (C3)
//!   state again: if still `Registered`, clear its place, take the waker, state ← `Idle`; (C4)
//!   unlock; (C5) drop the waker.
//!
//! *Exactly one of fire and cancel takes the waker.* Only the owner makes an entry `Registered`,
//! and only a holder of the lock ends that. Either F1 is first: then C3 (or already C1) reads
//! `Fired` and touches nothing. Or C2 is first: then its place is empty when F2 comes to it.
//!
//! *A freed entry is never touched.* The owner frees it only after it has read another state than
//! `Registered`, or after C3. In the first case it read F2's store, which is the last access of
//! the firing thread (Release, Acquire). In the second the wheel has no address of it. F5 uses the
//! waker alone, which F2 moved to the stack.
//!
//! *Reset to a later time* is a store to the deadline, so an entry stands in a slot no later than
//! its deadline. F2 reads the deadline once: if it lies ahead, the entry is inserted again. If F2
//! read the old one, the owner finds `Fired` on an entry it has marked as moved, asks the clock,
//! and registers again. *Reset to an earlier time* is a cancel and an insert under one lock.
//!
//! *An entry cannot outlive a life of its wheel.* Wheels are leaked and used again by later
//! runtimes, so the address stays valid. `close` first makes inserts fail and then takes every
//! entry, all under the lock: when a wheel is reopened, no entry is `Registered` in it. This is why
//! no generation is stored.
//!
//! *Foreign code*: wakers are cloned before the lock, and woken and dropped after it.

use super::alarm::Alarm;
use super::batch::Batch;
use super::entry::{Entry, State};
use super::levels::Levels;
use super::lock::SpinLock;
use super::tick::tick_of;
use crate::runtime::shim::atomic::AtomicU64;
use crate::runtime::shim::{Exclusive, seeded};
use crate::runtime::task::waker::ThinWaker;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::Ordering;
use core::task::Waker;
use std::sync::Arc;

#[repr(align(128))]
struct Padded<T>(T);

pub(crate) struct Wheel {
    /// Lower bound on when the next entry is due, `u64::MAX` if none is in. Written under the
    /// lock, read without; apart from the lock's line because parking workers read it.
    next_expiry: Padded<AtomicU64>,
    /// Wakers taken by `advance` since the process began; written under the lock.
    fired: AtomicU64,
    id: u16,
    lock: SpinLock,
    inner: Exclusive<Inner>,
}

// SAFETY: `inner` is only reached through `Guard`, whose holder has the lock.
unsafe impl Sync for Wheel {}
// SAFETY: the entry addresses inside may be followed from any thread that holds the lock.
unsafe impl Send for Wheel {}

struct Inner {
    levels: Levels,
    closed: bool,
    alarm: Option<Arc<Alarm>>,
}

/// Up to here nothing saturates, so that the compiler leaves out what would.
const PLAIN: u64 = u64::MAX >> 2;

/// What became of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Inserted {
    /// The entry is registered and due at this time, in nanoseconds.
    Standing(u64),
    /// The deadline has passed: the entry is not registered.
    Elapsed,
    /// The wheel's runtime has ended: the entry is not registered.
    Closed,
}

impl Wheel {
    /// An open, empty wheel. `id` is what entries remember it by; it must be below 2^15.
    pub(crate) fn new(id: u16) -> Self {
        Self {
            next_expiry: Padded(AtomicU64::new(u64::MAX)),
            fired: AtomicU64::new(0),
            id,
            lock: SpinLock::new(),
            inner: Exclusive::new(Inner {
                levels: Levels::new(),
                closed: false,
                alarm: None,
            }),
        }
    }

    pub(crate) fn id(&self) -> u16 {
        self.id
    }

    /// When the next entry is due, or earlier; `u64::MAX` if there is none.
    #[inline]
    pub(crate) fn next_expiry(&self) -> u64 {
        self.next_expiry.0.load(Ordering::Relaxed)
    }

    /// Timers fired since the process began.
    pub(crate) fn fired(&self) -> u64 {
        self.fired.load(Ordering::Relaxed)
    }

    /// Entries that stand in the wheel.
    #[cfg(all(test, not(shuttle)))]
    pub(crate) fn len(&self) -> usize {
        self.lock().levels.len()
    }

    /// Registers an entry that is in no wheel, to be woken through `waker` at its deadline. `now`
    /// is a time that has come, used to place it well.
    ///
    /// # Safety
    /// Unless this returns something else than `Standing`, the entry must neither move nor be
    /// dropped before its state is no longer `Registered`.
    #[inline(always)]
    pub(crate) unsafe fn insert(&self, entry: &Entry, now: u64, waker: ThinWaker) -> Inserted {
        let deadline = entry.deadline();
        let Some(mut inner) = self.try_lock() else {
            return self.insert_contended(entry, now, waker);
        };
        if deadline > PLAIN || (inner.closed && !seeded("insert_ignores_the_close")) {
            return inner.insert(entry, now, waker);
        }
        let tick = tick_of(deadline);
        if !inner.levels.insert_alone(entry, tick, now) {
            return inner.insert(entry, now, waker);
        }
        self.register(entry, deadline, waker)
    }

    #[cold]
    fn insert_contended(&self, entry: &Entry, now: u64, waker: ThinWaker) -> Inserted {
        self.lock().insert(entry, now, waker)
    }

    /// Under the lock: what is left to do when an entry has its place.
    #[inline]
    fn register(&self, entry: &Entry, expiry: u64, waker: ThinWaker) -> Inserted {
        entry.set_registered(self.id, waker);
        if expiry < self.next_expiry() {
            self.publish(expiry);
        }
        Inserted::Standing(expiry)
    }

    /// Takes the entry out if it is in; afterwards the wheel has no address of it.
    #[inline]
    pub(crate) fn cancel(&self, entry: &Entry) {
        let Some(mut inner) = self.try_lock() else {
            return self.cancel_contended(entry);
        };
        if entry.state() != State::Registered && !seeded("cancel_does_not_look_again") {
            return;
        }
        if !inner.levels.remove_alone(entry) {
            return inner.cancel(entry);
        }
        let waker = entry.let_go(State::Idle);
        self.publish_if_empty(&inner);
        drop(inner);
        drop(waker);
    }

    #[cold]
    fn cancel_contended(&self, entry: &Entry) {
        self.lock().cancel(entry);
    }

    /// Moves a registered entry to an earlier deadline, and returns when it is due then. Wakes it
    /// if that time has come at `now`. `None` if it is no longer registered; its deadline is set
    /// anyway.
    pub(crate) fn reset_earlier(&self, entry: &Entry, deadline: u64, now: u64) -> Option<u64> {
        let tick = tick_of(deadline);
        let mut inner = self.lock();
        entry.set_deadline(deadline);
        if entry.state() != State::Registered && !seeded("reset_does_not_look_again") {
            return None;
        }
        inner.levels.remove(entry);
        if deadline <= now || inner.levels.has_come(tick) {
            let waker = entry.let_go(State::Fired);
            self.publish_if_empty(&inner);
            let surplus = inner.levels.surplus();
            drop(inner);
            waker.wake();
            drop(surplus);
            return None;
        }
        inner.levels.insert(entry, tick);
        if deadline < self.next_expiry() {
            self.publish(deadline);
        }
        let surplus = inner.levels.surplus();
        drop(inner);
        drop(surplus);
        Some(deadline)
    }

    /// Makes `waker` the one that is woken, and returns whether the entry is still registered.
    pub(crate) fn set_waker(&self, entry: &Entry, waker: &Waker) -> bool {
        let inner = self.lock();
        if entry.state() != State::Registered {
            return false;
        }
        if entry.will_wake(waker) {
            return true;
        }
        drop(inner);
        let fresh = ThinWaker::new(waker);
        let inner = self.lock();
        let registered =
            entry.state() == State::Registered || seeded("set_waker_does_not_look_again");
        let stale = if registered {
            entry.swap_waker(fresh)
        } else {
            fresh
        };
        drop(inner);
        drop(stale);
        registered
    }

    /// Hands every waker that is due at `now` to `wake`, in the order of their ticks, without the
    /// lock, and returns how many there were.
    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn advance(&self, now: u64, wake: &mut impl FnMut(ThinWaker)) -> usize {
        self.run(now, wake, || Some(self.lock()))
    }

    /// Like [`advance`](Self::advance), but stops wherever the lock is taken: whoever has it
    /// looks at this wheel itself, or is done in an instant.
    pub(crate) fn try_advance(&self, now: u64, wake: &mut impl FnMut(ThinWaker)) -> usize {
        self.run(now, wake, || self.try_lock())
    }

    /// Like [`advance`](Self::advance), but to the nanosecond instead of the tick: for clocks that
    /// stand still, under which a test may count on exact times.
    #[cfg(feature = "test-util")]
    pub(crate) fn advance_exact(&self, now: u64, wake: &mut impl FnMut(ThinWaker)) -> usize {
        let mut fired = self.advance(now, wake);
        let mut batch = Batch::new();
        loop {
            let mut inner = self.lock();
            let more = inner.levels.take_within_tick(now, &mut batch);
            fired += self.end_turn(inner, &mut batch, wake);
            if !more {
                return fired;
            }
        }
    }

    /// A lower bound on the deadline that is met next, above the lowest level and in a crowd too.
    #[cfg(feature = "test-util")]
    pub(crate) fn next_deadline(&self) -> u64 {
        self.lock().levels.next_deadline()
    }

    fn run<'a>(
        &'a self,
        now: u64,
        wake: &mut impl FnMut(ThinWaker),
        lock: impl Fn() -> Option<Guard<'a>>,
    ) -> usize {
        let mut fired = 0;
        let mut batch = Batch::new();
        loop {
            let Some(mut inner) = lock() else {
                return fired;
            };
            let more = inner.levels.take_due(now, &mut batch);
            fired += self.end_turn(inner, &mut batch, wake);
            if !more {
                return fired;
            }
        }
    }

    /// Publishes what is next, unlocks, and only then wakes the batch.
    fn end_turn(
        &self,
        mut inner: Guard<'_>,
        batch: &mut Batch,
        wake: &mut impl FnMut(ThinWaker),
    ) -> usize {
        let count = batch.len();
        self.fired
            .store(self.fired() + count as u64, Ordering::Relaxed);
        self.publish(inner.levels.next_expiry());
        let surplus = inner.levels.surplus();
        drop(inner);
        drop(surplus);
        while let Some(waker) = batch.pop() {
            wake(waker);
        }
        count
    }

    /// Ends the wheel's life: every entry is let go as `Closed` and woken, and later ones are
    /// refused.
    pub(crate) fn close(&self) {
        let mut batch = Batch::new();
        loop {
            let mut inner = self.lock();
            inner.closed = true;
            let more = inner.levels.take_any(&mut batch);
            let alarm = inner.alarm.take();
            self.publish_if_empty(&inner);
            let surplus = inner.levels.surplus();
            drop(inner);
            drop((alarm, surplus));
            while let Some(waker) = batch.pop() {
                waker.wake();
            }
            if !more {
                return;
            }
        }
    }

    /// Begins a new life at `now`. The wheel must be new or closed.
    pub(crate) fn open(&self, alarm: Arc<Alarm>, now: u64) {
        let mut inner = self.lock();
        inner.levels.restart(now);
        inner.closed = false;
        let stale = inner.alarm.replace(alarm);
        drop(inner);
        drop(stale);
    }

    /// Whom to tell about a timer set by a thread that is not the wheel's own.
    pub(crate) fn alarm(&self) -> Option<Arc<Alarm>> {
        self.lock().alarm.clone()
    }

    /// Under the lock.
    #[inline]
    fn publish(&self, expiry: u64) {
        self.next_expiry.0.store(expiry, Ordering::Relaxed);
    }

    /// An empty wheel has nothing to wake for. Otherwise the expiry stays as it was when an entry
    /// leaves: too early at worst, which costs one look.
    #[inline]
    fn publish_if_empty(&self, inner: &Inner) {
        if inner.levels.is_empty() {
            self.publish(u64::MAX);
        }
    }

    #[inline]
    fn lock(&self) -> Guard<'_> {
        self.lock.lock();
        Guard(self)
    }

    #[inline]
    fn try_lock(&self) -> Option<Guard<'_>> {
        self.lock.try_lock().then(|| Guard(self))
    }

    /// Panics unless the books of the wheel agree with each other.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn check(&self) {
        self.lock().levels.check();
    }

    /// Blocks in use and bytes held, for tests of their accounting.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn memory(&self) -> (u32, usize) {
        let inner = self.lock();
        let pool = inner.levels.pool();
        (pool.live(), pool.bytes())
    }
}

/// The lock, held.
struct Guard<'a>(&'a Wheel);

impl Deref for Guard<'_> {
    type Target = Inner;

    #[inline]
    fn deref(&self) -> &Inner {
        // SAFETY: the guard's holder has the lock, and the borrow ends with the guard's.
        unsafe { &*self.0.inner.get() }
    }
}

impl DerefMut for Guard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Inner {
        // SAFETY: as in `deref`; `&mut self` makes the borrow the only one.
        unsafe { &mut *self.0.inner.get() }
    }
}

/// What [`Wheel`] does under its lock when the short way is barred: out of line, and called last, so
/// that the short way need not keep anything for afterwards.
impl Guard<'_> {
    #[inline(never)]
    fn insert(mut self, entry: &Entry, now: u64, waker: ThinWaker) -> Inserted {
        let tick = tick_of(entry.deadline());
        let refused = if self.closed && !seeded("insert_ignores_the_close") {
            Inserted::Closed
        } else {
            self.levels.catch_up(now);
            if !self.levels.has_come(tick) {
                self.levels.insert(entry, tick);
                return self.0.register(entry, entry.deadline(), waker);
            }
            Inserted::Elapsed
        };
        drop(self);
        drop(waker);
        refused
    }

    #[inline(never)]
    fn cancel(mut self, entry: &Entry) {
        if entry.state() != State::Registered && !seeded("cancel_does_not_look_again") {
            return;
        }
        self.levels.remove(entry);
        let waker = entry.let_go(State::Idle);
        self.0.publish_if_empty(&self);
        let surplus = self.levels.surplus();
        drop(self);
        drop(waker);
        drop(surplus);
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.lock.unlock();
    }
}

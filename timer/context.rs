//! The timers of the thread's runtime. It owns the thread-local that says which they are, and
//! what a scheduler calls to turn them; it knows workers by number only.

use super::alarm::{Alarm, Kick};
use super::clock::Clock;
use super::table::WheelRef;
use super::wheel::Wheel;
use crate::runtime::shim;
use crate::runtime::shim::atomic::AtomicU64;
use crate::runtime::task::waker::ThinWaker;
use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::Ordering;
use std::sync::Arc;

/// The leader does not sleep for less than this after timers were fired, 160 µs: those that crowd are
/// late by half of it as a rule, and a lone one not at all. A wake-up costs as much as the firing of
/// some 50 timers.
pub(super) const GAP: u64 = 160_000;

/// The timers of one runtime: a clock, a wheel for each worker, and the alarm.
pub(crate) struct Timers {
    clock: Clock,
    alarm: Arc<Alarm>,
    wheels: Box<[WheelRef]>,
    /// When timers were fired last.
    fired_at: AtomicU64,
}

impl Timers {
    /// As many wheels as there are workers, or `None` if the process has too many.
    ///
    /// `kick` ends the sleep of the parked leader, and is remembered if the leader is about to
    /// sleep. It may be called from any thread, and after the runtime has ended.
    pub(crate) fn new(wheels: usize, clock: Clock, kick: Kick) -> Option<Arc<Self>> {
        let alarm = Arc::new(Alarm::new(kick));
        let now = clock.now();
        let wheels = (0..wheels.max(1)).map(|_| WheelRef::acquire(alarm.clone(), now));
        let wheels = wheels.collect::<Option<_>>()?;
        Some(Arc::new(Self {
            clock,
            alarm,
            wheels,
            fired_at: AtomicU64::new(0),
        }))
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The leader's promise; see `alarm.rs`.
    pub(crate) fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// A lower bound on when the next timer of any wheel is due; `u64::MAX` if there is none.
    /// Takes no lock, unless the clock is frozen: then it is the deadline itself.
    #[inline]
    pub(crate) fn min_expiry(&self) -> u64 {
        let expiries = (0..self.wheels.len()).map(|worker| self.expiry_of(worker));
        expiries.min().unwrap_or(u64::MAX)
    }

    /// The same for one worker's wheel.
    #[inline]
    pub(crate) fn expiry_of(&self, worker: usize) -> u64 {
        #[cfg(feature = "test-util")]
        if self.clock.is_frozen() {
            return self.wheels[worker].next_deadline();
        }
        self.wheels[worker].next_expiry()
    }

    /// To be called by the leader before it sleeps: promises to wake at the time it returns, when
    /// the earliest timer is due, or a [`GAP`] after timers were fired if that is later.
    /// [`wake`](Alarm::wake) is its counterpart.
    pub(crate) fn promise(&self) -> u64 {
        let earliest = self.alarm.promise(|| self.min_expiry());
        // Timers set meanwhile need to be told only if they are earlier: they wait for the same.
        earliest.max(self.fired_at.load(Ordering::Relaxed).saturating_add(GAP))
    }

    /// To be called by a worker that parks and does not lead, after it has let go of its
    /// turn: what it set in its own wheel becomes the leader's concern.
    pub(crate) fn hand_over(&self, worker: usize) {
        let expiry = self.expiry_of(worker);
        if expiry != u64::MAX {
            self.alarm.tell(expiry);
        }
    }

    /// Hands the wakers that are due at `now` to `wake`, wheel by wheel, and returns how many.
    /// Wheels that somebody else has locked are passed over. Under a clock that stands still the
    /// order is that of the deadlines.
    pub(crate) fn advance_due(&self, now: u64, mut wake: impl FnMut(ThinWaker)) -> usize {
        #[cfg(feature = "test-util")]
        if self.clock.is_frozen() {
            return self.advance_in_order(now, wake);
        }
        let mut fired = 0;
        for wheel in &self.wheels {
            if wheel.next_expiry() <= now {
                fired += wheel.try_advance(now, &mut wake);
            }
        }
        if fired > 0 {
            self.fired_at.store(now, Ordering::Relaxed);
        }
        fired
    }

    /// One deadline after the other.
    #[cfg(feature = "test-util")]
    fn advance_in_order(&self, now: u64, mut wake: impl FnMut(ThinWaker)) -> usize {
        let mut advance = |to: u64| {
            let fired = |wheel: &WheelRef| wheel.advance_exact(to, &mut wake);
            self.wheels.iter().map(fired).sum::<usize>()
        };
        let (mut fired, mut at) = (0, 0);
        loop {
            let next = self.min_expiry();
            if next <= at || next >= now {
                return fired + advance(now);
            }
            at = next;
            fired += advance(at);
        }
    }

    /// The same for one worker's wheel, which is waited for if it is locked.
    #[inline]
    #[cfg(all(test, feature = "test-util", not(any(loom, shuttle))))]
    pub(crate) fn advance_worker(
        &self,
        worker: usize,
        now: u64,
        mut wake: impl FnMut(ThinWaker),
    ) -> usize {
        let wheel = &self.wheels[worker];
        if self.clock.is_frozen() {
            return wheel.advance_exact(now, &mut wake);
        }
        if wheel.next_expiry() > now {
            return 0;
        }
        wheel.advance(now, &mut wake)
    }

    /// Timers fired from worker `worker`'s wheel, counted over all lives of that wheel: take the
    /// difference to the count at the start.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) fn fired(&self, worker: usize) -> u64 {
        self.wheels[worker].fired()
    }

    /// Timers that stand in the wheels.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) fn len(&self) -> usize {
        self.wheels.iter().map(|wheel| wheel.len()).sum()
    }

    /// Wakes every timer and refuses later ones: they panic when polled, because nobody would
    /// ever fire them. Dropping the last reference does the same.
    pub(crate) fn close(&self) {
        for wheel in &self.wheels {
            wheel.close();
        }
    }

    /// A wheel for a thread that has none of its own: any will do, if different threads take
    /// different ones.
    fn wheel_for_stranger(&self) -> &'static Wheel {
        #[cfg(not(shuttle))]
        let thread = {
            thread_local!(static MARK: u8 = const { 0 });
            MARK.with(|mark| ptr::from_ref(mark).addr()) as u64
        };
        // An execution must take the same wheels when it is repeated.
        #[cfg(shuttle)]
        let thread = shim::thread_number();
        // Fibonacci hashing: the addresses of one thread-local differ in a few middle bits.
        let hash = thread.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        self.wheels[hash as usize % self.wheels.len()].wheel()
    }
}

struct Current {
    /// From `Arc::into_raw`, owned by the guard on top; null outside every runtime.
    timers: Cell<*const Timers>,
    /// The thread's own wheel, if it is a worker.
    own: Cell<Option<&'static Wheel>>,
    /// Guards alive on this thread.
    depth: Cell<usize>,
    /// What the current runtime's clock said when this thread last asked, or `UNSEEN`.
    seen: Cell<u64>,
}

/// Nobody asked. No deadline is later, so that who compares it with one asks the clock.
const UNSEEN: u64 = u64::MAX;

// Neither a lazy initialisation nor a destructor: to reach it is one instruction.
shim::thread_local! {
    static CURRENT: Current = const {
        Current { timers: Cell::new(ptr::null()), own: Cell::new(None), depth: Cell::new(0), seen: Cell::new(UNSEEN) }
    };
}

/// While it lives, the thread's timers are those it was made for.
///
/// Guards of one thread end in the reverse order of their beginning. One that is dropped out of
/// turn changes nothing, and keeps its timers in memory.
pub(crate) struct Guard {
    before: *const Timers,
    own_before: Option<&'static Wheel>,
    depth: usize,
    // The thread-local it restores is this thread's.
    _not_send: PhantomData<*const ()>,
}

/// Makes `timers` the thread's current ones; worker number `worker` is this thread, if any.
pub(crate) fn enter(timers: &Arc<Timers>, worker: Option<usize>) -> Guard {
    let own = worker.map(|worker| timers.wheels[worker].wheel());
    CURRENT.with(|current| {
        let depth = current.depth.get() + 1;
        current.depth.set(depth);
        current.seen.set(UNSEEN);
        Guard {
            before: current.timers.replace(Arc::into_raw(timers.clone())),
            own_before: current.own.replace(own),
            depth,
            _not_send: PhantomData,
        }
    })
}

impl Drop for Guard {
    fn drop(&mut self) {
        let ended = CURRENT.try_with(|current| {
            if current.depth.get() != self.depth {
                return None;
            }
            current.depth.set(self.depth - 1);
            current.own.set(self.own_before);
            current.seen.set(UNSEEN);
            Some(current.timers.replace(self.before))
        });
        if let Ok(Some(timers)) = ended {
            // SAFETY: this guard is the topmost, so the pointer is the one its `enter` took from
            // `Arc::into_raw`, and is owned by it.
            drop(unsafe { Arc::from_raw(timers) });
        }
    }
}

/// This thread is no worker any more, until the guard that made it one ends: its timers go into any wheel, and are told
/// to the leader.
pub(crate) fn leave_wheel() {
    CURRENT.with(|current| current.own.set(None));
}

/// Undoes [`leave_wheel`].
pub(crate) fn return_to_wheel(timers: &Arc<Timers>, worker: usize) {
    CURRENT.with(|current| current.own.set(Some(timers.wheels[worker].wheel())));
}

/// Ends what a guard dropped out of turn has left current, so that a test leaks nothing.
///
/// # Safety
/// No guard of this thread is alive, and one was dropped out of turn.
#[cfg(all(test, not(any(loom, shuttle))))]
pub(super) unsafe fn end_orphan() {
    let timers = CURRENT.with(|current| current.timers.replace(ptr::null()));
    // SAFETY: the guard that owned the pointer did not release it.
    drop(unsafe { Arc::from_raw(timers) });
}

/// Calls `f` with the thread's timers, if it has any. `f` must call no foreign code, which could
/// drop the guard they are borrowed from.
#[inline]
pub(super) fn with<R>(f: impl FnOnce(Option<&Timers>) -> R) -> R {
    // A thread that is being torn down has no timers.
    let timers = CURRENT
        .try_with(|current| current.timers.get())
        .unwrap_or(ptr::null());
    // SAFETY: a pointer that is not null is owned by a guard, which only ends on this thread, and
    // does not do so while `f` runs.
    f(unsafe { timers.as_ref() })
}

/// The thread's timers, if it has any.
#[cfg(feature = "test-util")]
pub(super) fn current() -> Option<Arc<Timers>> {
    with(|timers| {
        let timers = ptr::from_ref(timers?);
        // SAFETY: the pointer came from `Arc::into_raw` in `enter`, whose count the guard holds.
        unsafe {
            Arc::increment_strong_count(timers);
            Some(Arc::from_raw(timers))
        }
    })
}

/// The time by the thread's clock.
#[inline]
pub(super) fn now() -> u64 {
    #[cfg(feature = "test-util")]
    let now = with(|timers| match timers {
        Some(timers) => timers.clock.now(),
        None => Clock::new().now(),
    });
    #[cfg(not(feature = "test-util"))]
    let now = Clock::new().now();
    let _ = CURRENT.try_with(|current| current.seen.set(now));
    now
}

/// The thread's own wheel, if it is a worker's; and what its clock said last, `u64::MAX` if it was
/// not asked.
#[inline]
pub(super) fn own_wheel_and_seen() -> (Option<&'static Wheel>, u64) {
    CURRENT
        .try_with(|current| (current.own.get(), current.seen.get()))
        .unwrap_or((None, UNSEEN))
}

/// The thread's own wheel, if it is a worker's.
#[inline]
pub(super) fn own_wheel() -> Option<&'static Wheel> {
    CURRENT
        .try_with(|current| current.own.get())
        .unwrap_or(None)
}

/// The wheel into which this thread sets its timers, if it is in a runtime.
#[inline]
pub(super) fn wheel() -> Option<&'static Wheel> {
    own_wheel().or_else(strangers_wheel)
}

#[cold]
fn strangers_wheel() -> Option<&'static Wheel> {
    with(|timers| timers.map(Timers::wheel_for_stranger))
}

#[cold]
#[track_caller]
pub(super) fn panic_outside(called: &str) -> ! {
    panic!(
        "`{called}` was called on a thread without a filch runtime. Call it inside \
         `filch::block_on(..)` or `#[filch::main]`, or keep `let _guard = handle.enter();` alive"
    );
}

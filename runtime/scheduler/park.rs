//! How workers sleep: one leads, waiting for the driver and the earliest timer of all; the others wait on a condition
//! variable, bounded by their own wheel. The one place where timers and IO meet.
//! It must not know tasks or queues.
//!
//! # The token
//!
//! Each worker has a [`Seat`] with a state: `EMPTY`, `NOTIFIED`, or where it sleeps. [`Parking::unpark`] swaps in
//! `NOTIFIED` and, by the old value, knows whom to wake. A worker goes to sleep only by exchanging `EMPTY` for the place
//! where it sleeps, so a token that came before is never slept over; and the follower does that under the mutex that
//! the un-parker takes before it notifies, so a token that comes after finds it waiting.

use crate::io::driver::Driver;
use crate::runtime::shim::atomic::{AtomicBool, AtomicU8};
use crate::runtime::shim::{self, Condvar, Mutex, seeded};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::time::Duration;

const EMPTY: u8 = 0;
const NOTIFIED: u8 = 1;
const IN_DRIVER: u8 = 2;
const ON_CONDVAR: u8 = 3;

/// Where one worker sleeps.
pub(crate) struct Seat {
    state: AtomicU8,
    lock: Mutex<()>,
    condvar: Condvar,
}

/// The seats of all workers and the driver that one of them waits in.
pub(crate) struct Parking {
    seats: Box<[Seat]>,
    driver: Driver,
    /// Whether somebody leads.
    led: AtomicBool,
}

/// The right to lead, given up when dropped.
pub(super) struct Lead<'a>(&'a AtomicBool);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        // ORDERING: Release pairs with the Acquire in `Parking::lead`: the next leader sees the driver in order.
        self.0.store(false, Release);
    }
}

impl Parking {
    pub(crate) fn new(workers: usize, driver: Driver) -> Self {
        let seat = || Seat {
            state: AtomicU8::new(EMPTY),
            lock: Mutex::new(()),
            condvar: Condvar::new(),
        };
        Self {
            seats: (0..workers).map(|_| seat()).collect(),
            driver,
            led: AtomicBool::new(false),
        }
    }

    pub(super) fn lead(&self) -> Option<Lead<'_>> {
        if self.led.load(Relaxed) {
            return None;
        }
        // ORDERING: Acquire pairs with the Release of the last leader's `Lead::drop`.
        let led = self.led.compare_exchange(false, true, Acquire, Relaxed);
        // A `Lead` gives the lead up when it is dropped, so none is made where the exchange failed.
        if led.is_ok() || seeded("a_refused_lead_is_dropped") {
            Some(Lead(&self.led))
        } else {
            None
        }
    }

    /// Sleeps until a token comes, or an event, or the time is over.
    ///
    /// `as_leader` and `as_follower` say how long, `None` meaning for ever; they are called when it is known in which
    /// role the worker sleeps, and `as_leader` with the lead taken. `left` is called when the lead is to be given up.
    pub(crate) fn park(
        &self,
        worker: usize,
        as_leader: impl FnOnce() -> Option<Duration>,
        left: impl FnOnce(),
        as_follower: impl FnOnce() -> Option<Duration>,
    ) {
        let seat = &self.seats[worker];
        if seat.take_token() {
            return;
        }
        if let Some(lead) = self.lead() {
            if seat.sit(IN_DRIVER) {
                self.driver.wait(as_leader());
                left();
            }
            seat.stand_up();
            drop(lead);
        } else {
            let timeout = as_follower();
            let mut guard = seat.lock.lock();
            if seat.sit(ON_CONDVAR) {
                match timeout {
                    None => shim::wait(&seat.condvar, &mut guard),
                    Some(timeout) => {
                        shim::wait_for(&seat.condvar, &mut guard, timeout);
                    }
                }
            }
            seat.stand_up();
        }
    }

    /// Wakes the leader if it sleeps; false if nobody leads, or the leader has not looked at the timers yet.
    ///
    /// A leader sits down before it asks how long to sleep. So, with a fence before this call and one in the leader's
    /// question, either it is seen sitting here, or its question is answered after what the caller changed.
    pub(crate) fn wake_leader(&self) -> bool {
        let leads = |seat: &Seat| seat.state.load(Relaxed) == IN_DRIVER;
        match self.seats.iter().position(leads) {
            Some(worker) => {
                self.unpark(worker);
                true
            }
            None => false,
        }
    }

    /// Gives the worker a token, and wakes it if it sleeps.
    pub(crate) fn unpark(&self, worker: usize) {
        let seat = &self.seats[worker];
        // ORDERING: Release pairs with the Acquire of `take_token`, `sit` and `stand_up`: the woken worker sees what
        // was done before. Acquire pairs with `sit`.
        match seat.state.swap(NOTIFIED, AcqRel) {
            IN_DRIVER => self.driver.wake(),
            ON_CONDVAR => {
                // The sleeper let go of the mutex only when it began to wait.
                if !seeded("unpark_takes_no_lock") {
                    drop(seat.lock.lock());
                }
                seat.condvar.notify_one();
            }
            _ => {}
        }
    }
}

impl Seat {
    fn take_token(&self) -> bool {
        // ORDERING: Acquire pairs with `unpark`.
        self.state
            .compare_exchange(NOTIFIED, EMPTY, Acquire, Relaxed)
            .is_ok()
    }

    /// False if a token has come.
    fn sit(&self, place: u8) -> bool {
        if seeded("sit_overwrites_a_token") {
            self.state.store(place, Release);
            return true;
        }
        // ORDERING: Release pairs with the Acquire of `unpark`, and Acquire with its Release.
        self.state
            .compare_exchange(EMPTY, place, AcqRel, Acquire)
            .is_ok()
    }

    fn stand_up(&self) {
        // ORDERING: Acquire pairs with `unpark`.
        self.state.swap(EMPTY, Acquire);
    }
}

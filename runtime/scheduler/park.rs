//! How workers sleep: one of a group leads, waiting in the group's driver; one of these waits for the earliest timer of
//! all, too; the others wait on a condition variable, bounded by their own wheel. The one place where timers and IO meet.
//! It must not know tasks or queues.
//!
//! A group is up to eight workers: a poller that more of them share is a lock that they share. Never do two wait on one
//! poller, which would wake both for one event.
//!
//! # The token
//!
//! Each worker has a [`Seat`] with a state: `EMPTY`, `NOTIFIED`, or where it sleeps. [`Parking::unpark`] swaps in
//! `NOTIFIED` and, by the old value, knows whom to wake. A worker goes to sleep only by exchanging `EMPTY` for the place
//! where it sleeps, so a token that came before is never slept over; and the follower does that under the mutex that
//! the un-parker takes before it notifies, so a token that comes after finds it waiting.

use crate::io::driver::Driver;
pub(crate) use crate::io::driver::Events;
use crate::runtime::shim::atomic::{AtomicBool, AtomicU8};
use crate::runtime::shim::{self, Condvar, Mutex, seeded};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::time::Duration;
use std::io;

const EMPTY: u8 = 0;
const NOTIFIED: u8 = 1;
const IN_DRIVER: u8 = 2;
const ON_CONDVAR: u8 = 3;
/// As `IN_DRIVER`, but another worker waits for the timers.
const IN_DRIVER_ONLY: u8 = 4;

/// Workers of one driver at most.
const GROUP: usize = 8;

/// Where one worker sleeps.
pub(crate) struct Seat {
    state: AtomicU8,
    lock: Mutex<()>,
    condvar: Condvar,
}

/// The seats of all workers and the drivers that some of them wait in.
pub(crate) struct Parking {
    seats: Box<[Seat]>,
    /// Workers of one driver.
    size: usize,
    groups: Box<[Group]>,
    /// Whether a leader waits for the timers.
    timed: AtomicBool,
}

struct Group {
    driver: Driver,
    /// Whether somebody leads.
    led: AtomicBool,
}

/// A right that one worker at a time has, given up when dropped.
pub(super) struct Lead<'a>(&'a AtomicBool);

impl<'a> Lead<'a> {
    fn take(taken: &'a AtomicBool) -> Option<Self> {
        if taken.load(Relaxed) {
            return None;
        }
        // ORDERING: Acquire pairs with the Release of the last one's `drop`.
        let lead = taken.compare_exchange(false, true, Acquire, Relaxed);
        // A `Lead` gives the lead up when it is dropped, so none is made where the exchange failed.
        if lead.is_ok() || seeded("a_refused_lead_is_dropped") {
            Some(Self(taken))
        } else {
            None
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        // ORDERING: Release pairs with the Acquire in `Lead::take`: the next leader sees the driver in order.
        self.0.store(false, Release);
    }
}

impl Parking {
    /// # Errors
    /// What `driver` says.
    pub(crate) fn new(
        workers: usize,
        driver: impl FnMut() -> io::Result<Driver>,
    ) -> io::Result<Self> {
        Self::in_groups(workers, GROUP, driver)
    }

    /// The same in groups of another size, for a model.
    ///
    /// # Errors
    /// As there.
    pub(super) fn in_groups(
        workers: usize,
        size: usize,
        mut driver: impl FnMut() -> io::Result<Driver>,
    ) -> io::Result<Self> {
        let seat = || Seat {
            state: AtomicU8::new(EMPTY),
            lock: Mutex::new(()),
            condvar: Condvar::new(),
        };
        let mut group = |_| {
            driver().map(|driver| Group {
                driver,
                led: AtomicBool::new(false),
            })
        };
        Ok(Self {
            seats: (0..workers).map(|_| seat()).collect(),
            size,
            groups: (0..workers.div_ceil(size))
                .map(&mut group)
                .collect::<io::Result<_>>()?,
            timed: AtomicBool::new(false),
        })
    }

    fn group(&self, worker: usize) -> &Group {
        &self.groups[worker / self.size]
    }

    /// The driver of a worker, in which what it waits for is watched.
    pub(crate) fn driver(&self, worker: usize) -> &Driver {
        &self.group(worker).driver
    }

    /// Every driver.
    pub(crate) fn drivers(&self) -> impl Iterator<Item = &Driver> {
        self.groups.iter().map(|group| &group.driver)
    }

    /// How many descriptors all drivers watch.
    pub(crate) fn watched(&self) -> usize {
        self.drivers().map(Driver::watched).sum()
    }

    /// The right to wait in the worker's driver.
    pub(super) fn lead(&self, worker: usize) -> Option<Lead<'_>> {
        Lead::take(&self.group(worker).led)
    }

    /// Fetches the events that are there, if there can be any and nobody else waits for them; whether it did.
    pub(crate) fn fetch(&self, worker: usize, events: &mut Events) -> bool {
        if self.driver(worker).watched() == 0 {
            return false;
        }
        let Some(_lead) = self.lead(worker) else {
            return false;
        };
        self.driver(worker).wait(Some(Duration::ZERO), events);
        true
    }

    /// Sleeps until a token comes, or an event, or the time is over; whether it may have brought events.
    ///
    /// `as_leader` and `as_follower` say how long, `None` meaning for ever; they are called when it is known in which
    /// role the worker sleeps, and `as_leader` with the lead of the timers taken. `left` is called when that is to be
    /// given up.
    pub(crate) fn park(
        &self,
        worker: usize,
        events: &mut Events,
        as_leader: impl FnOnce() -> Option<Duration>,
        left: impl FnOnce(),
        as_follower: impl FnOnce() -> Option<Duration>,
    ) -> bool {
        let seat = &self.seats[worker];
        if seat.take_token() {
            return false;
        }
        if let Some(_lead) = self.lead(worker) {
            let driver = self.driver(worker);
            let timed = Lead::take(&self.timed);
            let waited = if timed.is_some() {
                let sits = seat.sit(IN_DRIVER);
                if sits {
                    driver.wait(as_leader(), events);
                    left();
                }
                sits
            } else {
                let timeout = as_follower();
                let sits = seat.sit(IN_DRIVER_ONLY);
                if sits {
                    driver.wait(timeout, events);
                }
                sits
            };
            seat.stand_up();
            waited
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
            false
        }
    }

    /// Wakes the leader that waits for the timers, if it sleeps; false if nobody does, or the leader has not looked at the timers yet.
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
            IN_DRIVER | IN_DRIVER_ONLY => self.driver(worker).wake(),
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

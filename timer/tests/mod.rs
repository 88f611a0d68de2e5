//! Tests of the timers with wheels turned by hand. They own their wakers; no runtime takes part.

mod alarm;
#[cfg(feature = "test-util")]
mod frozen;
mod futures;
mod instant;
mod interval;
mod memory;
mod model;
mod race;
mod slots;

use super::context::{Guard, Timers, enter};
use super::entry::{Entry, State};
use super::wheel::{Inserted, Wheel};
use super::{clock::Clock, tick::TICK_SHIFT};
use crate::runtime::task::waker::ThinWaker;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

/// One tick in nanoseconds.
pub(super) const TICK: u64 = 1 << TICK_SHIFT;

/// Counts its wakes.
#[derive(Default)]
pub(super) struct Counter(AtomicUsize);

impl Counter {
    pub(super) fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self::default());
        (counter.clone(), counter.into())
    }

    pub(super) fn wakes(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A pinned entry that leaves the wheel before it is freed.
pub(super) struct Timer<'a> {
    pub(super) entry: Pin<Box<Entry>>,
    wheel: &'a Wheel,
}

impl<'a> Timer<'a> {
    pub(super) fn new(wheel: &'a Wheel, deadline: u64) -> Self {
        Self {
            entry: Box::pin(Entry::new(deadline, wheel.id())),
            wheel,
        }
    }

    pub(super) fn insert(&self, now: u64, waker: &Waker) -> Inserted {
        // SAFETY: the entry is boxed and pinned, and `drop` takes it out of the wheel.
        unsafe { self.wheel.insert(&self.entry, now, ThinWaker::new(waker)) }
    }

    pub(super) fn state(&self) -> State {
        self.entry.state()
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.wheel.cancel(&self.entry);
    }
}

pub(super) fn turn(wheel: &Wheel, now: u64) -> usize {
    wheel.advance(now, &mut |waker| waker.wake())
}

/// Timers of one worker, entered as that worker, whose kicks are counted.
pub(super) fn worker() -> (Arc<Timers>, Arc<AtomicUsize>, Guard) {
    let (timers, kicks) = timers(1);
    let guard = enter(&timers, Some(0));
    (timers, kicks, guard)
}

pub(super) fn timers(wheels: usize) -> (Arc<Timers>, Arc<AtomicUsize>) {
    let kicks = Arc::new(AtomicUsize::new(0));
    let count = kicks.clone();
    let kick = Box::new(move || {
        count.fetch_add(1, SeqCst);
    });
    (
        Timers::new(wheels, Clock::new(), kick).expect("fewer than 2^15 wheels"),
        kicks,
    )
}

pub(super) fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

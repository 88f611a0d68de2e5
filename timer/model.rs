//! Loom models of one timer in one wheel: firing against everything that its owner may do, and the leader's promise.
//!
//! What is checked in every execution: the wheel is touched under its lock only, the entry is not touched after its end
//! (its words are `mortal`), and no waker is left behind or dropped twice.

use super::alarm::Alarm;
use super::entry::{Entry, State};
use super::instant::Instant;
use super::sleep::Sleep;
use super::table;
use super::wheel::{Inserted, Wheel};
use crate::runtime::model::check;
use crate::runtime::task::waker::ThinWaker;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU16, AtomicU32, Ordering::Relaxed};
use core::task::{Context, Poll, Waker};
use loom::thread;
use std::sync::Arc;
use std::task::Wake;

/// Deadlines that the real clock does not reach.
const EARLIER: u64 = 1 << 58;
const DUE: u64 = 1 << 59;
const LATER: u64 = 1 << 60;

/// A waker that counts.
#[derive(Default)]
struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Bell {
    fn new() -> Arc<Self> {
        Arc::default()
    }
    fn rings(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

/// A wheel for one execution, in the table, and how often its alarm was raised.
struct Stand {
    wheel: &'static Wheel,
    alarm: Arc<Alarm>,
    kicks: Arc<AtomicU32>,
}

impl Stand {
    fn new() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        std::thread_local! {
            /// Models run at the same time, each on a thread of the system.
            static ID: u16 = NEXT.fetch_add(1, Relaxed);
        }
        let wheel = Box::leak(Box::new(Wheel::new(ID.with(|id| *id))));
        table::put(wheel);
        let kicks = Arc::new(AtomicU32::new(0));
        let count = kicks.clone();
        let kick = move || {
            count.fetch_add(1, Relaxed);
        };
        let alarm = Arc::new(Alarm::new(Box::new(kick)));
        wheel.open(alarm.clone(), 0);
        Self {
            wheel,
            alarm,
            kicks,
        }
    }

    fn sleep(&self, deadline: u64) -> Pin<Box<Option<Sleep>>> {
        Box::pin(Some(Sleep::in_model(deadline, self.wheel.id())))
    }

    /// Fires what is due at `now`, on a thread of its own.
    fn fire(&self, now: u64) -> thread::JoinHandle<usize> {
        let wheel = self.wheel;
        thread::spawn(move || wheel.advance(now, &mut ThinWaker::wake))
    }

    fn end(self) {
        self.wheel.close();
        assert_eq!(self.wheel.len(), 0);
        let wheel = core::ptr::from_ref(self.wheel).cast_mut();
        // SAFETY: the execution is over, and the box was leaked in `new`.
        drop(unsafe { Box::from_raw(wheel) });
    }
}

fn get(sleep: &mut Pin<Box<Option<Sleep>>>) -> Pin<&mut Sleep> {
    sleep.as_mut().as_pin_mut().expect("it was not dropped yet")
}

fn poll(sleep: &mut Pin<Box<Option<Sleep>>>, bell: &Arc<Bell>) -> Poll<()> {
    let waker = Waker::from(bell.clone());
    get(sleep).poll(&mut Context::from_waker(&waker))
}

/// A sleep dropped while it fires: the waker is taken once, and the memory not touched afterwards.
#[test]
fn cancel_against_fire() {
    check(|| {
        let (stand, bell) = (Stand::new(), Bell::new());
        let mut sleep = stand.sleep(DUE);
        assert!(poll(&mut sleep, &bell).is_pending());
        let other = stand.fire(DUE);
        // In place: the memory remains, so that loom sees who touches it.
        sleep.as_mut().set(None);
        let fired = other.join().unwrap();
        assert_eq!(bell.rings() as usize, fired);
        assert_eq!(Arc::strong_count(&bell), 1, "the waker is dropped once");
        stand.end();
    });
}

/// Two threads fire the same wheel: one of them wakes.
#[test]
fn fire_against_fire() {
    check(|| {
        let (stand, bell) = (Stand::new(), Bell::new());
        let mut sleep = stand.sleep(DUE);
        assert!(poll(&mut sleep, &bell).is_pending());
        let other = stand.fire(DUE);
        let fired = stand.wheel.advance(DUE, &mut ThinWaker::wake);
        assert_eq!(other.join().unwrap() + fired, 1);
        assert_eq!((bell.rings(), Arc::strong_count(&bell)), (1, 1));
        assert!(poll(&mut sleep, &bell).is_ready());
        sleep.as_mut().set(None);
        stand.end();
    });
}

/// A deadline moved later while it fires: the sleep is not over early, and over in the end.
#[test]
fn reset_later_against_fire() {
    check(|| {
        let (stand, bell) = (Stand::new(), Bell::new());
        let mut sleep = stand.sleep(DUE);
        assert!(poll(&mut sleep, &bell).is_pending());
        let other = stand.fire(DUE);
        get(&mut sleep).reset(Instant::from_nanos(LATER));
        assert!(poll(&mut sleep, &bell).is_pending(), "it is over early");
        other.join().unwrap();
        if get(&mut sleep).is_elapsed() || bell.rings() > 0 {
            assert!(poll(&mut sleep, &bell).is_pending(), "it is over early");
        }
        let before = bell.rings();
        stand.wheel.advance(LATER, &mut ThinWaker::wake);
        assert_eq!(bell.rings(), before + 1, "it never fired");
        assert!(poll(&mut sleep, &bell).is_ready());
        sleep.as_mut().set(None);
        assert_eq!(Arc::strong_count(&bell), 1, "the waker is dropped once");
        stand.end();
    });
}

/// A deadline moved earlier while it fires: it fires in any case, once.
#[test]
fn reset_earlier_against_fire() {
    check(|| {
        let (stand, bell) = (Stand::new(), Bell::new());
        let mut sleep = stand.sleep(LATER);
        assert!(poll(&mut sleep, &bell).is_pending());
        let other = stand.fire(LATER);
        get(&mut sleep).reset(Instant::from_nanos(DUE));
        other.join().unwrap();
        stand.wheel.advance(LATER, &mut ThinWaker::wake);
        assert_eq!((bell.rings(), Arc::strong_count(&bell)), (1, 1));
        sleep.as_mut().set(None);
        stand.end();
    });
}

/// A sleep polled by another task while it fires: that task is woken, or finds it over.
#[test]
fn set_waker_against_fire() {
    check(|| {
        let (stand, old, new) = (Stand::new(), Bell::new(), Bell::new());
        let mut sleep = stand.sleep(DUE);
        assert!(poll(&mut sleep, &old).is_pending());
        let other = stand.fire(DUE);
        let pending = poll(&mut sleep, &new).is_pending();
        assert_eq!(other.join().unwrap(), 1);
        assert_eq!(old.rings() + new.rings(), 1);
        assert!(!pending || new.rings() == 1, "the poller was not woken");
        assert!(poll(&mut sleep, &new).is_ready());
        sleep.as_mut().set(None);
        assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 1));
        stand.end();
    });
}

/// A timer set while its runtime ends: refused, or woken as closed.
#[test]
fn close_against_insert() {
    check(|| {
        let (stand, bell) = (Stand::new(), Bell::new());
        let entry = Box::new(Entry::new(DUE, stand.wheel.id()));
        let wheel = stand.wheel;
        let other = thread::spawn(move || wheel.close());
        let waker = ThinWaker::new(&Waker::from(bell.clone()));
        // SAFETY: the entry is boxed, and let go before it is dropped, as is asserted.
        let inserted = unsafe { stand.wheel.insert(&entry, 0, waker) };
        other.join().unwrap();
        match inserted {
            Inserted::Standing(_) => {
                assert_eq!((entry.state(), bell.rings()), (State::Closed, 1));
            }
            Inserted::Closed => assert_eq!((entry.state(), bell.rings()), (State::Idle, 0)),
            Inserted::Elapsed => panic!("the deadline lies ahead"),
        }
        assert_eq!(Arc::strong_count(&bell), 1, "the waker is dropped once");
        drop(entry);
        stand.end();
    });
}

/// A sleep dropped while its runtime ends.
#[test]
fn cancel_against_close() {
    check(|| {
        let (stand, bell) = (Stand::new(), Bell::new());
        let mut sleep = stand.sleep(DUE);
        assert!(poll(&mut sleep, &bell).is_pending());
        let wheel = stand.wheel;
        let other = thread::spawn(move || wheel.close());
        sleep.as_mut().set(None);
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&bell), 1, "the waker is dropped once");
        stand.end();
    });
}

/// A timer set by a stranger while the leader goes to sleep: the leader has seen it, or is kicked.
#[test]
fn insert_against_promise() {
    check(|| {
        let (stand, bell) = (Stand::new(), Bell::new());
        let mut far = stand.sleep(LATER);
        assert!(poll(&mut far, &bell).is_pending());
        let (wheel, alarm) = (stand.wheel, stand.alarm.clone());
        let leader = thread::spawn(move || alarm.promise(|| wheel.next_expiry()));
        let mut near = stand.sleep(EARLIER);
        assert!(poll(&mut near, &bell).is_pending());
        let until = leader.join().unwrap();
        let kicked = stand.kicks.load(Relaxed) > 0;
        assert!(until <= EARLIER || kicked, "the leader sleeps too long");
        near.as_mut().set(None);
        far.as_mut().set(None);
        stand.end();
    });
}

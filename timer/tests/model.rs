//! The wheel against a `BTreeMap`: random operations over the whole of 64-bit time.

use super::super::entry::State;
use super::super::tick::{start_of, tick_at, tick_of};
use super::super::wheel::{Inserted, Wheel};
use super::{Counter, TICK, Timer, turn};
use crate::runtime::task::waker::ThinWaker;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

/// Writes its number down when it is woken.
struct Scribe {
    number: usize,
    log: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Scribe {
    fn wake(self: Arc<Self>) {
        self.log.lock().unwrap().push(self.number);
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// Insert a timer due so far from now.
    Insert(u64),
    /// Insert a timer so many nanoseconds behind one that stands, mostly into its slot.
    Join(prop::sample::Index, u64),
    /// Cancel one of the timers that stand.
    Cancel(prop::sample::Index),
    /// Move one of them to so far from now.
    Reset(prop::sample::Index, u64),
    /// Let so much time pass, by the system's measure or until just about a timer is due.
    Pass(u64),
    /// Go to the deadline of one of them, and by so many nanoseconds on or back.
    GoTo(prop::sample::Index, i8),
}

/// Spans of every order of magnitude, so that every level is used, and both ends.
fn span() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => (0..64u32, any::<u64>()).prop_map(|(bits, span)| span >> bits),
        2 => (0..64u32, -2..=2i64).prop_map(|(bit, off)| (1u64 << bit).wrapping_add_signed(off)),
        2 => (1..300u64).prop_map(|ticks| ticks * TICK),
        1 => Just(u64::MAX),
        1 => Just(0),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let any = any::<prop::sample::Index>;
    prop_oneof![
        6 => span().prop_map(Op::Insert),
        3 => (any(), 0..3 * TICK).prop_map(|(which, off)| Op::Join(which, off / 2)),
        4 => any().prop_map(Op::Cancel),
        2 => (any(), span()).prop_map(|(which, span)| Op::Reset(which, span)),
        2 => (40..64u32, span()).prop_map(|(bits, span)| Op::Pass(span >> (bits - 16))),
        3 => (any(), -2..=2i8).prop_map(|(which, off)| Op::GoTo(which, off)),
    ]
}

/// Slots of a level.
const SLOTS: u64 = 256;
/// More timers than one look into the tick that has begun may find.
const CROWD: usize = 64;

/// Everything that stands, by deadline; and what the wheel does with it.
struct World<'a> {
    wheel: &'a Wheel,
    now: u64,
    log: Arc<Mutex<Vec<usize>>>,
    /// Deadline of each timer that stands, by number.
    standing: BTreeMap<usize, (u64, Timer<'a>)>,
    count: usize,
}

impl World<'_> {
    fn insert(&mut self, deadline: u64) {
        let timer = Timer::new(self.wheel, deadline);
        let number = self.count;
        self.count += 1;
        let waker = Waker::from(Arc::new(Scribe {
            number,
            log: self.log.clone(),
        }));
        match timer.insert(self.now, &waker) {
            Inserted::Standing(expiry) => {
                assert_eq!(expiry, deadline);
                self.standing.insert(number, (deadline, timer));
            }
            Inserted::Elapsed => assert!(deadline <= self.now, "refused before its deadline"),
            Inserted::Closed => unreachable!("nobody closed the wheel"),
        }
    }

    fn pick(&self, which: &prop::sample::Index) -> Option<usize> {
        let numbers: Vec<_> = self.standing.keys().copied().collect();
        (!numbers.is_empty()).then(|| *which.get(&numbers))
    }

    fn reset(&mut self, number: usize, deadline: u64) {
        let (old, timer) = self.standing.get_mut(&number).unwrap();
        if deadline >= *old {
            timer.entry.set_moved();
            timer.entry.set_deadline(deadline);
            *old = deadline;
        } else if self
            .wheel
            .reset_earlier(&timer.entry, deadline, self.now)
            .is_some()
        {
            *old = deadline;
        } else {
            assert!(deadline <= self.now, "fired before its deadline");
            assert_eq!(timer.state(), State::Fired);
            self.standing.remove(&number);
            assert_eq!(self.log.lock().unwrap().pop(), Some(number));
        }
    }

    fn go_to(&mut self, now: u64) {
        self.now = self.now.max(now);
        let lower = self.wheel.next_expiry();
        let fired = turn(self.wheel, self.now);
        let due: BTreeMap<usize, u64> = self
            .standing
            .iter()
            .filter(|(_, (deadline, _))| *deadline <= self.now)
            .map(|(number, (deadline, _))| (*number, tick_of(*deadline)))
            .collect();
        let mut woken: Vec<_> = self.log.lock().unwrap().drain(..).collect();
        assert_eq!(fired, woken.len());
        if let Some(tick) = due.values().min() {
            assert!(lower <= start_of(*tick), "the published expiry is late");
        }
        // The order is that of the ticks; numbers of one tick are compared as a set, because a
        // reset may move a timer behind a younger one.
        let ticks = |numbers: &[usize], world: &Self| -> Vec<u64> {
            numbers
                .iter()
                .map(|number| tick_of(world.standing[number].0))
                .collect()
        };
        let order = ticks(&woken, self);
        assert!(order.is_sorted(), "woken out of order: {order:?}");
        woken.sort_unstable();
        assert!(woken.iter().all(|number| due.contains_key(number)), "early");
        // What may wait for the end of its tick: a crowd, and the first tick of a slot above.
        let is_crowd = self.count > CROWD;
        for (number, tick) in due {
            let is_woken = woken.binary_search(&number).is_ok();
            let has_come = tick <= tick_at(self.now);
            assert!(is_woken || !has_come, "late by more than a tick");
            assert!(is_woken || is_crowd || tick % SLOTS == 0, "late");
        }
        for number in woken {
            let (deadline, timer) = self.standing.remove(&number).unwrap();
            assert!(deadline <= self.now, "early");
            assert_eq!(timer.state(), State::Fired);
        }
        let earliest = self
            .standing
            .values()
            .map(|(deadline, _)| start_of(tick_of(*deadline)));
        let earliest = earliest.min().unwrap_or(u64::MAX);
        let published = self.wheel.next_expiry();
        assert!(published <= earliest, "the published expiry is late");
        assert!(
            published > self.now || published == u64::MAX,
            "a turned wheel is still due"
        );
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Insert(span) => self.insert(self.now.saturating_add(*span)),
            Op::Join(which, off) => {
                if let Some(number) = self.pick(which) {
                    self.insert(self.standing[&number].0.saturating_add(*off));
                }
            }
            Op::Cancel(which) => {
                if let Some(number) = self.pick(which) {
                    let (_, timer) = self.standing.remove(&number).unwrap();
                    self.wheel.cancel(&timer.entry);
                    assert_eq!(timer.state(), State::Idle);
                }
            }
            Op::Reset(which, span) => {
                if let Some(number) = self.pick(which) {
                    self.reset(number, self.now.saturating_add(*span));
                }
            }
            Op::Pass(span) => self.go_to(self.now.saturating_add(*span)),
            Op::GoTo(which, off) => {
                if let Some(number) = self.pick(which) {
                    let deadline = self.standing[&number].0;
                    self.go_to(deadline.saturating_add_signed(i64::from(*off) * TICK as i64 / 2));
                }
            }
        }
        self.wheel.check();
        assert_eq!(self.wheel.len(), self.standing.len());
    }
}

fn run(start: u64, ops: &[Op]) {
    let wheel = Wheel::new(0);
    turn(&wheel, start);
    let log = Arc::default();
    let mut world = World {
        wheel: &wheel,
        now: start,
        log,
        standing: BTreeMap::new(),
        count: 0,
    };
    for op in ops {
        world.apply(op);
    }
    world.go_to(u64::MAX);
    assert!(
        world.standing.is_empty(),
        "something outlived the end of time"
    );
    assert_eq!(wheel.memory().0, 0, "a block leaked");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Fault D54: order and exactness equal a sorted map's, from the epoch on.
    #[test]
    fn wheel_equals_a_sorted_map(ops in prop::collection::vec(op(), 1..200)) {
        run(0, &ops);
    }

    /// Fault D54: the same from any start, so that every level turns over.
    #[test]
    fn wheel_equals_a_sorted_map_when_every_level_turns_over(
        bit in 0..64u32,
        before in 0..200u64,
        ops in prop::collection::vec(op(), 1..100),
    ) {
        run((1u64 << bit).saturating_sub(before * (TICK / 3)), &ops);
    }

    /// Fault D51: the same at the end of time.
    #[test]
    fn wheel_equals_a_sorted_map_at_the_end_of_time(
        before in span(),
        ops in prop::collection::vec(op(), 1..100),
    ) {
        run(u64::MAX - before % (300 * TICK), &ops);
    }
}

#[test]
fn wheel_fires_at_the_deadline_and_not_before() {
    for base in [
        0,
        63 * TICK,
        64 * TICK,
        4095 * TICK,
        1 << 40,
        (1 << 40) - TICK,
        1 << 63,
    ] {
        for off in [
            1,
            2,
            TICK - 1,
            TICK,
            TICK + 1,
            2 * TICK,
            64 * TICK - 1,
            64 * TICK,
        ] {
            let wheel = Wheel::new(0);
            turn(&wheel, base);
            let (counter, waker) = Counter::new();
            let timer = Timer::new(&wheel, base + off);
            // Or at the end of the tick, if that is the first of a slot above.
            let tick = (base + off).div_ceil(TICK);
            let due = match tick % SLOTS {
                0 => tick * TICK,
                _ => base + off,
            };
            let standing = Inserted::Standing(base + off);
            assert_eq!(timer.insert(base, &waker), standing);
            assert_eq!(wheel.next_expiry(), base + off);
            assert_eq!(turn(&wheel, base + off - 1), 0, "early at {base} + {off}");
            if due > base + off {
                assert_eq!(turn(&wheel, base + off), 0);
            }
            assert_eq!(wheel.next_expiry(), due);
            assert_eq!(turn(&wheel, due), 1, "late at {base} + {off}");
            assert_eq!((counter.wakes(), timer.state()), (1, State::Fired));
        }
    }
}

/// Fault D51.
#[test]
fn deadline_at_the_end_of_time_stands_until_then() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    let never = Timer::new(&wheel, u64::MAX);
    assert_eq!(never.insert(0, &waker), Inserted::Standing(u64::MAX));
    assert_eq!(turn(&wheel, u64::MAX - 1), 0);
    assert_eq!(counter.wakes(), 0);
    assert_eq!(turn(&wheel, u64::MAX), 1);
    assert_eq!(counter.wakes(), 1);
}

#[test]
fn timers_of_one_tick_fire_in_the_order_they_came() {
    let wheel = Wheel::new(0);
    let log = Arc::new(Mutex::new(Vec::new()));
    let timers: Vec<_> = (0..200)
        .map(|number| {
            // Time passes between the inserts, so that they enter at different levels.
            let now = number as u64 * 20 * TICK;
            turn(&wheel, now);
            let timer = Timer::new(&wheel, 5000 * TICK);
            let waker = Waker::from(Arc::new(Scribe {
                number,
                log: log.clone(),
            }));
            assert_eq!(timer.insert(now, &waker), Inserted::Standing(5000 * TICK));
            timer
        })
        .collect();
    assert_eq!(turn(&wheel, 5000 * TICK), timers.len());
    assert!(log.lock().unwrap().iter().copied().eq(0..200));
}

#[test]
fn insert_into_a_wheel_nobody_turned_catches_up_and_stays_exact() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    let far = Timer::new(&wheel, 1_000_000 * TICK);
    assert_eq!(far.insert(0, &waker), Inserted::Standing(1_000_000 * TICK));
    let near = Timer::new(&wheel, 999_990 * TICK + 1);
    let due = 999_990 * TICK + 1;
    assert_eq!(near.insert(999_989 * TICK, &waker), Inserted::Standing(due));
    assert_eq!(wheel.next_expiry(), due);
    assert_eq!(turn(&wheel, due - 1), 0);
    assert_eq!(turn(&wheel, due), 1);
    assert_eq!(wheel.next_expiry(), 1_000_000 * TICK);
    assert_eq!(turn(&wheel, 1_000_000 * TICK), 1);
    assert_eq!(counter.wakes(), 2);
}

#[test]
fn waker_that_panics_does_not_cost_the_others_their_wake() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    let timers: Vec<_> = (0..10).map(|_| Timer::new(&wheel, TICK)).collect();
    for timer in &timers {
        assert_eq!(timer.insert(0, &waker), Inserted::Standing(TICK));
    }
    let mut first = true;
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wheel.advance(TICK, &mut |waker: ThinWaker| {
            waker.wake();
            assert!(!std::mem::take(&mut first), "this waker panics");
        })
    }));
    assert!(result.is_err());
    assert_eq!(counter.wakes(), 10);
    assert_eq!(turn(&wheel, TICK), 0);
}

//! What slots hold: one entry without a block, a ring from the second on, nothing after the last.

use super::super::entry::State;
use super::super::wheel::{Inserted, Wheel};
use super::{Counter, TICK, Timer, turn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Wake, Waker};

/// Slots of a level.
const SLOTS: u64 = 256;
/// One chunk of blocks.
const KEPT: usize = 64 << 10;

fn insert(timer: &Timer<'_>, waker: &Waker) {
    assert!(matches!(timer.insert(0, waker), Inserted::Standing(_)));
}

#[test]
fn lone_timers_take_no_block_and_are_expected_exactly() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    // One for each slot of the two lowest levels, and one for each bit of a tick above.
    let ticks = (1..SLOTS).chain((1..SLOTS).map(|slot| slot * SLOTS + slot));
    let ticks: Vec<u64> = ticks.chain((16..47).map(|bit| (1 << bit) + 5)).collect();
    let timers: Vec<_> = ticks
        .iter()
        .map(|tick| Timer::new(&wheel, tick * TICK))
        .collect();
    for timer in timers.iter().rev() {
        insert(timer, &waker);
        wheel.check();
    }
    assert_eq!(wheel.memory(), (0, 0));
    for (fired, tick) in ticks.iter().enumerate() {
        assert_eq!(wheel.next_expiry(), tick * TICK);
        assert_eq!(turn(&wheel, tick * TICK - 1), 0);
        assert_eq!(turn(&wheel, tick * TICK), 1);
        assert_eq!(counter.wakes(), fired + 1);
        wheel.check();
    }
    assert_eq!((wheel.memory(), wheel.next_expiry()), ((0, 0), u64::MAX));
}

/// Appends its mark, a digit, to a log.
struct Scribe(u64, Arc<AtomicU64>);

impl Wake for Scribe {
    fn wake(self: Arc<Self>) {
        let log = self.1.load(SeqCst);
        self.1.store(log * 10 + self.0, SeqCst);
    }
}

#[test]
fn slot_becomes_a_ring_at_the_second_and_empty_after_the_last() {
    for slot in [3 * TICK, 3_000 * TICK] {
        let wheel = Wheel::new(0);
        let log = Arc::new(AtomicU64::new(0));
        let timer = |mark| {
            let timer = Timer::new(&wheel, slot);
            insert(&timer, &Arc::new(Scribe(mark, log.clone())).into());
            wheel.check();
            timer
        };
        let one = timer(1);
        assert_eq!(wheel.memory().0, 0);
        let two = timer(2);
        assert_eq!(wheel.memory().0, 1);
        drop(one);
        assert_eq!((wheel.memory().0, wheel.len()), (1, 1), "a ring it remains");
        let three = timer(3);
        drop(two);
        drop(three);
        wheel.check();
        assert_eq!((wheel.memory().0, wheel.next_expiry()), (0, u64::MAX));

        // The first stands before those who made it a ring.
        let _standing: Vec<_> = (4..8).map(timer).collect();
        assert_eq!(turn(&wheel, slot), 4);
        assert_eq!(log.load(SeqCst), 4567);
        wheel.check();
        let last = timer_at(&wheel, slot + TICK);
        assert_eq!((wheel.memory().0, wheel.len()), (0, 1));
        drop(last);
    }
}

fn timer_at(wheel: &Wheel, deadline: u64) -> Timer<'_> {
    let timer = Timer::new(wheel, deadline);
    insert(&timer, &Counter::new().1);
    wheel.check();
    timer
}

#[test]
fn cancel_of_a_lone_timer_leaves_its_neighbours() {
    let wheel = Wheel::new(0);
    let near = timer_at(&wheel, 5 * TICK);
    let beside = timer_at(&wheel, 6 * TICK);
    let far = timer_at(&wheel, 6_000 * TICK);
    wheel.cancel(&near.entry);
    wheel.check();
    assert_eq!((near.state(), wheel.len()), (State::Idle, 2));
    wheel.cancel(&far.entry);
    wheel.check();
    assert_eq!(turn(&wheel, 6 * TICK), 1);
    assert_eq!(beside.state(), State::Fired);
    assert_eq!((wheel.len(), wheel.next_expiry()), (0, u64::MAX));
}

#[test]
fn reset_of_a_lone_timer_moves_it_between_slots() {
    let wheel = Wheel::new(0);
    let lone = timer_at(&wheel, 6_000 * TICK);
    // Earlier, to an empty slot; to one where somebody stands; and to the past.
    assert_eq!(
        wheel.reset_earlier(&lone.entry, 5_000 * TICK, 0),
        Some(5_000 * TICK)
    );
    wheel.check();
    assert_eq!(wheel.memory().0, 0);
    let other = timer_at(&wheel, 7 * TICK);
    assert_eq!(
        wheel.reset_earlier(&lone.entry, 7 * TICK, 0),
        Some(7 * TICK)
    );
    wheel.check();
    assert_eq!(wheel.memory().0, 1);
    assert_eq!(wheel.reset_earlier(&lone.entry, 0, 0), None);
    wheel.check();
    assert_eq!(lone.state(), State::Fired);
    // Later: it stays, and moves on when its slot comes up.
    drop(other);
    let lone = timer_at(&wheel, 7 * TICK);
    lone.entry.set_moved();
    lone.entry.set_deadline(9_000 * TICK);
    assert_eq!(turn(&wheel, 8_999 * TICK), 0);
    wheel.check();
    assert_eq!(wheel.memory().0, 0);
    assert_eq!(turn(&wheel, 9_000 * TICK), 1);
}

#[test]
fn lone_timer_moves_down_beside_others_or_alone() {
    let wheel = Wheel::new(0);
    let lone = timer_at(&wheel, 16 * SLOTS * TICK + 10 * TICK);
    let pair = [8_200 * TICK, 8_200 * TICK].map(|deadline| timer_at(&wheel, deadline));
    let near = timer_at(&wheel, TICK);
    assert_eq!(wheel.memory().0, 1);
    // The slot of `lone` comes up before it is due, and the bottom level takes it.
    assert_eq!(turn(&wheel, 16 * SLOTS * TICK), 1);
    wheel.check();
    assert_eq!(wheel.next_expiry(), lone.entry.deadline());
    let beside = Timer::new(&wheel, lone.entry.deadline());
    let placed = beside.insert(16 * SLOTS * TICK, &Counter::new().1);
    assert_eq!(placed, Inserted::Standing(lone.entry.deadline()));
    wheel.check();
    assert_eq!(wheel.memory().0, 2);
    assert_eq!(turn(&wheel, lone.entry.deadline()), 2);
    assert_eq!(turn(&wheel, 8_192 * TICK), 0);
    wheel.check();
    assert_eq!(turn(&wheel, 8_200 * TICK), 2);
    assert!(pair.iter().all(|timer| timer.state() == State::Fired));
    assert_eq!((near.state(), wheel.memory().0), (State::Fired, 0));
}

#[test]
fn more_lone_timers_than_a_batch_fire_and_close_without_blocks() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    let timers = || -> Vec<_> {
        let ticks = (1..SLOTS).chain((1..SLOTS).map(|slot| slot * SLOTS));
        let timers = ticks.chain((1..SLOTS).map(|slot| slot * SLOTS * SLOTS));
        let timers: Vec<_> = timers.map(|tick| Timer::new(&wheel, tick * TICK)).collect();
        for timer in &timers {
            insert(timer, &waker);
        }
        assert_eq!(wheel.memory(), (0, 0));
        timers
    };
    let closed = timers();
    wheel.close();
    wheel.check();
    assert_eq!(counter.wakes(), closed.len());
    assert!(closed.iter().all(|timer| timer.state() == State::Closed));

    let wheel = Wheel::new(0);
    let timers: Vec<_> = (1..200)
        .map(|tick| Timer::new(&wheel, tick * TICK))
        .collect();
    for timer in &timers {
        insert(timer, &waker);
    }
    assert_eq!(turn(&wheel, 300 * TICK), timers.len());
    wheel.check();
    assert_eq!(wheel.len(), 0);
}

/// Of a crowd in the tick that has begun some fire at their time and the rest at its end, none early, none twice.
#[test]
fn crowd_in_one_tick_fires_at_its_time_or_at_the_end_of_the_tick() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    // Every other one is due in the first half of the tick.
    let half = TICK / 2;
    let timers: Vec<_> = (0..1_000)
        .map(|number| Timer::new(&wheel, 5 * TICK + 1 + number % 2 * half))
        .collect();
    for timer in &timers {
        insert(timer, &waker);
    }
    assert_eq!(turn(&wheel, 5 * TICK), 0);
    let early = turn(&wheel, 5 * TICK + half);
    wheel.check();
    assert!((1..=500).contains(&early), "{early}");
    let odd = timers.iter().skip(1).step_by(2);
    assert!(
        odd.map(Timer::state)
            .all(|state| state == State::Registered)
    );
    assert_eq!(wheel.next_expiry(), 6 * TICK);
    assert_eq!(early + turn(&wheel, 6 * TICK), timers.len());
    wheel.check();
    assert_eq!((counter.wakes(), wheel.len()), (timers.len(), 0));
}

/// A burst's memory goes back when the last block does, whoever gives it back.
#[test]
fn reset_that_leaves_the_last_block_returns_what_the_burst_took() {
    let wheel = Wheel::new(0);
    let (_, waker) = Counter::new();
    let mut timers: Vec<_> = (0..14 * 512 * 2 + 14)
        .map(|_| Timer::new(&wheel, 5_000 * TICK))
        .collect();
    for timer in &timers {
        insert(timer, &waker);
    }
    assert_eq!(wheel.memory().1, 3 * KEPT);
    timers.truncate(1);
    assert_eq!(wheel.memory(), (1, 3 * KEPT));
    let earlier = wheel.reset_earlier(&timers[0].entry, 4 * TICK, 0);
    assert_eq!(earlier, Some(4 * TICK));
    wheel.check();
    assert_eq!(wheel.memory(), (0, KEPT));
}

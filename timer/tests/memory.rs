//! Faults D52 and D60: bursts give their memory back, and create and drop for ever stays flat.

use super::super::entry::State;
use super::super::wheel::{Inserted, Wheel};
use super::{Counter, TICK, Timer, turn};

const MANY: u64 = if cfg!(miri) { 2_000 } else { 1_000_000 };
/// One chunk of blocks.
const KEPT: usize = 64 << 10;

fn spread(number: u64) -> u64 {
    // 57 s in an order that has nothing to do with time.
    1 + number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 57_000_000_000
}

#[test]
fn million_timers_fire_once_each_and_their_memory_is_returned() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    let timers: Vec<_> = (0..MANY)
        .map(|number| Timer::new(&wheel, spread(number)))
        .collect();
    for timer in &timers {
        assert!(matches!(timer.insert(0, &waker), Inserted::Standing(_)));
    }
    assert_eq!(wheel.len(), MANY as usize);
    let bytes = wheel.memory().1;
    assert!(
        bytes < MANY as usize * 12 + 16 * KEPT,
        "{bytes} bytes for {MANY} timers"
    );
    let mut now = 0;
    while wheel.next_expiry() != u64::MAX {
        assert!(wheel.next_expiry() > now, "turned in vain");
        now = wheel.next_expiry();
        turn(&wheel, now);
    }
    assert_eq!(counter.wakes(), MANY as usize);
    assert!(timers.iter().all(|timer| timer.state() == State::Fired));
    assert_eq!(wheel.memory(), (0, KEPT));
}

#[test]
fn million_timers_at_one_instant_fire_at_it() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    let deadline = 5_000_000_000;
    let timers: Vec<_> = (0..MANY).map(|_| Timer::new(&wheel, deadline)).collect();
    for timer in &timers {
        assert!(matches!(timer.insert(0, &waker), Inserted::Standing(_)));
    }
    assert_eq!(turn(&wheel, deadline - 1), 0);
    assert_eq!(turn(&wheel, deadline + TICK), MANY as usize);
    assert_eq!(counter.wakes(), MANY as usize);
    assert_eq!(wheel.memory(), (0, KEPT));
}

#[test]
fn million_timers_cancelled_in_random_order_return_their_memory() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    let mut timers: Vec<_> = (0..MANY)
        .map(|number| Timer::new(&wheel, spread(number)))
        .collect();
    for timer in &timers {
        assert!(matches!(timer.insert(0, &waker), Inserted::Standing(_)));
    }
    let mut random = 1u64;
    while !timers.is_empty() {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let victim = (random >> 33) as usize % timers.len();
        drop(timers.swap_remove(victim));
    }
    assert_eq!(counter.wakes(), 0);
    assert_eq!((wheel.memory(), wheel.next_expiry()), ((0, KEPT), u64::MAX));
}

/// Fault D60.
#[test]
fn create_and_drop_for_ever_holds_no_memory() {
    let wheel = Wheel::new(0);
    let (_, waker) = Counter::new();
    let lasting = Timer::new(&wheel, 30_000_000_000);
    assert!(matches!(lasting.insert(0, &waker), Inserted::Standing(_)));
    for _ in 0..10 * MANY {
        let timer = Timer::new(&wheel, 30_000_000_000);
        assert!(matches!(timer.insert(0, &waker), Inserted::Standing(_)));
    }
    assert_eq!(wheel.memory(), (1, KEPT));
}

/// Blocks that empty in the middle of a slot's ring are given back at once.
#[test]
fn blocks_emptied_anywhere_in_a_slot_are_given_back() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    let mut timers: Vec<_> = (0..14 * 5)
        .map(|_| Some(Timer::new(&wheel, 5000 * TICK)))
        .collect();
    for timer in timers.iter().flatten() {
        assert!(matches!(timer.insert(0, &waker), Inserted::Standing(_)));
    }
    assert_eq!(wheel.memory().0, 5);
    for (done, block) in [2, 0, 4, 3].into_iter().enumerate() {
        timers[block * 14..][..14].fill_with(|| None);
        assert_eq!(wheel.memory().0, 4 - done as u32);
    }
    assert_eq!(turn(&wheel, 5000 * TICK), 14);
    assert_eq!((counter.wakes(), wheel.memory().0), (14, 0));
}

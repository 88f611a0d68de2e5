//! The leader's promise, and who must be told.

use super::super::context::{GAP, enter};
use super::super::{Instant, sleep, sleep_until};
use super::{Counter, TICK, poll, timers};
use std::pin::pin;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

#[test]
fn worker_that_sets_a_timer_tells_nobody() {
    let (timers, kicks) = timers(2);
    let _guard = enter(&timers, Some(1));
    let (_, waker) = Counter::new();
    assert_eq!(timers.promise(), u64::MAX);
    let mut sleep = pin!(sleep(Duration::from_secs(5)));
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    assert_eq!(kicks.load(SeqCst), 0);
    assert_eq!((timers.expiry_of(0), timers.len()), (u64::MAX, 1));
    assert_eq!(timers.expiry_of(1), timers.min_expiry());
    assert!(timers.min_expiry() >= sleep.deadline().as_nanos());
}

#[test]
fn stranger_kicks_the_leader_once_and_only_if_its_timer_is_earlier() {
    let (timers, kicks) = timers(3);
    let _guard = enter(&timers, None);
    let (_, waker) = Counter::new();
    let now = Instant::now();
    let mut first = pin!(sleep_until(now + Duration::from_secs(50)));
    assert!(poll(first.as_mut(), &waker).is_pending());
    assert_eq!(kicks.load(SeqCst), 0, "nobody sleeps");

    assert_eq!(timers.promise(), timers.min_expiry());
    let mut later = pin!(sleep_until(now + Duration::from_secs(60)));
    assert!(poll(later.as_mut(), &waker).is_pending());
    assert_eq!(kicks.load(SeqCst), 0, "the leader wakes in time");
    let mut earlier = pin!(sleep_until(now + Duration::from_secs(40)));
    assert!(poll(earlier.as_mut(), &waker).is_pending());
    assert_eq!(kicks.load(SeqCst), 1);
    let mut earliest = pin!(sleep_until(now + Duration::from_secs(30)));
    assert!(poll(earliest.as_mut(), &waker).is_pending());
    assert_eq!(kicks.load(SeqCst), 1, "it was kicked already");

    timers.alarm().wake();
    assert_eq!(timers.promise(), timers.min_expiry());
    first.as_mut().reset(now + Duration::from_secs(20));
    assert_eq!(kicks.load(SeqCst), 2, "a reset to an earlier time counts");
    timers.alarm().wake();
}

/// A crowd is fired in batches: the leader sleeps for a while after it has fired some.
#[test]
fn leader_sleeps_for_the_gap_after_it_has_fired() {
    let (timers, _) = timers(1);
    let _guard = enter(&timers, Some(0));
    let (counter, waker) = Counter::new();
    // Far from the first tick of a slot above the lowest level.
    let now = Instant::now();
    let span = 256 * TICK;
    let start = now + Duration::from_nanos(100 * span - now.as_nanos() % span);
    let after = |ticks: u64, nanos| start + Duration::from_nanos(ticks * TICK + nanos);
    let [first, next, far] = [after(5, 1), after(5, 10_001), after(5_000, 1)];
    let mut sleeps = [first, next, far].map(|deadline| Box::pin(sleep_until(deadline)));
    for sleep in &mut sleeps {
        assert!(poll(sleep.as_mut(), &waker).is_pending());
    }
    // A lone timer's time is kept to the nanosecond.
    assert_eq!(timers.promise(), first.as_nanos());
    let time = first.as_nanos();
    assert_eq!(timers.advance_due(time, |waker| waker.wake()), 1);
    assert_eq!(timers.min_expiry(), next.as_nanos());
    assert_eq!(timers.promise(), time + GAP);
    // Who turns the wheel anyway does not wait.
    assert_eq!(timers.advance_due(time + 10_000, |waker| waker.wake()), 1);
    assert_eq!(timers.promise(), far.as_nanos());
    assert_eq!(counter.wakes(), 2);
}

#[test]
fn worker_that_parks_hands_its_timer_to_the_leader() {
    let (timers, kicks) = timers(2);
    let (_, waker) = Counter::new();
    assert_eq!(timers.promise(), u64::MAX);
    let _guard = enter(&timers, Some(1));
    timers.hand_over(1);
    assert_eq!(kicks.load(SeqCst), 0, "there is nothing to hand over");
    let mut sleep = pin!(sleep(Duration::from_secs(5)));
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    timers.hand_over(1);
    assert_eq!(kicks.load(SeqCst), 1);
}

#[test]
fn guards_restore_what_was_before_and_survive_being_dropped_out_of_turn() {
    let (outer, _) = timers(1);
    let (inner, _) = timers(1);
    let (_, waker) = Counter::new();
    let guard = enter(&outer, Some(0));
    let nested = enter(&inner, None);
    let mut sleep = pin!(sleep(Duration::from_secs(5)));
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    assert_eq!((outer.len(), inner.len()), (0, 1));
    drop(nested);
    let mut second = pin!(super::super::sleep(Duration::from_secs(5)));
    assert!(poll(second.as_mut(), &waker).is_pending());
    assert_eq!((outer.len(), inner.len()), (1, 1));

    let nested = enter(&inner, None);
    drop(guard);
    drop(outer);
    drop(nested);
    drop(super::super::sleep(Duration::from_secs(5)));
    // SAFETY: the outer guard was dropped out of turn, and the inner one after it.
    unsafe { super::super::context::end_orphan() };
    assert_eq!(inner.len(), 1);
}

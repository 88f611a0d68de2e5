//! Intervals, polled by hand.

use super::super::{Instant, MissedTickBehavior, interval, interval_at};
use super::{Counter, worker};
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn first_tick_is_at_once_and_the_second_a_period_later() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    let mut cx = Context::from_waker(&waker);
    let mut interval = interval(60 * SECOND);
    let Poll::Ready(first) = interval.poll_tick(&mut cx) else {
        panic!("the first tick waits")
    };
    assert!(interval.poll_tick(&mut cx).is_pending());
    let due = (first + 60 * SECOND).as_nanos();
    assert_eq!(timers.advance_due(due - 1, |waker| waker.wake()), 0);
    assert_eq!(
        timers.advance_due(due + super::TICK, |waker| waker.wake()),
        1
    );
    assert_eq!(counter.wakes(), 1);
    let Poll::Ready(Some(second)) = Pin::new(&mut interval).poll_next(&mut cx) else {
        panic!("the second tick waits")
    };
    assert_eq!(second - first, 60 * SECOND);
}

/// Three ticks after a start that lies 2.5 periods back, and which of them are ready.
fn late(behavior: MissedTickBehavior) -> (Instant, Vec<Instant>) {
    let (_timers, _, _guard) = worker();
    let (_, waker) = Counter::new();
    let mut cx = Context::from_waker(&waker);
    let start = Instant::now() - 25 * SECOND;
    let mut interval = interval_at(start, 10 * SECOND);
    interval.set_missed_tick_behavior(behavior);
    let mut ticks = Vec::new();
    while let Poll::Ready(tick) = interval.poll_tick(&mut cx) {
        ticks.push(tick);
    }
    ticks.push(interval.next_tick());
    (start, ticks)
}

#[test]
fn missed_ticks_come_in_a_burst() {
    let (start, ticks) = late(MissedTickBehavior::Burst);
    assert_eq!(ticks, [0, 10, 20, 30].map(|secs| start + secs * SECOND));
}

#[test]
fn missed_ticks_are_skipped() {
    let (start, ticks) = late(MissedTickBehavior::Skip);
    assert_eq!(ticks, [0, 30].map(|secs| start + secs * SECOND));
}

#[test]
fn missed_ticks_delay_the_next() {
    let (start, ticks) = late(MissedTickBehavior::Delay);
    assert_eq!((ticks.len(), ticks[0]), (2, start));
    assert!(ticks[1] >= start + 35 * SECOND);
}

/// tokio #8384, fault D51.
#[test]
fn interval_without_end_can_be_reset_without_end() {
    let (_timers, _, _guard) = worker();
    let (_, waker) = Counter::new();
    let mut cx = Context::from_waker(&waker);
    for behavior in [
        MissedTickBehavior::Burst,
        MissedTickBehavior::Delay,
        MissedTickBehavior::Skip,
    ] {
        let mut interval = interval_at(Instant::now() - SECOND, Duration::MAX);
        interval.set_missed_tick_behavior(behavior);
        assert!(interval.poll_tick(&mut cx).is_ready());
        assert!(interval.poll_tick(&mut cx).is_pending());
        interval.reset_after(Duration::MAX);
        interval.reset();
        interval.reset_at(Instant::now() + Duration::MAX);
        assert!(interval.poll_tick(&mut cx).is_pending());
        interval.reset_immediately();
        assert!(interval.poll_tick(&mut cx).is_ready());
    }
}

#[test]
fn interval_of_one_nanosecond_ticks() {
    let (_timers, _, _guard) = worker();
    let (_, waker) = Counter::new();
    let mut cx = Context::from_waker(&waker);
    let mut interval = interval(Duration::from_nanos(1));
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for _ in 0..100 {
        assert!(interval.poll_tick(&mut cx).is_ready());
    }
}

#[test]
#[should_panic(expected = "`time::interval` was called with a period of zero")]
fn interval_of_zero_panics_and_says_what_to_do() {
    let (_timers, _, _guard) = worker();
    drop(interval(Duration::ZERO));
}

//! Sleeps and timeouts, polled by hand.

use super::super::context::enter;
use super::super::{Instant, Sleep, sleep, sleep_until, timeout, timeout_at};
use super::{Counter, TICK, poll, timers, worker};
use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Turns every wheel as if the deadline of `sleep` had come. The true clock is not consulted.
fn reach(timers: &super::super::context::Timers, sleep: &Sleep) -> usize {
    timers.advance_due(sleep.deadline().as_nanos() + TICK, |waker| waker.wake())
}

fn message(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().unwrap().to_string(),
    }
}

/// Fault D50.
#[test]
fn sleep_of_zero_and_past_deadlines_are_ready_at_the_first_poll() {
    let (timers, _, _guard) = worker();
    let (_, waker) = Counter::new();
    assert!(poll(pin!(sleep(Duration::ZERO)), &waker).is_ready());
    assert!(poll(pin!(sleep_until(Instant::now())), &waker).is_ready());
    let past = Instant::now() - Duration::from_secs(3600);
    assert!(poll(pin!(sleep_until(past)), &waker).is_ready());
    assert_eq!((timers.len(), timers.min_expiry()), (0, u64::MAX));
}

/// Fault D51.
#[test]
fn sleep_without_end_neither_panics_nor_fires() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    for sleep in [
        sleep(Duration::MAX),
        sleep_until(Instant::now() + Duration::MAX),
    ] {
        let mut sleep = pin!(sleep);
        assert!(poll(sleep.as_mut(), &waker).is_pending());
        assert!(!sleep.is_elapsed());
        assert_eq!(timers.advance_due(u64::MAX - 1, |waker| waker.wake()), 0);
    }
    assert_eq!(counter.wakes(), 0);
}

#[test]
fn sleep_is_woken_once_and_then_ready_without_the_clock() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    let fired = timers.fired(0);
    let mut sleep = pin!(sleep(60 * SECOND));
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    assert_eq!(timers.len(), 1);
    assert_eq!(reach(&timers, &sleep), 1);
    assert_eq!(counter.wakes(), 1);
    assert!(sleep.is_elapsed());
    assert!(poll(sleep.as_mut(), &waker).is_ready());
    assert!(poll(sleep, &waker).is_ready(), "and stays ready");
    assert_eq!(timers.fired(0) - fired, 1);
}

#[test]
fn sleep_wakes_the_task_that_polled_it_last() {
    let (timers, _, _guard) = worker();
    let (first, first_waker) = Counter::new();
    let (second, second_waker) = Counter::new();
    let mut sleep = pin!(sleep(60 * SECOND));
    assert!(poll(sleep.as_mut(), &first_waker).is_pending());
    assert!(poll(sleep.as_mut(), &second_waker).is_pending());
    assert_eq!(reach(&timers, &sleep), 1);
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
}

/// Fault D60.
#[test]
fn dropped_sleep_leaves_the_wheel_and_drops_its_waker() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    {
        let mut sleep = pin!(sleep(60 * SECOND));
        assert!(poll(sleep.as_mut(), &waker).is_pending());
    }
    assert_eq!((timers.len(), timers.min_expiry()), (0, u64::MAX));
    drop(waker);
    assert_eq!(std::sync::Arc::strong_count(&counter), 1);
}

#[test]
fn reset_to_later_while_waiting_fires_at_the_new_deadline_only() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    let mut sleep = pin!(sleep(60 * SECOND));
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    let old = sleep.deadline();
    sleep.as_mut().reset(old + 60 * SECOND);
    assert_eq!(
        timers.advance_due(old.as_nanos() + TICK, |waker| waker.wake()),
        0
    );
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    assert_eq!(counter.wakes(), 0);
    assert_eq!(reach(&timers, &sleep), 1);
    assert_eq!(counter.wakes(), 1);
}

#[test]
fn reset_to_earlier_while_waiting_fires_at_the_new_deadline() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    let mut sleep = pin!(sleep(3600 * SECOND));
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    sleep.as_mut().reset(Instant::now() + 60 * SECOND);
    assert_eq!(reach(&timers, &sleep), 1);
    assert_eq!(counter.wakes(), 1);
    assert!(poll(sleep, &waker).is_ready());
}

#[test]
fn reset_to_the_past_while_waiting_makes_it_due_at_once() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    let mut sleep = pin!(sleep(3600 * SECOND));
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    sleep.as_mut().reset(Instant::from_nanos(0));
    assert_eq!((counter.wakes(), timers.len()), (1, 0));
    assert!(poll(sleep, &waker).is_ready());
}

/// A wheel may fire for a deadline that its owner has just moved: the sleep must wait on.
#[test]
fn reset_after_firing_waits_again() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    let mut sleep = pin!(sleep(60 * SECOND));
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    assert_eq!(reach(&timers, &sleep), 1);
    sleep.as_mut().reset(Instant::now() + 600 * SECOND);
    assert!(!sleep.is_elapsed());
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    assert_eq!((counter.wakes(), timers.len()), (1, 1));
}

#[test]
fn timeout_around_a_ready_future_touches_no_wheel() {
    let (timers, kicks, _guard) = worker();
    let (_, waker) = Counter::new();
    assert_eq!(
        poll(pin!(timeout(Duration::ZERO, ready(7))), &waker),
        Poll::Ready(Ok(7))
    );
    assert_eq!((timers.len(), timers.min_expiry()), (0, u64::MAX));
    assert_eq!(kicks.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[test]
fn timeout_around_a_pending_future_elapses() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    let mut wait = pin!(timeout(60 * SECOND, pending::<()>()));
    assert!(poll(wait.as_mut(), &waker).is_pending());
    assert!(!wait.is_expired());
    let due = wait.deadline().as_nanos() + TICK;
    assert_eq!(timers.advance_due(due, |waker| waker.wake()), 1);
    assert_eq!(counter.wakes(), 1);
    assert!(poll(wait.as_mut(), &waker).map(|result| result.is_err()) == Poll::Ready(true));
    let now = Instant::now();
    assert!(poll(pin!(timeout_at(now, pending::<()>())), &waker).is_ready());
}

#[test]
fn timeout_rescheduled_after_it_elapsed_waits_again() {
    let (_timers, _, _guard) = worker();
    let (_, waker) = Counter::new();
    let mut wait = pin!(timeout(Duration::ZERO, pending::<()>()));
    assert!(poll(wait.as_mut(), &waker).is_ready());
    wait.as_mut().reschedule(Instant::now() + 60 * SECOND);
    assert!(poll(wait, &waker).is_pending());
}

/// tokio #4314: the deadline is looked at in the very poll in which the inner future gives up
/// control, however it used that poll.
#[test]
fn timeout_fires_around_a_future_that_is_always_woken_and_never_ready() {
    let (_timers, _, _guard) = worker();
    let (_, waker) = Counter::new();
    let polls = Cell::new(0);
    let greedy = poll_fn(|cx| {
        polls.set(polls.get() + 1);
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    let mut wait = pin!(timeout_at(Instant::now(), greedy));
    assert!(poll(wait.as_mut(), &waker).is_ready());
    assert_eq!(polls.get(), 1);
}

#[test]
fn sleep_outside_a_runtime_panics_and_says_what_to_do() {
    let text = message(|| drop(sleep(SECOND)));
    assert!(text.starts_with("`time::sleep` was called on a thread without a filch runtime. Call it inside `filch::block_on(..)`"), "{text}");
    assert!(message(|| drop(timeout(SECOND, ready(())))).contains("`time::timeout`"));
}

#[test]
fn sleep_may_be_polled_outside_the_runtime_it_was_made_in() {
    let (timers, kicks) = timers(2);
    let guard = enter(&timers, None);
    let mut sleep = pin!(sleep(60 * SECOND));
    drop(guard);
    let (counter, waker) = Counter::new();
    assert_ne!(timers.promise(), 0);
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    assert_eq!(kicks.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(reach(&timers, &sleep), 1);
    assert_eq!(counter.wakes(), 1);
}

#[test]
fn sleep_that_outlives_its_runtime_is_woken_and_panics_when_polled() {
    let (timers, _, guard) = worker();
    let (counter, waker) = Counter::new();
    let mut waiting: Pin<Box<Sleep>> = Box::pin(sleep(60 * SECOND));
    let mut unpolled = Box::pin(sleep(60 * SECOND));
    assert!(poll(waiting.as_mut(), &waker).is_pending());
    timers.close();
    assert_eq!(counter.wakes(), 1);
    let text = message(|| assert!(poll(waiting.as_mut(), &waker).is_ready()));
    assert!(
        text.contains("the runtime of this timer has been shut down"),
        "{text}"
    );
    let text = message(|| assert!(poll(unpolled.as_mut(), &waker).is_ready()));
    assert!(
        text.contains("the runtime of this timer has been shut down"),
        "{text}"
    );
    drop(guard);
    drop(timers);
    drop(waiting);
}

/// Fault D53: every sleep dropped on one thread while another turns the wheel.
#[test]
fn sleeps_dropped_while_another_thread_turns_the_wheel_are_woken_at_most_once() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    let fired: usize = std::thread::scope(|scope| {
        let turner = scope.spawn(|| {
            let mut fired = 0;
            for _ in 0..2_000 {
                fired += timers.advance_due(u64::MAX, |waker| waker.wake());
            }
            fired
        });
        for _ in 0..2_000 {
            let mut sleep = pin!(sleep(60 * SECOND));
            let _ = poll(sleep.as_mut(), &waker);
        }
        turner.join().unwrap()
    });
    assert_eq!(counter.wakes(), fired);
    assert_eq!(timers.len(), 0);
}

#[test]
fn sleep_is_small_and_crosses_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Sleep>();
    assert_eq!(size_of::<Sleep>(), 24);
    assert_eq!(
        size_of::<super::super::Timeout<std::future::Ready<()>>>(),
        32
    );
}

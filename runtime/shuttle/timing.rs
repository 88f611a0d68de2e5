//! Timers that fire while they are cancelled, moved, or set, and the sleep of the workers that turn the wheels.

use super::check;
use super::scene::{Bell, Tally, builder, end, runtime};
use crate::runtime::shim::thread;
use crate::time::{self, Instant};
use crate::{spawn, task};
use core::future::{Future as _, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;

const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

/// A thread that is no worker sets a timer while the only worker falls asleep without one.
#[test]
fn timer_from_outside_against_park() {
    check(|| {
        let (runtime, tally) = (runtime(1), Tally::default());
        for _ in 0..2 {
            let guest = tally.guest();
            let start = runtime.block_on(async {
                let start = Instant::now();
                time::sleep(SHORT).await;
                guest.stay();
                start
            });
            let _guard = runtime.enter();
            assert!(start.elapsed() >= SHORT, "a timer was early");
        }
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// A sooner timer, from outside, while the leader sleeps for a later one.
#[test]
fn sooner_timer_against_sleep() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let (guest, later) = (tally.guest(), tally.guest());
        let far = runtime.spawn(async {
            time::sleep(2 * SHORT).await;
            later.stay();
        });
        runtime.block_on(async {
            time::sleep(SHORT).await;
            guest.stay();
        });
        runtime.block_on(far).unwrap();
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// A timer is dropped on one worker while another one fires it.
#[test]
fn fire_against_cancel() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let (bell, guest, second) = (Bell::default(), tally.guest(), tally.guest());
        let rung = bell.clone();
        let task = runtime.spawn(async move {
            let _rung_or_late = time::timeout(SHORT, bell.wait()).await;
            guest.stay();
        });
        let ringer = runtime.spawn(async move {
            time::sleep(SHORT).await;
            rung.ring();
            second.stay();
        });
        runtime.block_on(task).unwrap();
        runtime.block_on(ringer).unwrap();
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// A timer that was polled on one thread is dropped on another, which runs no worker, while it fires.
#[test]
fn fire_against_cancel_from_outside() {
    check(|| {
        let (runtime, tally) = (runtime(1), Tally::default());
        let guest = tally.guest();
        let task = runtime.spawn(async move {
            time::sleep(SHORT).await;
            guest.stay();
        });
        let abort = task.abort_handle();
        let other = thread::spawn(move || {
            abort.abort();
        });
        let ended = runtime.block_on(task);
        assert!(ended.is_ok() == (tally.stayed() == 1));
        other.join().unwrap();
        end(runtime);
        tally.assert_all_left();
    });
}

/// The clock stands still, and jumps when everybody sleeps: never too far, and never not at all.
#[test]
fn paused_clock_against_tasks() {
    check(|| {
        let mut builder = builder(2);
        let runtime = builder.start_paused(true).build().unwrap();
        let tally = Tally::default();
        let sleeper = |by: Duration| {
            let guest = tally.guest();
            async move {
                let start = Instant::now();
                time::sleep(by).await;
                guest.stay();
                start.elapsed()
            }
        };
        let (far, near) = (sleeper(LONG), sleeper(SHORT));
        runtime.block_on(async {
            let near = spawn(near);
            let passed = far.await;
            assert_eq!(passed, LONG, "the clock jumped too far");
            assert_eq!(near.await.unwrap(), SHORT);
        });
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// The runtime ends while a timer fires.
#[test]
fn shutdown_against_fire() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        for _ in 0..2 {
            let guest = tally.guest();
            runtime
                .spawn(async {
                    time::sleep(SHORT).await;
                    task::yield_now().await;
                    guest.stay();
                })
                .detach();
        }
        end(runtime);
        tally.assert_all_left();
    });
}

/// A timer is moved to another time while it fires, by a worker that does not own its wheel.
#[test]
fn reset_against_fire() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        for by in [SHORT, 3 * SHORT] {
            let guest = tally.guest();
            let task = runtime.spawn(async move {
                let mut sleep = pin!(time::sleep(2 * SHORT));
                poll_once(sleep.as_mut()).await;
                task::yield_now().await;
                let deadline = Instant::now() + by;
                sleep.as_mut().reset(deadline);
                sleep.as_mut().await;
                guest.stay();
                Instant::now() >= deadline
            });
            // Moves the time, and fires what is due.
            runtime.block_on(async { time::sleep(SHORT).await });
            assert!(runtime.block_on(task).unwrap(), "a timer was early");
        }
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// A timer that one task has polled is awaited by another one, while it fires.
#[test]
fn fire_against_another_waker() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let (guest, second) = (tally.guest(), tally.guest());
        let first = runtime.spawn(async move {
            let mut sleep = Box::pin(time::sleep(SHORT));
            poll_once(sleep.as_mut()).await;
            let awaiting = spawn(async move {
                sleep.await;
                guest.stay();
            });
            task::yield_now().await;
            second.stay();
            awaiting.await.unwrap();
        });
        runtime.block_on(async { time::sleep(SHORT).await });
        runtime.block_on(first).unwrap();
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// Polls a future with the task's own waker, and goes on in any case.
async fn poll_once(mut future: Pin<&mut time::Sleep>) {
    poll_fn(|cx| {
        let _now_or_later = future.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

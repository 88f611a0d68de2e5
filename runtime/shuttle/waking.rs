//! Wake-ups, joins and cancellations against the polls that they meet.

use super::check;
use super::scene::{Bell, Tally, end, end_against, runtime};
use crate::runtime::shim::thread;
use crate::task::yield_now;
use crate::{block_in_place, spawn};
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

/// Two tasks, on whichever workers, wake each other by turns.
#[test]
fn wake_across_workers() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let bells: [Bell; 4] = Default::default();
        let tasks = [0, 1].map(|me| {
            let (bells, guest) = (bells.clone(), tally.guest());
            runtime.spawn(async move {
                for round in [0, 2] {
                    if me == 0 {
                        bells[round].ring();
                        bells[round + 1].wait().await;
                    } else {
                        bells[round].wait().await;
                        bells[round + 1].ring();
                    }
                }
                guest.stay();
            })
        });
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// A foreign thread wakes a task while it is polled, put aside, or stolen.
#[test]
fn wake_from_outside_against_run() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let (first, second) = (Bell::default(), Bell::default());
        let (guest, rung) = (tally.guest(), [first.clone(), second.clone()]);
        let task = runtime.spawn(async move {
            first.wait().await;
            yield_now().await;
            second.wait().await;
            guest.stay();
        });
        let [first, second] = rung.map(|bell| thread::spawn(move || bell.ring()));
        runtime.block_on(task).unwrap();
        first.join().unwrap();
        second.join().unwrap();
        end(runtime);
        tally.assert_all_stayed(1);
    });
}

/// The future in `block_on` is woken while its thread falls asleep.
#[test]
fn wake_of_the_root_against_its_sleep() {
    check(|| {
        let (runtime, tally) = (runtime(1), Tally::default());
        for _ in 0..2 {
            let (bell, guest) = (Bell::default(), tally.guest());
            let rung = bell.clone();
            let other = thread::spawn(move || rung.ring());
            runtime.block_on(async {
                bell.wait().await;
                guest.stay();
            });
            other.join().unwrap();
        }
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// A task is cancelled while it runs, yields, waits, or has ended.
#[test]
fn abort_against_run() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let (guest, bell) = (tally.guest(), Bell::default());
        let rung = bell.clone();
        let task = runtime.spawn(async move {
            yield_now().await;
            bell.wait().await;
            guest.stay();
        });
        let abort = task.abort_handle();
        let ringer = thread::spawn(move || rung.ring());
        let aborter = thread::spawn(move || {
            abort.abort();
        });
        let ended = runtime.block_on(task);
        assert!(ended.is_ok() == (tally.stayed() == 1));
        ringer.join().unwrap();
        aborter.join().unwrap();
        end(runtime);
        tally.assert_all_left();
    });
}

/// A task that nobody wakes is cancelled: only that ends it.
#[test]
fn abort_against_pend() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let guest = tally.guest();
        let task = runtime.spawn(async move {
            yield_now().await;
            Bell::default().wait().await;
            guest.stay();
        });
        task.abort();
        assert!(runtime.block_on(task).is_err());
        end(runtime);
        tally.assert_all_left();
    });
}

/// Polls once with a waker that nobody needs.
fn poll_in_vain<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A handle changes its waker, and its thread, while the task ends.
#[test]
fn join_against_complete() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let (guest, inner) = (tally.guest(), tally.clone());
        let joined = runtime.spawn(async {
            guest.stay();
            7
        });
        let joiner = runtime.spawn(async move {
            let guest = inner.guest();
            let mut joined = pin!(joined);
            let early = poll_fn(|_| Poll::Ready(poll_in_vain(joined.as_mut()))).await;
            let output = match early {
                Poll::Ready(output) => output,
                Poll::Pending => {
                    yield_now().await;
                    joined.await
                }
            };
            guest.stay();
            output.unwrap()
        });
        assert_eq!(runtime.block_on(joiner).unwrap(), 7);
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// A handle is dropped while the task ends: one of them drops the output.
#[test]
fn dropped_handle_against_complete() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let (output, bell) = (tally.guest(), Bell::default());
        let rung = bell.clone();
        let task = runtime.spawn(async move {
            rung.ring();
            output
        });
        let waiter = runtime.spawn(async move {
            bell.wait().await;
            drop(task);
            spawn(async {}).await.unwrap();
        });
        runtime.block_on(waiter).unwrap();
        end(runtime);
        tally.assert_all_left();
    });
}

/// A task is cancelled while its worker moves to another thread, and its poll goes on without one.
#[test]
fn abort_against_block_in_place() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let guest = tally.guest();
        let task = runtime.spawn(async move {
            block_in_place(thread::yield_now);
            yield_now().await;
            guest.stay();
        });
        let abort = task.abort_handle();
        let other = thread::spawn(move || {
            abort.abort();
        });
        let ended = runtime.block_on(task);
        assert!(ended.is_ok() == (tally.stayed() == 1));
        end_against(runtime, [other]);
        tally.assert_all_left();
    });
}

/// Three workers, each of whose tasks wakes the next one, and a thread that keeps them from falling asleep together.
#[test]
fn ring_of_wakes_against_spawns() {
    check(|| {
        let (runtime, tally) = (runtime(3), Tally::default());
        let bells: [Bell; 3] = Default::default();
        let tasks = [0, 1, 2].map(|at| {
            let (bells, guest) = (bells.clone(), tally.guest());
            runtime.spawn(async move {
                bells[at].wait().await;
                if let Some(next) = bells.get(at + 1) {
                    next.ring();
                }
                guest.stay();
            })
        });
        let (handle, guest) = (runtime.handle().clone(), tally.guest());
        let other = thread::spawn(move || handle.spawn(async { guest.stay() }));
        bells[0].ring();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
        let task = other.join().unwrap();
        runtime.block_on(task).unwrap();
        end(runtime);
        tally.assert_all_stayed(4);
    });
}

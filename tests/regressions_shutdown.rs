//! Situations in which the end of other runtimes hung or leaked. The numbers are issues and pull requests of tokio.
#![cfg(not(loom))]

mod common;

use common::{Event, Tally, guarded, on_each_flavor, wait_until, workers};
use filch::runtime::Handle;
use filch::time::sleep;
use std::future::{pending, poll_fn};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// #6463: the runtime is dropped while all workers sit in a `block_on` of a sleep: they must come out with an error.
#[test]
fn end_reaches_tasks_that_block_in_place_on_a_sleep() {
    guarded(|| {
        let runtime = workers(2);
        let on = Tally::new();
        let tasks: Vec<_> = (0..2)
            .map(|_| {
                let on = on.clone();
                runtime.spawn(async move {
                    filch::block_in_place(|| {
                        Handle::current().block_on(async {
                            on.count();
                            sleep(Duration::from_secs(3600)).await;
                        })
                    })
                })
            })
            .collect();
        wait_until("both block", || on.counted() == 2);
        drop(runtime);
        for task in tasks {
            assert!(task.is_finished());
            let error = filch::block_on(task).unwrap_err();
            assert!(common::text(&*error.into_panic()).contains("has been shut down"));
        }
    });
}

/// A task that the end overtakes in `block_in_place` goes on polling on its thread: its next timer is not a panic, it waits
/// and is dropped with the task.
#[test]
fn timers_of_a_poll_that_the_end_overtakes_wait_to_be_dropped() {
    guarded(|| {
        let runtime = workers(2);
        let (on, end, tally) = (Event::new(), Event::new(), Tally::new());
        let task = runtime.spawn({
            let (on, end, token) = (on.clone(), end.clone(), tally.token());
            async move {
                let _token = token;
                filch::block_in_place(|| {
                    on.set();
                    end.wait_on_thread();
                });
                sleep(Duration::from_secs(3600)).await;
            }
        });
        on.wait_on_thread();
        let probe = runtime.handle().clone();
        let ending = thread::spawn(move || drop(runtime));
        // Only a `block_on` sees that the timers are closed.
        wait_until("the timers are closed", || {
            let probed = || probe.block_on(sleep(Duration::from_millis(1)));
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(probed)).is_err()
        });
        end.set();
        ending.join().unwrap();
        assert!(filch::block_on(task).unwrap_err().is_cancelled());
        assert_eq!(tally.dropped(), 1);
    });
}

/// A timer whose runtime has ended goes on in the runtime of whoever polls it.
#[test]
fn timers_move_on_when_their_runtime_ends() {
    guarded(|| {
        let (first, second) = (workers(1), workers(1));
        let start = std::time::Instant::now();
        let guard = first.enter();
        let mut sleeping = Box::pin(sleep(Duration::from_millis(30)));
        drop(guard);
        first.block_on(poll_fn(|cx| {
            assert!(sleeping.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        }));
        drop(first);
        second.block_on(second.spawn(sleeping)).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(30));
    });
}

/// #6463, the same from a blocking job, which the end waits for.
#[test]
fn end_reaches_blocking_jobs_that_block_on_a_sleep() {
    on_each_flavor(|runtime| {
        let on = Event::new();
        let is_on = on.clone();
        let job = runtime.spawn_blocking(move || {
            Handle::current().block_on(async {
                is_on.set();
                sleep(Duration::from_secs(3600)).await;
            })
        });
        on.wait_on_thread();
        drop(runtime);
        assert!(filch::block_on(job).unwrap_err().is_panic());
    });
}

/// #4063: spawns from other threads race with the end; each future is dropped, or runs, once.
#[test]
fn spawns_that_race_with_the_end_are_all_accounted_for() {
    guarded(|| {
        for _ in 0..50 {
            let runtime = workers(2);
            let tally = Tally::new();
            let (on, is_on) = mpsc::channel();
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let (handle, tally, on) = (runtime.handle().clone(), tally.clone(), on.clone());
                    thread::spawn(move || {
                        for at in 0..200 {
                            let token = tally.token();
                            let future = async move {
                                let _token = token;
                                if at % 2 == 0 {
                                    pending::<()>().await;
                                }
                            };
                            handle.spawn(future).detach();
                            if at == 20 {
                                on.send(()).unwrap();
                            }
                        }
                    })
                })
                .collect();
            is_on.recv().unwrap();
            let handle = runtime.handle().clone();
            drop(runtime);
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!((tally.made(), tally.dropped()), (400, 400));
            assert_eq!(handle.metrics().live_tasks, 0);
        }
    });
}

/// The end of a runtime whose workers have just been woken, or are about to lead, finds them all: a worker that failed to
/// become the leader once gave up the other one's lead, and two of them slept in one poller.
#[test]
fn ends_that_race_with_workers_going_to_sleep_all_return() {
    guarded(|| {
        for round in 0..300 {
            let runtime = workers(3);
            for _ in 0..round % 7 {
                runtime
                    .spawn(async move { sleep(Duration::from_micros(round % 130)).await })
                    .detach();
            }
            runtime
                .block_on(
                    runtime.spawn(async move { sleep(Duration::from_micros(round % 90)).await }),
                )
                .unwrap();
            drop(runtime);
        }
    });
}

/// The end comes while tasks are aborted, woken and joined from other threads.
#[test]
fn end_while_handles_are_used_elsewhere_resolves_them_all() {
    guarded(|| {
        for _ in 0..50 {
            let runtime = workers(2);
            let tasks: Vec<_> = (0..20).map(|_| runtime.spawn(pending::<()>())).collect();
            let using = thread::spawn(move || {
                let mut cancelled = 0;
                for (at, task) in tasks.into_iter().enumerate() {
                    if at % 2 == 0 {
                        task.abort();
                    }
                    cancelled += usize::from(
                        futures_lite::future::block_on(task)
                            .unwrap_err()
                            .is_cancelled(),
                    );
                }
                cancelled
            });
            drop(runtime);
            assert_eq!(using.join().unwrap(), 20);
        }
    });
}

/// A current-thread runtime is dropped while the `block_on` of another thread comes to its end: that thread puts the worker
/// back after the drop has looked for it, and must bring the end itself.
#[test]
fn end_of_current_thread_meets_the_end_of_a_block_on() {
    guarded(|| {
        for _ in 0..2000 {
            let runtime = filch::runtime::Builder::current_thread().build().unwrap();
            let (handle, begun) = (runtime.handle().clone(), Event::new());
            let begins = begun.clone();
            let other = thread::spawn(move || handle.block_on(async move { begins.set() }));
            begun.wait_on_thread();
            drop(runtime);
            other.join().unwrap();
        }
    });
}

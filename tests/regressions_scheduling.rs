//! Situations in which schedulers of other runtimes starved or stalled tasks. The numbers are issues and pull requests of
//! tokio.
#![cfg(not(loom))]

mod common;

use common::{Event, Tally, guarded, on_each_flavor, workers};
use filch::runtime::{Handle, Runtime};
use filch::task::{consume_budget, unconstrained, yield_now};
use filch::time::{sleep, timeout};
use futures_lite::future::{or, zip};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;
use std::time::Duration;

fn on_one_worker(f: impl Fn(Runtime) + Send + Clone + 'static) {
    for make in [common::current_thread, || workers(1)] {
        let f = f.clone();
        guarded(move || f(make()));
    }
}

/// #5686, #5712: two tasks that wake each other through the slot for the next task starved the queue and the injected
/// tasks.
#[test]
fn ping_pong_through_the_next_slot_starves_neither_queue_nor_inbox() {
    on_one_worker(|runtime| {
        let stop = Event::new();
        let (a, b) = (Arc::new(Baton::default()), Arc::new(Baton::default()));
        for (mine, theirs) in [(a.clone(), b.clone()), (b, a)] {
            let stop = stop.clone();
            runtime
                .spawn(async move {
                    while !stop.is_set() {
                        theirs.pass();
                        mine.take().await;
                    }
                    theirs.pass();
                })
                .detach();
        }
        let handle = runtime.handle().clone();
        runtime.block_on(async {
            filch::spawn(async {
                for _ in 0..100 {
                    yield_now().await;
                }
            })
            .await
            .unwrap();
            let injected = thread::spawn(move || handle.spawn(async { 5 }));
            assert_eq!(injected.join().unwrap().await.unwrap(), 5);
            stop.set();
        });
    });
}

/// Something that one task hands to another.
#[derive(Default)]
struct Baton(std::sync::Mutex<(bool, Option<std::task::Waker>)>);

impl Baton {
    fn pass(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn take(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock().unwrap();
            if std::mem::take(&mut state.0) {
                return Poll::Ready(());
            }
            state.1 = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Eats all of the budget at every poll.
async fn glutton() {
    loop {
        consume_budget().await;
    }
}

/// #4612, #4624: the first branch of a join or select ate the whole budget of the task at every poll; the branch after it
/// still comes to its end if it needs no budget, and other tasks run.
#[test]
fn branch_that_eats_the_budget_leaves_the_others_their_turn() {
    on_one_worker(|runtime| {
        let stop = Event::new();
        let stopped = stop.clone();
        let greedy = runtime.spawn(async move { or(glutton(), stopped.wait()).await });
        let other = runtime.spawn(async move { stop.set() });
        runtime.block_on(other).unwrap();
        runtime.block_on(greedy).unwrap();
        let both = async {
            let some = async {
                for _ in 0..1000 {
                    consume_budget().await;
                }
            };
            zip(some, filch::spawn(async { 5 })).await.1.unwrap()
        };
        assert_eq!(runtime.block_on(runtime.spawn(both)).unwrap(), 5);
    });
}

/// #4314: a timeout never fired around a future that ate the budget.
#[test]
fn timeout_fires_around_a_future_that_eats_the_budget() {
    on_one_worker(|runtime| {
        let task = runtime.spawn(async { timeout(Duration::from_millis(5), glutton()).await });
        assert!(runtime.block_on(task).unwrap().is_err());
        let in_root = async { timeout(Duration::from_millis(5), glutton()).await };
        assert!(runtime.block_on(in_root).is_err());
    });
}

/// #4300, #6221: leaf futures that are always ready must yield once in a while; `unconstrained` ones do not.
#[test]
fn loop_of_ready_futures_yields_unless_unconstrained() {
    on_one_worker(|runtime| {
        let ready_joins = runtime.spawn(async {
            let mut polls = 0;
            let mut joins = pin!(async {
                for _ in 0..1000 {
                    consume_budget().await;
                }
            });
            poll_fn(|cx| {
                polls += 1;
                joins.as_mut().poll(cx)
            })
            .await;
            polls
        });
        assert_eq!(runtime.block_on(ready_joins).unwrap(), 1000 / 128 + 1);
        let free = runtime.spawn(async {
            let mut polls = 0;
            let mut all = pin!(unconstrained(async {
                for _ in 0..1000 {
                    consume_budget().await;
                }
            }));
            poll_fn(|cx| {
                polls += 1;
                all.as_mut().poll(cx)
            })
            .await;
            polls
        });
        assert_eq!(runtime.block_on(free).unwrap(), 1);
    });
}

/// #7210, #7216, #6996: a yield inside a `block_on` inside a task was deferred to a worker that never came.
#[test]
fn yield_in_a_block_on_inside_a_task_returns() {
    on_each_flavor(|runtime| {
        let task = runtime.spawn(async {
            filch::block_in_place(|| Handle::current().block_on(yield_now()));
            filch::block_in_place(|| futures_lite::future::block_on(yield_now()));
            5
        });
        assert_eq!(runtime.block_on(task).unwrap(), 5);
        let task = runtime.spawn(async {
            futures_lite::future::block_on(yield_now());
            futures_lite::future::block_on(async {
                for _ in 0..1000 {
                    consume_budget().await;
                }
            });
            yield_now().await;
            6
        });
        assert_eq!(runtime.block_on(task).unwrap(), 6);
        runtime.block_on(async { futures_lite::future::block_on(yield_now()) });
    });
}

/// #7877: task A has used up its budget and waits in the queue; task B on the same worker enters `block_in_place` and
/// waits for A.
#[test]
fn task_out_of_budget_goes_on_while_another_blocks_in_place_for_it() {
    guarded(|| {
        let runtime = workers(1);
        let (begun, done) = (Event::new(), Event::new());
        let (has_begun, is_done) = (begun.clone(), done.clone());
        let a = runtime.spawn(async move {
            has_begun.set();
            for _ in 0..10_000 {
                consume_budget().await;
            }
            is_done.set();
        });
        let b = runtime.spawn(async move {
            begun.wait().await;
            filch::block_in_place(|| done.wait_on_thread());
            5
        });
        assert_eq!(runtime.block_on(b).unwrap(), 5);
        runtime.block_on(a).unwrap();
    });
}

/// #5239, #5837: `block_in_place` inside `block_on` inside `block_in_place`, with one worker and one blocking thread.
#[test]
fn nested_blocking_in_place_returns_a_hundred_times() {
    guarded(|| {
        let mut builder = filch::runtime::Builder::new();
        let runtime = builder.workers(1).max_blocking_threads(1).build().unwrap();
        for at in 0..100 {
            let task = runtime.spawn(async move {
                filch::block_in_place(|| {
                    Handle::current().block_on(async {
                        filch::block_in_place(|| {
                            Handle::current().block_on(async {
                                let inner = filch::spawn(async move { at });
                                yield_now().await;
                                inner.await.unwrap()
                            })
                        })
                    })
                })
            });
            assert_eq!(runtime.block_on(task).unwrap(), at);
        }
    });
}

/// #8078: a random generator that was seeded with zero stayed there, and a worker always looked at the same victim.
#[test]
fn every_worker_comes_to_a_burst_of_one() {
    guarded(|| {
        let runtime = workers(5);
        for _ in 0..20 {
            let barrier = Arc::new(Barrier::new(5));
            let burst = runtime.spawn(async move {
                let tasks: Vec<_> = (0..5)
                    .map(|_| {
                        let barrier = barrier.clone();
                        // Returns when each of five workers runs one.
                        filch::spawn(async move { barrier.wait().is_leader() })
                    })
                    .collect();
                let mut leaders = 0;
                for task in tasks {
                    leaders += usize::from(task.await.unwrap());
                }
                leaders
            });
            assert_eq!(runtime.block_on(burst).unwrap(), 1);
        }
    });
}

/// #8372, #8373: whatever wakes a sleeping worker leaves the books of sleepers in order, so that later spawns run.
#[test]
fn workers_woken_for_nothing_still_come_for_work() {
    guarded(|| {
        let runtime = workers(4);
        let _guard = runtime.enter();
        for at in 0..500 {
            // A timer set and dropped by a stranger wakes the leader for nothing.
            let mut soon = Box::pin(sleep(Duration::from_nanos(1)));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            let _ready_or_not = soon.as_mut().poll(&mut cx);
            drop(soon);
            let cancelled = runtime.spawn(pending::<()>());
            cancelled.abort();
            let task = runtime.spawn(async move { at });
            assert_eq!(runtime.block_on(task).unwrap(), at);
            assert!(runtime.block_on(cancelled).is_err());
        }
    });
}

/// async-executor: a task that yields without end in each of several places leaves the rest their turn.
#[test]
fn yielding_tasks_share_one_worker_fairly() {
    on_one_worker(|runtime| {
        let counts: Vec<_> = (0..8).map(|_| Tally::new()).collect();
        let (begun, stop) = (Tally::new(), Event::new());
        for tally in &counts {
            let (tally, begun, stop) = (tally.clone(), begun.clone(), stop.clone());
            let yielding = async move {
                begun.count();
                while begun.counted() < 8 {
                    yield_now().await;
                }
                while !stop.is_set() {
                    tally.count();
                    yield_now().await;
                }
            };
            runtime.spawn(yielding).detach();
        }
        let (first, stop) = (counts[0].clone(), stop);
        runtime.block_on(async {
            filch::spawn(async move {
                while first.counted() < 2000 {
                    yield_now().await;
                }
                stop.set();
            })
            .await
            .unwrap();
        });
        let counts: Vec<_> = counts.iter().map(Tally::counted).collect();
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least <= most / 2, "{counts:?}");
    });
}

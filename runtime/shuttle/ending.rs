//! The end of a runtime against everything that may be under way.

use super::check;
use super::scene::{Bell, Tally, builder, end, end_against, runtime};
use crate::runtime::shim::atomic::AtomicBool;
use crate::runtime::shim::thread;
use crate::task::yield_now;
use crate::{block_in_place, spawn, spawn_blocking, spawn_pinned, time};
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;
use std::sync::Arc;

/// Spawns from outside and from a task, while the runtime ends.
#[test]
fn shutdown_against_spawn() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let (handle, outside, inside) = (runtime.handle().clone(), tally.clone(), tally.clone());
        let other = thread::spawn(move || {
            for _ in 0..2 {
                let guest = outside.guest();
                handle.spawn(async { guest.stay() }).detach();
            }
        });
        runtime
            .spawn(async move {
                let guest = inside.guest();
                spawn(async { guest.stay() }).detach();
                yield_now().await;
                let guest = inside.guest();
                spawn(async { guest.stay() }).detach();
            })
            .detach();
        end_against(runtime, [other]);
        tally.assert_all_left();
    });
}

/// A handle is awaited elsewhere while the task's runtime ends: the wait ends too.
#[test]
fn shutdown_against_join() {
    check(|| {
        let (ending, waiting, tally) = (runtime(1), runtime(1), Tally::default());
        let (handle, guest) = (ending.handle().clone(), tally.guest());
        let other = thread::spawn(move || {
            let task = handle.spawn(async move {
                yield_now().await;
                guest.stay();
            });
            let _ended_or_cancelled = waiting.block_on(task);
            end(waiting);
        });
        end_against(ending, [other]);
        tally.assert_all_left();
    });
}

/// Tasks are woken from outside and by each other while the runtime ends.
#[test]
fn shutdown_against_wake() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let bells: [Bell; 2] = Default::default();
        for at in [0, 1] {
            let (bells, guest) = (bells.clone(), tally.guest());
            runtime
                .spawn(async move {
                    bells[at].wait().await;
                    bells[1 - at].ring();
                    guest.stay();
                })
                .detach();
        }
        let other = thread::spawn(move || bells[0].ring());
        end_against(runtime, [other]);
        tally.assert_all_left();
    });
}

/// A task is cancelled by a foreign thread while the runtime ends.
#[test]
fn shutdown_against_abort() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let guest = tally.guest();
        let task = runtime.spawn(async move {
            Bell::default().wait().await;
            guest.stay();
        });
        let other = thread::spawn(move || {
            task.abort();
            drop(task);
        });
        end_against(runtime, [other]);
        tally.assert_all_left();
    });
}

/// The runtime ends while a task is in the middle of a call that blocks, and its worker moves to another thread.
#[test]
fn shutdown_against_block_in_place() {
    check(|| {
        let (runtime, tally) = (runtime(1), Tally::default());
        for _ in 0..2 {
            let (guest, other) = (tally.guest(), tally.guest());
            runtime
                .spawn(async move {
                    let behind = spawn(async { other.stay() });
                    block_in_place(thread::yield_now);
                    let _done_or_cancelled = behind.await;
                    guest.stay();
                })
                .detach();
        }
        end(runtime);
        tally.assert_all_left();
    });
}

/// What is queued behind a call that blocks is done meanwhile: the call waits for it.
#[test]
fn block_in_place_against_its_queue() {
    check(|| {
        let (runtime, tally) = (runtime(1), Tally::default());
        let (guest, inner) = (tally.guest(), tally.guest());
        let handle = runtime.handle().clone();
        let task = runtime.spawn(async move {
            let behind = spawn(async { inner.stay() });
            block_in_place(|| handle.block_on(behind)).unwrap();
            guest.stay();
        });
        runtime.block_on(task).unwrap();
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// The last handle of a runtime goes in one of its own tasks, which does not wait for itself.
#[test]
fn drop_of_the_runtime_inside_a_task() {
    check(|| {
        let (outer, tally, gone) = (
            runtime(1),
            Tally::default(),
            Arc::new(AtomicBool::new(false)),
        );
        let tell = gone.clone();
        let mut builder = builder(1);
        builder.on_thread_stop(move || tell.store(true, Relaxed));
        let inner = builder.build().unwrap();
        let (guest, left) = (tally.guest(), tally.guest());
        inner
            .spawn(async move {
                Bell::default().wait().await;
                left.stay();
            })
            .detach();
        let task = outer.spawn(async move {
            inner.shutdown_background();
            guest.stay();
        });
        outer.block_on(task).unwrap();
        end(outer);
        // Nobody waits for the worker but this.
        while !gone.load(Relaxed) {
            thread::yield_now();
        }
        tally.assert_all_left();
    });
}

/// The runtime ends with a task in every place where one can be.
#[test]
fn drop_with_tasks_everywhere() {
    check(|| {
        let runtime = builder(2).build().unwrap();
        let (tally, bell) = (Tally::default(), Bell::default());
        let guests = tally.clone();
        let rung = bell.clone();
        runtime
            .spawn(async move {
                let guest = guests.guest();
                // Waits for ever; sleeps; stays on its thread; blocks.
                spawn(async move {
                    bell.wait().await;
                    guest.stay();
                })
                .detach();
                let guest = guests.guest();
                spawn(async move {
                    time::sleep(Duration::from_secs(1)).await;
                    guest.stay();
                })
                .detach();
                let guest = guests.guest();
                spawn_pinned(move || async move {
                    yield_now().await;
                    Bell::default().wait().await;
                    guest.stay();
                })
                .detach();
                let guest = guests.guest();
                spawn_blocking(move || guest.stay()).detach();
                // In the deque, and in hand.
                for _ in 0..2 {
                    let guest = guests.guest();
                    spawn(async move {
                        yield_now().await;
                        guest.stay();
                    })
                    .detach();
                }
                yield_now().await;
            })
            .detach();
        let other = thread::spawn(move || rung.ring());
        end_against(runtime, [other]);
        tally.assert_all_left();
    });
}

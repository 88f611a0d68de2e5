//! Spawns against sleep and against stealing.

use super::check;
use super::scene::{Tally, end, runtime};
use crate::runtime::shim::thread;
use crate::spawn;
use crate::task::yield_now;

/// Two threads spawn while the workers fall asleep.
#[test]
fn spawn_from_outside_against_park() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let (handle, guest) = (runtime.handle().clone(), tally.guest());
        let other = thread::spawn(move || handle.spawn(async { guest.stay() }));
        let guest = tally.guest();
        let task = runtime.spawn(async { guest.stay() });
        runtime.block_on(task).unwrap();
        let task = other.join().unwrap();
        runtime.block_on(task).unwrap();
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// One worker alone: nobody else comes to the work that it does not see.
#[test]
fn spawn_from_outside_against_the_only_worker() {
    check(|| {
        let (runtime, tally) = (runtime(1), Tally::default());
        for _ in 0..2 {
            let guest = tally.guest();
            let task = runtime.spawn(async { guest.stay() });
            runtime.block_on(task).unwrap();
        }
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// A task spawns more than its worker's `next` slot takes; the others come and steal.
#[test]
fn spawn_from_a_task_against_stealing() {
    check(|| {
        let (runtime, tally) = (runtime(3), Tally::default());
        let inner = tally.clone();
        let parent = runtime.spawn(async move {
            let children: Vec<_> = (0..3)
                .map(|_| {
                    let guest = inner.guest();
                    spawn(async { guest.stay() })
                })
                .collect();
            for child in children {
                child.await.unwrap();
            }
        });
        runtime.block_on(parent).unwrap();
        end(runtime);
        tally.assert_all_stayed(3);
    });
}

/// Each child takes the `next` slot from the one before, while a searcher may take it away.
#[test]
fn next_slot_against_steal() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let inner = tally.clone();
        let parent = runtime.spawn(async move {
            let mut children = Vec::new();
            for _ in 0..2 {
                for _ in 0..2 {
                    let guest = inner.guest();
                    children.push(spawn(async {
                        yield_now().await;
                        guest.stay();
                    }));
                }
                yield_now().await;
            }
            for child in children {
                child.await.unwrap();
            }
        });
        runtime.block_on(parent).unwrap();
        end(runtime);
        tally.assert_all_stayed(4);
    });
}

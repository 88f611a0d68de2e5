//! Situations in which timers of other runtimes fired late, never, or panicked. The numbers are issues and pull requests
//! of tokio.
#![cfg(not(loom))]

mod common;

use common::{Event, guarded, on_each_flavor, workers};
use filch::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use std::time::Duration;

/// #3190: a worker slept until a timer ten seconds away; a timer of a millisecond that another thread set must interrupt
/// that.
#[test]
fn short_timer_set_elsewhere_interrupts_a_long_sleep() {
    guarded(|| {
        for count in [1, 2, 4] {
            let runtime = workers(count);
            let begun = Event::new();
            let has_begun = begun.clone();
            let long = runtime.spawn(async move {
                has_begun.set();
                sleep(Duration::from_secs(3600)).await;
            });
            begun.wait_on_thread();
            for _ in 0..20 {
                // Set by a thread that is no worker, by a task, and by a task that no worker hosts any more.
                runtime.block_on(async move { sleep(Duration::from_millis(1)).await });
                runtime
                    .block_on(runtime.spawn(async move { sleep(Duration::from_millis(1)).await }))
                    .unwrap();
                let moved = runtime.spawn(async {
                    filch::block_in_place(|| ());
                    sleep(Duration::from_millis(1)).await;
                });
                runtime.block_on(moved).unwrap();
            }
            long.abort();
            assert!(runtime.block_on(long).unwrap_err().is_cancelled());
        }
    });
}

/// #6682, #6715: with a wheel per worker, the next expiry of all of them must be found, or a timer never fires.
#[test]
fn timers_in_all_wheels_fire() {
    guarded(|| {
        let runtime = workers(4);
        for round in 0..20 {
            let tasks: Vec<_> = (0..40_u64)
                .map(|at| {
                    runtime.spawn(async move {
                        sleep(Duration::from_micros(at * 53 + round)).await;
                        filch::task::yield_now().await;
                        sleep(Duration::from_micros(at * 17)).await;
                    })
                })
                .collect();
            for task in tasks {
                runtime.block_on(task).unwrap();
            }
        }
    });
}

/// #8384: `interval(MAX).reset_after(MAX)` panicked, and so did the paths for missed ticks with such a period.
#[test]
fn interval_of_the_longest_period_does_not_overflow() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            use MissedTickBehavior::{Burst, Delay, Skip};
            for policy in [Burst, Delay, Skip] {
                let mut ticks = interval(Duration::MAX);
                ticks.set_missed_tick_behavior(policy);
                let start = ticks.tick().await;
                assert!(start <= Instant::now());
                ticks.reset_after(Duration::MAX);
                assert!(
                    timeout(Duration::from_millis(1), ticks.tick())
                        .await
                        .is_err()
                );
                ticks.reset();
                ticks.reset_at(Instant::now() + Duration::MAX);
                ticks.reset_immediately();
                ticks.tick().await;
                assert!(
                    timeout(Duration::from_millis(1), ticks.tick())
                        .await
                        .is_err()
                );
            }
        });
    });
}

/// #4730: a flood of ready tasks kept the timers from being looked at.
#[test]
fn flood_of_ready_tasks_leaves_timers_their_time() {
    on_each_flavor(|runtime| {
        let stop = Event::new();
        for _ in 0..50 {
            let stop = stop.clone();
            let flood = async move {
                while !stop.is_set() {
                    filch::task::yield_now().await;
                }
            };
            runtime.spawn(flood).detach();
        }
        runtime.block_on(async {
            filch::spawn(async move { sleep(Duration::from_millis(2)).await })
                .await
                .unwrap();
            sleep(Duration::from_millis(2)).await;
            stop.set();
        });
    });
}

/// A sleep that moves between runtimes and threads between its polls goes on waiting.
#[test]
fn sleep_made_in_one_runtime_and_awaited_in_another_ends() {
    guarded(|| {
        let (one, two) = (workers(1), workers(1));
        let sleep = {
            let _guard = one.enter();
            sleep(Duration::from_millis(2))
        };
        let start = std::time::Instant::now();
        two.block_on(two.spawn(sleep)).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(1));
        let mut moving = {
            let _guard = one.enter();
            Box::pin(filch::time::sleep(Duration::from_millis(5)))
        };
        one.block_on(async {
            assert!(
                futures_lite::future::poll_once(moving.as_mut())
                    .await
                    .is_none()
            )
        });
        two.block_on(moving);
    });
}

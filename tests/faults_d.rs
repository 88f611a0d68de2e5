//! Faults of timers and clocks. The names bear the rows of the table of faults.
#![cfg(all(feature = "test-util", not(loom)))]

mod common;

use common::{
    CountingWaker, LIMIT, Random, guarded, is_child, on_each_flavor, wait_until, workers,
};
use filch::runtime::{Builder, Runtime};
use filch::time::{self, Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Context;
use std::thread;
use std::time::Duration;

/// Runs `f` on paused runtimes of each flavour.
fn on_each_paused(f: impl Fn(Runtime) + Send + Clone + 'static) {
    let current = || {
        Builder::current_thread()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let multi = || {
        Builder::new()
            .workers(2)
            .start_paused(true)
            .build()
            .unwrap()
    };
    for make in [current, multi as fn() -> Runtime] {
        let f = f.clone();
        guarded(move || f(make()));
    }
}

#[test]
fn d50_sleep_of_zero_or_until_the_past_is_over_at_once() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let now = Instant::now();
            time::advance(Duration::from_secs(1)).await;
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert!(pin!(sleep(Duration::ZERO)).poll(&mut cx).is_ready());
            assert!(pin!(sleep_until(now)).poll(&mut cx).is_ready());
            assert!(pin!(sleep_until(Instant::now())).poll(&mut cx).is_ready());
            assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
            assert_eq!(timeout(Duration::ZERO, async { 5 }).await, Ok(5));
        });
    });
}

#[test]
fn d50_loop_of_sleeps_of_zero_lets_others_run() {
    for make in [common::current_thread, || workers(1)] {
        guarded(move || {
            let runtime = make();
            let stop = common::Event::new();
            let stopped = stop.clone();
            let looping = runtime.spawn(async move {
                while !stopped.is_set() {
                    sleep(Duration::ZERO).await;
                }
            });
            let stopping = runtime.spawn(async move { stop.set() });
            runtime.block_on(stopping).unwrap();
            runtime.block_on(looping).unwrap();
        });
    }
}

#[test]
fn d51_endless_and_far_durations_saturate_and_never_panic() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let year = Duration::from_secs(365 * 24 * 3600);
            for far in [
                Duration::MAX,
                year * 3,
                year * 500,
                Duration::from_nanos(u64::MAX),
            ] {
                assert!(
                    timeout(Duration::from_millis(1), sleep(far)).await.is_err(),
                    "{far:?}"
                );
                assert_eq!(timeout(far, async { 5 }).await, Ok(5));
                let mut ticks = interval(far);
                ticks.tick().await;
                ticks.reset_after(far);
                assert!(
                    timeout(Duration::from_millis(1), ticks.tick())
                        .await
                        .is_err()
                );
            }
            let start = Instant::now();
            sleep(year * 3).await;
            assert_eq!(start.elapsed(), year * 3);
            let _later = Instant::now() + Duration::MAX;
        });
    });
}

#[test]
fn d52_million_timers_at_one_instant_all_fire_and_none_early() {
    on_each_flavor(|runtime| {
        runtime.block_on(async {
            let deadline = Instant::now() + Duration::from_millis(20);
            let tasks: Vec<_> = (0..1_000_000)
                .map(|_| {
                    filch::spawn(async move {
                        sleep_until(deadline).await;
                        Instant::now() >= deadline
                    })
                })
                .collect();
            for task in tasks {
                assert!(task.await.unwrap());
            }
        });
    });
}

#[test]
fn d53_timer_reset_or_dropped_while_it_fires_elsewhere_has_one_outcome() {
    guarded(|| {
        let runtime = workers(2);
        let _guard = runtime.enter();
        let mut random = Random::new(53);
        for _ in 0..2000 {
            let waker = CountingWaker::new();
            let mut cx_waker = waker.waker();
            let mut sleep = Box::pin(sleep(Duration::from_micros(random.below(200))));
            let over = sleep
                .as_mut()
                .poll(&mut Context::from_waker(&cx_waker))
                .is_ready();
            match random.below(3) {
                0 => drop(sleep),
                1 => {
                    // Moved away: it is over now or waits for the new deadline, and woke at most once.
                    sleep
                        .as_mut()
                        .reset(Instant::now() + Duration::from_secs(3600));
                    cx_waker = std::task::Waker::noop().clone();
                    assert!(
                        sleep
                            .as_mut()
                            .poll(&mut Context::from_waker(&cx_waker))
                            .is_pending()
                    );
                    assert!(!sleep.is_elapsed());
                }
                _ if over => assert!(sleep.is_elapsed()),
                _ => wait_until("it fires", || waker.wakes() == 1),
            }
            assert!(waker.wakes() <= 1, "no double wake-up");
        }
    });
}

#[test]
fn d54_timers_of_seconds_to_centuries_end_in_order_and_exactly() {
    on_each_paused(|runtime| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut expected = BTreeMap::<u64, Vec<u64>>::new();
        let mut random = Random::new(54);
        runtime.block_on(async {
            let start = Instant::now();
            let tasks: Vec<_> = (0..2000)
                .map(|at| {
                    let span = 1_u64 << random.below(57);
                    let nanos = span + random.below(span);
                    expected.entry(nanos).or_default().push(at);
                    let log = log.clone();
                    filch::spawn(async move {
                        sleep_until(start + Duration::from_nanos(nanos)).await;
                        let elapsed = start.elapsed();
                        log.lock().unwrap().push(nanos);
                        assert_eq!(elapsed, Duration::from_nanos(nanos));
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let found = log.lock().unwrap().clone();
        let wanted: Vec<_> = expected
            .iter()
            .flat_map(|(&nanos, tasks)| tasks.iter().map(move |_| nanos))
            .collect();
        assert_eq!(found, wanted);
    });
}

/// No source of the library reads the clock on the wall (files have times of it), so that its jumps have no effect.
#[test]
fn d55_the_wall_clock_is_never_read() {
    let mut looked_at = 0;
    for file in common::library_files() {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            !text.contains("SystemTime::now"),
            "{} reads the wall clock",
            file.display()
        );
        looked_at += 1;
    }
    assert!(looked_at > 50);
}

#[test]
fn d56_jump_of_an_hour_fires_due_timers_once_and_intervals_by_their_policy() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let hour = Duration::from_secs(3600);
            let start = Instant::now();
            let tasks: Vec<_> = (1..=10)
                .map(|minutes| {
                    filch::spawn(async move {
                        let mut wakes = 0;
                        let mut sleep =
                            pin!(sleep_until(start + Duration::from_secs(60 * minutes)));
                        std::future::poll_fn(|cx| {
                            wakes += 1;
                            sleep.as_mut().poll(cx)
                        })
                        .await;
                        wakes
                    })
                })
                .collect();
            let policies = [
                (MissedTickBehavior::Burst, 2),
                (MissedTickBehavior::Delay, 3600 + 1),
                (MissedTickBehavior::Skip, 3600 + 1),
            ];
            let mut intervals = Vec::new();
            for (policy, second_tick) in policies {
                let mut ticks = interval(Duration::from_secs(1));
                ticks.set_missed_tick_behavior(policy);
                ticks.tick().await;
                intervals.push((ticks, second_tick));
            }
            for _ in 0..10 {
                filch::task::yield_now().await;
            }
            time::advance(hour).await;
            for task in tasks {
                assert!(
                    task.await.unwrap() <= 2,
                    "polled once to wait and once to end"
                );
            }
            for (ticks, _) in &mut intervals {
                assert_eq!(ticks.tick().await, start + Duration::from_secs(1));
            }
            for (mut ticks, second_tick) in intervals {
                let policy = ticks.missed_tick_behavior();
                let second = ticks.tick().await;
                assert_eq!(
                    second,
                    start + Duration::from_secs(second_tick),
                    "{policy:?}"
                );
            }
        });
    });
}

#[cfg(target_os = "linux")]
#[test]
fn d58_stopped_process_fires_each_sleep_once_when_it_goes_on() {
    const NAME: &str = "d58_stopped_process_fires_each_sleep_once_when_it_goes_on";
    if is_child() {
        // Stops itself; a helper process continues it.
        let pid = std::process::id();
        let script = format!("sleep 0.3; kill -CONT {pid}");
        let mut helper = std::process::Command::new("sh")
            .args(["-c", &script])
            .spawn()
            .unwrap();
        let runtime = workers(2);
        let fired = runtime.block_on(async {
            let start = Instant::now();
            let tasks: Vec<_> = (1..=50)
                .map(|at| {
                    filch::spawn(async move {
                        let deadline = start + Duration::from_millis(5 * at);
                        sleep_until(deadline).await;
                        Instant::now() >= deadline
                    })
                })
                .collect();
            let stop = format!("kill -STOP {pid}");
            std::process::Command::new("sh")
                .args(["-c", &stop])
                .status()
                .unwrap();
            let mut fired = 0;
            for task in tasks {
                fired += usize::from(task.await.unwrap());
            }
            fired
        });
        helper.wait().unwrap();
        println!("{fired} fired");
        return;
    }
    let child = common::run_child(NAME, LIMIT, &[]);
    child.assert_success();
    assert!(child.stdout.contains("50 fired"), "{child:#?}");
}

/// 10^8 of them in a release build, 5 * 10^6 otherwise.
#[test]
fn d60_timers_that_are_dropped_unfinished_leave_nothing() {
    const NAME: &str = "d60_timers_that_are_dropped_unfinished_leave_nothing";
    if is_child() {
        let runtime = common::current_thread();
        let create = |count: u64| {
            runtime.block_on(async {
                let mut cx = Context::from_waker(std::task::Waker::noop());
                for at in 0..count {
                    let mut sleep = pin!(sleep(Duration::from_millis(100_000 + at % 977)));
                    assert!(sleep.as_mut().poll(&mut cx).is_pending());
                }
            });
        };
        create(1000);
        let before = common::resident_bytes();
        create(if cfg!(debug_assertions) {
            5_000_000
        } else {
            100_000_000
        });
        let grown = common::resident_bytes().saturating_sub(before);
        assert!(grown < 1 << 20, "grown by {grown} bytes");
        println!("flat");
        return;
    }
    let child = common::run_child(NAME, LIMIT * 3, &[]);
    child.assert_success();
    assert!(child.stdout.contains("flat"), "{child:#?}");
}

#[test]
fn d61_starved_process_is_late_and_misses_no_wake_up() {
    guarded(|| {
        let stop = common::Event::new();
        // Far more threads that spin than there are cores: the runtime's get a small share.
        let hogs: Vec<_> = (0..16)
            .map(|_| {
                let stop = stop.clone();
                thread::spawn(move || while !stop.is_set() {})
            })
            .collect();
        let runtime = workers(2);
        let sum = runtime.block_on(async {
            let tasks: Vec<_> = (0..50_u64)
                .map(|at| {
                    filch::spawn(async move {
                        sleep(Duration::from_millis(at % 7)).await;
                        filch::spawn_blocking(move || at).await.unwrap()
                    })
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 49 * 25);
        stop.set();
        for hog in hogs {
            hog.join().unwrap();
        }
    });
}

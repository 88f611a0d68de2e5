//! Timers under a paused clock: automatic and manual advance, order, resets, timeouts and intervals; on both flavours.
#![cfg(all(feature = "test-util", not(loom)))]

mod common;

use common::{Event, Tally, guarded};
use filch::runtime::{Builder, Runtime};
use filch::time::{
    Instant, MissedTickBehavior, advance, interval, interval_at, pause, resume, sleep, sleep_until,
    timeout, timeout_at,
};
use futures_lite::future::{poll_once, yield_now};
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const HOUR: Duration = Duration::from_secs(3600);

fn on_each_paused(f: impl Fn(Runtime) + Send + Clone + 'static) {
    let current = || {
        Builder::current_thread()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let one = || {
        Builder::new()
            .workers(1)
            .start_paused(true)
            .build()
            .unwrap()
    };
    let three = || {
        Builder::new()
            .workers(3)
            .start_paused(true)
            .build()
            .unwrap()
    };
    for make in [current, one as fn() -> Runtime, three] {
        let f = f.clone();
        guarded(move || f(make()));
    }
}

#[test]
fn clock_jumps_to_each_deadline_when_all_wait() {
    on_each_paused(|runtime| {
        let real = std::time::Instant::now();
        runtime.block_on(async {
            let start = Instant::now();
            sleep(HOUR).await;
            assert_eq!(start.elapsed(), HOUR);
            let there = filch::spawn(async move {
                sleep(HOUR).await;
                start.elapsed()
            });
            assert_eq!(there.await.unwrap(), HOUR * 2);
            let far = filch::spawn(sleep(HOUR * 5));
            sleep(HOUR).await;
            assert_eq!(start.elapsed(), HOUR * 3);
            far.await.unwrap();
            assert_eq!(start.elapsed(), HOUR * 7);
        });
        assert!(real.elapsed() < HOUR);
    });
}

#[test]
fn clock_stands_while_somebody_works() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let start = Instant::now();
            let sleeping = filch::spawn(sleep(ms(1)));
            for _ in 0..1000 {
                yield_now().await;
            }
            let job = filch::spawn_blocking(|| thread::sleep(ms(5)));
            job.await.unwrap();
            assert_eq!(
                start.elapsed(),
                if sleeping.is_finished() { ms(1) } else { ms(0) }
            );
            sleeping.await.unwrap();
            assert_eq!(start.elapsed(), ms(1));
        });
    });
}

#[test]
fn clock_jumps_when_the_last_one_awake_leaves() {
    on_each_paused(|runtime| {
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                runtime.block_on(async {
                    let start = Instant::now();
                    for _ in 0..300 {
                        sleep(HOUR).await;
                    }
                    start.elapsed()
                })
            });
            // Each call may be what keeps the clock from jumping at the moment when everybody else goes to sleep.
            while !sleeper.is_finished() {
                runtime.block_on(async {});
                runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
            }
            assert_eq!(sleeper.join().unwrap(), HOUR * 300);
        });
        // And nobody comes after the last one.
        let sleeping = runtime.spawn(sleep_in_task());
        thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(sleeping).unwrap());
            runtime.block_on(async {});
        });
    });
}

async fn sleep_in_task() {
    sleep(HOUR).await;
}

#[test]
fn clock_never_passes_a_deadline_that_a_woken_task_is_about_to_set() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let start = Instant::now();
            let far = filch::spawn(sleep(HOUR));
            for step in 1..=200 {
                // Every step is woken, and sets the next deadline, before the far one may come.
                sleep(ms(1)).await;
                assert_eq!(start.elapsed(), ms(step));
                filch::spawn(async {}).await.unwrap();
            }
            far.await.unwrap();
            assert_eq!(start.elapsed(), HOUR);
        });
    });
}

/// Tells its name when it is woken.
struct Named(u64, mpsc::Sender<u64>);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.send(self.0).unwrap();
    }
}

#[test]
fn advance_wakes_what_is_due_in_the_order_of_the_deadlines() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let (log, logged) = mpsc::channel();
            let start = Instant::now();
            let sleeps: Vec<_> = [30, 10, 20, 40, 11]
                .into_iter()
                .map(|at| {
                    let waker = Waker::from(Arc::new(Named(at, log.clone())));
                    let mut sleep = Box::pin(sleep_until(start + ms(at)));
                    let polled = sleep.as_mut().poll(&mut Context::from_waker(&waker));
                    assert!(polled.is_pending());
                    sleep
                })
                .collect();
            advance(ms(9)).await;
            assert!(logged.try_recv().is_err());
            advance(ms(1)).await;
            assert_eq!(logged.try_iter().collect::<Vec<_>>(), [10]);
            advance(ms(25)).await;
            assert_eq!(logged.try_iter().collect::<Vec<_>>(), [11, 20, 30]);
            assert_eq!(start.elapsed(), ms(35));
            drop(sleeps);
            advance(HOUR).await;
            assert!(logged.try_recv().is_err(), "it was dropped");
        });
    });
}

#[test]
fn advance_makes_sleeping_tasks_ready() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let start = Instant::now();
            let stop = Event::new();
            let stopped = stop.clone();
            // Keeps the clock from jumping by itself.
            let busy = filch::spawn(async move {
                while !stopped.is_set() {
                    filch::task::yield_now().await;
                }
            });
            let begun = Tally::new();
            let tasks: Vec<_> = [30, 10, 20, 40]
                .into_iter()
                .map(|at| {
                    let begun = begun.clone();
                    filch::spawn(async move {
                        let mut sleep = pin!(sleep_until(start + ms(at)));
                        assert!(poll_once(sleep.as_mut()).await.is_none());
                        begun.count();
                        sleep.await;
                    })
                })
                .collect();
            while begun.counted() < 4 {
                yield_now().await;
            }
            let ended = || tasks.iter().filter(|task| task.is_finished()).count();
            assert_eq!(ended(), 0);
            for (step, expected) in [(10, 1), (25, 3), (5, 4)] {
                advance(ms(step)).await;
                while ended() < expected {
                    yield_now().await;
                }
                assert_eq!(ended(), expected);
            }
            assert_eq!(start.elapsed(), ms(40));
            stop.set();
            busy.await.unwrap();
        });
    });
}

#[test]
fn pause_and_resume_never_turn_the_clock_back() {
    guarded(|| {
        let runtime = common::current_thread();
        runtime.block_on(async {
            let start = Instant::now();
            pause();
            let paused = Instant::now();
            assert!(paused >= start);
            sleep(HOUR).await;
            assert_eq!(paused.elapsed(), HOUR);
            resume();
            let resumed = Instant::now();
            assert!(resumed >= paused + HOUR);
            sleep(ms(1)).await;
            assert!(resumed.elapsed() >= ms(1));
            assert!(resumed.elapsed() < HOUR);
        });
    });
}

#[test]
fn sleep_is_moved_both_ways_and_reused() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let start = Instant::now();
            let mut timer = pin!(sleep(ms(50)));
            assert!(poll_once(timer.as_mut()).await.is_none());
            timer.as_mut().reset(start + ms(80));
            assert_eq!(timer.deadline(), start + ms(80));
            timer.as_mut().await;
            assert_eq!(start.elapsed(), ms(80));
            assert!(timer.is_elapsed());
            timer.as_mut().reset(start + ms(200));
            assert!(!timer.is_elapsed());
            assert!(poll_once(timer.as_mut()).await.is_none());
            timer.as_mut().reset(start + ms(100));
            timer.as_mut().await;
            assert_eq!(start.elapsed(), ms(100));
            timer.as_mut().reset(start);
            timer.await;
            assert_eq!(start.elapsed(), ms(100));
        });
    });
}

#[test]
fn timeout_ends_at_its_deadline_or_with_its_future() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let start = Instant::now();
            let late = timeout(ms(10), sleep(ms(20))).await;
            assert!(late.is_err());
            assert_eq!(start.elapsed(), ms(10));
            assert_eq!(
                timeout(ms(20), async { (sleep(ms(10)).await, 5).1 }).await,
                Ok(5)
            );
            assert_eq!(start.elapsed(), ms(20));
            assert!(timeout_at(start, pending::<()>()).await.is_err());
            assert_eq!(start.elapsed(), ms(20));
            let mut work = pin!(timeout(ms(10), sleep(ms(30))));
            assert!(poll_once(work.as_mut()).await.is_none());
            work.as_mut().reschedule(Instant::now() + ms(40));
            assert_eq!(work.await, Ok(()));
            assert_eq!(start.elapsed(), ms(50));
            let error = timeout(ms(1), pending::<()>()).await.unwrap_err();
            assert!(!error.to_string().is_empty());
        });
    });
}

#[test]
fn interval_ticks_on_time_and_at_once_first() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let start = Instant::now();
            let mut ticks = interval(ms(10));
            for at in 0..5 {
                assert_eq!(ticks.tick().await, start + ms(10 * at));
            }
            let mut later = interval_at(start + ms(100), ms(7));
            assert_eq!(later.tick().await, start + ms(100));
            assert_eq!(later.tick().await, start + ms(107));
            assert_eq!(later.period(), ms(7));
            later.reset();
            assert_eq!(later.tick().await, start + ms(114));
            later.reset_after(ms(1));
            assert_eq!(later.tick().await, start + ms(115));
            assert_eq!(later.tick().await, start + ms(122));
            later.reset_immediately();
            assert_eq!(later.tick().await, start + ms(122));
            later.reset_at(start + ms(150));
            assert_eq!(later.tick().await, start + ms(150));
        });
    });
}

#[test]
fn missed_ticks_follow_the_policy() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            for (policy, expected) in [
                (MissedTickBehavior::Burst, [10, 20, 30, 40]),
                (MissedTickBehavior::Delay, [10, 35, 45, 55]),
                (MissedTickBehavior::Skip, [10, 30, 40, 50]),
            ] {
                let start = Instant::now();
                let mut ticks = interval(ms(10));
                ticks.set_missed_tick_behavior(policy);
                ticks.tick().await;
                // Two and a half periods late.
                sleep(ms(25)).await;
                for at in expected {
                    assert_eq!(ticks.tick().await - start, ms(at), "{policy:?}");
                }
            }
        });
    });
}

#[test]
fn dropped_tick_loses_no_tick() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let start = Instant::now();
            let mut ticks = interval(ms(10));
            ticks.tick().await;
            for _ in 0..3 {
                assert!(timeout(ms(2), ticks.tick()).await.is_err());
            }
            assert_eq!(ticks.tick().await, start + ms(10));
        });
    });
}

#[test]
fn clocks_of_two_runtimes_are_their_own() {
    guarded(|| {
        let paused = Builder::current_thread()
            .start_paused(true)
            .build()
            .unwrap();
        let running = common::workers(1);
        let start = std::time::Instant::now();
        let skipped = paused.block_on(async {
            let begin = Instant::now();
            sleep(HOUR).await;
            begin.elapsed()
        });
        assert_eq!(skipped, HOUR);
        running.block_on(async { sleep(ms(1)).await });
        let elapsed = running.block_on(async {
            let begin = Instant::now();
            sleep(ms(2)).await;
            begin.elapsed()
        });
        assert!(elapsed >= ms(2) && elapsed < HOUR);
        assert!(start.elapsed() < HOUR);
    });
}

#[test]
fn many_sleepers_on_many_workers_end_exactly_at_their_deadlines() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            let start = Instant::now();
            let tasks: Vec<_> = (0..500_u64)
                .map(|at| {
                    filch::spawn(async move {
                        for round in 1..=5 {
                            sleep_until(start + ms(round * 1000 + at % 97)).await;
                            assert!(start.elapsed() >= ms(round * 1000 + at % 97));
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(start.elapsed(), ms(5096));
        });
    });
}

//! What a paused clock means to a whole runtime: whom `advance` runs, and in which order, and who holds the clock back.
#![cfg(all(feature = "test-util", not(loom)))]

mod common;

use common::guarded;
use filch::runtime::{Builder, Executor, Runtime};
use filch::task::{JoinHandle, TaskState, all_tasks};
use filch::time::{Instant, advance, sleep, sleep_until, timeout};
use futures_lite::future::yield_now;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const HOUR: Duration = Duration::from_secs(3600);

fn paused(mut builder: Builder) -> Runtime {
    builder.start_paused(true).build().unwrap()
}

fn on_each_paused(f: impl Fn(Runtime) + Send + Clone + 'static) {
    let multi = |workers| {
        let mut builder = Builder::multi_thread();
        builder.workers(workers);
        builder
    };
    for builder in [Builder::current_thread(), multi(1), multi(3)] {
        let f = f.clone();
        guarded(move || f(paused(builder)));
    }
}

/// Sleepers whose deadlines are shuffled and, in part, a few nanoseconds apart; who has woken, by deadline.
fn shuffled_sleepers(count: u64) -> (mpsc::Receiver<u64>, Vec<u64>) {
    let (log, logged) = mpsc::channel();
    let start = Instant::now();
    let nanos = |number: u64| number / 4 * 1_000_000 + number % 4;
    for number in 0..count {
        let (at, log) = (nanos(number * 37 % count), log.clone());
        let sleep = sleep_until(start + ms(1) + Duration::from_nanos(at));
        filch::spawn(async move {
            sleep.await;
            log.send(at).unwrap();
        })
        .detach();
    }
    (logged, (0..count).map(nanos).collect())
}

/// A task that is always ready to run, so that the clock does not jump and the queue is never empty.
fn busy() -> JoinHandle<()> {
    filch::spawn(async {
        loop {
            yield_now().await;
        }
    })
}

#[test]
fn advance_runs_what_is_due_in_order_before_it_returns() {
    guarded(|| {
        for count in [1, 5, 60, 1000] {
            let runtime = paused(Builder::current_thread());
            let round = || async move {
                let others: Vec<_> = (0..3).map(|_| busy()).collect();
                let (logged, expected) = shuffled_sleepers(count);
                // Until all sleep.
                while all_tasks()
                    .iter()
                    .filter(|task| task.state() == TaskState::Idle)
                    .count()
                    < count as usize
                {
                    yield_now().await;
                }
                advance(ms(1)).await;
                assert_eq!(logged.try_iter().collect::<Vec<_>>(), [0]);
                advance(HOUR).await;
                assert_eq!(logged.try_iter().collect::<Vec<_>>(), expected[1..]);
                others.iter().for_each(|other| other.abort());
            };
            runtime.block_on(round());
            runtime.block_on(runtime.spawn(round())).unwrap();
        }
    });
}

#[test]
#[should_panic(expected = "`time::advance` was called, but the clock is not paused")]
fn advance_of_a_running_clock_panics() {
    let runtime = common::current_thread();
    let _guard = runtime.enter();
    drop(advance(ms(1)));
}

#[test]
fn advance_without_end_saturates() {
    on_each_paused(|runtime| {
        runtime.block_on(async {
            for _ in 0..2 {
                advance(Duration::MAX).await;
            }
            sleep(Duration::MAX).await;
        });
    });
}

/// As in the runtime's own pool: a job that was submitted by one of its tasks is work of the runtime.
#[test]
fn clock_stands_while_an_executor_works_for_the_runtime() {
    on_each_paused(|runtime| {
        let executor = Executor::builder("own");
        let executor = executor.threads(1).queue(1).build().unwrap();
        let jobs = async move {
            let start = Instant::now();
            for _ in 0..300 {
                timeout(HOUR, executor.spawn(|| ())).await.unwrap().unwrap();
            }
            let (running, run) = mpsc::channel();
            let (let_go, go) = mpsc::channel();
            let long = executor.spawn(move || {
                running.send(()).unwrap();
                go.recv().unwrap();
                // Work that takes a while after the task has gone to sleep.
                thread::sleep(ms(5));
            });
            run.recv().unwrap();
            let queued = executor.spawn(|| ());
            queued.abort();
            let refused = executor.spawn(|| ());
            assert!(timeout(HOUR, refused).await.unwrap().is_err());
            let_go.send(()).unwrap();
            timeout(HOUR, long).await.unwrap().unwrap();
            assert!(timeout(HOUR, queued).await.unwrap().is_err());
            assert_eq!(start.elapsed(), ms(0));
            // None of them holds it any more.
            sleep(HOUR).await;
        };
        runtime.block_on(runtime.spawn(jobs)).unwrap();
    });
}

//! Blocking calls: the runtime's pool, executors of one's own, and blocking in place.
#![cfg(not(loom))]

mod common;

use common::{Event, LIMIT, Tally, guarded, on_each_flavor, wait_until, workers};
use filch::runtime::{Builder, Executor, Handle};
use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[test]
fn spawn_blocking_runs_off_the_workers_and_gives_the_result() {
    on_each_flavor(|runtime| {
        let me = thread::current().id();
        let (id, here) = runtime.block_on(async {
            let worker = filch::spawn(async { thread::current().id() })
                .await
                .unwrap();
            let job = filch::spawn_blocking(|| thread::current().id())
                .await
                .unwrap();
            (job, worker)
        });
        assert!(id != me && id != here);
    });
}

#[test]
fn run_in_executor_without_one_uses_the_runtimes_pool() {
    on_each_flavor(|runtime| {
        let name = runtime.block_on(async {
            let name = || thread::current().name().map(String::from);
            filch::run_in_executor(None, name).await.unwrap()
        });
        assert!(name.unwrap().starts_with("filch-blocking"));
    });
}

#[test]
fn executor_has_a_name_a_size_and_order() {
    guarded(|| {
        let executor = Executor::new("database", 1).unwrap();
        assert_eq!(executor.name(), "database");
        assert_eq!(executor.threads(), 0, "no thread before the first job");
        let (log, logged) = mpsc::channel();
        let jobs: Vec<_> = (0..20)
            .map(|at| {
                let log = log.clone();
                executor.spawn(move || {
                    log.send((at, thread::current().id())).unwrap();
                    at
                })
            })
            .collect();
        for (at, job) in jobs.into_iter().enumerate() {
            assert_eq!(filch::block_on(job).unwrap(), at);
        }
        drop(log);
        let logged: Vec<_> = logged.iter().collect();
        assert_eq!(
            logged.iter().map(|entry| entry.0).collect::<Vec<_>>(),
            (0..20).collect::<Vec<_>>()
        );
        assert_eq!(
            logged
                .iter()
                .map(|entry| entry.1)
                .collect::<HashSet<_>>()
                .len(),
            1
        );
        assert_eq!(executor.threads(), 1);
        assert_eq!(executor.queued(), 0);
    });
}

#[test]
fn executor_is_used_inside_and_outside_runtimes() {
    on_each_flavor(|runtime| {
        let executor = Executor::new("lane", 2).unwrap();
        let sum = runtime.block_on(async {
            let jobs: Vec<_> = (0..50_u64)
                .map(|at| filch::run_in_executor(&executor, move || at))
                .collect();
            let mut sum = 0;
            for job in jobs {
                sum += job.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 49 * 25);
        assert_eq!(
            futures_lite::future::block_on(executor.spawn(|| 5)).unwrap(),
            5
        );
    });
}

#[test]
fn dropped_executor_cancels_what_waits_and_waits_for_what_runs() {
    guarded(|| {
        let executor = Executor::new("lane", 1).unwrap();
        let (on, go, tally) = (Event::new(), Event::new(), Tally::new());
        let (is_on, gone, token) = (on.clone(), go.clone(), tally.token());
        let running = executor.spawn(move || {
            let _token = token;
            is_on.set();
            gone.wait_on_thread();
            5
        });
        let waiting = executor.spawn(|| 6);
        on.wait_on_thread();
        assert_eq!(executor.queued(), 1);
        let dropping = thread::spawn(move || drop(executor));
        assert!(
            futures_lite::future::block_on(waiting)
                .unwrap_err()
                .is_cancelled()
        );
        assert_eq!(tally.dropped(), 0);
        go.set();
        dropping.join().unwrap();
        assert_eq!(tally.dropped(), 1);
        assert_eq!(futures_lite::future::block_on(running).unwrap(), 5);
    });
}

#[test]
fn executor_shut_down_with_a_timeout_names_what_still_runs() {
    guarded(|| {
        let executor = Executor::new("lane", 1).unwrap();
        let (on, go) = (Event::new(), Event::new());
        let (is_on, gone) = (on.clone(), go.clone());
        let job = executor.spawn(move || {
            is_on.set();
            gone.wait_on_thread();
        });
        on.wait_on_thread();
        let running = executor.shutdown_timeout(Duration::from_millis(5));
        assert_eq!(running.len(), 1);
        assert!(running[0].contains(file!()), "{running:?}");
        go.set();
        futures_lite::future::block_on(job).unwrap();
        let executor = Executor::new("lane", 1).unwrap();
        futures_lite::future::block_on(executor.spawn(|| ())).unwrap();
        assert!(executor.shutdown_timeout(LIMIT).is_empty());
    });
}

#[test]
fn full_queues_refuse_jobs_as_cancelled() {
    guarded(|| {
        let mut builder = Builder::new();
        builder.workers(1).max_blocking_threads(1).blocking_queue(2);
        let runtime = builder.build().unwrap();
        let executor = Executor::builder("lane")
            .threads(1)
            .queue(2)
            .build()
            .unwrap();
        for in_executor in [false, true] {
            let (go, tally) = (Event::new(), Tally::new());
            let submit = |at: usize| {
                let (go, token) = (go.clone(), tally.token());
                let job = move || {
                    let _token = token;
                    go.wait_on_thread();
                    at
                };
                if in_executor {
                    executor.spawn(job)
                } else {
                    runtime.spawn_blocking(job)
                }
            };
            let queued = || match in_executor {
                true => executor.queued(),
                false => runtime.metrics().blocking_queue,
            };
            let first = submit(0);
            wait_until("the first runs", || queued() == 0);
            let accepted = [submit(1), submit(2)];
            assert_eq!(tally.dropped(), 0);
            let refused = submit(3);
            assert_eq!(tally.dropped(), 1, "the closure is dropped at once");
            assert!(refused.is_finished());
            assert!(
                futures_lite::future::block_on(refused)
                    .unwrap_err()
                    .is_cancelled()
            );
            go.set();
            assert_eq!(futures_lite::future::block_on(first).unwrap(), 0);
            for (at, job) in accepted.into_iter().enumerate() {
                assert_eq!(futures_lite::future::block_on(job).unwrap(), at + 1);
            }
        }
    });
}

#[test]
fn block_in_place_lets_the_workers_other_tasks_go_on() {
    guarded(|| {
        let runtime = workers(1);
        let go = Event::new();
        let gone = go.clone();
        let blocked = runtime.spawn(async move {
            let before = thread::current().id();
            let borrowed = String::from("borrowed");
            let length = filch::block_in_place(|| {
                gone.wait_on_thread();
                borrowed.len()
            });
            assert_eq!(
                thread::current().id(),
                before,
                "the poll stays on its thread"
            );
            filch::task::yield_now().await;
            length
        });
        let other = runtime.spawn(async move { go.set() });
        runtime.block_on(other).unwrap();
        assert_eq!(runtime.block_on(blocked).unwrap(), 8);
        wait_until("both have ended", || runtime.metrics().live_tasks == 0);
    });
}

#[test]
fn block_in_place_works_wherever_it_is_called() {
    on_each_flavor(|runtime| {
        assert_eq!(filch::block_in_place(|| 1), 1);
        assert_eq!(runtime.block_on(async { filch::block_in_place(|| 2) }), 2);
        let task = runtime.spawn(async { filch::block_in_place(|| filch::block_in_place(|| 3)) });
        assert_eq!(runtime.block_on(task).unwrap(), 3);
        let job = runtime.spawn_blocking(|| filch::block_in_place(|| 4));
        assert_eq!(runtime.block_on(job).unwrap(), 4);
        let pinned = runtime
            .handle()
            .spawn_pinned(|| async { filch::block_in_place(|| 5) });
        assert_eq!(runtime.block_on(pinned).unwrap(), 5);
    });
}

#[test]
fn panic_in_block_in_place_belongs_to_the_task() {
    on_each_flavor(|runtime| {
        for _ in 0..10 {
            let task = runtime.spawn(async {
                filch::block_in_place(|| common::panic_quietly("in place"));
            });
            assert!(runtime.block_on(task).unwrap_err().is_panic());
        }
        assert_eq!(runtime.block_on(runtime.spawn(async { 5 })).unwrap(), 5);
        wait_until("all have ended", || runtime.metrics().live_tasks == 0);
    });
}

#[test]
fn many_tasks_block_in_place_at_once_and_use_their_runtime() {
    guarded(|| {
        let runtime = workers(2);
        let tasks: Vec<_> = (0..50)
            .map(|at| {
                runtime.spawn(async move {
                    let inner = filch::block_in_place(|| {
                        Handle::current().block_on(async {
                            filch::time::sleep(Duration::from_micros(100)).await;
                            filch::spawn(async move { at }).await.unwrap()
                        })
                    });
                    filch::time::sleep(Duration::from_micros(100)).await;
                    inner + filch::spawn(async { 0 }).await.unwrap()
                })
            })
            .collect();
        for (at, task) in tasks.into_iter().enumerate() {
            assert_eq!(runtime.block_on(task).unwrap(), at);
        }
        wait_until("all have ended", || runtime.metrics().live_tasks == 0);
        assert_eq!(runtime.metrics().workers.len(), 2);
    });
}

//! Runtimes as a user has them: flavours, several at a time, handles, hooks, numbers, joins and names.
#![cfg(not(loom))]

mod common;

use common::{Event, LIMIT, Tally, guarded, on_each_flavor, wait_until, workers};
use filch::runtime::{Builder, Handle};
use filch::task::{TaskState, yield_now};
use std::collections::HashSet;
use std::future::pending;
use std::sync::mpsc;
use std::thread;

#[test]
fn multi_thread_runs_tasks_on_its_own_threads_and_the_future_on_the_callers() {
    guarded(|| {
        let runtime = Builder::new()
            .workers(2)
            .thread_name("web")
            .build()
            .unwrap();
        let me = thread::current().id();
        runtime.block_on(async {
            assert_eq!(thread::current().id(), me);
            let name = || {
                thread::current()
                    .name()
                    .map(String::from)
                    .unwrap_or_default()
            };
            let task = filch::spawn(async move { name() });
            let name_of_worker = task.await.unwrap();
            assert!(name_of_worker.starts_with("web-"), "{name_of_worker}");
            let job = filch::spawn_blocking(name).await.unwrap();
            assert!(job.starts_with("web-blocking"), "{job}");
            assert_eq!(thread::current().id(), me);
        });
    });
}

#[test]
fn current_thread_runs_tasks_on_the_callers_thread_and_only_in_block_on() {
    guarded(|| {
        let runtime = common::current_thread();
        let ran = Tally::new();
        let there = ran.clone();
        let task = runtime.spawn(async move {
            there.count();
            thread::current().id()
        });
        assert_eq!(ran.counted(), 0);
        assert_eq!(runtime.block_on(task).unwrap(), thread::current().id());
        assert_eq!(ran.counted(), 1);
    });
}

#[test]
fn block_on_gives_the_output_and_passes_a_panic_on() {
    on_each_flavor(|runtime| {
        let borrowed = String::from("not static");
        assert_eq!(runtime.block_on(async { borrowed.len() }), 10);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(async {
                yield_now().await;
                common::panic_quietly("through");
            })
        }));
        assert_eq!(common::text(&*caught.unwrap_err()), "through");
        assert_eq!(runtime.block_on(async { 5 }), 5);
        assert!(
            Handle::try_current().is_err(),
            "the thread left the runtime"
        );
    });
}

#[test]
fn several_threads_block_on_one_runtime_at_a_time() {
    on_each_flavor(|runtime| {
        let go = Event::new();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|at| {
                    let (runtime, go) = (&runtime, go.clone());
                    scope.spawn(move || {
                        runtime.block_on(async move {
                            go.wait().await;
                            for _ in 0..50 {
                                yield_now().await;
                                filch::spawn(async {}).await.unwrap();
                            }
                            at
                        })
                    })
                })
                .collect();
            go.set();
            let sum: i32 = threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum();
            assert_eq!(sum, 6);
        });
    });
}

#[test]
fn many_runtimes_live_in_one_process_and_each_runs_its_own() {
    guarded(|| {
        let runtimes: Vec<_> = (1..=6)
            .map(|at| {
                if at % 3 == 0 {
                    common::current_thread()
                } else {
                    workers(at % 3)
                }
            })
            .collect();
        // Spawned from outside, from each other, and woken across.
        let go = Event::new();
        let tasks: Vec<_> = runtimes
            .iter()
            .map(|runtime| {
                let go = go.clone();
                runtime.spawn(async move {
                    go.wait().await;
                    Handle::current().metrics().workers.len()
                })
            })
            .collect();
        let handles: Vec<_> = runtimes
            .iter()
            .map(|runtime| runtime.handle().clone())
            .collect();
        let crossing = runtimes[0].spawn(async move {
            let mut sum = 0;
            for handle in &handles {
                if handle.metrics().workers.len() == 2 {
                    sum += handle
                        .spawn(async { Handle::current().metrics().workers.len() })
                        .await
                        .unwrap();
                }
            }
            go.set();
            sum
        });
        assert_eq!(runtimes[0].block_on(crossing).unwrap(), 4);
        let counts: Vec<_> = runtimes
            .iter()
            .zip(tasks)
            .map(|(runtime, task)| runtime.block_on(task).unwrap())
            .collect();
        assert_eq!(counts, [1, 2, 1, 1, 2, 1]);
    });
}

#[test]
fn entered_runtime_takes_the_spawns_of_the_thread_until_the_guard_goes() {
    guarded(|| {
        let (one, two) = (workers(1), workers(2));
        let outer = one.enter();
        let count = || Handle::current().metrics().workers.len();
        assert_eq!(count(), 1);
        {
            let _inner = two.enter();
            assert_eq!(count(), 2);
            let task = filch::spawn(async move { Handle::current().metrics().workers.len() });
            assert_eq!(futures_lite::future::block_on(task).unwrap(), 2);
        }
        assert_eq!(count(), 1);
        drop(outer);
        assert!(Handle::try_current().is_err());
    });
}

#[test]
fn hooks_are_called_at_the_turns_of_each_threads_life() {
    guarded(|| {
        let (start, stop, park, unpark) = (Tally::new(), Tally::new(), Tally::new(), Tally::new());
        let (start_there, stop_there) = (start.clone(), stop.clone());
        let (park_there, unpark_there) = (park.clone(), unpark.clone());
        let runtime = Builder::new()
            .workers(2)
            .on_thread_start(move || {
                start_there.count();
            })
            .on_thread_stop(move || {
                stop_there.count();
            })
            .on_thread_park(move || {
                park_there.count();
            })
            .on_thread_unpark(move || {
                unpark_there.count();
            })
            .build()
            .unwrap();
        wait_until("both sleep", || park.counted() >= 2);
        runtime.block_on(runtime.spawn(async {})).unwrap();
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        assert_eq!(start.counted(), 3, "two workers and a blocking thread");
        assert_eq!(stop.counted(), 0);
        drop(runtime);
        assert_eq!(stop.counted(), 3);
        assert_eq!(park.counted(), unpark.counted(), "who sleeps wakes up");
    });
}

#[test]
fn hooks_that_panic_harm_nobody() {
    guarded(|| {
        let panic = || common::panic_quietly("a hook");
        let runtime = Builder::new()
            .workers(2)
            .on_thread_start(panic)
            .on_thread_stop(panic)
            .on_thread_park(panic)
            .on_thread_unpark(panic)
            .on_unhandled(move |_| panic())
            .build()
            .unwrap();
        runtime
            .spawn(async { common::panic_quietly("a task") })
            .detach();
        assert_eq!(runtime.block_on(runtime.spawn(async { 5 })).unwrap(), 5);
        assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 6)).unwrap(), 6);
    });
}

#[test]
fn metrics_balance() {
    on_each_flavor(|runtime| {
        let joined = runtime.block_on(async {
            let tasks: Vec<_> = (0..100)
                .map(|_| {
                    filch::spawn(async {
                        yield_now().await;
                        yield_now().await;
                    })
                })
                .collect();
            let count = tasks.len();
            for task in tasks {
                task.await.unwrap();
            }
            count
        });
        assert_eq!(joined, 100);
        let sleeper = runtime.spawn(pending::<()>());
        let timer =
            runtime.spawn(async { filch::time::sleep(std::time::Duration::from_millis(1)).await });
        runtime.block_on(timer).unwrap();
        wait_until("the ends are counted", || runtime.metrics().live_tasks == 1);
        let metrics = runtime.metrics();
        assert_eq!(metrics.spawns(), 102);
        assert!(metrics.remote_spawns >= 2);
        assert_eq!(metrics.timers_fired(), 1);
        assert!(metrics.polls() >= 303, "{metrics:?}");
        sleeper.abort();
        assert!(runtime.block_on(sleeper).is_err());
        wait_until("the end is counted", || runtime.metrics().live_tasks == 0);
        assert_eq!(runtime.metrics().unparks(), runtime.metrics().unparks);
        assert_eq!(
            runtime
                .metrics()
                .workers
                .iter()
                .map(|worker| worker.queue_depth)
                .sum::<usize>(),
            0
        );
    });
}

#[test]
fn tasks_are_shown_with_name_type_place_and_state() {
    on_each_flavor(|runtime| {
        let (place, task) = {
            let _guard = runtime.enter();
            let named = filch::task::Builder::new().name("sleeper");
            (line!(), named.spawn(pending::<()>()))
        };
        assert_eq!(task.name().as_deref(), Some("sleeper"));
        runtime.block_on(async {
            for _ in 0..200 {
                yield_now().await;
            }
        });
        wait_until("it waits", || {
            runtime
                .handle()
                .all_tasks()
                .iter()
                .all(|task| task.state() == TaskState::Idle)
        });
        let all = runtime.handle().all_tasks();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].id(), task.id());
        assert_eq!(all[0].name(), Some("sleeper"));
        assert!(
            all[0].type_name().contains("Pending"),
            "{}",
            all[0].type_name()
        );
        assert_eq!(
            (all[0].location().file(), all[0].location().line()),
            (file!(), place)
        );
        let inside = runtime.spawn(async { (filch::task::id(), filch::task::current().state()) });
        let id = inside.id();
        assert_eq!(runtime.block_on(inside).unwrap(), (id, TaskState::Running));
        task.abort();
        assert!(runtime.block_on(task).is_err());
        wait_until("it is gone", || runtime.handle().all_tasks().is_empty());
    });
}

#[test]
fn ids_of_living_tasks_differ() {
    guarded(|| {
        let runtime = workers(2);
        let tasks: Vec<_> = (0..10_000)
            .map(|_| runtime.spawn(pending::<()>()))
            .collect();
        let ids: HashSet<_> = tasks.iter().map(filch::task::JoinHandle::id).collect();
        assert_eq!(ids.len(), 10_000);
        let names: HashSet<_> = ids.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), 10_000);
    });
}

#[test]
fn abort_handles_outlive_handle_task_and_runtime() {
    on_each_flavor(|runtime| {
        let task = runtime.spawn(pending::<()>());
        let abort = task.abort_handle();
        let copy = abort.clone();
        assert_eq!((abort.id(), copy.id()), (task.id(), task.id()));
        assert!(!abort.is_finished());
        copy.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        assert!(abort.is_finished());
        drop(runtime);
        abort.abort();
        assert!(copy.is_finished());
    });
}

#[test]
fn free_block_on_is_a_runtime_for_the_call() {
    guarded(|| {
        let tally = Tally::new();
        let token = tally.token();
        let (tell, told) = mpsc::channel();
        let answer = filch::block_on(async move {
            filch::spawn(async move {
                let _token = token;
                tell.send(()).unwrap();
                pending::<()>().await;
            })
            .detach();
            told.recv_timeout(LIMIT).unwrap();
            42
        });
        assert_eq!(answer, 42);
        assert_eq!(tally.dropped(), 1, "its tasks end with it");
    });
}

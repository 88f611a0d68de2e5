//! Faults of the blocking pool. The names bear the rows of the table of faults.
#![cfg(not(loom))]

mod common;

use common::{Event, LIMIT, Tally, guarded, on_each_flavor, panic_quietly, wait_until};
use filch::runtime::{Builder, Executor, Handle};
use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[test]
fn c45_jobs_that_wait_for_jobs_exhaust_a_pool_visibly_and_leave_executors_alone() {
    guarded(|| {
        let runtime = Builder::new()
            .workers(1)
            .max_blocking_threads(2)
            .build()
            .unwrap();
        let (go, on) = (Event::new(), Tally::new());
        let outer: Vec<_> = (0..2)
            .map(|_| {
                let (go, on) = (go.clone(), on.clone());
                runtime.spawn_blocking(move || {
                    on.count();
                    go.wait_on_thread();
                })
            })
            .collect();
        wait_until("the pool is full", || on.counted() == 2);
        let gone = go.clone();
        let inner = runtime.spawn_blocking(move || gone.set());
        let metrics = runtime.metrics();
        assert_eq!(metrics.blocking_threads, 2);
        assert_eq!(metrics.blocking_idle, 0);
        assert_eq!(metrics.blocking_queue, 1);
        let executor = Executor::new("lane", 1).unwrap();
        assert_eq!(runtime.block_on(executor.spawn(|| 5)).unwrap(), 5);
        assert!(!inner.is_finished());
        go.set();
        runtime.block_on(inner).unwrap();
        for job in outer {
            runtime.block_on(job).unwrap();
        }
    });
}

#[test]
fn c46_panic_in_a_job_reaches_its_handle_and_its_thread_goes_on() {
    on_each_flavor(|runtime| {
        let mut threads = HashSet::new();
        for at in 0..100 {
            let (tell, told) = mpsc::channel();
            let job = runtime.spawn_blocking(move || {
                tell.send(thread::current().id()).unwrap();
                if at % 2 == 0 {
                    panic_quietly("the job panics");
                }
                at
            });
            threads.insert(told.recv_timeout(LIMIT).unwrap());
            match runtime.block_on(job) {
                Ok(number) => assert_eq!(number, at),
                Err(error) => assert_eq!(common::text(&*error.into_panic()), "the job panics"),
            }
        }
        // A second thread comes when the first has not yet gone back to rest.
        assert!(threads.len() <= 4, "threads were reused: {}", threads.len());
    });
}

#[test]
fn c47_abort_of_a_queued_job_keeps_it_from_running_and_of_a_running_one_does_not() {
    guarded(|| {
        let runtime = Builder::new()
            .workers(1)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (go, on) = (Event::new(), Event::new());
        let (gone, is_on) = (go.clone(), on.clone());
        let running = runtime.spawn_blocking(move || {
            is_on.set();
            gone.wait_on_thread();
            5
        });
        on.wait_on_thread();
        let tally = Tally::new();
        let (token, ran) = (tally.token(), tally.clone());
        let queued = runtime.spawn_blocking(move || {
            let _token = token;
            ran.count();
        });
        queued.abort();
        running.abort();
        go.set();
        assert!(runtime.block_on(queued).unwrap_err().is_cancelled());
        assert_eq!(runtime.block_on(running).unwrap(), 5);
        assert_eq!((tally.counted(), tally.dropped()), (0, 1));
    });
}

#[test]
fn c48_burst_shrinks_to_nothing_after_the_keep_alive_and_loses_no_job() {
    guarded(|| {
        let (stopped, stops) = mpsc::channel();
        let executor = |runtime: &filch::runtime::Runtime| {
            let (go, on) = (Event::new(), Tally::new());
            let jobs: Vec<_> = (0..32)
                .map(|at| {
                    let (go, on) = (go.clone(), on.clone());
                    runtime.spawn_blocking(move || {
                        on.count();
                        go.wait_on_thread();
                        at
                    })
                })
                .collect();
            wait_until("all run at once", || on.counted() == 32);
            go.set();
            for (at, job) in jobs.into_iter().enumerate() {
                assert_eq!(runtime.block_on(job).unwrap(), at);
            }
        };
        let runtime = Builder::new()
            .workers(1)
            .blocking_keep_alive(Duration::from_millis(5))
            .on_thread_stop(move || {
                let name = thread::current().name().map(String::from);
                // Fails for threads that end with the runtime, when nobody listens.
                let _ = stopped.send(name.unwrap_or_default());
            })
            .build()
            .unwrap();
        executor(&runtime);
        let peak = runtime.metrics().blocking_threads_peak;
        assert!(peak >= 32);
        for _ in 0..32 {
            let name = stops.recv_timeout(LIMIT).unwrap();
            assert!(name.starts_with("filch-blocking"), "{name}");
        }
        wait_until("the pool is empty", || {
            runtime.metrics().blocking_threads == 0
        });
        // Submissions that race with expiring threads are served.
        for at in 0..50 {
            let job = runtime.spawn_blocking(move || at);
            assert_eq!(runtime.block_on(job).unwrap(), at);
            if at % 10 == 0 {
                wait_until("the pool is empty", || {
                    runtime.metrics().blocking_threads == 0
                });
            }
        }
    });
}

#[test]
fn c49_job_that_outlives_its_runtime_delivers_its_result() {
    on_each_flavor(|runtime| {
        let (go, on) = (Event::new(), Event::new());
        let (gone, is_on) = (go.clone(), on.clone());
        let tally = Tally::new();
        let outputs = tally.clone();
        let job = runtime.spawn_blocking(move || {
            is_on.set();
            gone.wait_on_thread();
            assert!(Handle::try_current().is_ok());
            outputs.token()
        });
        on.wait_on_thread();
        runtime.shutdown_background();
        go.set();
        let output = filch::block_on(job).unwrap();
        assert_eq!(tally.dropped(), 0);
        drop(output);
        assert_eq!((tally.made(), tally.dropped()), (1, 1));
    });
}

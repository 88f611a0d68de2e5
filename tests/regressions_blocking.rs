//! Situations in which blocking calls of other runtimes never ran. The numbers are issues and pull requests of tokio.
#![cfg(not(loom))]

mod common;

use common::{Event, LIMIT, guarded, is_child, on_each_flavor, run_child, workers};
use filch::runtime::{Builder, Handle};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// #2802: jobs never ran when the workers themselves used up the blocking threads that there may be.
#[test]
fn blocking_job_runs_although_all_workers_block_in_place() {
    guarded(|| {
        let runtime = Builder::new()
            .workers(2)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let go = Event::new();
        let blocked: Vec<_> = (0..4)
            .map(|_| {
                let go = go.clone();
                runtime.spawn(async move { filch::block_in_place(|| go.wait_on_thread()) })
            })
            .collect();
        let job = runtime.spawn(async move { filch::spawn_blocking(move || go.set()).await });
        runtime.block_on(job).unwrap().unwrap();
        for task in blocked {
            runtime.block_on(task).unwrap();
        }
    });
}

/// #8093: building a runtime overflowed a small stack, because big arrays were made on it.
#[test]
fn runtime_is_built_on_a_small_stack() {
    const NAME: &str = "runtime_is_built_on_a_small_stack";
    if is_child() {
        let building = thread::Builder::new().stack_size(64 * 1024).spawn(|| {
            let runtime = Builder::new().workers(64).build().unwrap();
            let current = Builder::current_thread().build().unwrap();
            (runtime, current)
        });
        let (runtime, current) = building.unwrap().join().unwrap();
        assert_eq!(runtime.block_on(runtime.spawn(async { 5 })).unwrap(), 5);
        assert_eq!(current.block_on(current.spawn(async { 6 })).unwrap(), 6);
        println!("built");
        return;
    }
    let child = run_child(NAME, LIMIT, &[]);
    child.assert_success();
    assert!(child.stdout.contains("built"), "{child:#?}");
}

/// Jobs that are submitted while threads of the pool end are not lost between the two.
#[test]
fn jobs_submitted_while_idle_threads_expire_all_run() {
    guarded(|| {
        let mut builder = Builder::new();
        builder
            .workers(1)
            .blocking_keep_alive(Duration::from_micros(50));
        let runtime = builder.build().unwrap();
        for at in 0..500 {
            let job = runtime.spawn_blocking(move || at);
            assert_eq!(runtime.block_on(job).unwrap(), at);
        }
    });
}

/// A blocking job may use its runtime: spawn, sleep and block on it.
#[test]
fn blocking_job_uses_its_runtime() {
    on_each_flavor(|runtime| {
        let job = runtime.spawn_blocking(|| {
            let handle = Handle::current();
            let task = filch::spawn(async { 5 });
            handle.block_on(async {
                filch::time::sleep(Duration::from_millis(1)).await;
                task.await.unwrap()
            })
        });
        assert_eq!(runtime.block_on(job).unwrap(), 5);
    });
}

/// A thousand jobs that all sleep start soon, not one after the other.
#[test]
fn sleeping_jobs_sleep_at_the_same_time() {
    guarded(|| {
        let runtime = workers(1);
        let (on, is_on) = mpsc::channel();
        let go = Event::new();
        let jobs: Vec<_> = (0..200)
            .map(|_| {
                let (on, go) = (on.clone(), go.clone());
                runtime.spawn_blocking(move || {
                    on.send(()).unwrap();
                    go.wait_on_thread();
                })
            })
            .collect();
        // Only if each has a thread of its own do all come here before any goes on.
        for _ in 0..200 {
            is_on.recv_timeout(LIMIT).unwrap();
        }
        go.set();
        for job in jobs {
            runtime.block_on(job).unwrap();
        }
    });
}

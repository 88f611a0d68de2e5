//! Faults in the life of a runtime: its end at bad moments, and a system that gives it too little. The names bear the
//! rows of the table of faults.
#![cfg(not(loom))]

mod common;

use common::{
    Event, LIMIT, Tally, guarded, is_child, on_each_flavor, run_child, run_child_with, wait_until,
    workers,
};
use filch::runtime::{Builder, Handle, Runtime};
use filch::task::yield_now;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn b31_runtime_dropped_inside_a_task_of_its_own_does_not_hang() {
    guarded(|| {
        for count in [1, 2] {
            let runtime = workers(count);
            let handle = runtime.handle().clone();
            let tally = Tally::new();
            let (token, other) = (tally.token(), tally.token());
            handle
                .spawn(async move {
                    let _token = other;
                    pending::<()>().await;
                })
                .detach();
            let task = handle.spawn(async move {
                let _token = token;
                drop(runtime);
                5
            });
            let mut task = task;
            wait_until("the task ends", || task.is_finished());
            let result = common::poll_once(&mut task);
            assert!(
                matches!(result, std::task::Poll::Ready(Ok(5))),
                "{result:?}"
            );
            wait_until("all are dropped", || tally.dropped() == 2);
        }
    });
}

#[test]
fn b31_runtime_dropped_inside_a_blocking_job_of_its_own_does_not_hang() {
    guarded(|| {
        let runtime = workers(1);
        let handle = runtime.handle().clone();
        let job = handle.spawn_blocking(move || drop(runtime));
        wait_until("the job ends", || job.is_finished());
        assert_eq!(handle.metrics().live_tasks, 0);
    });
}

#[test]
fn b32_nested_block_on_panics_and_both_runtimes_live_on() {
    on_each_flavor(|runtime| {
        let inner = workers(1);
        runtime.block_on(async {
            let nested = catch_unwind(AssertUnwindSafe(|| inner.block_on(async {})));
            let text = common::text(&*nested.unwrap_err());
            assert!(text.contains("block_in_place"), "{text}");
        });
        assert_eq!(runtime.block_on(async { 1 }), 1);
        assert_eq!(inner.block_on(async { 2 }), 2);
    });
}

#[test]
fn b33_spawn_after_the_end_gives_a_cancelled_handle_and_drops_the_future() {
    on_each_flavor(|runtime| {
        let handle = runtime.handle().clone();
        drop(runtime);
        let tally = Tally::new();
        let token = tally.token();
        let task = handle.spawn(async move {
            let _token = token;
        });
        assert_eq!(tally.dropped(), 1);
        assert!(task.is_finished());
        assert!(handle.block_on(task).unwrap_err().is_cancelled());
        let job = handle.spawn_blocking(|| 5);
        assert!(handle.block_on(job).unwrap_err().is_cancelled());
        let pinned = handle.spawn_pinned(|| async { 5 });
        assert!(handle.block_on(pinned).unwrap_err().is_cancelled());
        assert_eq!(handle.metrics().live_tasks, 0);
    });
}

#[test]
fn b33_sleep_after_the_end_panics_and_says_why() {
    on_each_flavor(|runtime| {
        let handle = runtime.handle().clone();
        drop(runtime);
        let sleeping = catch_unwind(AssertUnwindSafe(|| {
            handle.block_on(async { filch::time::sleep(Duration::from_secs(1)).await })
        }));
        let text = common::text(&*sleeping.unwrap_err());
        assert!(text.contains("has been shut down"), "{text}");
    });
}

/// Spawns another of its kind when it is dropped.
struct Spawner(
    usize,
    Tally,
    #[expect(dead_code, reason = "counted by its drop")] common::Token,
);

impl Drop for Spawner {
    fn drop(&mut self) {
        if self.0 > 0 {
            let next = Spawner(self.0 - 1, self.1.clone(), self.1.token());
            let task = Handle::current().spawn(async move {
                let _next = next;
                pending::<()>().await;
            });
            drop(task);
        }
    }
}

#[test]
fn b34_drops_that_spawn_during_the_end_come_to_an_end() {
    for make in [|| workers(2), common::current_thread as fn() -> Runtime] {
        guarded(move || {
            let tally = Tally::new();
            let runtime = make();
            let first = Spawner(1000, tally.clone(), tally.token());
            let task = runtime.spawn(async move {
                let _first = first;
                pending::<()>().await;
            });
            runtime.block_on(yield_now());
            let guard = runtime.handle().clone();
            let _entered = guard.enter();
            drop(runtime);
            assert!(task.is_finished());
            wait_until("all are dropped", || tally.dropped() == 1001);
            assert_eq!(tally.made(), 1001);
        });
    }
}

#[test]
fn b35_end_with_a_stuck_blocking_job_waits_and_with_a_timeout_does_not() {
    guarded(|| {
        let runtime = workers(1);
        let (go, on) = (Event::new(), Event::new());
        let (gone, is_on) = (go.clone(), on.clone());
        filch_named_job(&runtime, "stuck", move || {
            is_on.set();
            gone.wait_on_thread();
        });
        on.wait_on_thread();
        let report = runtime.shutdown_timeout(Duration::from_millis(20));
        assert!(!report.complete);
        assert_eq!(report.jobs_running.len(), 1);
        assert!(report.jobs_running[0].starts_with("stuck"), "{report:?}");
        assert!(report.jobs_running[0].contains(file!()), "{report:?}");
        go.set();

        // A drop waits: the job has ended when it returns.
        let runtime = workers(1);
        let (on, ended) = (Event::new(), Arc::new(AtomicBool::new(false)));
        let (is_on, ended_there) = (on.clone(), ended.clone());
        runtime
            .spawn_blocking(move || {
                is_on.set();
                thread::sleep(Duration::from_millis(30));
                ended_there.store(true, SeqCst);
            })
            .detach();
        on.wait_on_thread();
        drop(runtime);
        assert!(ended.load(SeqCst));
    });
}

fn filch_named_job(runtime: &Runtime, name: &str, f: impl FnOnce() + Send + 'static) {
    let _guard = runtime.enter();
    filch::task::Builder::new()
        .name(name)
        .spawn_blocking(f)
        .detach();
}

#[test]
fn b36_end_with_a_task_that_never_yields_leaves_it_after_the_timeout() {
    guarded(|| {
        let runtime = workers(2);
        let (go, on, tally) = (Event::new(), Event::new(), Tally::new());
        let (gone, is_on, token) = (go.clone(), on.clone(), tally.token());
        let task = runtime.spawn(async move {
            let _token = token;
            is_on.set();
            gone.wait_on_thread();
        });
        on.wait_on_thread();
        let start = Instant::now();
        let report = runtime.shutdown_timeout(Duration::from_millis(20));
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert!(!report.complete);
        assert_eq!(report.tasks_running, 1);
        assert_eq!(tally.dropped(), 0);
        go.set();
        wait_until("the task ends", || task.is_finished());
        assert_eq!(tally.dropped(), 1);
    });
}

#[test]
fn b37_two_runtimes_wake_across_and_one_outlives_the_other() {
    guarded(|| {
        let (one, two) = (workers(2), workers(2));
        let (go, back) = (Event::new(), Event::new());
        let (gone, backed) = (go.clone(), back.clone());
        let there = two.spawn(async move {
            gone.wait().await;
            backed.set();
            Handle::current().metrics().workers.len()
        });
        let here = one.spawn(async move {
            go.set();
            back.wait().await;
            there.await.unwrap()
        });
        assert_eq!(one.block_on(here).unwrap(), 2);
        // A task of one waits for a task of the other, which ends with its runtime.
        let waiting = two.spawn(pending::<()>());
        let waiter = one.spawn(async move { waiting.await.unwrap_err().is_cancelled() });
        drop(two);
        assert!(one.block_on(waiter).unwrap());
        assert_eq!(one.block_on(one.spawn(async { 5 })).unwrap(), 5);
    });
}

#[cfg(target_os = "linux")]
fn count_of(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}"))
        .unwrap()
        .count()
}

/// Stacks so large that the limit on the address space says how many threads there can be.
#[cfg(target_os = "linux")]
const STACK: usize = 1 << 31;

/// The limit under which `threads` such stacks fit beside everything else, and no more.
#[cfg(target_os = "linux")]
fn space_for(threads: usize) -> String {
    format!("--as={}", threads * STACK + STACK / 4 * 3)
}

#[cfg(target_os = "linux")]
#[test]
fn b40_build_gives_an_error_when_any_of_its_threads_cannot_be_made() {
    const NAME: &str = "b40_build_gives_an_error_when_any_of_its_threads_cannot_be_made";
    if is_child() {
        let mut built = 0;
        for count in 1..=8 {
            let (threads, descriptors) = (count_of("task"), count_of("fd"));
            match Builder::new().workers(count).stack_size(STACK).build() {
                Ok(runtime) => {
                    assert_eq!(built, count - 1, "what fits is not refused");
                    built = count;
                    assert_eq!(runtime.block_on(runtime.spawn(async { 5 })).unwrap(), 5);
                }
                Err(error) => {
                    assert!(
                        error.to_string().contains("no thread for a worker"),
                        "{error}"
                    );
                }
            }
            // The system takes a moment to forget a thread that was joined.
            wait_until("no thread is left", || count_of("task") <= threads);
            assert_eq!(count_of("fd"), descriptors);
        }
        println!("at most {built} workers");
        return;
    }
    for threads in 0..=7 {
        let child = run_child_with(NAME, &space_for(threads));
        child.assert_success();
        assert!(
            child.stdout.contains(&format!("at most {threads} workers")),
            "{child:#?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn b41_blocking_jobs_are_queued_while_the_system_refuses_more_threads() {
    const NAME: &str = "b41_blocking_jobs_are_queued_while_the_system_refuses_more_threads";
    if is_child() {
        let runtime = Builder::new().workers(1).stack_size(STACK).build().unwrap();
        let jobs: Vec<_> = (0..50)
            .map(|_| {
                runtime.spawn_blocking(|| {
                    thread::sleep(Duration::from_millis(1));
                    thread::current().id()
                })
            })
            .collect();
        let mut threads = Vec::new();
        for job in jobs {
            match runtime.block_on(job) {
                Ok(thread) => threads.push(thread),
                Err(error) => assert!(error.is_cancelled()),
            }
        }
        let ran = threads.len();
        let distinct: std::collections::HashSet<_> = threads.into_iter().collect();
        println!("{ran} jobs on {}", distinct.len());
        return;
    }
    // No thread for the pool: refused. One or two: all jobs run on them, on a single core maybe on the first alone.
    for (threads, expected) in [
        (1, &["0 jobs on 0"][..]),
        (2, &["50 jobs on 1"]),
        (3, &["50 jobs on 1", "50 jobs on 2"]),
    ] {
        let child = run_child_with(NAME, &space_for(threads));
        child.assert_success();
        assert!(
            expected
                .iter()
                .any(|expected| child.stdout.contains(expected)),
            "{child:#?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn b42_build_gives_an_error_when_descriptors_have_run_out() {
    const NAME: &str = "b42_build_gives_an_error_when_descriptors_have_run_out";
    if is_child() {
        let mut files = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            files.push(file);
        }
        let mut errors = 0;
        // With no descriptor, one, two ... until there are enough.
        loop {
            for current in [false, true] {
                let threads = count_of_threads();
                let mut builder = if current {
                    Builder::current_thread()
                } else {
                    Builder::new()
                };
                match builder.build() {
                    Ok(runtime) => {
                        assert_eq!(runtime.block_on(runtime.spawn(async { 5 })).unwrap(), 5);
                        if current {
                            assert!(errors >= 2, "an epoll and an event descriptor are needed");
                            println!("{errors} errors");
                            return;
                        }
                    }
                    Err(error) => {
                        errors += 1;
                        assert_eq!(error.raw_os_error(), Some(24), "EMFILE: {error}");
                        wait_until("no thread is left", || count_of_threads() <= threads);
                    }
                }
            }
            files.pop().expect("a few descriptors are enough");
        }
    }
    let child = thread::spawn(|| run_child_with(NAME, "--nofile=40"))
        .join()
        .unwrap();
    child.assert_success();
    assert!(child.stdout.contains("errors"), "{child:#?}");
}

/// Without a descriptor of its own.
#[cfg(target_os = "linux")]
fn count_of_threads() -> usize {
    // `nlink` of the directory counts two more than the threads.
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self/task").unwrap().nlink() as usize
}

#[cfg(target_os = "linux")]
#[test]
fn b43_ten_thousand_runtimes_one_after_the_other_leave_nothing() {
    const NAME: &str = "b43_ten_thousand_runtimes_one_after_the_other_leave_nothing";
    if is_child() {
        let cycle = |at: u64| {
            let runtime = if at % 3 == 0 {
                common::current_thread()
            } else {
                workers(2)
            };
            let task =
                runtime.spawn(async move { filch::spawn_blocking(move || at).await.unwrap() });
            assert_eq!(runtime.block_on(task).unwrap(), at);
        };
        (0..100).for_each(cycle);
        let (threads, descriptors) = (count_of("task"), count_of("fd"));
        let resident = common::resident_bytes();
        (0..10_000).for_each(cycle);
        wait_until("no thread is left", || count_of("task") <= threads);
        assert_eq!(count_of("fd"), descriptors);
        let grown = common::resident_bytes().saturating_sub(resident);
        assert!(grown < 1 << 20, "grown by {grown} bytes");
        println!("as before, grown by {grown} bytes");
        return;
    }
    let child = run_child(NAME, LIMIT * 3, &[]);
    child.assert_success();
    assert!(child.stdout.contains("as before"), "{child:#?}");
}

#[cfg(target_os = "linux")]
#[test]
fn b44_out_of_memory_aborts_with_a_message() {
    const NAME: &str = "b44_out_of_memory_aborts_with_a_message";
    if is_child() {
        let runtime = common::current_thread();
        loop {
            let big = [0_u8; 4096];
            runtime
                .spawn(async move {
                    pending::<()>().await;
                    std::hint::black_box(&big);
                })
                .detach();
        }
    }
    let child = run_child_with(NAME, "--as=300000000");
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(child.status.signal(), Some(6), "{child:#?}");
    assert!(child.stderr.contains("memory allocation of"), "{child:#?}");
}

#[test]
fn b33_handle_that_outlives_its_runtime_still_answers() {
    on_each_flavor(|runtime| {
        let (tell, told) = mpsc::channel();
        let handle = runtime.handle().clone();
        runtime.spawn(async move { tell.send(5).unwrap() }).detach();
        assert_eq!(runtime.block_on(async { 1 }), 1);
        drop(runtime);
        // It ran, or was dropped with its sender.
        assert!(matches!(
            told.recv_timeout(LIMIT),
            Ok(5) | Err(mpsc::RecvTimeoutError::Disconnected)
        ));
        assert_eq!(handle.block_on(async { 7 }), 7);
        assert!(handle.all_tasks().is_empty());
    });
}

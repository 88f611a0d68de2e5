//! Faults of memory over long runs. The names bear the rows of the table of faults.
#![cfg(all(target_os = "linux", not(loom)))]

mod common;

use common::{LIMIT, is_child, run_child, wait_until, workers};
use std::alloc::{GlobalAlloc, Layout, System};
use std::future::pending;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The system's allocator, counting what is in use.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it came; only a counter is kept besides.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> usize {
    LIVE.load(Relaxed)
}

/// Two hundred thousand tasks at once, from outside and from a task.
fn burst(runtime: &filch::runtime::Runtime) {
    let tasks: Vec<_> = (0..100_000)
        .map(|_| runtime.spawn(pending::<()>()))
        .collect();
    let inside = runtime.spawn(async {
        let tasks: Vec<_> = (0..100_000_u64)
            .map(|at| filch::spawn(async move { at }))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    runtime.block_on(inside).unwrap();
    tasks.iter().for_each(filch::task::JoinHandle::abort);
    for task in tasks {
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
    }
    wait_until("all have ended", || runtime.metrics().live_tasks == 0);
}

#[test]
fn g94_memory_goes_back_after_a_burst() {
    const NAME: &str = "g94_memory_goes_back_after_a_burst";
    if is_child() {
        let runtime = workers(2);
        burst(&runtime);
        // A few tasks more let the queues be looked at again.
        let settle = || {
            for _ in 0..1000 {
                runtime.block_on(runtime.spawn(async {})).unwrap();
            }
            (live(), common::resident_bytes())
        };
        let (live_before, resident_before) = settle();
        for _ in 0..3 {
            burst(&runtime);
        }
        let (live_after, resident_after) = settle();
        println!(
            "live {live_before} -> {live_after}, resident {resident_before} -> {resident_after}"
        );
        assert!(live_after <= live_before + live_before / 100 + 65_536);
        // The memory of tasks is not the allocator's. Two hundred thousand of them take more than ten megabytes. What the
        // allocator keeps for itself, if tasks do come from it, is its own affair: `live` tells what it was given back.
        assert!(
            cfg!(filch_system_alloc) || resident_after <= resident_before + (8 << 20),
            "{resident_before} -> {resident_after}"
        );
        drop(runtime);
        println!("as before");
        return;
    }
    let child = run_child(NAME, LIMIT, &[]);
    child.assert_success();
    assert!(child.stdout.contains("as before"), "{child:#?}");
}

#[test]
fn g95_mixed_work_leaves_memory_threads_and_descriptors_as_they_were() {
    const NAME: &str = "g95_mixed_work_leaves_memory_threads_and_descriptors_as_they_were";
    if is_child() {
        let count_of = |what: &str| {
            std::fs::read_dir(format!("/proc/self/{what}"))
                .unwrap()
                .count()
        };
        let runtime = filch::runtime::Builder::new()
            .workers(2)
            .blocking_keep_alive(Duration::from_millis(1))
            .build()
            .unwrap();
        let round = || {
            let tasks: Vec<_> = (0..500_u64)
                .map(|at| {
                    runtime.spawn(async move {
                        let name = filch::task::Builder::new().name(format!("named {at}"));
                        let child = name.spawn(async move {
                            filch::time::sleep(Duration::from_micros(at)).await;
                            filch::spawn_blocking(move || at).await.unwrap()
                        });
                        match at % 5 {
                            0 => child.abort(),
                            1 => return child.detach(),
                            _ => {}
                        }
                        let _output = child.await;
                    })
                })
                .collect();
            for task in tasks {
                runtime.block_on(task).unwrap();
            }
            wait_until("all have ended", || {
                runtime.metrics().live_tasks == 0 && runtime.metrics().blocking_threads == 0
            });
        };
        (0..5).for_each(|_| round());
        let (threads, descriptors, before) = (count_of("task"), count_of("fd"), live());
        (0..30).for_each(|_| round());
        assert_eq!(count_of("fd"), descriptors);
        wait_until("the threads are gone", || count_of("task") <= threads);
        assert!(live() <= before + 65_536, "{before} -> {}", live());
        println!("as before");
        return;
    }
    let child = run_child(NAME, LIMIT, &[]);
    child.assert_success();
    assert!(child.stdout.contains("as before"), "{child:#?}");
}

/// The runtime's own share: what is left when it is gone is what the process keeps for the next one.
#[test]
fn g96_dropped_runtimes_leave_no_memory() {
    const NAME: &str = "g96_dropped_runtimes_leave_no_memory";
    if is_child() {
        let cycle = || {
            let runtime = workers(2);
            for _ in 0..1000 {
                runtime.spawn(pending::<()>()).detach();
            }
            runtime.block_on(async {
                filch::spawn_blocking(|| ()).await.unwrap();
                filch::time::sleep(Duration::from_micros(10)).await;
            });
        };
        (0..20).for_each(|_| cycle());
        let before = live();
        (0..500).for_each(|_| cycle());
        let grown = live().saturating_sub(before);
        // Threads that have just ended may keep a few kilobytes a moment longer; a leak would be five hundred times one.
        assert!(grown < 65_536, "grown by {grown} bytes");
        println!("as before, but for {grown} bytes");
        return;
    }
    let child = run_child(NAME, LIMIT, &[]);
    child.assert_success();
    assert!(child.stdout.contains("as before"), "{child:#?}");
}

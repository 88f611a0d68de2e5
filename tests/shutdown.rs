//! The end of a runtime: who waits for what, where futures are dropped, and what comes too late.
#![cfg(not(loom))]

mod common;

use common::{Event, LIMIT, Tally, current_thread, guarded, on_each_flavor, wait_until, workers};
use filch::runtime::Handle;
use filch::task::{JoinHandle, yield_now};
use std::future::{pending, poll_fn};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// The worker of a current-thread runtime is in use when the stop comes, and in use no more when the future is ready.
#[test]
fn runtime_that_is_dropped_in_its_own_block_on_ends_with_it() {
    for make in [current_thread, || workers(1)] {
        guarded(move || {
            let (runtime, tally) = (make(), Tally::new());
            let handle = runtime.handle().clone();
            let token = tally.token();
            let waiting = handle.spawn(async move {
                let _token = token;
                pending::<()>().await;
            });
            handle.block_on(async move { drop(runtime) });
            wait_until("it is dropped", || tally.dropped() == 1);
            assert!(filch::block_on(waiting).unwrap_err().is_cancelled());
        });
    }
}

#[test]
fn worker_that_stops_its_runtime_polls_no_other_task() {
    for make in [current_thread, || workers(1)] {
        guarded(move || {
            let runtime = make();
            let (handle, tally) = (runtime.handle().clone(), Tally::new());
            let others = tally.clone();
            let stopper = handle.spawn(async move {
                for _ in 0..50 {
                    let (token, polled) = (others.token(), others.clone());
                    let other = async move {
                        let _token = token;
                        polled.count();
                    };
                    filch::spawn(other).detach();
                }
                runtime.shutdown_background();
            });
            handle.block_on(stopper).unwrap();
            wait_until("all are dropped", || tally.dropped() == 50);
            assert_eq!(tally.counted(), 0);
        });
    }
}

#[test]
fn busy_workers_finish_their_present_poll_and_no_more() {
    guarded(|| {
        for _ in 0..100 {
            let (runtime, tally) = (workers(2), Tally::new());
            for _ in 0..8 {
                let (token, polled) = (tally.token(), tally.clone());
                let busy = async move {
                    let _token = token;
                    loop {
                        polled.count();
                        yield_now().await;
                    }
                };
                runtime.spawn(busy).detach();
            }
            wait_until("they are busy", || tally.counted() > 100);
            runtime.shutdown_background();
            let before = tally.counted();
            wait_until("all are dropped", || tally.dropped() == 8);
            let more = tally.counted() - before;
            assert!(more <= 2, "2 workers made {more} polls after the stop");
        }
    });
}

/// A job that a thread of the pool has taken but not begun is no cancelled one: it runs, and is waited for.
#[test]
fn job_that_was_just_taken_runs_and_only_the_queued_one_is_cancelled() {
    guarded(|| {
        let (taken, go) = (Event::new(), Event::new());
        let (is_taken, gone) = (taken.clone(), go.clone());
        let mut builder = filch::runtime::Builder::new();
        builder.workers(1).max_blocking_threads(1);
        builder.on_thread_start(move || {
            let thread = thread::current();
            if thread.name().is_some_and(|name| name.contains("blocking")) {
                is_taken.set();
                gone.wait_on_thread();
            }
        });
        let runtime = builder.build().unwrap();
        let probe = runtime.handle().clone();
        // Makes the end look through all tasks.
        let waiting = runtime.spawn(pending::<()>());
        let first = runtime.spawn_blocking(|| 5);
        taken.wait_on_thread();
        let second = runtime.spawn_blocking(|| 6);
        let ending = thread::spawn(move || runtime.shutdown_timeout(LIMIT));
        // That is the last thing before the end waits for the pool.
        wait_until("the timers are closed", || {
            let probed = || probe.block_on(filch::time::sleep(Duration::from_millis(1)));
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(probed)).is_err()
        });
        go.set();
        let report = ending.join().unwrap();
        assert!(report.complete, "{report:?}");
        assert_eq!((report.tasks_dropped, report.jobs_cancelled), (1, 1));
        assert!(filch::block_on(waiting).unwrap_err().is_cancelled());
        assert!(filch::block_on(second).unwrap_err().is_cancelled());
        assert_eq!(filch::block_on(first).unwrap(), 5);
    });
}

#[test]
fn report_counts_what_was_dropped_and_cancelled() {
    guarded(|| {
        let mut builder = filch::runtime::Builder::new();
        let runtime = builder.workers(2).max_blocking_threads(1).build().unwrap();
        let tasks: Vec<_> = (0..10).map(|_| runtime.spawn(pending::<()>())).collect();
        let (on, go) = (Event::new(), Event::new());
        let (is_on, gone) = (on.clone(), go.clone());
        let running = runtime.spawn_blocking(move || {
            is_on.set();
            gone.wait_on_thread();
        });
        on.wait_on_thread();
        let queued: Vec<_> = (0..3).map(|_| runtime.spawn_blocking(|| ())).collect();
        // The running one ends only when the queue is gone.
        let ending = thread::spawn(move || {
            wait_until("the queue is cancelled", || {
                queued.iter().all(JoinHandle::is_finished)
            });
            go.set();
            queued
        });
        let report = runtime.shutdown_timeout(LIMIT);
        assert!(report.complete, "{report:?}");
        assert_eq!(report.tasks_dropped, 10);
        assert_eq!(report.tasks_running, 0);
        assert_eq!(report.jobs_cancelled, 3);
        assert!(report.jobs_running.is_empty());
        for job in ending.join().unwrap() {
            assert!(
                futures_lite::future::block_on(job)
                    .unwrap_err()
                    .is_cancelled()
            );
        }
        futures_lite::future::block_on(running).unwrap();
        for task in tasks {
            assert!(
                futures_lite::future::block_on(task)
                    .unwrap_err()
                    .is_cancelled()
            );
        }
    });
}

#[test]
fn futures_are_dropped_once_on_a_worker_or_on_the_thread_that_ends_the_runtime() {
    struct Where(mpsc::Sender<(Option<String>, thread::ThreadId)>);
    impl Drop for Where {
        fn drop(&mut self) {
            let thread = thread::current();
            self.0
                .send((thread.name().map(String::from), thread.id()))
                .unwrap();
        }
    }
    on_each_flavor(|runtime| {
        let (tell, told) = mpsc::channel();
        for _ in 0..50 {
            let place = Where(tell.clone());
            let future = async move {
                let _place = place;
                pending::<()>().await;
            };
            runtime.spawn(future).detach();
        }
        drop(tell);
        runtime.block_on(yield_now());
        drop(runtime);
        let places: Vec<_> = told.iter().collect();
        assert_eq!(places.len(), 50);
        for (name, id) in places {
            let on_worker = name.is_some_and(|name| name.starts_with("filch-"));
            assert!(on_worker || id == thread::current().id());
        }
    });
}

#[test]
fn spawns_of_tasks_during_the_end_are_cancelled() {
    struct SpawnsOnDrop(mpsc::Sender<[JoinHandle<()>; 3]>, Tally);
    impl Drop for SpawnsOnDrop {
        fn drop(&mut self) {
            let tokens = [self.1.token(), self.1.token()];
            let [first, second] = tokens;
            let spawned = [
                filch::spawn(async move { drop(first) }),
                Handle::current().spawn(async move { drop(second) }),
                filch::spawn_pinned(|| async {}),
            ];
            self.0.send(spawned).unwrap();
        }
    }
    guarded(|| {
        let runtime = workers(1);
        let (tell, told) = mpsc::channel();
        let tally = Tally::new();
        let on_drop = SpawnsOnDrop(tell, tally.clone());
        let begun = Event::new();
        let has_begun = begun.clone();
        // Dropped on the worker, where the runtime is current.
        let future = move || async move {
            let _on_drop = on_drop;
            has_begun.set();
            pending::<()>().await;
        };
        runtime.handle().spawn_pinned(future).detach();
        begun.wait_on_thread();
        drop(runtime);
        for task in told.recv_timeout(LIMIT).unwrap() {
            assert!(task.is_finished());
            let result = futures_lite::future::block_on(task);
            assert!(result.unwrap_err().is_cancelled());
        }
        assert_eq!((tally.made(), tally.dropped()), (2, 2));
    });
}

#[test]
fn wakers_that_outlive_the_runtime_do_nothing() {
    on_each_flavor(|runtime| {
        let (give, wakers) = mpsc::channel::<Waker>();
        for _ in 0..10 {
            let give = give.clone();
            let future = poll_fn(move |cx| {
                give.send(cx.waker().clone()).unwrap();
                Poll::<()>::Pending
            });
            runtime.spawn(future).detach();
        }
        drop(give);
        runtime.block_on(async {
            for _ in 0..200 {
                yield_now().await;
            }
        });
        let first: Vec<_> = (0..10)
            .map(|_| wakers.recv_timeout(LIMIT).unwrap())
            .collect();
        let root = runtime.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
        drop(runtime);
        root.wake();
        first.iter().for_each(Waker::wake_by_ref);
        first.into_iter().for_each(Waker::wake);
        assert!(
            wakers.recv().is_err(),
            "all futures are gone, and none was polled again"
        );
    });
}

#[test]
fn shutdown_background_returns_at_once_and_the_end_comes() {
    guarded(|| {
        let runtime = workers(2);
        let handle = runtime.handle().clone();
        let tally = Tally::new();
        let (on, go) = (Event::new(), Event::new());
        let (is_on, gone, token) = (on.clone(), go.clone(), tally.token());
        let busy = runtime.spawn(async move {
            let _token = token;
            is_on.set();
            gone.wait_on_thread();
        });
        on.wait_on_thread();
        runtime.shutdown_background();
        assert!(!busy.is_finished());
        go.set();
        wait_until("the end", || handle.metrics().live_tasks == 0);
        assert_eq!(tally.dropped(), 1);
        assert!(
            futures_lite::future::block_on(busy).is_ok(),
            "a poll that ends is ready"
        );
    });
}

#[test]
fn shutdown_inside_a_task_does_not_wait_and_the_task_ends() {
    guarded(|| {
        let runtime = workers(2);
        let handle = runtime.handle().clone();
        let (tell, told) = mpsc::channel();
        handle
            .spawn(async move {
                let start = Instant::now();
                let report = runtime.shutdown_timeout(Duration::from_secs(3600));
                tell.send((report.complete, start.elapsed())).unwrap();
            })
            .detach();
        let (complete, took) = told.recv_timeout(LIMIT).unwrap();
        assert!(!complete, "the task itself is left");
        assert!(took < Duration::from_secs(3600));
        wait_until("the end", || handle.metrics().live_tasks == 0);
    });
}

#[test]
fn runtime_dropped_inside_another_ones_task_ends() {
    on_each_flavor(|outer| {
        let inner = workers(2);
        let tally = Tally::new();
        let token = tally.token();
        inner
            .spawn(async move {
                let _token = token;
                pending::<()>().await;
            })
            .detach();
        outer
            .block_on(outer.spawn(async move { drop(inner) }))
            .unwrap();
        wait_until("the inner one has ended", || tally.dropped() == 1);
    });
}

#[test]
fn end_waits_for_a_task_in_the_middle_of_a_poll() {
    guarded(|| {
        let runtime = workers(2);
        let (on, ended) = (Event::new(), Tally::new());
        let (is_on, has_ended) = (on.clone(), ended.clone());
        runtime
            .spawn(async move {
                is_on.set();
                thread::sleep(Duration::from_millis(20));
                has_ended.count();
            })
            .detach();
        on.wait_on_thread();
        drop(runtime);
        assert_eq!(ended.counted(), 1);
    });
}

#[test]
fn tasks_that_hold_each_others_handles_are_all_dropped() {
    on_each_flavor(|runtime| {
        let tally = Tally::new();
        let mut last = runtime.spawn(pending::<()>());
        for _ in 0..200 {
            let (before, token) = (last, tally.token());
            last = runtime.spawn(async move {
                let _token = token;
                let _cancelled = before.await;
            });
        }
        runtime.block_on(yield_now());
        drop(runtime);
        assert_eq!(tally.dropped(), 200);
        // Those that saw the cancellation before theirs have ended well.
        let _either = futures_lite::future::block_on(last);
    });
}

//! Faults of tasks, wakers and panics, first half: what breaks inside user code. The names bear the rows of the table of
//! faults.
#![cfg(not(loom))]

mod common;

use common::{
    Event, LIMIT, Tally, guarded, is_child, on_each_flavor, panic_quietly, poll_once, run_child,
    wait_until, workers,
};
use filch::runtime::Builder;
use filch::time::sleep;
use std::collections::HashSet;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_quietly("the drop panics");
    }
}

/// Panics when it is woken.
struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic_quietly("the waker panics");
    }
}

#[test]
fn a01_panic_in_a_poll_reaches_the_handle() {
    on_each_flavor(|runtime| {
        let error = runtime.block_on(async {
            let task = filch::spawn(async { panic_quietly("oh no") });
            task.await.unwrap_err()
        });
        assert!(error.is_panic());
        assert_eq!(common::text(&*error.into_panic()), "oh no");
        assert_eq!(runtime.block_on(runtime.spawn(async { 5 })).unwrap(), 5);
    });
}

#[test]
fn a01_ten_thousand_panics_among_a_hundred_thousand_tasks_leave_the_workers_as_they_were() {
    guarded(|| {
        let runtime = workers(2);
        let (panics, threads) = runtime.block_on(async {
            let tasks: Vec<_> = (0..100_000)
                .map(|at| {
                    filch::spawn(async move {
                        if at % 10 == 0 {
                            panic_quietly("one in ten");
                        }
                        thread::current().id()
                    })
                })
                .collect();
            let mut panics = 0;
            let mut threads = HashSet::new();
            for task in tasks {
                match task.await {
                    Ok(thread) => {
                        threads.insert(thread);
                    }
                    Err(error) => panics += usize::from(error.is_panic()),
                }
            }
            (panics, threads)
        });
        assert_eq!(panics, 10_000);
        assert!(threads.len() <= 2, "no worker thread was replaced");
        wait_until("all have ended", || runtime.metrics().live_tasks == 0);
        assert!(runtime.handle().all_tasks().is_empty());
    });
}

#[test]
fn a02_panic_in_a_futures_drop_on_abort_is_reported_through_the_join() {
    on_each_flavor(|runtime| {
        let bomb = Bomb;
        let task = runtime.spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        runtime.block_on(async { filch::task::yield_now().await });
        task.abort();
        let error = runtime.block_on(task).unwrap_err();
        assert!(error.is_panic());
        assert_eq!(common::text(&*error.into_panic()), "the drop panics");
        assert_eq!(runtime.block_on(runtime.spawn(async { 5 })).unwrap(), 5);
    });
}

#[test]
fn a03_panic_in_the_drop_of_an_output_that_nobody_wants_is_reported_and_contained() {
    guarded(|| {
        let (report, reports) = mpsc::channel();
        let runtime = Builder::new()
            .workers(1)
            .on_unhandled(move |end| report.send(end.panic_message().map(String::from)).unwrap())
            .build()
            .unwrap();
        runtime.spawn(async { Bomb }).detach();
        let message = reports.recv_timeout(LIMIT).unwrap();
        assert_eq!(message.as_deref(), Some("the drop panics"));
        // The handle goes after the task has ended.
        let task = runtime.spawn(async { Bomb });
        wait_until("the task ends", || task.is_finished());
        drop(task);
        let message = reports.recv_timeout(LIMIT).unwrap();
        assert_eq!(message.as_deref(), Some("the drop panics"));
        assert_eq!(runtime.block_on(runtime.spawn(async { 5 })).unwrap(), 5);
        wait_until("all have ended", || runtime.metrics().live_tasks == 0);
    });
}

#[test]
fn a04_panics_in_drops_at_the_end_of_the_runtime_keep_no_other_future_from_its_drop() {
    on_each_flavor(|runtime| {
        let tally = Tally::new();
        for at in 0..100 {
            let token = tally.token();
            let bomb = (at % 10 == 0).then(|| Bomb);
            let future = async move {
                let _held = (token, bomb);
                pending::<()>().await;
            };
            runtime.spawn(future).detach();
        }
        runtime.block_on(filch::task::yield_now());
        drop(runtime);
        assert_eq!((tally.made(), tally.dropped()), (100, 100));
    });
}

#[test]
fn a05_panic_in_a_drop_while_unwinding_aborts_the_process() {
    const NAME: &str = "a05_panic_in_a_drop_while_unwinding_aborts_the_process";
    if is_child() {
        let runtime = workers(1);
        let task = runtime.spawn(async {
            let _bomb = Bomb;
            panic_quietly("the first");
        });
        let _unreachable = runtime.block_on(task);
        return;
    }
    let child = run_child(NAME, LIMIT, &[]);
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        const SIGABRT: i32 = 6;
        assert_eq!(child.status.signal(), Some(SIGABRT), "{child:#?}");
    }
    assert!(!child.status.success());
}

#[test]
fn a07_panic_of_a_waker_belongs_to_the_task_that_wakes() {
    on_each_flavor(|runtime| {
        let error = runtime.block_on(async {
            let task = filch::spawn(async { Waker::from(Arc::new(PanickingWaker)).wake() });
            task.await.unwrap_err()
        });
        assert_eq!(common::text(&*error.into_panic()), "the waker panics");
    });
}

#[test]
fn a08_panic_of_a_waker_that_a_timer_wakes_is_contained() {
    on_each_flavor(|runtime| {
        let fired = runtime.block_on(async {
            let bad = Waker::from(Arc::new(PanickingWaker));
            let mut pending = 0;
            let mut registered = || {
                let mut sleep = Box::pin(sleep(Duration::from_millis(1)));
                let polled = sleep.as_mut().poll(&mut Context::from_waker(&bad));
                pending += usize::from(polled.is_pending());
                sleep
            };
            let sleeps: Vec<_> = (0..1000).map(|_| registered()).collect();
            assert!(pending > 900, "all but a few were polled before their time");
            // Those that fire beside and after the bad ones are heard.
            for _ in 0..3 {
                sleep(Duration::from_millis(1)).await;
            }
            sleeps.iter().filter(|sleep| sleep.is_elapsed()).count()
        });
        assert_eq!(fired, 1000);
        let ended = runtime.block_on(async {
            let tasks: Vec<_> = (0..1000)
                .map(|at| filch::spawn(async move { at }))
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(ended, 499_500);
    });
}

#[test]
fn a08_panic_of_a_waker_that_a_blocking_job_or_a_task_wakes_is_contained() {
    on_each_flavor(|runtime| {
        let bad = Waker::from(Arc::new(PanickingWaker));
        let go = Event::new();
        let gone = go.clone();
        let mut job = runtime.spawn_blocking(move || gone.wait_on_thread());
        assert!(
            Pin::new(&mut job)
                .poll(&mut Context::from_waker(&bad))
                .is_pending()
        );
        go.set();
        wait_until("the job ends", || job.is_finished());

        let go = Event::new();
        let gone = go.clone();
        let mut task = runtime.spawn(async move { gone.wait().await });
        assert!(
            Pin::new(&mut task)
                .poll(&mut Context::from_waker(&bad))
                .is_pending()
        );
        go.set();
        let after = runtime.spawn(async { 5 });
        assert_eq!(runtime.block_on(after).unwrap(), 5);
        assert!(runtime.block_on(task).is_ok());
        assert!(runtime.block_on(job).is_ok());
    });
}

#[test]
fn a09_wake_after_the_end_and_after_the_output_was_taken_does_nothing() {
    on_each_flavor(|runtime| {
        let (give, wakers) = mpsc::channel();
        let tally = Tally::new();
        let polls = tally.clone();
        let mut task = runtime.spawn(poll_fn(move |cx| {
            polls.count();
            give.send(cx.waker().clone()).unwrap();
            Poll::Ready(5)
        }));
        runtime.block_on(async {
            while !task.is_finished() {
                filch::task::yield_now().await;
            }
        });
        let waker = wakers.recv_timeout(LIMIT).unwrap();
        waker.wake_by_ref();
        assert!(matches!(poll_once(&mut task), Poll::Ready(Ok(5))));
        waker.wake_by_ref();
        drop(task);
        waker.wake_by_ref();
        runtime.block_on(filch::task::yield_now());
        assert_eq!(tally.counted(), 1);
        drop(runtime);
        waker.wake();
    });
}

#[test]
fn a10_wakes_from_other_threads_while_polled_and_aborted_poll_never_after_the_end() {
    guarded(|| {
        let runtime = workers(2);
        for _ in 0..200 {
            let (give, wakers) = mpsc::channel::<Waker>();
            let tally = Tally::new();
            let (token, polls) = (tally.token(), tally.clone());
            let task = runtime.spawn(poll_fn(move |cx| {
                let _ = &token;
                if polls.count() == 0 {
                    give.send(cx.waker().clone()).unwrap();
                }
                Poll::<()>::Pending
            }));
            let waker = wakers.recv_timeout(LIMIT).unwrap();
            let wakes =
                |waker: Waker| thread::spawn(move || (0..50).for_each(|_| waker.wake_by_ref()));
            let threads = [wakes(waker.clone()), wakes(waker)];
            task.abort();
            let error = runtime.block_on(task).unwrap_err();
            assert!(error.is_cancelled());
            let polls = tally.counted();
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(tally.dropped(), 1);
            assert_eq!(tally.counted(), polls, "no poll after the end");
        }
    });
}

#[test]
fn a11_wakes_while_the_runtime_is_dropped_find_no_freed_memory() {
    guarded(|| {
        let tally = Tally::new();
        for _ in 0..100 {
            let runtime = workers(2);
            let (give, wakers) = mpsc::channel::<Waker>();
            for _ in 0..4 {
                let (token, give) = (tally.token(), give.clone());
                let future = poll_fn(move |cx| {
                    let _ = &token;
                    // Fails once the test has stopped listening.
                    let _ = give.send(cx.waker().clone());
                    Poll::<()>::Pending
                });
                runtime.spawn(future).detach();
            }
            let first: Vec<_> = (0..4)
                .map(|_| wakers.recv_timeout(LIMIT).unwrap())
                .collect();
            let waking = thread::spawn(move || {
                for _ in 0..50 {
                    first.iter().for_each(Waker::wake_by_ref);
                }
                first
            });
            drop(runtime);
            for waker in waking.join().unwrap() {
                waker.wake();
            }
        }
        assert_eq!((tally.made(), tally.dropped()), (400, 400));
    });
}

#[test]
fn a12_storm_of_clones_and_drops_of_wakers_leaves_no_reference() {
    guarded(|| {
        let runtime = workers(2);
        let (give, wakers) = mpsc::channel::<Waker>();
        let task = runtime.spawn(poll_fn(move |cx| {
            // Fails once the test has its waker.
            let _ = give.send(cx.waker().clone());
            Poll::<()>::Pending
        }));
        let waker = wakers.recv_timeout(LIMIT).unwrap();
        drop(wakers);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let waker = waker.clone();
                thread::spawn(move || {
                    for _ in 0..10_000 {
                        let copies = [waker.clone(), waker.clone()];
                        drop(copies);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        drop(waker);
        wait_until("the last reference goes", || {
            runtime.handle().all_tasks().is_empty()
        });
    });
}

#[test]
fn a13_self_waking_tasks_leave_timers_their_time() {
    guarded(|| {
        let runtime = workers(2);
        let stop = Event::new();
        for _ in 0..4 {
            let stop = stop.clone();
            let storm = poll_fn(move |cx| {
                cx.waker().wake_by_ref();
                if stop.is_set() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            });
            runtime.spawn(storm).detach();
        }
        let mut late: Vec<_> = runtime
            .block_on(runtime.spawn(async {
                let mut late = Vec::new();
                for _ in 0..20 {
                    let start = Instant::now();
                    sleep(Duration::from_millis(1)).await;
                    late.push(start.elapsed().saturating_sub(Duration::from_millis(1)));
                }
                late
            }))
            .unwrap();
        stop.set();
        late.sort();
        // The bound is generous because other tests share the cores; a starved timer would never fire.
        assert!(late[late.len() / 2] < Duration::from_millis(50), "{late:?}");
    });
}

#[test]
fn a14_pair_of_tasks_that_wake_each_other_leaves_others_their_share() {
    for make in [common::current_thread, || workers(1)] {
        guarded(move || {
            let runtime = make();
            let pair = Tally::new();
            let (third, pair) = runtime.block_on(async {
                let stop = Event::new();
                let (give, wakers) = mpsc::channel::<Waker>();
                let (take, others) = mpsc::channel::<Waker>();
                for (mine, theirs) in [(give, others), (take, wakers)] {
                    let (pair, stop) = (pair.clone(), stop.clone());
                    let ping = poll_fn(move |cx| {
                        pair.count();
                        // Fails once the other one has ended.
                        let _ = mine.send(cx.waker().clone());
                        theirs.try_iter().for_each(Waker::wake);
                        if stop.is_set() {
                            Poll::Ready(())
                        } else {
                            Poll::Pending
                        }
                    });
                    filch::spawn(ping).detach();
                }
                let pair = pair.clone();
                filch::spawn(async move {
                    let mut polls = 0_usize;
                    let before = pair.counted();
                    for _ in 0..1000 {
                        filch::task::yield_now().await;
                        polls += 1;
                    }
                    stop.set();
                    (polls, pair.counted() - before)
                })
                .await
                .unwrap()
            });
            assert_eq!(third, 1000);
            // Three of four turns at most belong to the pair; twice that is the bound.
            assert!(pair <= third * 6 + 100, "{pair} to {third}");
            assert!(pair >= 100, "the pair does not starve either");
        });
    }
}

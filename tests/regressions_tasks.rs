//! Situations in which tasks of other runtimes leaked, hung or lost a wake-up. The numbers are issues and pull requests of
//! tokio.
#![cfg(not(loom))]

mod common;

use common::{
    Event, LIMIT, Tally, Token, guarded, is_child, on_each_flavor, panic_quietly, run_child,
    wait_until, workers,
};
use filch::runtime::{Builder, Handle};
use filch::task::{JoinHandle, yield_now};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// #3967: an output whose drop panicked leaked its task.
#[test]
fn output_whose_drop_panics_leaks_nothing() {
    struct Bomb(#[expect(dead_code, reason = "counted by its drop")] Token);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_quietly("the output's drop panics");
        }
    }
    guarded(|| {
        let runtime = Builder::new()
            .workers(2)
            .on_unhandled(|_| ())
            .build()
            .unwrap();
        let tally = Tally::new();
        for _ in 0..100 {
            let bomb = Bomb(tally.token());
            drop(runtime.spawn(async move { bomb }));
        }
        wait_until("all have ended", || runtime.metrics().live_tasks == 0);
        assert_eq!(tally.dropped(), 100);
        assert!(runtime.handle().all_tasks().is_empty());
    });
}

/// Wakes another task when it is dropped, under a lock that the other one's drop takes too.
struct WakesOnDrop(
    Arc<Mutex<Vec<Waker>>>,
    #[expect(dead_code, reason = "counted by its drop")] Token,
);

impl Drop for WakesOnDrop {
    fn drop(&mut self) {
        let wakers = self.0.lock().unwrap();
        wakers.iter().for_each(Waker::wake_by_ref);
    }
}

/// #3869, #3978, #4063: futures that wake each other in their drops, under a lock of the user's, while the runtime ends: a
/// deadlock when a task was dropped inside the wake-up, a leak when the woken task stayed in a queue.
#[test]
fn futures_that_wake_each_other_in_their_drops_at_the_end_are_all_dropped() {
    on_each_flavor(|runtime| {
        let tally = Tally::new();
        let wakers = Arc::new(Mutex::new(Vec::new()));
        let begun = Tally::new();
        for _ in 0..50 {
            let (mine, begun) = (wakers.clone(), begun.clone());
            let on_drop = WakesOnDrop(wakers.clone(), tally.token());
            let future = poll_fn(move |cx| {
                let _ = &on_drop;
                mine.lock().unwrap().push(cx.waker().clone());
                begun.count();
                Poll::<()>::Pending
            });
            runtime.spawn(future).detach();
        }
        runtime.block_on(async {
            while begun.counted() < 50 {
                yield_now().await;
            }
        });
        drop(runtime);
        assert_eq!(tally.dropped(), 50);
        wakers.lock().unwrap().drain(..).for_each(Waker::wake);
    });
}

/// Drops what it holds when it is woken.
struct DropsOnWake(Mutex<Option<JoinHandle<Token>>>);

impl Wake for DropsOnWake {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().unwrap().take());
    }
}

/// #1886, #1972, #2046: a wake-up that drops another task's last reference, and with it the output, inline.
#[test]
fn wake_up_that_drops_another_task_is_no_deadlock() {
    on_each_flavor(|runtime| {
        let tally = Tally::new();
        let token = tally.token();
        let finished = runtime.spawn(async move { token });
        runtime.block_on(async {
            while !finished.is_finished() {
                yield_now().await;
            }
        });
        let waker = Waker::from(Arc::new(DropsOnWake(Mutex::new(Some(finished)))));
        let go = Event::new();
        let gone = go.clone();
        let mut task = runtime.spawn(async move { gone.wait().await });
        assert!(
            Pin::new(&mut task)
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        drop(waker);
        go.set();
        runtime.block_on(async {
            while tally.dropped() == 0 {
                yield_now().await;
            }
        });
        runtime.block_on(task).unwrap();
    });
}

/// #7622, #7589: a wake-up of a task that is scheduled already must publish what came before it all the same.
#[test]
fn wake_up_of_a_scheduled_task_publishes_what_came_before() {
    guarded(|| {
        let runtime = workers(2);
        let number = Arc::new(AtomicUsize::new(0));
        let seen = number.clone();
        let (give, wakers) = mpsc::channel::<Waker>();
        let last = 100_000;
        let mut given = false;
        let task = runtime.spawn(poll_fn(move |cx| {
            if !std::mem::replace(&mut given, true) {
                give.send(cx.waker().clone()).unwrap();
            }
            if seen.load(Relaxed) == last {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        let waker = wakers.recv_timeout(LIMIT).unwrap();
        thread::spawn(move || {
            for at in 1..=last {
                number.store(at, Relaxed);
                waker.wake_by_ref();
            }
        })
        .join()
        .unwrap();
        runtime.block_on(task).unwrap();
    });
}

/// #4780: a panic in `block_on` beside a task that does not cooperate kept the process from exiting.
#[test]
fn process_exits_after_a_panic_in_block_on_beside_a_busy_task() {
    const NAME: &str = "process_exits_after_a_panic_in_block_on_beside_a_busy_task";
    if is_child() {
        let runtime = workers(2);
        let (on, stop) = (Event::new(), Event::new());
        let (is_on, stopped) = (on.clone(), stop.clone());
        runtime
            .spawn(async move {
                is_on.set();
                // Busy until the panic has been seen outside.
                while !stopped.is_set() {
                    std::hint::spin_loop();
                }
            })
            .detach();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(async {
                on.wait().await;
                panic_quietly("in block_on");
            })
        }));
        stop.set();
        drop(runtime);
        assert!(outcome.is_err());
        println!("exits");
        return;
    }
    let child = run_child(NAME, LIMIT, &[]);
    child.assert_success();
    assert!(child.stdout.contains("exits"));
}

/// #2382, #2387, #5041: bursts through the queues of thieves and owners; each task runs exactly once.
#[test]
fn bursts_of_every_size_run_each_task_once() {
    guarded(|| {
        let runtime = workers(3);
        let ran = Tally::new();
        let mut expected = 0;
        for size in (0..12)
            .map(|bits| (1 << bits) + 1)
            .chain([256, 257, 4095, 70_000])
        {
            expected += size;
            let there = ran.clone();
            let burst = runtime.spawn(async move {
                let tasks: Vec<_> = (0..size)
                    .map(|_| {
                        let ran = there.clone();
                        filch::spawn(async move { ran.count() })
                    })
                    .collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
            runtime.block_on(burst).unwrap();
            assert_eq!(ran.counted(), expected);
        }
    });
}

/// compio #489: a task that holds its runtime's handle, and a handle of itself, is dropped with the runtime.
#[test]
fn tasks_that_hold_handles_of_their_runtime_do_not_keep_it() {
    on_each_flavor(|runtime| {
        let tally = Tally::new();
        for _ in 0..10 {
            let token = tally.token();
            let future = async move {
                let _held = (Handle::current(), token);
                pending::<()>().await;
            };
            runtime.spawn(future).detach();
        }
        runtime.block_on(yield_now());
        drop(runtime);
        assert_eq!(tally.dropped(), 10);
    });
}

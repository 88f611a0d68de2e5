//! Tasks that stay on one thread: local sets, `spawn_local` on a current-thread runtime, and pinned tasks.
#![cfg(not(loom))]

mod common;

use common::{Event, Tally, guarded, wait_until, workers};
use filch::runtime::{Handle, LocalSet, Runtime};
use filch::task::yield_now;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;

#[test]
fn local_set_runs_its_tasks_on_the_thread_that_polls_it() {
    guarded(|| {
        let runtime = workers(2);
        let set = LocalSet::new();
        let me = thread::current().id();
        let log = Rc::new(RefCell::new(Vec::new()));
        set.block_on(&runtime, async {
            let tasks: Vec<_> = (0..10)
                .map(|at| {
                    let log = log.clone();
                    filch::spawn_local(async move {
                        yield_now().await;
                        // Woken from another thread.
                        filch::spawn(async {}).await.unwrap();
                        assert_eq!(thread::current().id(), me);
                        log.borrow_mut().push(at);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let mut log = log.take();
        log.sort_unstable();
        assert_eq!(log, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn local_set_as_a_future_is_ready_when_all_its_tasks_are() {
    guarded(|| {
        let runtime = workers(1);
        let set = LocalSet::new();
        let count = Rc::new(Cell::new(0));
        for _ in 0..5 {
            let count = count.clone();
            set.spawn_local(async move {
                filch::time::sleep(std::time::Duration::from_millis(1)).await;
                count.set(count.get() + 1);
            })
            .detach();
        }
        runtime.block_on(set);
        assert_eq!(count.get(), 5);
    });
}

#[test]
fn dropped_local_set_drops_its_tasks() {
    guarded(|| {
        let runtime = workers(1);
        let tally = Tally::new();
        let set = LocalSet::new();
        let handles: Vec<_> = (0..5)
            .map(|_| {
                let token = tally.token();
                set.spawn_local(async move {
                    let _token = token;
                    pending::<()>().await;
                })
            })
            .collect();
        set.block_on(&runtime, yield_now());
        assert_eq!(tally.dropped(), 0);
        drop(set);
        assert_eq!(tally.dropped(), 5);
        for handle in handles {
            assert!(runtime.block_on(handle).unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn tasks_of_a_local_set_are_aborted_and_joined_like_others() {
    guarded(|| {
        let runtime = workers(1);
        let set = LocalSet::new();
        set.block_on(&runtime, async {
            let aborted = filch::spawn_local(pending::<()>());
            yield_now().await;
            aborted.abort();
            assert!(aborted.await.unwrap_err().is_cancelled());
            let panicked = filch::spawn_local(async { common::panic_quietly("local") });
            assert!(panicked.await.unwrap_err().is_panic());
        });
    });
}

/// A yield of the task that polls the set is not forgotten over the polls of the set's tasks.
#[test]
fn yield_beside_a_local_set_comes_back() {
    guarded(|| {
        let runtime = workers(1);
        let pinned = runtime.handle().spawn_pinned(|| async {
            let set = LocalSet::new();
            for _ in 0..5 {
                set.spawn_local(pending::<()>()).detach();
            }
            {
                let mut yielding = pin!(yield_now());
                let mut tasks = pin!(set.run_until(pending::<()>()));
                std::future::poll_fn(|cx| {
                    let yielded = yielding.as_mut().poll(cx);
                    assert!(tasks.as_mut().poll(cx).is_pending());
                    yielded
                })
                .await;
            }
            5
        });
        assert_eq!(runtime.block_on(pinned).unwrap(), 5);
    });
}

#[test]
fn local_set_inside_a_current_thread_runtime_takes_the_spawns() {
    guarded(|| {
        let runtime = common::current_thread();
        let set = LocalSet::new();
        let sum = set.block_on(&runtime, async {
            let inside = filch::spawn_local(async { 1 }).await.unwrap();
            let outside = filch::spawn(async { 2 }).await.unwrap();
            inside + outside
        });
        assert_eq!(sum, 3);
        // The runtime is not bound by tasks of a set.
        assert_eq!(
            thread::scope(|s| s.spawn(|| runtime.block_on(async { 4 })).join().unwrap()),
            4
        );
    });
}

#[test]
fn pinned_tasks_stay_on_their_thread_whoever_wakes_them() {
    guarded(|| {
        let runtime = workers(2);
        let tasks: Vec<_> = (0..20)
            .map(|at| {
                let (give, wakers) = mpsc::channel::<Waker>();
                let task = runtime.handle().spawn_pinned(move || async move {
                    let not_send = Rc::new(Cell::new(0));
                    let me = thread::current().id();
                    std::future::poll_fn(|cx| {
                        assert_eq!(thread::current().id(), me);
                        not_send.set(not_send.get() + 1);
                        if not_send.get() > 20 {
                            return Poll::Ready(());
                        }
                        give.send(cx.waker().clone()).unwrap();
                        Poll::Pending
                    })
                    .await;
                    yield_now().await;
                    filch::spawn_local(
                        async move { (thread::current().id() == me, not_send.get()) },
                    )
                    .await
                    .unwrap()
                });
                let waker = move || wakers.into_iter().for_each(Waker::wake);
                if at % 2 == 0 {
                    thread::spawn(waker);
                } else {
                    runtime.spawn_blocking(waker).detach();
                }
                task
            })
            .collect();
        for task in tasks {
            assert_eq!(runtime.block_on(task).unwrap(), (true, 21));
        }
    });
}

#[test]
fn pinned_tasks_are_dropped_on_their_own_thread() {
    struct OnOwnThread(thread::ThreadId, mpsc::Sender<bool>);
    impl Drop for OnOwnThread {
        fn drop(&mut self) {
            self.1.send(thread::current().id() == self.0).unwrap();
        }
    }
    guarded(|| {
        let runtime = workers(2);
        let (tell, told) = mpsc::channel();
        let begun = Tally::new();
        for _ in 0..10 {
            let (tell, begun) = (tell.clone(), begun.clone());
            let make = move || async move {
                let _guard = OnOwnThread(thread::current().id(), tell);
                begun.count();
                pending::<()>().await;
            };
            runtime.handle().spawn_pinned(make).detach();
        }
        wait_until("all have begun", || begun.counted() == 10);
        drop(runtime);
        drop(tell);
        assert_eq!(told.iter().collect::<Vec<_>>(), [true; 10]);
    });
}

fn bound_runtime(tally: &Tally) -> Runtime {
    let runtime = common::current_thread();
    let token = tally.token();
    runtime.block_on(async {
        let not_send = Rc::new(5);
        filch::spawn_local(async move {
            let _held = (token, not_send);
            pending::<()>().await;
        })
        .detach();
        yield_now().await;
    });
    runtime
}

#[test]
fn bound_runtime_refuses_to_run_on_another_thread() {
    guarded(|| {
        let tally = Tally::new();
        let runtime = bound_runtime(&tally);
        let text = thread::scope(|scope| {
            let elsewhere = scope.spawn(|| {
                let refused = catch_unwind(AssertUnwindSafe(|| runtime.block_on(yield_now())));
                common::text(&*refused.unwrap_err())
            });
            elsewhere.join().unwrap()
        });
        assert!(
            text.contains("bound") && text.contains("spawn_local"),
            "{text}"
        );
        // At home it goes on.
        assert_eq!(
            runtime.block_on(async { filch::spawn_local(async { 5 }).await.unwrap() }),
            5
        );
        drop(runtime);
        assert_eq!(tally.dropped(), 1);
    });
}

#[test]
fn bound_runtime_dropped_on_another_thread_leaves_its_tasks_untouched() {
    guarded(|| {
        let tally = Tally::new();
        let runtime = bound_runtime(&tally);
        let ordinary = Tally::new();
        let token = ordinary.token();
        runtime
            .spawn(async move {
                let _token = token;
                pending::<()>().await;
            })
            .detach();
        thread::spawn(move || drop(runtime)).join().unwrap();
        assert_eq!(tally.dropped(), 0, "it is not `Send`");
        assert_eq!(ordinary.dropped(), 1);
    });
}

#[test]
fn tasks_of_a_current_thread_runtime_run_on_the_thread_in_block_on_and_from_elsewhere_when_idle() {
    guarded(|| {
        let runtime = common::current_thread();
        let (go, gone) = (Event::new(), Event::new());
        let waiter = {
            let (go, gone) = (go.clone(), gone.clone());
            runtime.spawn(async move {
                go.wait().await;
                gone.set();
                thread::current().id()
            })
        };
        let handle = runtime.handle().clone();
        let there = thread::spawn(move || {
            let me = thread::current().id();
            go.set();
            (handle.block_on(waiter).unwrap(), me)
        });
        let (ran, me) = there.join().unwrap();
        assert_eq!(ran, me);
        assert!(gone.is_set());
        assert!(Handle::try_current().is_err());
    });
}

#[test]
fn wakers_of_a_dropped_local_set_do_nothing() {
    guarded(|| {
        let runtime = workers(1);
        let (give, wakers) = mpsc::channel::<Waker>();
        let set = LocalSet::new();
        set.spawn_local(std::future::poll_fn(move |cx: &mut Context<'_>| {
            give.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        }))
        .detach();
        set.block_on(&runtime, yield_now());
        let waker = wakers.recv().unwrap();
        drop(set);
        waker.wake_by_ref();
        thread::spawn(move || waker.wake()).join().unwrap();
        assert!(
            wakers.recv().is_err(),
            "it was not polled again, and is gone"
        );
    });
}

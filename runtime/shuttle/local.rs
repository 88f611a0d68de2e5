//! Tasks that stay on one thread, woken from others.

use super::check;
use super::scene::{Bell, Tally, end, end_against, runtime};
use crate::runtime::Builder;
use crate::runtime::shim::thread;
use crate::task::LocalSet;
use crate::{spawn, spawn_local, spawn_pinned};

/// Tasks of a local set are woken by a worker and by a foreign thread.
#[test]
fn local_set_against_wake_from_elsewhere() {
    check(|| {
        let (runtime, tally) = (runtime(1), Tally::default());
        let bells: [Bell; 2] = Default::default();
        let (inside, outside) = (bells[0].clone(), bells[1].clone());
        let other = thread::spawn(move || outside.ring());
        let set = LocalSet::new();
        let guests = tally.clone();
        set.block_on(&runtime, async {
            let tasks = bells.map(|bell| {
                let guest = guests.guest();
                spawn_local(async move {
                    bell.wait().await;
                    guest.stay();
                })
            });
            spawn(async move { inside.ring() }).await.unwrap();
            for task in tasks {
                task.await.unwrap();
            }
        });
        other.join().unwrap();
        drop(set);
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// A local set is dropped while its task is woken from elsewhere.
#[test]
fn drop_of_a_local_set_against_wake() {
    check(|| {
        let (tally, bell) = (Tally::default(), Bell::default());
        let runtime = runtime(1);
        let rung = bell.clone();
        let set = LocalSet::new();
        let guest = tally.guest();
        set.spawn_local(async move {
            bell.wait().await;
            Bell::default().wait().await;
            guest.stay();
        })
        .detach();
        set.block_on(&runtime, async {
            crate::task::yield_now().await;
        });
        let other = thread::spawn(move || rung.ring());
        drop(set);
        other.join().unwrap();
        end(runtime);
        tally.assert_all_left();
    });
}

/// A pinned task is woken from elsewhere: its worker comes, and no other.
#[test]
fn pinned_task_against_wake_from_elsewhere() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let (bell, guest) = (Bell::default(), tally.guest());
        let rung = bell.clone();
        let _guard = runtime.enter();
        let task = spawn_pinned(move || async move {
            let me = thread::current().id();
            bell.wait().await;
            assert!(thread::current().id() == me, "a pinned task has moved");
            guest.stay();
        });
        drop(_guard);
        let other = thread::spawn(move || rung.ring());
        runtime.block_on(task).unwrap();
        other.join().unwrap();
        end(runtime);
        tally.assert_all_stayed(1);
    });
}

/// The runtime ends while pinned tasks begin and are woken.
#[test]
fn shutdown_against_pinned_wake() {
    check(|| {
        let (runtime, tally) = (runtime(2), Tally::default());
        let bell = Bell::default();
        let rung = bell.clone();
        for bell in [bell, Bell::default()] {
            let guest = tally.guest();
            runtime
                .handle()
                .spawn_pinned(move || async move {
                    bell.wait().await;
                    guest.stay();
                })
                .detach();
        }
        let other = thread::spawn(move || rung.ring());
        end_against(runtime, [other]);
        tally.assert_all_left();
    });
}

/// On a current-thread runtime the worker is the thread in `block_on`; wake-ups and spawns come from another one.
#[test]
fn current_thread_against_wake_from_elsewhere() {
    check(|| {
        let runtime = Builder::current_thread().build().unwrap();
        let (tally, bell) = (Tally::default(), Bell::default());
        let (rung, guest, second) = (bell.clone(), tally.guest(), tally.guest());
        let handle = runtime.handle().clone();
        let other = thread::spawn(move || {
            rung.ring();
            handle.spawn(async { second.stay() })
        });
        runtime.block_on(async {
            let local = spawn_local(async move {
                bell.wait().await;
                guest.stay();
            });
            local.await.unwrap();
        });
        let task = other.join().unwrap();
        runtime.block_on(task).unwrap();
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// Two threads in `block_on` of one current-thread runtime: one drives, and hands the worker over when it is done.
#[test]
fn seat_against_seat() {
    check(|| {
        let runtime = Builder::current_thread().build().unwrap();
        let tally = Tally::default();
        let (handle, guest) = (runtime.handle().clone(), tally.guest());
        let other = thread::spawn(move || {
            let task = handle.spawn(async { guest.stay() });
            handle.block_on(task).unwrap();
        });
        let guest = tally.guest();
        let task = runtime.spawn(async { guest.stay() });
        runtime.block_on(task).unwrap();
        other.join().unwrap();
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// A current-thread runtime is dropped while another thread spawns into it and waits.
#[test]
fn drop_of_current_thread_against_spawn() {
    check(|| {
        let runtime = Builder::current_thread().build().unwrap();
        let tally = Tally::default();
        let (handle, guest) = (runtime.handle().clone(), tally.guest());
        let other = thread::spawn(move || {
            let task = handle.spawn(async { guest.stay() });
            let _ended_or_cancelled = handle.block_on(task);
        });
        let guest = tally.guest();
        runtime.spawn(async { guest.stay() }).detach();
        end_against(runtime, [other]);
        tally.assert_all_left();
    });
}

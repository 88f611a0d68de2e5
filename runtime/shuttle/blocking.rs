//! The blocking pool: jobs against threads that fall asleep, leave, or are yet to come.

use super::check;
use super::scene::{Tally, builder, end, end_against, runtime};
use crate::runtime::shim::thread;
use crate::spawn_blocking;
use core::time::Duration;

/// Two threads and a task give jobs to a pool of one or two threads.
#[test]
fn job_against_idle_thread() {
    check(|| {
        let mut builder = builder(1);
        let runtime = builder.max_blocking_threads(2).build().unwrap();
        let tally = Tally::default();
        let (handle, guest) = (runtime.handle().clone(), tally.guest());
        let other = thread::spawn(move || handle.spawn_blocking(|| guest.stay()));
        let (guest, second) = (tally.guest(), tally.guest());
        let task = runtime.spawn(async {
            spawn_blocking(|| guest.stay()).await.unwrap();
            spawn_blocking(|| second.stay()).await.unwrap();
        });
        runtime.block_on(task).unwrap();
        let job = other.join().unwrap();
        runtime.block_on(job).unwrap();
        end(runtime);
        tally.assert_all_stayed(3);
    });
}

/// One job after the other, to a thread that is about to leave.
#[test]
fn job_against_expiry() {
    check(|| {
        let mut builder = builder(1);
        builder.max_blocking_threads(1);
        builder.blocking_keep_alive(Duration::from_millis(1));
        let (runtime, tally) = (builder.build().unwrap(), Tally::default());
        for _ in 0..3 {
            let guest = tally.guest();
            let job = runtime.spawn_blocking(|| guest.stay());
            runtime.block_on(job).unwrap();
        }
        end(runtime);
        tally.assert_all_stayed(3);
    });
}

/// Jobs that wait for jobs behind them: the watcher adds threads.
#[test]
fn job_against_jobs_behind_it() {
    check(|| {
        let (runtime, tally) = (runtime(1), Tally::default());
        let (guest, behind) = (tally.guest(), tally.guest());
        let handle = runtime.handle().clone();
        let job = runtime.spawn_blocking(move || {
            let inner = handle.spawn_blocking(|| behind.stay());
            handle.block_on(inner).unwrap();
            guest.stay();
        });
        runtime.block_on(job).unwrap();
        end(runtime);
        tally.assert_all_stayed(2);
    });
}

/// Jobs from outside while the runtime ends: each is run or dropped, and no thread is left behind.
#[test]
fn shutdown_against_job() {
    check(|| {
        let mut builder = builder(1);
        let runtime = builder.max_blocking_threads(1).build().unwrap();
        let tally = Tally::default();
        let (handle, guests) = (runtime.handle().clone(), tally.clone());
        let other = thread::spawn(move || {
            for _ in 0..2 {
                let guest = guests.guest();
                handle.spawn_blocking(|| guest.stay()).detach();
            }
        });
        let guest = tally.guest();
        runtime.spawn_blocking(|| guest.stay()).detach();
        end_against(runtime, [other]);
        tally.assert_all_left();
    });
}

//! Tests of the blocking pool, named by situation, and the jobs they share.

mod books;
mod ends;
mod growth;
mod jobs;

use super::{Config, Job, Pool, SubmitError};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// Longer than anything here takes; a test that waits for it has failed.
const LONG: Duration = Duration::from_secs(60);

/// A job made of two closures.
struct Boxed {
    name: &'static str,
    run: Box<dyn FnOnce() + Send>,
    cancel: Box<dyn FnOnce() + Send>,
}

impl Job for Boxed {
    type Tag = &'static str;

    fn run(self) {
        (self.run)();
    }

    fn cancel(self) {
        (self.cancel)();
    }

    fn tag(&self) -> &'static str {
        self.name
    }

    fn describe(tag: &'static str) -> String {
        format!("job {tag}")
    }
}

fn job(run: impl FnOnce() + Send + 'static) -> Boxed {
    Boxed {
        name: "test",
        run: Box::new(run),
        cancel: Box::new(|| ()),
    }
}

/// A pool of at most `max` threads, two of which need no stall.
fn config(max: usize) -> Config {
    Config {
        max_threads: max,
        core_threads: 2,
        ..Config::new("test")
    }
}

/// Ends the pool, and checks that it can be ended.
fn end(pool: &Pool<Boxed>) -> u64 {
    let cancelled = pool.close();
    assert!(
        pool.wait(Some(Instant::now() + LONG)),
        "the pool does not end: {:?}",
        pool.running()
    );
    assert_eq!((pool.threads(), pool.idle(), pool.queued()), (0, 0, 0));
    cancelled
}

/// Waits until `condition` holds, yielding the core; fails if it never does.
#[track_caller]
fn until(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < limit, "it never happened that {what}");
        thread::yield_now();
    }
}

/// Occupies a thread until the returned sender is dropped; returns once the job runs.
fn occupy(pool: &Pool<Boxed>, name: &'static str) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let mut occupant = job(move || {
        let _ = started.send(());
        let _ = released.recv();
    });
    occupant.name = name;
    pool.submit(occupant).expect("the pool is open");
    has_started.recv_timeout(LONG).expect("the job starts");
    release
}

//! Loom models of the blocking pool: its real books and threads, with as few threads as the race needs. No model calls
//! the watcher, whose clock is not loom's.
//!
//! What is checked in every execution: every job is run or cancelled or handed back, once, and every thread ends.

use super::{Config, Job, Pool, SubmitError};
use crate::runtime::model::check;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::time::Duration;
use loom::thread;
use std::sync::Arc;

/// What became of the jobs of one execution.
#[derive(Default)]
struct Tally {
    run: AtomicUsize,
    cancelled: AtomicUsize,
    refused: AtomicUsize,
}

/// A job that says what becomes of it, and may wait in between.
struct Counted {
    tally: Arc<Tally>,
    /// A rendezvous with another job.
    meets: Option<loom::sync::mpsc::Sender<()>>,
    waits: Option<loom::sync::mpsc::Receiver<()>>,
}

impl Job for Counted {
    type Tag = ();
    fn run(self) {
        if let Some(other) = self.meets {
            other.send(()).unwrap();
        }
        if let Some(other) = self.waits {
            other.recv().unwrap();
        }
        self.tally.run.fetch_add(1, Relaxed);
    }
    fn cancel(self) {
        self.tally.cancelled.fetch_add(1, Relaxed);
    }
    fn tag(&self) {}
    fn describe((): ()) -> String {
        String::new()
    }
}

impl Tally {
    fn job(self: &Arc<Self>) -> Counted {
        Counted {
            tally: self.clone(),
            meets: None,
            waits: None,
        }
    }

    fn submit(self: &Arc<Self>, pool: &Pool<Counted>) {
        match pool.submit(self.job()) {
            Ok(()) => {}
            Err(SubmitError::Closed(_)) => {
                self.refused.fetch_add(1, Relaxed);
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    fn run(&self) -> usize {
        self.run.load(Relaxed)
    }

    fn total(&self) -> usize {
        self.run() + self.cancelled.load(Relaxed) + self.refused.load(Relaxed)
    }
}

/// A pool of `threads` threads, which expire as soon as they may, or never.
fn pool(config: &Config, threads: usize, expiring: bool) -> Pool<Counted> {
    Pool::new(Config {
        max_threads: threads,
        core_threads: threads,
        keep_alive: if expiring {
            Duration::ZERO
        } else {
            Duration::MAX
        },
        ..config.clone()
    })
}

fn end(pool: &Pool<Counted>) {
    pool.close();
    assert!(pool.wait(None));
    assert_eq!((pool.threads(), pool.idle(), pool.queued()), (0, 0, 0));
}

/// A second job against the end of its only thread: the thread takes it, or another one is made.
#[test]
fn expire_against_submit() {
    let config = Config::new("model");
    check(move || {
        let (pool, tally) = (pool(&config, 1, true), Arc::new(Tally::default()));
        tally.submit(&pool);
        tally.submit(&pool);
        while tally.run() < 2 {
            thread::yield_now();
        }
        end(&pool);
        assert_eq!((tally.run(), tally.total()), (2, 2));
    });
}

/// A job against a thread that goes idle: it is found, or it wakes the thread.
#[test]
fn idle_against_submit() {
    let config = Config::new("model");
    check(move || {
        let (pool, tally) = (pool(&config, 1, false), Arc::new(Tally::default()));
        tally.submit(&pool);
        tally.submit(&pool);
        while tally.run() < 2 {
            thread::yield_now();
        }
        end(&pool);
        assert_eq!(tally.total(), 2);
    });
}

/// A job against the end of the pool: run, cancelled or refused.
#[test]
fn close_against_submit() {
    let config = Config::new("model");
    check(move || {
        let (pool, tally) = (pool(&config, 1, false), Arc::new(Tally::default()));
        let (closer, submitted) = (pool.clone(), tally.clone());
        let other = thread::spawn(move || closer.close());
        submitted.submit(&pool);
        let cancelled = other.join().unwrap();
        end(&pool);
        assert_eq!(tally.total(), 1, "every job ends once");
        assert_eq!(tally.cancelled.load(Relaxed) as u64, cancelled);
    });
}

/// The end of the pool against a thread that goes idle.
#[test]
fn close_against_idle() {
    let config = Config::new("model");
    check(move || {
        let (pool, tally) = (pool(&config, 1, false), Arc::new(Tally::default()));
        tally.submit(&pool);
        end(&pool);
        assert_eq!(tally.total(), 1, "every job ends once");
    });
}

/// Two jobs submitted at once, the first of which waits for the second: whoever takes the first passes the wake-up on.
#[test]
fn take_against_submit() {
    let config = Config::new("model");
    check(move || {
        let (pool, tally) = (pool(&config, 2, false), Arc::new(Tally::default()));
        let (meets, waits) = loom::sync::mpsc::channel();
        let first = Counted {
            waits: Some(waits),
            ..tally.job()
        };
        let second = Counted {
            meets: Some(meets),
            ..tally.job()
        };
        pool.submit(first).unwrap();
        pool.submit(second).unwrap();
        while tally.run() < 2 {
            thread::yield_now();
        }
        end(&pool);
        assert_eq!(tally.total(), 2);
    });
}

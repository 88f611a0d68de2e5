//! Submission, panics, hooks, bounds, and a system without threads to give.

use super::*;
use std::{io, sync::Mutex};

#[test]
fn a_pool_without_a_job_has_no_thread() {
    let pool = Pool::<Boxed>::new(config(4));
    assert_eq!((pool.threads(), pool.peak_threads()), (0, 0));
    assert_eq!(end(&pool), 0);
}

#[test]
fn every_job_of_every_submitter_runs_once() {
    const EACH: usize = 2_000;
    let pool = Pool::new(config(8));
    let runs: Arc<Vec<_>> = Arc::new((0..4 * EACH).map(|_| AtomicUsize::new(0)).collect());
    let submitters: Vec<_> = (0..4)
        .map(|who| {
            let (pool, runs) = (pool.clone(), runs.clone());
            thread::spawn(move || {
                for number in who * EACH..(who + 1) * EACH {
                    let runs = runs.clone();
                    let count = job(move || {
                        runs[number].fetch_add(1, SeqCst);
                    });
                    pool.submit(count).expect("the pool is open");
                }
            })
        })
        .collect();
    for submitter in submitters {
        submitter.join().expect("it does not panic");
    }
    until("all have run", || {
        runs.iter().all(|count| count.load(SeqCst) > 0)
    });
    end(&pool);
    assert!(runs.iter().all(|count| count.load(SeqCst) == 1));
}

#[test]
fn a_job_may_submit_jobs() {
    fn descend(pool: Pool<Boxed>, depth: usize, done: mpsc::Sender<()>) {
        let next = pool.clone();
        let step = job(move || match depth {
            0 => done.send(()).expect("the test listens"),
            _ => descend(next, depth - 1, done),
        });
        pool.submit(step).expect("the pool is open");
    }
    let pool = Pool::new(config(4));
    let (done, is_done) = mpsc::channel();
    descend(pool.clone(), 1_000, done);
    is_done.recv_timeout(LONG).expect("the last one runs");
    end(&pool);
}

#[test]
fn threads_are_named_after_the_pool() {
    let name = |pool: Config| {
        let pool = Pool::new(pool);
        let (tell, told) = mpsc::channel();
        let ask = job(move || {
            let _ = tell.send(thread::current().name().map(str::to_owned));
        });
        pool.submit(ask).expect("the pool is open");
        let name = told.recv_timeout(LONG).expect("the job runs");
        end(&pool);
        name.expect("pool threads have a name")
    };
    assert_eq!(name(config(1)), "test-blocking-0");
    assert_eq!(name(Config::new("nul\0nul")), "nulnul-blocking-0");
    // 48 bytes would cut the last letter in half.
    let long = format!("x{}", "é".repeat(40));
    assert_eq!(
        name(Config::new(long)),
        format!("x{}-blocking-0", "é".repeat(23))
    );
}

#[test]
fn a_thread_survives_the_panic_of_its_job() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("the payload panics as well"));
        }
    }
    let pool = Pool::new(config(1));
    let (tell, told) = mpsc::channel();
    for round in 0..3 {
        let tell = tell.clone();
        let panics = job(move || {
            let _ = tell.send(thread::current().id());
            match round {
                0 => std::panic::resume_unwind(Box::new("a job panics")),
                1 => std::panic::resume_unwind(Box::new(Bomb)),
                _ => {}
            }
        });
        pool.submit(panics).expect("the pool is open");
    }
    let threads: Vec<_> = (0..3)
        .map(|_| told.recv_timeout(LONG).expect("it runs"))
        .collect();
    assert!(
        threads.iter().all(|thread| *thread == threads[0]),
        "{threads:?}"
    );
    until("the thread is idle", || pool.idle() == 1);
    assert_eq!((pool.threads(), pool.peak_threads()), (1, 1));
    assert_eq!(pool.running(), Vec::<String>::new());
    end(&pool);
}

#[test]
fn hooks_run_once_for_each_thread_and_may_panic() {
    let (starts, stops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = |counter: &Arc<AtomicUsize>| -> super::super::config::Hook {
        let counter = counter.clone();
        Arc::new(move || {
            counter.fetch_add(1, SeqCst);
            std::panic::resume_unwind(Box::new("a hook panics"));
        })
    };
    let pool = Pool::new(Config {
        on_thread_start: Some(count(&starts)),
        on_thread_stop: Some(count(&stops)),
        ..config(4)
    });
    let occupants: Vec<_> = (0..4).map(|_| occupy(&pool, "occupant")).collect();
    assert_eq!((starts.load(SeqCst), stops.load(SeqCst)), (4, 0));
    drop(occupants);
    until("all are idle", || pool.idle() == 4);
    end(&pool);
    assert_eq!((starts.load(SeqCst), stops.load(SeqCst)), (4, 4));
}

#[test]
fn a_start_hook_that_waits_for_a_job_is_a_stall_like_any_other() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(Some(released));
    let hook = move || {
        let first = released.lock().expect("no hook panics").take();
        if let Some(released) = first {
            released.recv_timeout(LONG).expect("the second job runs");
        }
    };
    let pool = Pool::new(Config {
        core_threads: 1,
        on_thread_start: Some(Arc::new(hook)),
        ..config(2)
    });
    pool.submit(job(|| ())).expect("the pool is open");
    let second = job(move || release.send(()).expect("the hook listens"));
    pool.submit(second).expect("the pool is open");
    until("both are through", || pool.idle() == 2);
    end(&pool);
}

#[test]
fn a_full_queue_gives_the_job_back() {
    let pool = Pool::new(Config {
        queue_bound: Some(2),
        ..config(1)
    });
    let occupant = occupy(&pool, "occupant");
    let runs = Arc::new(AtomicUsize::new(0));
    let count = || {
        let runs = runs.clone();
        job(move || {
            runs.fetch_add(1, SeqCst);
        })
    };
    pool.submit(count()).expect("one may wait");
    pool.submit(count()).expect("two may wait");
    let Err(SubmitError::Full(third)) = pool.submit(count()) else {
        panic!("three may not wait")
    };
    assert_eq!((pool.queued(), runs.load(SeqCst)), (2, 0));
    drop(occupant);
    until("the queue is empty", || {
        pool.queued() == 0 && pool.idle() == 1
    });
    pool.submit(third).expect("there is room again");
    until("all have run", || runs.load(SeqCst) == 3);
    end(&pool);
}

/// A system that gives out so many threads, and no more.
fn rationed(ration: &Arc<AtomicUsize>, config: Config) -> Pool<Boxed> {
    let ration = ration.clone();
    let refuse = move || {
        let taken = ration.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        taken
            .map(drop)
            .map_err(|_| io::Error::from(io::ErrorKind::WouldBlock))
    };
    Pool::new(Config {
        refuse_thread: Some(Arc::new(refuse)),
        ..config
    })
}

#[test]
fn without_any_thread_the_job_comes_back() {
    let ration = Arc::new(AtomicUsize::new(0));
    let pool = rationed(&ration, config(4));
    let (done, is_done) = mpsc::channel();
    let refused = pool.submit(job(move || done.send(()).expect("the test listens")));
    let Err(SubmitError::NoThread(job, error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert_eq!((pool.threads(), pool.queued()), (0, 0));
    // The system has a thread again: the same job goes through.
    ration.store(1, SeqCst);
    pool.submit(job).expect("there is a thread");
    is_done.recv_timeout(LONG).expect("it runs");
    end(&pool);
}

#[test]
fn with_one_thread_left_jobs_stay_queued() {
    let ration = Arc::new(AtomicUsize::new(1));
    let pool = rationed(&ration, config(4));
    let occupant = occupy(&pool, "occupant");
    let runs = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let runs = runs.clone();
        let count = job(move || {
            runs.fetch_add(1, SeqCst);
        });
        pool.submit(count).expect("it stays queued");
    }
    assert_eq!((pool.threads(), pool.queued()), (1, 100));
    drop(occupant);
    until("all have run", || runs.load(SeqCst) == 100);
    end(&pool);
}

#[test]
fn a_thread_that_the_system_refuses_is_not_in_the_peak() {
    let ration = Arc::new(AtomicUsize::new(0));
    let pool = rationed(&ration, config(4));
    assert!(pool.submit(job(|| ())).is_err());
    assert_eq!(pool.peak_threads(), 0);
    ration.store(1, SeqCst);
    let occupant = occupy(&pool, "occupant");
    pool.submit(job(|| ())).expect("it stays queued");
    assert_eq!((pool.threads(), pool.peak_threads()), (1, 1));
    drop(occupant);
    end(&pool);
    assert_eq!(pool.peak_threads(), 1);
}

#[test]
fn a_shortage_ends_without_a_further_submission() {
    // One thread and the watcher, then nothing.
    let ration = Arc::new(AtomicUsize::new(2));
    let pool = rationed(
        &ration,
        Config {
            core_threads: 1,
            ..config(2)
        },
    );
    let occupant = occupy(&pool, "occupant");
    let (done, is_done) = mpsc::channel();
    pool.submit(job(move || done.send(()).expect("the test listens")))
        .expect("it stays queued");
    until("the watcher exists", || ration.load(SeqCst) == 0);
    assert!(is_done.try_recv().is_err());
    ration.store(1, SeqCst);
    is_done.recv_timeout(LONG).expect("the watcher tries again");
    drop(occupant);
    end(&pool);
}

#[test]
fn a_failed_creation_below_the_number_of_cores_is_tried_again() {
    // The first thread and the watcher are granted, what lies between and after is not, until there is a glut.
    let (asked, glut) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
    let refused = Arc::new(AtomicUsize::new(0));
    let refuse = {
        let (glut, refused) = (glut.clone(), refused.clone());
        move || {
            if [0, 2].contains(&asked.fetch_add(1, SeqCst)) || glut.load(SeqCst) {
                return Ok(());
            }
            refused.fetch_add(1, SeqCst);
            Err(io::Error::from(io::ErrorKind::WouldBlock))
        }
    };
    let pool = Pool::new(Config {
        refuse_thread: Some(Arc::new(refuse)),
        ..config(2)
    });
    let occupant = occupy(&pool, "occupant");
    let (done, is_done) = mpsc::channel();
    pool.submit(job(move || done.send(()).expect("the test listens")))
        .expect("it stays queued");
    until("the watcher has tried in vain", || {
        refused.load(SeqCst) >= 3
    });
    assert!(is_done.try_recv().is_err());
    glut.store(true, SeqCst);
    is_done.recv_timeout(LONG).expect("the watcher tries again");
    drop(occupant);
    end(&pool);
}

//! Closing, waiting, expiring.

use super::*;

#[test]
fn closing_cancels_what_is_queued_and_lets_the_running_run() {
    let pool = Pool::new(config(1));
    let occupant = occupy(&pool, "occupant");
    let (runs, cancels) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for round in 0..5 {
        let (runs, cancels) = (runs.clone(), cancels.clone());
        let queued = Boxed {
            name: "queued",
            run: Box::new(move || {
                runs.fetch_add(1, SeqCst);
            }),
            cancel: Box::new(move || {
                cancels.fetch_add(1, SeqCst);
                if round == 1 {
                    std::panic::resume_unwind(Box::new("a cancellation panics"));
                }
            }),
        };
        pool.submit(queued).expect("the pool is open");
    }
    assert_eq!(pool.close(), 5);
    assert_eq!((runs.load(SeqCst), cancels.load(SeqCst)), (0, 5));
    assert_eq!(pool.close(), 0, "closing again does nothing");
    assert!(!pool.wait(Some(Instant::now() + Duration::from_millis(5))));
    assert_eq!(pool.running(), ["job occupant"]);
    drop(occupant);
    assert!(pool.wait(None));
    assert_eq!(pool.running(), Vec::<String>::new());
    assert_eq!(runs.load(SeqCst), 0);
}

#[test]
fn a_closed_pool_gives_the_job_back() {
    let pool = Pool::new(config(1));
    pool.close();
    let Err(SubmitError::Closed(back)) = pool.submit(job(|| ())) else {
        panic!("it is closed")
    };
    back.cancel();
    assert!(pool.wait(None));
}

#[test]
fn a_job_that_races_with_closing_is_run_or_cancelled_once() {
    for _ in 0..200 {
        let pool = Pool::new(config(3));
        let (runs, cancels) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let submitters: Vec<_> = (0..2)
            .map(|_| {
                let (pool, runs, cancels) = (pool.clone(), runs.clone(), cancels.clone());
                thread::spawn(move || {
                    let mut accepted = 0;
                    loop {
                        // Leave the pool's threads a chance at the lock and at a core.
                        if pool.queued() > 100 {
                            thread::yield_now();
                        }
                        let (runs, cancels) = (runs.clone(), cancels.clone());
                        let counted = Boxed {
                            name: "counted",
                            run: Box::new(move || {
                                runs.fetch_add(1, SeqCst);
                            }),
                            cancel: Box::new(move || {
                                cancels.fetch_add(1, SeqCst);
                            }),
                        };
                        match pool.submit(counted) {
                            Ok(()) => accepted += 1,
                            Err(SubmitError::Closed(_)) => return accepted,
                            Err(other) => panic!("{other:?}"),
                        }
                    }
                })
            })
            .collect();
        until("some have run", || runs.load(SeqCst) > 10);
        let cancelled = pool.close();
        let accepted: usize = submitters
            .into_iter()
            .map(|s| s.join().expect("no panic"))
            .sum();
        assert!(pool.wait(None));
        assert_eq!(runs.load(SeqCst) + cancels.load(SeqCst), accepted);
        assert_eq!(cancels.load(SeqCst) as u64, cancelled);
    }
}

#[test]
fn a_thread_that_expires_as_a_job_comes_takes_it_with_it() {
    for keep_alive in [
        Duration::ZERO,
        Duration::from_micros(1),
        Duration::from_micros(60),
    ] {
        let pool = Pool::new(Config {
            keep_alive,
            ..config(4)
        });
        for round in 0..3_000 {
            let (done, is_done) = mpsc::channel();
            let reply = job(move || done.send(()).expect("the test listens"));
            pool.submit(reply).expect("the pool is open");
            assert_eq!(
                is_done.recv_timeout(LONG),
                Ok(()),
                "{keep_alive:?}, round {round}"
            );
            // Arrive earlier and later within the time-out.
            for _ in 0..round % 64 * 8 {
                std::hint::spin_loop();
            }
        }
        until("all have expired", || pool.threads() == 0);
        until("nobody is on the roster", || {
            pool.shared().books.lock().roster.len() == 0
        });
        end(&pool);
    }
}

#[test]
fn after_a_burst_all_threads_expire_the_watcher_too() {
    let keep_alive = Duration::from_millis(1);
    let pool = Pool::new(Config {
        keep_alive,
        ..config(64)
    });
    let occupants: Vec<_> = (0..64).map(|_| occupy(&pool, "occupant")).collect();
    assert_eq!(pool.threads(), 64);
    drop(occupants);
    until("all have expired", || pool.threads() == 0);
    until("nobody is on the roster", || {
        pool.shared().books.lock().roster.len() == 0
    });
    assert_eq!((pool.peak_threads(), pool.idle()), (64, 0));
    // The pool is as good as new.
    drop(occupy(&pool, "again"));
    end(&pool);
}

#[test]
fn without_a_keep_alive_threads_stay_until_the_pool_closes() {
    let pool = Pool::new(Config {
        keep_alive: Duration::MAX,
        ..config(4)
    });
    let occupants: Vec<_> = (0..4).map(|_| occupy(&pool, "occupant")).collect();
    drop(occupants);
    until("all are idle", || pool.idle() == 4);
    assert_eq!(pool.threads(), 4);
    end(&pool);
}

#[test]
fn the_last_handle_closes_the_pool_even_from_within_a_job() {
    let pool = Pool::new(config(1));
    let shared = pool.shared().clone();
    let (release, released) = mpsc::channel::<Pool<Boxed>>();
    let drops = job(move || drop(released.recv().expect("the test sends it")));
    pool.submit(drops).expect("the pool is open");
    let (cancel, is_cancelled) = mpsc::channel();
    let queued = Boxed {
        cancel: Box::new(move || cancel.send(()).expect("the test listens")),
        ..job(|| panic!("it must not run"))
    };
    pool.submit(queued).expect("the pool is open");
    release.send(pool).expect("the job listens");
    is_cancelled
        .recv_timeout(LONG)
        .expect("the last handle closes the pool");
    until("the thread has left", || {
        shared.books.lock().roster.len() == 0
    });
}

#[test]
fn jobs_that_wait_for_the_end_of_their_own_pool_do_not_wait_for_themselves() {
    let pool = Pool::new(config(4));
    let (tell, told) = mpsc::channel();
    let meeting = Arc::new(std::sync::Barrier::new(2));
    for _ in 0..2 {
        let (inner, tell, meeting) = (pool.clone(), tell.clone(), meeting.clone());
        let ends = job(move || {
            meeting.wait();
            inner.close();
            let _ = tell.send(inner.wait(None));
        });
        pool.submit(ends).expect("the pool is open");
    }
    assert_eq!(told.recv_timeout(LONG), Ok(true));
    assert_eq!(told.recv_timeout(LONG), Ok(true));
    end(&pool);
}

#[test]
fn what_is_running_is_described() {
    let pool = Pool::new(config(4));
    let one = occupy(&pool, "one");
    let two = occupy(&pool, "two");
    let mut running = pool.running();
    running.sort();
    assert_eq!(running, ["job one", "job two"]);
    drop(one);
    until("one is no longer listed", || pool.running() == ["job two"]);
    drop(two);
    end(&pool);
}

//! How many threads there are, and when.

use super::*;
use std::hint::black_box;

/// Sends `total` jobs that do nothing through the pool with at most `window` in flight; returns the time it took.
fn stream(pool: &Pool<Boxed>, total: usize, window: usize) -> Duration {
    struct Flight {
        done: AtomicUsize,
        waits: AtomicBool,
        submitter: thread::Thread,
    }
    let flight = Arc::new(Flight {
        done: AtomicUsize::new(0),
        waits: AtomicBool::new(false),
        submitter: thread::current(),
    });
    let wait_for = |count: usize| {
        while flight.done.load(SeqCst) < count {
            flight.waits.store(true, SeqCst);
            if flight.done.load(SeqCst) < count {
                thread::park();
            }
        }
    };
    let start = Instant::now();
    for submitted in 0..total {
        wait_for((submitted + 1).saturating_sub(window));
        let flight = flight.clone();
        let noop = job(move || {
            flight.done.fetch_add(1, SeqCst);
            if flight.waits.load(SeqCst) && flight.waits.swap(false, SeqCst) {
                flight.submitter.unpark();
            }
        });
        pool.submit(noop).expect("the pool is open");
    }
    wait_for(total);
    start.elapsed()
}

/// Keeps `count` threads busy until it is dropped.
struct Spinners(Arc<AtomicBool>, Vec<thread::JoinHandle<()>>);

impl Spinners {
    fn new(count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let spin = || {
            let stop = stop.clone();
            thread::spawn(move || {
                while !stop.load(SeqCst) {
                    black_box(0);
                }
            })
        };
        Self(stop.clone(), (0..count).map(|_| spin()).collect())
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
        for spinner in self.1.drain(..) {
            let _ = spinner.join();
        }
    }
}

fn no_ops_stay_on_few_threads(spinners: usize) {
    let _spinners = Spinners::new(spinners);
    let pool = Pool::new(config(512));
    let total = 200_000;
    let wall = stream(&pool, total, 256);
    println!(
        "{total} no-ops, 256 in flight, {spinners} spinners: {} ns each, {} threads at most",
        wall.as_nanos() / total as u128,
        pool.peak_threads()
    );
    assert!(pool.peak_threads() <= 4, "{} threads", pool.peak_threads());
    end(&pool);
}

#[test]
fn a_stream_of_no_ops_stays_on_few_threads() {
    no_ops_stay_on_few_threads(0);
}

#[test]
fn a_stream_of_no_ops_stays_on_few_threads_on_a_loaded_machine() {
    no_ops_stay_on_few_threads(2);
}

#[test]
fn five_hundred_sleeps_run_side_by_side() {
    let pool = Pool::new(config(512));
    let (done, is_done) = mpsc::channel();
    let start = Instant::now();
    for _ in 0..500 {
        let done = done.clone();
        let sleep = job(move || {
            thread::sleep(Duration::from_millis(20));
            let _ = done.send(());
        });
        pool.submit(sleep).expect("the pool is open");
    }
    for _ in 0..500 {
        is_done.recv_timeout(LONG).expect("every sleep ends");
    }
    let wall = start.elapsed();
    println!(
        "500 sleeps of 20 ms: {wall:?}, {} threads at most",
        pool.peak_threads()
    );
    // One after the other on two threads they take 5 s. The bound leaves room for a machine that runs other tests.
    assert!(wall < Duration::from_millis(500), "{wall:?}");
    end(&pool);
}

/// `depth` jobs, each of which waits for the one submitted after it; the last waits for nobody.
fn chain(depth: usize, wait: fn(&AtomicBool)) -> Pool<Boxed> {
    let pool = Pool::new(config(depth));
    let flags: Arc<Vec<_>> = Arc::new((0..depth + 1).map(|_| AtomicBool::new(false)).collect());
    flags[depth].store(true, SeqCst);
    for link in 0..depth {
        let flags = flags.clone();
        let waits = job(move || {
            wait(&flags[link + 1]);
            flags[link].store(true, SeqCst);
        });
        pool.submit(waits).expect("the pool is open");
    }
    until("the first link is through", || flags[0].load(SeqCst));
    assert_eq!(pool.peak_threads(), depth);
    pool
}

#[test]
fn a_chain_of_jobs_that_wait_for_later_ones_may_be_as_deep_as_the_maximum() {
    for depth in [1, 2, 3, 4, 64, 512] {
        let pool = chain(depth, |flag| {
            while !flag.load(SeqCst) {
                thread::sleep(Duration::from_micros(500));
            }
        });
        end(&pool);
    }
}

#[test]
fn a_chain_of_jobs_that_spin_for_later_ones_goes_through_as_well() {
    let pool = chain(5, |flag| {
        while !flag.load(SeqCst) {
            std::hint::spin_loop();
        }
    });
    end(&pool);
}

#[test]
fn jobs_behind_blocked_ones_get_idle_threads_back() {
    let pool = Pool::new(config(8));
    let burst: Vec<_> = (0..8).map(|_| occupy(&pool, "burst")).collect();
    drop(burst);
    until("all are idle", || pool.idle() == 8);
    // Two are blocked, as many as may be woken on submission: the watcher wakes the others.
    let occupants: Vec<_> = (0..8).map(|_| occupy(&pool, "occupant")).collect();
    assert_eq!(
        (pool.threads(), pool.idle(), pool.peak_threads()),
        (8, 0, 8)
    );
    drop(occupants);
    end(&pool);
}

#[test]
fn a_fixed_pool_needs_no_stall() {
    let pool = Pool::new(Config {
        fixed: true,
        ..config(6)
    });
    let occupants: Vec<_> = (0..6).map(|_| occupy(&pool, "occupant")).collect();
    pool.submit(job(|| ())).expect("the pool is open");
    // Six threads and no watcher.
    assert_eq!((pool.threads(), pool.queued()), (6, 1));
    until("all handles have arrived", || {
        pool.shared().books.lock().roster.len() == 6
    });
    drop(occupants);
    until("all are idle", || pool.idle() == 6);
    end(&pool);
}

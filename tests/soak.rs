//! Random lives of many tasks on two runtimes: aborts, joins, detaches, panics, timers, blocking jobs, wake-ups across, and
//! ends. The books must balance: what was spawned has completed, was cancelled or has panicked, and all is dropped once.
//!
//! A second by default; `FILCH_SOAK_SECONDS` makes it longer, `FILCH_SOAK_SEED` repeats one.
#![cfg(not(loom))]

mod common;

use common::{LIMIT, Random, Tally, Token, panic_quietly, within};
use filch::runtime::{Builder, Handle, Runtime};
use filch::task::{JoinHandle, yield_now};
use filch::time::{sleep, timeout};
use std::future::{pending, poll_fn};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What became of the tasks.
#[derive(Default)]
struct Books {
    spawned: AtomicU64,
    completed: AtomicU64,
    panicked: AtomicU64,
    /// Futures that were dropped before they were ready.
    cancelled: AtomicU64,
    /// Reports of the runtimes.
    unhandled: AtomicU64,
    futures: Tally,
    outputs: Tally,
    /// Wakers of tasks of both runtimes, woken by whoever comes by.
    wakers: Mutex<Vec<Waker>>,
}

/// Stands in a task's future, and writes down how it ended.
struct Entry {
    books: Arc<Books>,
    ended: bool,
    _token: Token,
}

impl Entry {
    fn new(books: &Arc<Books>) -> Self {
        books.spawned.fetch_add(1, SeqCst);
        Self {
            books: books.clone(),
            ended: false,
            _token: books.futures.token(),
        }
    }

    fn complete(mut self) -> Token {
        self.ended = true;
        self.books.completed.fetch_add(1, SeqCst);
        self.books.outputs.token()
    }

    fn panic(mut self) -> ! {
        self.ended = true;
        self.books.panicked.fetch_add(1, SeqCst);
        panic_quietly("soak")
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.ended {
            self.books.cancelled.fetch_add(1, SeqCst);
        }
    }
}

/// Waits to be woken by another task, at most so often.
async fn wait_for_others(books: &Books, polls: u64) {
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        books.wakers.lock().unwrap().push(cx.waker().clone());
        Poll::Pending
    })
    .await
}

fn wake_some(books: &Books, random: &mut Random) {
    let woken: Vec<_> = {
        let mut wakers = books.wakers.lock().unwrap();
        let count = random.below(wakers.len() as u64 + 1) as usize;
        wakers.drain(..count).collect()
    };
    for (at, waker) in woken.into_iter().enumerate() {
        match at % 3 {
            0 => waker.wake(),
            1 => waker.wake_by_ref(),
            _ => {
                let copy = waker.clone();
                drop(waker);
                copy.wake();
            }
        }
    }
}

/// One task of a random kind, which may spawn more on either runtime.
async fn live(entry: Entry, others: [Handle; 2], seed: u64, depth: u64) -> Token {
    let mut random = Random::new(seed);
    let books = entry.books.clone();
    for _ in 0..random.below(6) {
        match random.below(10) {
            0 => sleep(Duration::from_micros(random.below(800))).await,
            1 => yield_now().await,
            2 => wake_some(&books, &mut random),
            3 => {
                let waiting = wait_for_others(&books, 1 + random.below(3));
                // The last ones that wait have nobody to wake them.
                let _woken_or_not = timeout(Duration::from_millis(2), waiting).await;
            }
            4 => {
                let micros = random.below(100);
                let job = filch::spawn_blocking(move || {
                    std::thread::sleep(Duration::from_micros(micros))
                });
                if random.below(3) == 0 {
                    job.abort();
                }
                let _done_or_not = job.await;
            }
            5 if random.below(20) == 0 => filch::block_in_place(|| {
                Handle::current().block_on(async { yield_now().await });
            }),
            6 if random.below(4) == 0 => entry.panic(),
            _ if depth > 0 => {
                let handle = &others[random.below(2) as usize];
                let task = spawn(handle, &others, &books, random.next(), depth - 1);
                let unwatched = watch(task, &mut random);
                if let Some(task) = unwatched {
                    let _output = task.await;
                }
            }
            _ => filch::task::consume_budget().await,
        }
    }
    if random.below(12) == 0 {
        pending::<()>().await;
    }
    entry.complete()
}

fn spawn(
    on: &Handle,
    all: &[Handle; 2],
    books: &Arc<Books>,
    seed: u64,
    depth: u64,
) -> JoinHandle<Token> {
    let (entry, all) = (Entry::new(books), all.clone());
    // Boxed because it holds itself.
    let future: std::pin::Pin<Box<dyn Future<Output = Token> + Send>> =
        Box::pin(live(entry, all, seed, depth));
    on.spawn(future)
}

/// Detaches, aborts, or gives the task back to be joined; those that may never end are not joined unless aborted.
fn watch(task: JoinHandle<Token>, random: &mut Random) -> Option<JoinHandle<Token>> {
    match random.below(4) {
        0 => task.detach(),
        1 => drop(task),
        2 => {
            let abort = task.abort_handle();
            drop(task);
            abort.abort();
        }
        _ => {
            task.abort();
            return Some(task);
        }
    }
    None
}

fn runtime(random: &mut Random, books: &Arc<Books>) -> Runtime {
    let mut builder = if random.below(5) == 0 {
        Builder::current_thread()
    } else {
        let mut builder = Builder::multi_thread();
        builder.workers(1 + random.below(4) as usize);
        builder
    };
    let books = books.clone();
    builder
        .max_blocking_threads(1 + random.below(8) as usize)
        .maintenance_interval(1 + random.below(80) as u32)
        .on_unhandled(move |_| {
            books.unhandled.fetch_add(1, SeqCst);
        })
        .build()
        .expect("a runtime")
}

fn round(seed: u64) {
    let mut random = Random::new(seed);
    let books = Arc::new(Books::default());
    let runtimes = [runtime(&mut random, &books), runtime(&mut random, &books)];
    let handles = [runtimes[0].handle().clone(), runtimes[1].handle().clone()];
    for _ in 0..50 + random.below(200) {
        let handle = &handles[random.below(2) as usize];
        let task = spawn(handle, &handles, &books, random.next(), 2);
        if let Some(task) = watch(task, &mut random) {
            // In a current-thread runtime it moves only now.
            let on = if task.is_finished() {
                0
            } else {
                random.below(2) as usize
            };
            let both = async { timeout(Duration::from_millis(3), task).await };
            let _in_time = runtimes[on].block_on(both);
        }
        if random.below(8) == 0 {
            wake_some(&books, &mut random);
        }
    }
    let [first, second] = runtimes;
    match random.below(3) {
        0 => {
            drop(first);
            let _alive = second
                .block_on(second.spawn(async { 5 }))
                .expect("the other one lives");
            drop(second);
        }
        1 => {
            assert!(first.shutdown_timeout(LIMIT).complete);
            wake_some(&books, &mut random);
            drop(second);
        }
        _ => {
            let ending = std::thread::spawn(move || drop(second));
            drop(first);
            ending.join().expect("an end");
        }
    }
    books.wakers.lock().unwrap().drain(..).for_each(Waker::wake);

    let number = |counter: &AtomicU64| counter.load(SeqCst);
    let ends = number(&books.completed) + number(&books.cancelled) + number(&books.panicked);
    assert_eq!(number(&books.spawned), ends, "every task ended one way");
    assert_eq!(
        books.futures.made(),
        books.futures.dropped(),
        "every future is dropped once"
    );
    assert_eq!(
        books.outputs.made(),
        books.outputs.dropped(),
        "every output is dropped once"
    );
    assert_eq!(books.outputs.made() as u64, number(&books.completed));
    assert!(
        number(&books.unhandled) <= number(&books.panicked),
        "a panic is reported once at most"
    );
    for handle in handles {
        assert_eq!(handle.metrics().live_tasks, 0);
        assert!(handle.all_tasks().is_empty());
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn books_balance_after_random_lives() {
    let seconds = variable("FILCH_SOAK_SECONDS").unwrap_or(1);
    let one_seed = variable("FILCH_SOAK_SEED");
    let first = one_seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| now.as_nanos() as u64)
    });
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seeds = Random::new(first);
    let mut seed = first;
    loop {
        // Shown when the test fails.
        println!("FILCH_SOAK_SEED={seed}");
        within(LIMIT, move || round(seed));
        if one_seed.is_some() || Instant::now() >= end {
            return;
        }
        seed = seeds.next();
    }
}

//! Everything at random, from the seed: actors that sleep, yield, spawn, join, abort, detach,
//! panic, race timeouts and send blocking jobs, one step after the other. Each step knows what may
//! come of it and counts anything else as wrong. It must not judge the sums.

use std::panic;
use std::time::{Duration, Instant};

use filch::runtime::Runtime;
use filch::task::yield_now;
use filch::time::{sleep, timeout};
use filch_bench::rng::{Rng, mix};

use super::{Load, blocking, spawn_all};
use crate::interrupt::stopping;
use crate::ledger::track::{self, Joined};
use crate::ledger::{Count, late, tick};

/// Longer than any run: what sleeps this long is always cut short.
const FOREVER: Duration = Duration::from_secs(7 * 24 * 3600);

pub(super) fn start(runtime: &Runtime, load: Load) {
    let seed = load.seed;
    spawn_all(runtime, load.tasks, move |index| {
        track::detach(async move {
            let mut rng = Rng::new(mix(seed ^ u64::from(index)));
            while !stopping() {
                step(&mut rng).await;
                tick(Count::Steps);
            }
        });
    });
}

async fn step(rng: &mut Rng) {
    match rng.below(13) {
        0 | 1 => timed_sleep(millis(rng, 20)).await,
        2 => yields(rng.below(16)).await,
        3 => join_child(rng).await,
        4 => join_nested(rng).await,
        5 => abort_sleeper(rng).await,
        6 => abort_in_a_race(rng).await,
        7 => detach_child(rng),
        8 => join_panic(rng).await,
        9 => timeout_elapses(rng).await,
        10 => timeout_in_time(rng).await,
        11 => timeout_in_a_race(rng).await,
        _ => blocking::job(rng).await,
    }
}

/// A random duration below a number of milliseconds.
fn millis(rng: &mut Rng, bound: u64) -> Duration {
    Duration::from_nanos(rng.below(bound * 1_000_000))
}

/// Sleeps and records how late it woke, or that it woke early.
async fn timed_sleep(duration: Duration) {
    let deadline = Instant::now() + duration;
    sleep(duration).await;
    late(deadline);
}

async fn yields(times: u64) {
    for _ in 0..times {
        yield_now().await;
        tick(Count::Yields);
    }
}

/// A child that yields and returns a value.
async fn join_child(rng: &mut Rng) {
    let (token, times) = (rng.next_u64(), rng.below(4));
    let child = track::spawn(async move {
        yields(times).await;
        mix(token)
    });
    track::join(child)
        .await
        .expect(|joined| *joined == Joined::Value(mix(token)));
}

/// A child that joins children of its own, one of which outlives it.
async fn join_nested(rng: &mut Rng) {
    let (token, nap) = (rng.next_u64(), millis(rng, 5));
    let child = track::spawn(async move {
        track::detach(timed_sleep(nap));
        let grandchild = track::spawn(async move { mix(token) });
        track::join(grandchild).await
    });
    let right = Joined::Value(Joined::Value(mix(token)));
    track::join(child).await.expect(|joined| *joined == right);
}

/// A child asleep for ever is aborted, before or after its first poll: it must be cancelled.
async fn abort_sleeper(rng: &mut Rng) {
    let child = track::spawn(sleep(FOREVER));
    yields(rng.below(3)).await;
    child.abort();
    track::join(child)
        .await
        .expect(|joined| *joined == Joined::Cancelled);
}

/// A child is aborted while it may be ending: it must be cancelled or have its right value.
async fn abort_in_a_race(rng: &mut Rng) {
    let (token, times) = (rng.next_u64(), rng.below(3));
    let child = track::spawn(async move {
        yields(times).await;
        mix(token)
    });
    yields(rng.below(3)).await;
    child.abort();
    let value = Joined::Value(mix(token));
    track::join(child)
        .await
        .expect(|joined| *joined == value || *joined == Joined::Cancelled);
}

fn detach_child(rng: &mut Rng) {
    let (nap, times) = (millis(rng, 10), rng.below(4));
    track::detach(async move {
        yields(times).await;
        timed_sleep(nap).await;
    });
}

/// A child that panics must be joined as such. The panic skips the hook, which would print it.
async fn join_panic(rng: &mut Rng) {
    let times = rng.below(3);
    let child = track::spawn(async move {
        yields(times).await;
        if !panics() {
            return;
        }
        panic::resume_unwind(Box::new("a planned panic"));
    });
    let right = if panics() {
        Joined::Panicked
    } else {
        Joined::Value(())
    };
    track::join(child).await.expect(|joined| *joined == right);
}

/// Whether a panic unwinds: with `panic = "abort"` it would end the program.
const fn panics() -> bool {
    cfg!(panic = "unwind")
}

/// A timeout over a sleep for ever must elapse, and not before its time.
async fn timeout_elapses(rng: &mut Rng) {
    let limit = millis(rng, 10);
    let deadline = Instant::now() + limit;
    match timeout(limit, sleep(FOREVER)).await {
        Ok(()) => tick(Count::Wrong),
        Err(_) => late(deadline),
    }
}

/// A sleep under a timeout far away must end, and not before its time.
async fn timeout_in_time(rng: &mut Rng) {
    let nap = millis(rng, 10);
    let deadline = Instant::now() + nap;
    match timeout(FOREVER, sleep(nap)).await {
        Ok(()) => late(deadline),
        Err(_) => tick(Count::Wrong),
    }
}

/// A sleep and a timeout close to each other: whichever wins must not win before its time.
async fn timeout_in_a_race(rng: &mut Rng) {
    let (limit, nap) = (millis(rng, 4), millis(rng, 4));
    let begin = Instant::now();
    match timeout(limit, sleep(nap)).await {
        Ok(()) => late(begin + nap),
        Err(_) => late(begin + limit),
    }
}

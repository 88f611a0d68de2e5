//! What the scenarios do, the same on every runtime.
//!
//! This file owns the loads and what is measured around them. It must not know the bounds, nor
//! which runtime it is on.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use filch_bench::process;

use super::Readings;
use super::host::Host;
use super::marks;
use crate::scenario::{Kind, Scenario};

/// The workers of a runtime are given this long to start: their stacks are no memory of tasks.
pub(super) const START: Duration = Duration::from_millis(20);
/// How often the first task looks for the others' progress.
pub(super) const LOOK: Duration = Duration::from_millis(5);
/// What the tasks of `sleep_tick` sleep for.
const PERIOD: Duration = Duration::from_millis(1);
/// How many jobs of `blocking_noop` are in flight.
const IN_FLIGHT: usize = 256;
/// What a job of `blocking_sleep` sleeps for.
const NAP: Duration = Duration::from_millis(20);
/// How long the memory of a burst may take to go back, how often it is looked at, and the growth
/// in bytes that ends the wait.
const PATIENCE: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(100);
const SMALL: u64 = 20_000_000;

/// Runs a scenario with all sizes multiplied by `scale`, durations by no less than a hundredth.
pub(super) fn run<H: Host>(scenario: &Scenario, scale: f64) -> io::Result<Readings> {
    let size = ((scenario.size as f64 * scale) as u64).max(1);
    let seconds = |seconds: f64| Duration::from_secs_f64(seconds * scale.clamp(0.01, 1.0));
    match scenario.kind {
        Kind::Sleepers => sleepers::<H>(size, seconds(1.0), seconds(5.0)),
        Kind::SleepTick => sleep_tick::<H>(size, seconds(3.0)),
        Kind::BlockingNoop => blocking_noop::<H>(size),
        Kind::BlockingSleep => blocking_sleep::<H>(size),
        Kind::Parked => parked::<H>(size),
        Kind::ManySleepers => many_sleepers::<H>(size),
        Kind::Burst => burst::<H>(size, seconds(1.0), seconds(2.0)),
        Kind::Echo | Kind::Http | Kind::IdleConnections | Kind::Waves => {
            Err(io::Error::other("there are no sockets here"))
        }
    }
}

/// Builds the runtime and lets its workers start.
fn build<H: Host>() -> io::Result<H> {
    let host = H::build()?;
    thread::sleep(START);
    Ok(host)
}

/// The task that sleeps once. As an `async fn` it would hold its argument twice.
#[expect(clippy::manual_async_fn, reason = "see above")]
fn nap<H: Host>(index: u32) -> impl Future<Output = ()> + Send + 'static {
    async move {
        let sleep = H::sleep(marks::begin(index));
        sleep.await;
        marks::end(index);
    }
}

/// Spawns the tasks that sleep, and returns when those that are marked are asleep.
async fn fill<H: Host>() {
    for index in 0..marks::count() {
        H::detach(nap::<H>(index as u32));
    }
    while !marks::all_asleep() {
        H::sleep(LOOK).await;
    }
}

/// Returns when the tasks that were filled in have ended.
async fn drain<H: Host>() {
    // The first task is this one.
    while H::alive() > 1 {
        H::sleep(LOOK).await;
    }
}

fn sleepers<H: Host>(tasks: u64, shortest: Duration, longest: Duration) -> io::Result<Readings> {
    marks::prepare(tasks, shortest, longest);
    let cpu = process::cpu_time();
    let host = build::<H>()?;
    let before = process::exact_rss();
    let all_asleep = host.run(async move {
        fill::<H>().await;
        let rss = process::exact_rss();
        H::sleep(longest).await;
        drain::<H>().await;
        rss
    });
    let cpu = since(cpu);
    drop(host);
    let (late, early) = marks::lateness();
    let mut readings = vec![("early", early as f64)];
    readings.extend(percentiles(&late));
    readings.extend(cpu.map(|cpu| ("cpu_s", cpu.as_secs_f64())));
    readings.extend(per_task(before, all_asleep, tasks));
    Ok(readings)
}

fn sleep_tick<H: Host>(tasks: u64, length: Duration) -> io::Result<Readings> {
    /// The lateness of each task that has ended, in nanoseconds; negative if a sleep was short.
    static LATE: Mutex<Vec<Vec<i32>>> = Mutex::new(Vec::new());
    let cpu = process::cpu_time();
    let host = build::<H>()?;
    let room = (length.as_nanos() / PERIOD.as_nanos()) as usize + 1;
    host.run(async move {
        let end = Instant::now() + length;
        for _ in 0..tasks {
            H::detach(async move {
                let mut late = Vec::with_capacity(room);
                let mut begin = Instant::now();
                while begin < end {
                    H::sleep(PERIOD).await;
                    let now = Instant::now();
                    let slept = now.duration_since(begin).as_nanos() as i64;
                    let lateness = slept - PERIOD.as_nanos() as i64;
                    late.push(lateness.clamp(i32::MIN.into(), i32::MAX.into()) as i32);
                    begin = now;
                }
                lock(&LATE).push(late);
            });
        }
        H::sleep(length).await;
        while (lock(&LATE).len() as u64) < tasks {
            H::sleep(LOOK).await;
        }
    });
    let cpu = since(cpu);
    drop(host);
    let all: Vec<i32> = lock(&LATE).concat();
    let early = all.iter().filter(|late| **late < 0).count();
    let mut late: Vec<u64> = all.iter().map(|late| (*late).max(0) as u64).collect();
    late.sort_unstable();
    let mut readings = vec![("early", early as f64)];
    readings.extend(percentiles(&late));
    let per_sleep = cpu.map(|cpu| cpu.as_nanos() as f64 / late.len().max(1) as f64);
    readings.extend(per_sleep.map(|nanos| ("cpu_per_sleep_ns", nanos)));
    Ok(readings)
}

fn blocking_noop<H: Host>(jobs: u64) -> io::Result<Readings> {
    let host = build::<H>()?;
    let cpu = process::cpu_time();
    let wall = host.run(async move {
        let start = Instant::now();
        let mut flight = VecDeque::with_capacity(IN_FLIGHT);
        for _ in 0..jobs {
            if flight.len() == IN_FLIGHT {
                finish::<H>(flight.pop_front()).await;
            }
            flight.push_back(H::blocking(|| ()));
        }
        while let Some(job) = flight.pop_front() {
            finish::<H>(Some(job)).await;
        }
        start.elapsed()
    });
    let cpu = since(cpu);
    let mut readings = vec![("wall_s", wall.as_secs_f64())];
    readings.extend(cpu.map(|cpu| ("cpu_s", cpu.as_secs_f64())));
    readings.extend(host.pool_threads().map(|n| ("pool_threads", n as f64)));
    Ok(readings)
}

fn blocking_sleep<H: Host>(jobs: u64) -> io::Result<Readings> {
    let host = build::<H>()?;
    let wall = host.run(async move {
        let start = Instant::now();
        let flight: Vec<_> = (0..jobs)
            .map(|_| H::blocking(|| thread::sleep(NAP)))
            .collect();
        for job in flight {
            finish::<H>(Some(job)).await;
        }
        start.elapsed()
    });
    Ok(vec![("wall_ms", wall.as_secs_f64() * 1e3)])
}

/// Awaits a job, if there is one.
async fn finish<H: Host>(job: Option<H::Job>) {
    if let Some(job) = job {
        job.await.expect("a job neither panics nor is cancelled");
    }
}

fn parked<H: Host>(tasks: u64) -> io::Result<Readings> {
    /// Tasks that have been polled. It is static, so that no task carries it.
    static POLLED: AtomicU64 = AtomicU64::new(0);
    let host = build::<H>()?;
    let before = process::exact_rss();
    let after = host.run(async move {
        for _ in 0..tasks {
            H::detach(poll_fn(|_| {
                POLLED.fetch_add(1, Relaxed);
                Poll::Pending
            }));
        }
        while POLLED.load(Relaxed) < tasks {
            H::sleep(LOOK).await;
        }
        process::exact_rss()
    });
    Ok(per_task(before, after, tasks).into_iter().collect())
}

fn many_sleepers<H: Host>(tasks: u64) -> io::Result<Readings> {
    const HOUR: Duration = Duration::from_secs(3600);
    marks::prepare(tasks, HOUR, 2 * HOUR);
    let host = build::<H>()?;
    let before = process::exact_rss();
    let after = host.run(async {
        fill::<H>().await;
        process::exact_rss()
    });
    Ok(per_task(before, after, tasks).into_iter().collect())
}

fn burst<H: Host>(tasks: u64, shortest: Duration, longest: Duration) -> io::Result<Readings> {
    marks::prepare(tasks, shortest, longest);
    let host = build::<H>()?;
    let before = process::exact_rss();
    let peak = host.run(async {
        fill::<H>().await;
        let peak = process::exact_rss();
        drain::<H>().await;
        peak
    });
    let (Some(before), Some(peak)) = (before, peak) else {
        return Ok(Vec::new());
    };
    let end = Instant::now();
    let left = loop {
        thread::sleep(GLANCE);
        let left = process::exact_rss().unwrap_or(u64::MAX);
        if left <= before + SMALL || end.elapsed() >= PATIENCE {
            break left;
        }
    };
    let megabytes = |rss: u64| (rss as f64 - before as f64) / 1e6;
    Ok(vec![
        ("rss_left_mb", megabytes(left)),
        ("rss_peak_mb", megabytes(peak)),
        ("rss_waited_s", end.elapsed().as_secs_f64()),
    ])
}

/// The CPU time of this process since it had used `before`.
pub(super) fn since(before: Option<Duration>) -> Option<Duration> {
    Some(process::cpu_time()?.saturating_sub(before?))
}

fn percentiles(late: &[u64]) -> [(&'static str, f64); 2] {
    let micros = |percent| marks::percentile(late, percent) as f64 / 1e3;
    [("late_p50_us", micros(50)), ("late_p99_us", micros(99))]
}

fn per_task(before: Option<u64>, after: Option<u64>, tasks: u64) -> Option<(&'static str, f64)> {
    let grown = after? as f64 - before? as f64;
    Some(("rss_per_task", grown / tasks as f64))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

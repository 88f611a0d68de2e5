//! cargo run --release --example blocking_vs_executor
//!
//! A task ticks every 10 ms on a runtime with one thread. Then something blocks for 300 ms, first inside a task, then
//! through `run_in_executor`. The longest gap between two ticks is about 300 ms the first time, and about 10 ms the
//! second: the call still blocks a thread, but not the one that runs the tasks. Exits with 1 if it was otherwise.

use filch::runtime::{Builder, Runtime};
use filch::time::{Instant, interval};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(10);
const BLOCK: Duration = Duration::from_millis(300);

/// Ticks fifty times and gives the longest time between two ticks.
async fn longest_gap() -> Duration {
    let mut ticker = interval(TICK);
    let mut longest = Duration::ZERO;
    let mut last = Instant::now();
    for _ in 0..50 {
        ticker.tick().await;
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    longest
}

async fn blocks_in_a_task() -> Duration {
    let ticks = filch::spawn(longest_gap());
    filch::time::sleep(5 * TICK).await;
    // Wrong: nothing else runs on this thread meanwhile. Any long computation does the same.
    filch::spawn(async { thread::sleep(BLOCK) }).detach();
    ticks.await.expect("the ticking task does not panic")
}

async fn blocks_in_the_executor() -> Duration {
    let ticks = filch::spawn(longest_gap());
    filch::time::sleep(5 * TICK).await;
    // Right: the call gets a thread of the blocking pool, and this task awaits its result like any other.
    let nap = filch::run_in_executor(None, || thread::sleep(BLOCK));
    nap.await.expect("a nap does not panic");
    ticks.await.expect("the ticking task does not panic")
}

fn main() -> ExitCode {
    // One thread makes the lesson plain. With several the other workers go on, but the tasks queued behind the blocked
    // one wait until somebody steals them, and a handful of blocking tasks stops them all.
    let runtime: Runtime = Builder::current_thread().build().expect("a runtime starts");

    let blocked = runtime.block_on(blocks_in_a_task());
    println!("blocking inside a task:  longest gap between ticks {blocked:>6.0?}");
    let free = runtime.block_on(blocks_in_the_executor());
    println!("run_in_executor:         longest gap between ticks {free:>6.0?}");

    if blocked >= BLOCK * 9 / 10 && free < BLOCK * 2 / 3 {
        ExitCode::SUCCESS
    } else {
        eprintln!("the gaps are not what they should be");
        ExitCode::FAILURE
    }
}

//! cargo run --release --example countdown
//!
//! Two countdowns, from 3 and from 2, a second a step. One after the other they take 5 s; as two tasks at the same
//! time they take 3 s, and their lines are mixed. Nothing but the spawns makes the difference: `await` waits, `spawn`
//! starts. Exits with 1 if the second way was not the faster one.

use filch::time::{Instant, sleep};
use std::process::ExitCode;
use std::time::Duration;

async fn countdown(name: &str, from: u32) {
    for left in (1..=from).rev() {
        println!("  {name}: {left}");
        sleep(Duration::from_secs(1)).await;
    }
    println!("  {name}: lift-off");
}

async fn one_after_the_other() -> Duration {
    let start = Instant::now();
    countdown("A", 3).await;
    countdown("B", 2).await;
    start.elapsed()
}

async fn both_at_once() -> Duration {
    let start = Instant::now();
    let a = filch::spawn(countdown("A", 3));
    let b = filch::spawn(countdown("B", 2));
    // Both run already. This only waits for them.
    a.await.expect("a countdown does not panic");
    b.await.expect("a countdown does not panic");
    start.elapsed()
}

fn main() -> ExitCode {
    filch::block_on(async {
        println!("one after the other:");
        let sequential = one_after_the_other().await;
        println!("took {:.1} s\n", sequential.as_secs_f64());

        println!("both at once:");
        let concurrent = both_at_once().await;
        println!("took {:.1} s", concurrent.as_secs_f64());

        if sequential >= Duration::from_secs(5) && concurrent < Duration::from_secs(5) {
            ExitCode::SUCCESS
        } else {
            eprintln!("the countdowns did not run at the same time");
            ExitCode::FAILURE
        }
    })
}

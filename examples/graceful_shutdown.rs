//! cargo run --release --example graceful_shutdown
//!
//! Three workers serve until they are told to stop: after two seconds, or as soon as you press Enter. Each finishes
//! the item at hand and cleans up. A fourth task does not listen; the end of the runtime drops it in the middle of its
//! sleep, its cleanup runs all the same, and the report says so. Exits with 1 if anything was left behind.

use filch::runtime::Runtime;
use filch::time::{Instant, sleep};
use std::io::stdin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Says goodbye however its task ends: by returning, by a panic, or by being dropped.
struct Cleanup(&'static str);

impl Drop for Cleanup {
    fn drop(&mut self) {
        println!("{}: cleaned up", self.0);
    }
}

async fn serve(name: &'static str, stop: Arc<AtomicBool>) -> u32 {
    let _cleanup = Cleanup(name);
    let mut items = 0;
    while !stop.load(Relaxed) {
        sleep(Duration::from_millis(50)).await;
        items += 1;
    }
    items
}

async fn never_listens() {
    let _cleanup = Cleanup("deaf");
    sleep(Duration::from_secs(3600)).await;
}

fn main() -> ExitCode {
    let runtime = Runtime::new().expect("a runtime starts");
    let stop = Arc::new(AtomicBool::new(false));
    // Reading stdin blocks, so a thread that nobody waits for does it. The end of the input changes nothing.
    let pressed = stop.clone();
    std::thread::spawn(move || {
        let read = stdin().read_line(&mut String::new());
        pressed.fetch_or(read.is_ok_and(|bytes| bytes > 0), Relaxed);
    });

    println!("serving for two seconds; Enter stops it sooner");
    runtime.spawn(never_listens()).detach();
    runtime.block_on(async {
        let workers =
            ["one", "two", "three"].map(|name| (name, filch::spawn(serve(name, stop.clone()))));
        let until = Instant::now() + Duration::from_secs(2);
        while !stop.load(Relaxed) && Instant::now() < until {
            sleep(Duration::from_millis(50)).await;
        }
        println!("stopping");
        stop.store(true, Relaxed);
        for (name, worker) in workers {
            println!(
                "{name}: served {} items",
                worker.await.expect("no worker panics")
            );
        }
    });

    let report = runtime.shutdown_timeout(Duration::from_secs(5));
    println!(
        "complete: {}, tasks dropped: {}",
        report.complete, report.tasks_dropped
    );
    if report.complete && report.tasks_dropped == 1 {
        return ExitCode::SUCCESS;
    }
    eprintln!("{report:?}");
    ExitCode::FAILURE
}

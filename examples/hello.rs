//! cargo run --example hello
//!
//! Prints "hello", one second later "world", and then how long that took.
//! asyncio's `async def main(): print("hello"); await asyncio.sleep(1); print("world")`.

use filch::time::{Instant, sleep};
use std::time::Duration;

fn main() {
    filch::block_on(async {
        let start = Instant::now();
        println!("hello");
        sleep(Duration::from_secs(1)).await;
        println!("world");

        let took = start.elapsed();
        println!("took {:.1} s", took.as_secs_f64());
        // A timer is never early.
        assert!(took >= Duration::from_secs(1));
    });
}

//! Tasks that send jobs to the blocking pool and await each: most do nothing, some sleep for a
//! millisecond, some compute. It must not have more jobs under way than tasks.

use std::time::{Duration, Instant};

use filch::runtime::Runtime;
use filch_bench::rng::{Rng, mix};

use super::{Load, spawn_all};
use crate::interrupt::stopping;
use crate::ledger::{Count, tick, track};

pub(super) fn start(runtime: &Runtime, load: Load) {
    let seed = load.seed;
    spawn_all(runtime, load.tasks, move |index| {
        track::detach(async move {
            let mut rng = Rng::new(mix(seed ^ u64::from(index)));
            while !stopping() {
                job(&mut rng).await;
            }
        });
    });
}

/// Sends one job of a random kind and checks what it returns.
pub(super) async fn job(rng: &mut Rng) {
    let token = rng.next_u64();
    let kind = rng.below(8);
    tick(Count::JobsSent);
    let job = filch::spawn_blocking(move || {
        tick(Count::JobsRun);
        match kind {
            0 => std::thread::sleep(Duration::from_millis(1)),
            1 => {
                let begin = Instant::now();
                while begin.elapsed() < Duration::from_micros(20) {
                    std::hint::spin_loop();
                }
            }
            _ => {}
        }
        mix(token)
    });
    match job.await {
        Ok(value) if value == mix(token) => tick(Count::JobsJoined),
        _ => tick(Count::Wrong),
    }
}

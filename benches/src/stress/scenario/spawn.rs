//! Chains of tasks. Each link spawns a batch of tasks, joins them, spawns the next link and ends.
//! It must not let a chain pause, so that the run is one of spawns and joins alone.

use std::pin::Pin;

use filch::runtime::Runtime;
use filch_bench::rng::mix;

use super::{Load, spawn_all};
use crate::interrupt::stopping;
use crate::ledger::track::{self, Joined};

/// How many tasks a link spawns and joins.
const BATCH: u64 = 8;

pub(super) fn start(runtime: &Runtime, load: Load) {
    let seed = load.seed;
    spawn_all(runtime, load.tasks, move |chain| {
        track::detach(link(mix(seed ^ u64::from(chain))));
    });
}

/// One link. It is boxed because it spawns a future of its own type.
fn link(number: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let leaf = |i| track::spawn(async move { mix(number ^ i) });
        let leaves: Vec<_> = (0..BATCH).map(leaf).collect();
        for (i, leaf) in (0..).zip(leaves) {
            track::join(leaf)
                .await
                .expect(|joined| *joined == Joined::Value(mix(number ^ i)));
        }
        if !stopping() {
            track::detach(link(mix(number)));
        }
    })
}

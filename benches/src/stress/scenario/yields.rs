//! Tasks that yield in a loop until the run ends: the rate of rescheduling, and how evenly the
//! tasks get their turns. It must not do anything else between two yields but count.

use filch::runtime::Runtime;

use super::{Load, spawn_all};
use crate::interrupt::stopping;
use crate::ledger::{Count, record, tick, track};

pub(super) fn start(runtime: &Runtime, load: Load) {
    spawn_all(runtime, load.tasks, |index| {
        track::detach(async move {
            let mut turns = 0;
            while !stopping() {
                filch::task::yield_now().await;
                turns += 1;
                tick(Count::Yields);
            }
            record::note(index, turns);
        });
    });
}

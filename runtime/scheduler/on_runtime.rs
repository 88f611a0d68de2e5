//! How a task of a runtime comes into a queue when it is woken, wherever that happens. It must not know what the queues
//! are.

use super::Shared;
use crate::runtime::context;
use crate::runtime::report;
use crate::runtime::table;
use crate::runtime::task::{Runnable, Schedule, Unhandled};

/// Tasks of a runtime, of either flavour.
pub(crate) struct OnRuntime;

impl Schedule for OnRuntime {
    #[inline]
    fn schedule(task: Runnable) {
        let task = match context::worker() {
            Some(worker) => match worker.schedule(task) {
                Ok(()) => return,
                Err(task) => task,
            },
            None => task,
        };
        schedule_remote(task);
    }

    fn unhandled(report: &Unhandled) {
        report::deliver(report);
    }
}

#[cold]
fn schedule_remote(task: Runnable) {
    // SAFETY: the task has a queue entry, which is in our hands: it is not done, so its runtime is alive.
    let shared = unsafe { table::get::<Shared>(task.header().runtime) };
    shared.push_remote(task);
}

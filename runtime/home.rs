//! Where something that may outlive the task that made it has its blocking jobs run and its failures reported: in the
//! runtime of the thread that asks, or else in the one where it was made.
//! It must not know what the jobs do.

use super::context;
use super::report;
use super::scheduler::Shared;
use super::table;
use super::task::{JoinHandle, Unhandled};
use core::panic::Location;
use std::io;
use std::sync::{Arc, Weak};

/// The runtime where something was made, which may have ended since, and the place in the program.
#[derive(Clone)]
pub(crate) struct Home {
    /// Weak: a runtime's memory and descriptors are not kept by a file that is still open.
    runtime: Weak<Shared>,
    location: &'static Location<'static>,
}

impl Home {
    /// That of the caller, who need not be in a runtime.
    #[track_caller]
    pub(crate) fn here() -> Self {
        Self::at(Location::caller())
    }

    /// That of the caller, on behalf of a place in the user's program.
    pub(crate) fn at(location: &'static Location<'static>) -> Self {
        Self {
            runtime: context::current()
                .as_ref()
                .map_or_else(Weak::new, Arc::downgrade),
            location,
        }
    }

    /// That of the caller, or a panic that says what to do.
    #[track_caller]
    pub(crate) fn expect(called: &str) -> Self {
        Self {
            runtime: Arc::downgrade(&context::expect(called)),
            location: Location::caller(),
        }
    }

    /// The same runtime, and the place of the caller.
    #[track_caller]
    pub(crate) fn called_here(&self) -> Self {
        Self {
            runtime: self.runtime.clone(),
            location: Location::caller(),
        }
    }

    fn runtime(&self) -> Option<Arc<Shared>> {
        context::current().or_else(|| self.runtime.upgrade())
    }

    /// Runs `f` on the blocking pool. A pool that refuses it, or cancels it later, drops it, and the handle says so;
    /// without a runtime it is dropped here, and there is no handle.
    pub(crate) fn submit<F, R>(&self, f: F) -> Option<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let runtime = self.runtime()?;
        Some(runtime.spawn_blocking_at(self.location, f, None))
    }

    /// Gives the hook of `Builder::on_unhandled`, or stderr, an error that has no other taker. To be called under no lock.
    pub(crate) fn report(&self, type_name: &'static str, what: String, error: io::Error) {
        let runtime = self
            .runtime()
            .map_or(table::NONE, |runtime| runtime.slot.number());
        let report = Unhandled::io(runtime, type_name, self.location, what, error);
        report::deliver_quietly(&report);
    }
}

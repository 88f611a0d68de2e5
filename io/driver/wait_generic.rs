//! The wait that every system supports: `Poller::wait`.

use core::time::Duration;
use parking_lot::Mutex;
use polling::{Events, Poller};
use std::io;

/// The driver on top of `Poller::wait` and `Poller::notify`.
pub(crate) struct Driver {
    poller: Poller,
    events: Mutex<Events>,
}

impl Driver {
    /// # Errors
    /// If the system gives no more descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            poller: Poller::new()?,
            events: Mutex::new(Events::new()),
        })
    }

    /// Waits for an event, a wake-up or the end of `timeout`. One thread at a time.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let mut events = self.events.lock();
        events.clear();
        // An interrupted or refused wait looks like an early wake-up, which callers expect.
        let _ = self.poller.wait(&mut events, timeout);
    }

    /// Ends the present wait, or the next one if there is none.
    pub(crate) fn wake(&self) {
        // Fails only if the poller's own descriptor is broken, when nobody could be told.
        let _ = self.poller.notify();
    }
}

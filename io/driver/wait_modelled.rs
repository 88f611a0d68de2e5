//! The wait as loom can check it: a wake-up that is remembered until the next wait, and nothing else.

use crate::runtime::shim::{self, Condvar, Mutex};
use core::time::Duration;
use std::io;

/// A driver without events.
pub(crate) struct Driver {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Driver {
    /// # Errors
    /// Never.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            woken: Mutex::new(false),
            changed: Condvar::new(),
        })
    }

    /// Waits for a wake-up; a `timeout` is over at once.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let mut woken = self.woken.lock();
        while !*woken && timeout.is_none() {
            shim::wait(&self.changed, &mut woken);
        }
        *woken = false;
    }

    /// Ends the present wait, or the next one if there is none.
    pub(crate) fn wake(&self) {
        *self.woken.lock() = true;
        self.changed.notify_one();
    }
}

//! The wait as a model can check it: a wake-up that is remembered until the next wait, and nothing else.

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

    /// Waits for a wake-up; a `timeout` is over as soon as the others have had a chance to run.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let mut woken = self.woken.lock();
        match timeout {
            Some(timeout) if !*woken => {
                shim::wait_for(&self.changed, &mut woken, timeout);
            }
            Some(_) => {}
            None => {
                while !*woken {
                    shim::wait(&self.changed, &mut woken);
                }
            }
        }
        *woken = false;
    }

    /// Ends the present wait, or the next one if there is none.
    pub(crate) fn wake(&self) {
        *self.woken.lock() = true;
        self.changed.notify_one();
    }
}

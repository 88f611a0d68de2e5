//! The wait as a model can check it: a wake-up that is remembered until the next wait, and nothing else.

use crate::runtime::shim::{self, Condvar, Mutex};
use crate::runtime::task::waker::ThinWaker;
use core::time::Duration;
use std::io;

/// What a wait has brought: nothing.
pub(crate) struct Events;

impl Events {
    pub(crate) fn new() -> Self {
        Self
    }
}

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
    pub(crate) fn wait(&self, timeout: Option<Duration>, _: &mut Events) {
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

    /// No source registers here.
    pub(crate) fn watched(&self) -> usize {
        0
    }

    /// There are no events.
    pub(crate) fn dispatch(&self, _: &mut Events, _: impl FnMut(ThinWaker)) {}

    /// Nobody waits.
    pub(crate) fn close(&self, _: impl FnMut(ThinWaker)) {}
}

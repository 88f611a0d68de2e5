//! What is registered with a poller. It owns the poller, how a descriptor is registered, and whether the runtime still
//! listens; it must not know slots, nor how one waits.

use super::event::{Interest, REARMS};
#[cfg(all(target_os = "linux", not(filch_generic_poll)))]
use super::wait_linux;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use polling::{Event, PollMode, Poller};
use std::io;
use std::os::fd::BorrowedFd;

/// A poller, and how many descriptors it watches.
pub(crate) struct Registry {
    pub(super) poller: Poller,
    /// The poller's descriptor may be asked directly: see `wait_linux.rs`.
    direct: bool,
    open: AtomicBool,
    watched: AtomicUsize,
}

/// The mode in which descriptors are registered.
const MODE: PollMode = if REARMS {
    PollMode::Oneshot
} else {
    PollMode::Edge
};

impl Registry {
    pub(super) fn new(poller: Poller, direct: bool) -> Self {
        Self {
            poller,
            direct,
            open: AtomicBool::new(true),
            watched: AtomicUsize::new(0),
        }
    }

    /// How many descriptors are watched.
    #[inline]
    pub(super) fn watched(&self) -> usize {
        self.watched.load(Relaxed)
    }

    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    /// From now on nobody listens.
    pub(super) fn close(&self) {
        self.open.store(false, Relaxed);
    }

    /// Registers a descriptor. It must be removed before it is closed.
    ///
    /// # Errors
    /// The system's; nothing is registered then.
    pub(super) fn add(&self, descriptor: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        match self.direct {
            #[cfg(all(target_os = "linux", not(filch_generic_poll)))]
            true => wait_linux::add(&self.poller, descriptor, interest)?,
            // SAFETY: passed on to the callers, all in this folder: a source removes its descriptor when it ends.
            _ => unsafe {
                self.poller
                    .add_with_mode(&descriptor, event(interest), MODE)?;
            },
        }
        self.watched.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Changes a registration, and has what is ready already reported.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn modify(&self, descriptor: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        match self.direct {
            #[cfg(all(target_os = "linux", not(filch_generic_poll)))]
            true => wait_linux::modify(&self.poller, descriptor, interest),
            _ => self
                .poller
                .modify_with_mode(descriptor, event(interest), MODE),
        }
    }

    /// Ends a registration. A descriptor that is closed already, or was never there, is no error: it is gone.
    pub(super) fn remove(&self, descriptor: BorrowedFd<'_>) {
        let _ = self.poller.delete(descriptor);
        self.forget();
    }

    /// A registration ends with the poller.
    pub(super) fn forget(&self) {
        self.watched.fetch_sub(1, Relaxed);
    }
}

fn event(interest: Interest) -> Event {
    Event::new(interest.key, interest.reads, interest.writes)
}

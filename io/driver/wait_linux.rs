//! The wait on Linux: `epoll_pwait2` on the poller's own descriptor, which takes nanoseconds, and wake-ups through an
//! eventfd that is registered edge-triggered and never read: each write is a new edge.

use core::time::Duration;
use polling::{Event, PollMode, Poller};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::fd::{AsFd, OwnedFd};
use std::io;

/// The key of the eventfd; `polling` keeps `usize::MAX` for itself.
const WAKE_KEY: usize = usize::MAX - 1;

/// The driver on top of the poller's descriptor.
pub(crate) struct Driver {
    poller: Poller,
    wake: OwnedFd,
}

impl Driver {
    /// # Errors
    /// If the system gives no more descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        let poller = Poller::new()?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // SAFETY: the eventfd is deleted from the poller before it is closed, in `drop`.
        unsafe { poller.add_with_mode(&wake, Event::readable(WAKE_KEY), PollMode::Edge)? };
        Ok(Self { poller, wake })
    }

    /// Waits for an event, a wake-up or the end of `timeout`. One thread at a time.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let mut events = [const { core::mem::MaybeUninit::uninit() }; 8];
        // An interrupted or refused wait looks like an early wake-up, which callers expect.
        let _ = epoll::wait(self.poller.as_fd(), &mut events[..], timeout.as_ref());
    }

    /// Ends the present wait, or the next one if there is none.
    pub(crate) fn wake(&self) {
        // The counter would have to reach 2^64 - 1 for a write to fail; it is at its limit then, and the edge that
        // is lost is one of so many that are pending.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.poller.delete(&self.wake);
    }
}

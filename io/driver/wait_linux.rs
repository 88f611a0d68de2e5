//! The wait on Linux: `epoll_pwait2` on the poller's own descriptor, which takes nanoseconds, and wake-ups through an
//! eventfd that is registered edge-triggered and never read: each write is a new edge.
//!
//! The call is made here because rustix rounds to milliseconds, unless a feature is set that would take kernels before
//! 5.11 away from every crate of the program. On such a kernel this file rounds up too.

use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;
use polling::{Event, PollMode, Poller};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use std::io;

/// The key of the eventfd; `polling` keeps `usize::MAX` for itself.
const WAKE_KEY: usize = usize::MAX - 1;
/// Events that one wait takes.
const EVENTS: usize = 8;

/// The driver on top of the poller's descriptor.
pub(crate) struct Driver {
    poller: Poller,
    wake: OwnedFd,
    /// The kernel has no `epoll_pwait2`.
    is_old: AtomicBool,
}

impl Driver {
    /// # Errors
    /// If the system gives no more descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        let poller = Poller::new()?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // SAFETY: the eventfd is deleted from the poller before it is closed, in `drop`.
        unsafe { poller.add_with_mode(&wake, Event::readable(WAKE_KEY), PollMode::Edge)? };
        Ok(Self {
            poller,
            wake,
            is_old: AtomicBool::new(false),
        })
    }

    /// Waits for an event, a wake-up or the end of `timeout`. One thread at a time.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        // An interrupted or refused wait looks like an early wake-up, which callers expect.
        if !self.is_old.load(Relaxed) && self.wait_exactly(timeout) == Err(libc::ENOSYS) {
            self.is_old.store(true, Relaxed);
        }
        if self.is_old.load(Relaxed) {
            self.wait_for_millis(timeout);
        }
    }

    fn wait_exactly(&self, timeout: Option<Duration>) -> Result<(), i32> {
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        // SAFETY: the descriptor is open, the array has as many places as is said, the time-out is null or points to a
        // `timespec`, and no signal mask is given, so its size is not looked at.
        let waited = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.poller.as_fd().as_raw_fd(),
                events.as_mut_ptr(),
                EVENTS,
                timeout.as_ref().map_or(ptr::null(), ptr::from_ref),
                ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        if waited >= 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error().raw_os_error().unwrap_or(0))
        }
    }

    fn wait_for_millis(&self, timeout: Option<Duration>) {
        let millis = timeout.map_or(-1, |timeout| {
            i32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
        });
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        // SAFETY: as in `wait_exactly`.
        unsafe {
            let epoll = self.poller.as_fd().as_raw_fd();
            libc::epoll_wait(epoll, events.as_mut_ptr(), EVENTS as i32, millis);
        }
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

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::Driver;
    use core::time::Duration;
    use std::time::Instant;

    #[test]
    fn the_wait_of_an_old_kernel_is_not_early_and_can_be_ended() {
        let driver = Driver::new().unwrap();
        let start = Instant::now();
        driver.wait_for_millis(Some(Duration::from_micros(1500)));
        assert!(start.elapsed() >= Duration::from_micros(1500));
        driver.wake();
        driver.wait_for_millis(None);
        driver.wake();
        driver.wait_for_millis(None);
    }
}

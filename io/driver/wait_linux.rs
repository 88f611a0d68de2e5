//! The wait on Linux: `epoll_pwait2` on the poller's own descriptor, which takes nanoseconds, and wake-ups through an
//! eventfd that is registered edge-triggered and never read: each write is a new edge.
//!
//! The call is made here because rustix rounds to milliseconds, unless a feature is set that would take kernels before
//! 5.11 away from every crate of the program. On such a kernel this file rounds up too.
//!
//! Descriptors are registered here, too, for the sake of `EPOLLRDHUP`, which `polling` cannot ask for. A read that gives
//! less than it has room for has emptied the socket, and the attempt that would only be refused is spared; but if the
//! peer's end came together with the data, no other event follows, so the event itself must tell.
//!
//! All this takes the poller's descriptor for an epoll that reports the keys as they were given. The first driver of a
//! process checks that with its eventfd; if it is not so, all drivers wait with `Poller::wait`, and a line says so.

use super::event::{Happened, Interest};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;
use polling::{Event, PollMode, Poller};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::io;
use std::sync::OnceLock;

/// The key of the eventfd; `polling` keeps `usize::MAX` for itself.
const WAKE_KEY: usize = usize::MAX - 1;
/// Events that the first waits take, and that a wait takes at most.
const FEW_EVENTS: usize = 64;
const MOST_EVENTS: usize = 1024;

/// Whether the poller's descriptor is what it is taken for.
static FITS: OnceLock<bool> = OnceLock::new();

/// The way to end a wait.
pub(super) struct Wait {
    wake: OwnedFd,
    /// The kernel has no `epoll_pwait2`.
    is_old: AtomicBool,
}

/// Room for what a wait brings.
pub(super) struct Events(Vec<libc::epoll_event>);

impl Wait {
    /// `None` if the poller has to be waited on in the generic way.
    ///
    /// # Errors
    /// If the system gives no more descriptors.
    pub(super) fn new(poller: &Poller) -> io::Result<Option<Self>> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // SAFETY: an eventfd that is closed leaves the epoll by itself, as nobody has a duplicate of it.
        unsafe { poller.add_with_mode(&wake, Event::readable(WAKE_KEY), PollMode::Edge)? };
        let wait = Self {
            wake,
            is_old: AtomicBool::new(false),
        };
        if *FITS.get_or_init(|| wait.is_reported_by(poller)) {
            return Ok(Some(wait));
        }
        let _ = poller.delete(&wait.wake);
        Ok(None)
    }

    fn is_reported_by(&self, poller: &Poller) -> bool {
        let mut events = Events::new();
        self.wake();
        self.wait(poller, Some(Duration::ZERO), &mut events);
        let fits = matches!(&events.0[..], [event] if event.u64 == WAKE_KEY as u64);
        if !fits {
            eprintln!(
                "filch: the poller's descriptor does not behave as an epoll that filch knows; waiting with \
                 `Poller::wait`, which is slower. Please report the version of the crate `polling`."
            );
        }
        fits
    }

    /// Waits for an event, a wake-up or the end of `timeout`. One thread at a time.
    pub(super) fn wait(&self, poller: &Poller, timeout: Option<Duration>, events: &mut Events) {
        // What the last wait has brought is dispatched; if all places were taken, there was more.
        let most = events.0.capacity();
        if events.0.len() == most && most < MOST_EVENTS {
            events.0.reserve(2 * most);
        }
        events.0.clear();
        // An interrupted or refused wait looks like an early wake-up, which callers expect.
        if !self.is_old.load(Relaxed) && wait_exactly(poller, timeout, events) == Err(libc::ENOSYS)
        {
            self.is_old.store(true, Relaxed);
        }
        if self.is_old.load(Relaxed) {
            wait_for_millis(poller, timeout, events);
        }
    }

    /// Ends the present wait, or the next one if there is none.
    pub(super) fn wake(&self) {
        // The counter would have to reach 2^64 - 1 for a write to fail; it is at its limit then, and the edge that
        // is lost is one of so many that are pending.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}

fn wait_exactly(
    poller: &Poller,
    timeout: Option<Duration>,
    events: &mut Events,
) -> Result<(), i32> {
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    // SAFETY: the descriptor is open, the buffer has as many places as is said, the time-out is null or points to a
    // `timespec`, and no signal mask is given, so its size is not looked at.
    let waited = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            poller.as_fd().as_raw_fd(),
            events.0.as_mut_ptr(),
            events.0.capacity(),
            timeout.as_ref().map_or(ptr::null(), ptr::from_ref),
            ptr::null::<libc::sigset_t>(),
            0_usize,
        )
    };
    match usize::try_from(waited) {
        Ok(count) => {
            // SAFETY: the kernel has filled so many places, which is no more than there are.
            unsafe { events.0.set_len(count) };
            Ok(())
        }
        Err(_) => Err(io::Error::last_os_error().raw_os_error().unwrap_or(0)),
    }
}

fn wait_for_millis(poller: &Poller, timeout: Option<Duration>, events: &mut Events) {
    let millis = timeout.map_or(-1, |timeout| {
        i32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    });
    let (epoll, most) = (poller.as_fd().as_raw_fd(), events.0.capacity());
    // SAFETY: as in `wait_exactly`.
    unsafe {
        let waited = libc::epoll_wait(epoll, events.0.as_mut_ptr(), most as i32, millis);
        events.0.set_len(usize::try_from(waited).unwrap_or(0));
    }
}

/// Registers a descriptor.
///
/// # Errors
/// The system's.
pub(super) fn add(
    poller: &Poller,
    descriptor: BorrowedFd<'_>,
    interest: Interest,
) -> io::Result<()> {
    let (data, flags) = as_epoll(interest);
    Ok(epoll::add(poller.as_fd(), descriptor, data, flags)?)
}

/// Changes a registration, and has what is ready already reported.
///
/// # Errors
/// The system's.
pub(super) fn modify(
    poller: &Poller,
    descriptor: BorrowedFd<'_>,
    interest: Interest,
) -> io::Result<()> {
    let (data, flags) = as_epoll(interest);
    Ok(epoll::modify(poller.as_fd(), descriptor, data, flags)?)
}

fn as_epoll(interest: Interest) -> (EventData, EventFlags) {
    let mut flags = EventFlags::ET;
    if interest.reads {
        flags |= EventFlags::IN | EventFlags::PRI | EventFlags::RDHUP;
    }
    if interest.writes {
        flags |= EventFlags::OUT;
    }
    (EventData::new_u64(interest.key as u64), flags)
}

impl Events {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(FEW_EVENTS))
    }

    /// Tells of each event. They are forgotten by the next wait.
    #[inline]
    pub(super) fn drain(&mut self, mut tell: impl FnMut(Happened)) {
        const READS: u32 = (libc::EPOLLIN | libc::EPOLLPRI | ENDS | libc::EPOLLERR) as u32;
        const WRITES: u32 = (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) as u32;
        /// After these a read may leave something and no event tell of it: the peer's end comes behind data, and urgent
        /// data, where a read stops, stands in the middle of it.
        const ENDS: i32 = libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLPRI;
        for event in &self.0 {
            let flags = event.events;
            tell(Happened {
                key: event.u64 as usize,
                readable: flags & READS != 0,
                writable: flags & WRITES != 0,
                hung: flags & ENDS as u32 != 0,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Events, Wait, wait_for_millis};
    use core::time::Duration;
    use polling::Poller;
    use std::time::Instant;

    #[test]
    fn the_wait_of_an_old_kernel_is_not_early_and_can_be_ended() {
        let poller = Poller::new().unwrap();
        let wait = Wait::new(&poller).unwrap().expect("the poller is an epoll");
        let mut events = Events::new();
        let start = Instant::now();
        wait_for_millis(&poller, Some(Duration::from_micros(1500)), &mut events);
        assert!(start.elapsed() >= Duration::from_micros(1500));
        for _ in 0..2 {
            wait.wake();
            wait_for_millis(&poller, None, &mut events);
            assert_eq!(events.0.len(), 1);
        }
    }

    #[test]
    fn room_grows_when_it_was_too_small() {
        let poller = Poller::new().unwrap();
        let wait = Wait::new(&poller).unwrap().expect("the poller is an epoll");
        let mut events = Events(Vec::with_capacity(1));
        wait.wake();
        wait.wait(&poller, None, &mut events);
        wait.wait(&poller, Some(Duration::ZERO), &mut events);
        assert!(events.0.capacity() >= 2);
    }
}

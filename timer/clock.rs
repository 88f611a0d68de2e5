//! What time it is, in nanoseconds since a fixed epoch. It owns the epoch and, for
//! tests, a clock that stands still; nothing else reads the system's clock for a task to see.
//!
//! The epoch lies a year or so before the beginning of the system's clock or before the first
//! question, so that deadlines in the past keep their distances; 2^64 ns after it are 584 years. On
//! Linux the time is the system's own count plus a constant. A standard `Instant` hides its count,
//! so that conversions need the epoch as an `Instant`, and take an extra look at both clocks once.

#[cfg(all(
    any(target_os = "linux", target_os = "android"),
    not(any(loom, shuttle))
))]
use rustix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// From the epoch to the beginning of the system's clock, on Linux: 417 days.
const BEFORE: u64 = 1 << 55;

/// Nanoseconds since the epoch by the system's clock, whatever a test does to a runtime's.
#[cfg(all(
    any(target_os = "linux", target_os = "android"),
    not(any(loom, shuttle))
))]
#[inline]
pub(crate) fn real() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // Neither part is negative, and the sum has room for centuries without a reboot.
    (time.tv_sec as u64)
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.tv_nsec as u64)
        .wrapping_add(BEFORE)
}

/// Nanoseconds since the epoch by the system's clock, whatever a test does to a runtime's.
#[cfg(not(any(target_os = "linux", target_os = "android", loom, shuttle)))]
#[inline]
pub(crate) fn real() -> u64 {
    nanos_of(Instant::now())
}

/// Nanoseconds since the epoch by the time of a model, which passes in the same way each time the model is run.
#[cfg(any(loom, shuttle))]
pub(crate) fn real() -> u64 {
    BEFORE + nanos_in(crate::runtime::shim::now())
}

/// The epoch as a standard `Instant`.
///
/// Where [`real`] does not ask the standard library, this compares the two: a standard reading,
/// then a raw one that follows at once. The standard clock was at the first when the raw one was
/// at most at the second, so to take them for the same moment makes this epoch early by the time
/// between the two. What a standard `Instant` names therefore has come by the standard clock when
/// it has come by [`real`], and the reverse conversion gives a time that has passed. The least of
/// several differences is good to some ten nanoseconds.
#[inline]
pub(super) fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(find_epoch)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[cold]
fn find_epoch() -> Instant {
    // The latest candidate is the one whose readings lie closest together.
    let candidates = (0..16).filter_map(|_| {
        let instant = Instant::now();
        instant.checked_sub(Duration::from_nanos(real()))
    });
    candidates.max().unwrap_or_else(Instant::now)
}

/// As long before the first question as the system's clock can express, up to `BEFORE`.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[cold]
fn find_epoch() -> Instant {
    let mut epoch = Instant::now();
    for bit in (0..BEFORE.ilog2()).rev() {
        epoch = epoch
            .checked_sub(Duration::from_nanos(1 << bit))
            .unwrap_or(epoch);
    }
    epoch
}

/// Nanoseconds from the epoch to `instant`: 0 before it, `u64::MAX` beyond the range.
pub(super) fn nanos_of(instant: Instant) -> u64 {
    let since = instant.saturating_duration_since(epoch());
    nanos_in(since)
}

/// The length of `duration`, `u64::MAX` if that is too much.
#[inline]
pub(crate) fn nanos_in(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(duration.subsec_nanos()))
}

/// The clock of one runtime: the system's monotonic clock.
#[cfg(not(feature = "test-util"))]
pub(crate) struct Clock;

#[cfg(not(feature = "test-util"))]
impl Clock {
    pub(crate) fn new() -> Self {
        Self
    }

    /// Nanoseconds since the epoch.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        real()
    }

    /// Whether a test has stopped the clock: not without `test-util`.
    #[inline]
    #[expect(
        clippy::unused_self,
        reason = "the twin of the clock that can be frozen"
    )]
    pub(crate) fn is_frozen(&self) -> bool {
        false
    }
}

#[cfg(feature = "test-util")]
pub(crate) use frozen::Clock;

#[cfg(feature = "test-util")]
mod frozen {
    use super::real;
    use crate::runtime::shim::Mutex;
    use crate::runtime::shim::atomic::AtomicBool;
    use core::sync::atomic::Ordering;

    /// The clock of one runtime: the system's monotonic clock until it is frozen.
    pub(crate) struct Clock {
        /// Set once the clock was ever frozen; until then nobody takes the lock.
        touched: AtomicBool,
        mode: Mutex<Mode>,
    }

    enum Mode {
        /// The system's time, shifted by so much (wrapping).
        Running {
            shift: u64,
        },
        Frozen {
            now: u64,
        },
    }

    impl Clock {
        pub(crate) fn new() -> Self {
            Self {
                touched: AtomicBool::new(false),
                mode: Mutex::new(Mode::Running { shift: 0 }),
            }
        }

        /// Nanoseconds since the epoch, as far as this clock is concerned.
        #[inline]
        pub(crate) fn now(&self) -> u64 {
            // ORDERING: Acquire, with the Release store in `freeze`.
            if !self.touched.load(Ordering::Acquire) {
                return real();
            }
            self.mode.lock().now()
        }

        pub(crate) fn is_frozen(&self) -> bool {
            // ORDERING: Acquire, with the Release store in `freeze`.
            self.touched.load(Ordering::Acquire) && matches!(*self.mode.lock(), Mode::Frozen { .. })
        }

        /// Stops the clock. Returns whether it was running.
        pub(crate) fn freeze(&self) -> bool {
            let mut mode = self.mode.lock();
            if matches!(*mode, Mode::Frozen { .. }) {
                return false;
            }
            *mode = Mode::Frozen { now: mode.now() };
            // ORDERING: Release, with the Acquire loads in `now` and `is_frozen`.
            self.touched.store(true, Ordering::Release);
            true
        }

        /// Lets the clock go on from where it stands: never backwards. Returns whether it stood.
        pub(crate) fn unfreeze(&self) -> bool {
            let mut mode = self.mode.lock();
            let Mode::Frozen { now } = *mode else {
                return false;
            };
            *mode = Mode::Running {
                shift: now.wrapping_sub(real()),
            };
            true
        }

        /// Moves a frozen clock on by `nanos`. Returns whether it is frozen.
        pub(crate) fn advance(&self, nanos: u64) -> bool {
            let mut mode = self.mode.lock();
            let Mode::Frozen { now } = &mut *mode else {
                return false;
            };
            *now = now.saturating_add(nanos);
            true
        }

        /// Moves a frozen clock on to `to`, unless it is past it. Returns whether it is frozen.
        pub(crate) fn advance_to(&self, to: u64) -> bool {
            let mut mode = self.mode.lock();
            let Mode::Frozen { now } = &mut *mode else {
                return false;
            };
            *now = to.max(*now);
            true
        }
    }

    impl Mode {
        fn now(&self) -> u64 {
            match *self {
                Self::Running { shift } => real().wrapping_add(shift),
                Self::Frozen { now } => now,
            }
        }
    }
}

//! What time it is, in nanoseconds since a fixed epoch. It owns the epoch and, for
//! tests, a clock that stands still; nothing else reads the system's clock for a task to see.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A year or so before the first question, so that deadlines in the past keep their distances, or
/// the beginning of the system's clock if that is later. 2^64 ns after it are 584 years.
#[inline]
pub(super) fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(|| {
        let mut epoch = Instant::now();
        for bit in (0..u64::BITS - 9).rev() {
            epoch = epoch
                .checked_sub(Duration::from_nanos(1 << bit))
                .unwrap_or(epoch);
        }
        epoch
    })
}

/// Nanoseconds from the epoch to `instant`: 0 before it, `u64::MAX` beyond the range.
#[inline]
pub(super) fn nanos_of(instant: Instant) -> u64 {
    let since = instant.saturating_duration_since(epoch());
    match since.as_secs().checked_mul(1_000_000_000) {
        Some(nanos) => nanos.saturating_add(u64::from(since.subsec_nanos())),
        None => u64::MAX,
    }
}

/// Nanoseconds since the epoch by the system's clock, whatever a test does to a runtime's.
#[inline]
pub(crate) fn real() -> u64 {
    nanos_of(Instant::now())
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

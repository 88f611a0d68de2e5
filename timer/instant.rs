//! A point in time by the runtime's clock. It owns arithmetic that saturates; waiting is
//! elsewhere.

use super::clock;
use core::ops::{Add, AddAssign, Sub, SubAssign};
use core::time::Duration;

/// A point in time, by the clock of the current runtime.
///
/// It is [`std::time::Instant`] with two differences. Its arithmetic saturates: it never panics,
/// and `Instant::now() + Duration::MAX` is a time that never comes. And in a test that has paused
/// the clock (feature `test-util`), [`now`](Self::now) stands still. The interface is that of
/// `tokio::time::Instant`. On Linux it may lag behind the standard library's clock by some ten
/// nanoseconds, so that what waits for a standard `Instant` is never early by that clock either.
///
/// # Examples
///
/// ```
/// use filch::time::Instant;
/// use std::time::Duration;
///
/// let start = Instant::now();
/// let deadline = start + Duration::from_secs(5);
/// assert_eq!(deadline - start, Duration::from_secs(5));
/// assert_eq!(start - deadline, Duration::ZERO);
/// assert!(start + Duration::MAX > deadline);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(std::time::Instant);

impl Instant {
    /// The current time.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    ///
    /// assert!(Instant::now() <= Instant::now());
    /// ```
    #[inline]
    pub fn now() -> Self {
        #[cfg(feature = "test-util")]
        let now = super::context::now();
        #[cfg(not(feature = "test-util"))]
        let now = clock::real();
        Self::from_nanos(now)
    }

    /// The same point in time as the standard library has it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    ///
    /// let std = std::time::Instant::now();
    /// assert_eq!(Instant::from_std(std).into_std(), std);
    /// ```
    pub fn from_std(std: std::time::Instant) -> Self {
        Self(std)
    }

    /// The same point in time for the standard library.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    ///
    /// let now = Instant::now();
    /// assert_eq!(Instant::from_std(now.into_std()), now);
    /// ```
    pub fn into_std(self) -> std::time::Instant {
        self.0
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    /// use std::time::Duration;
    ///
    /// let start = Instant::now();
    /// let end = start + Duration::from_millis(3);
    /// assert_eq!(end.duration_since(start), Duration::from_millis(3));
    /// assert_eq!(start.duration_since(end), Duration::ZERO);
    /// ```
    pub fn duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// The time from `earlier` to `self`, or `None` if `earlier` is later.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    /// use std::time::Duration;
    ///
    /// let start = Instant::now();
    /// let end = start + Duration::from_millis(3);
    /// assert_eq!(start.checked_duration_since(end), None);
    /// ```
    pub fn checked_duration_since(&self, earlier: Self) -> Option<Duration> {
        self.0.checked_duration_since(earlier.0)
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later: the same as
    /// [`duration_since`](Self::duration_since).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    /// use std::time::Duration;
    ///
    /// let start = Instant::now();
    /// let end = start + Duration::from_millis(3);
    /// assert_eq!(start.saturating_duration_since(end), Duration::ZERO);
    /// ```
    pub fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }

    /// The time that has passed since `self`, zero if it lies ahead.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    /// use std::time::Duration;
    ///
    /// let later = Instant::now() + Duration::from_secs(60);
    /// assert_eq!(later.elapsed(), Duration::ZERO);
    /// ```
    pub fn elapsed(&self) -> Duration {
        Self::now().duration_since(*self)
    }

    /// `self + duration`, or `None` if the system's clock cannot express it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    /// use std::time::Duration;
    ///
    /// let now = Instant::now();
    /// assert_eq!(now.checked_add(Duration::ZERO), Some(now));
    /// assert_eq!(now.checked_add(Duration::MAX), None);
    /// ```
    pub fn checked_add(&self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }

    /// `self - duration`, or `None` if the system's clock cannot express it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    /// use std::time::Duration;
    ///
    /// let now = Instant::now();
    /// assert_eq!(now.checked_sub(Duration::ZERO), Some(now));
    /// assert_eq!(now.checked_sub(Duration::MAX), None);
    /// ```
    pub fn checked_sub(&self, duration: Duration) -> Option<Self> {
        self.0.checked_sub(duration).map(Self)
    }

    /// Nanoseconds since the epoch, clamped to the range of a timer.
    #[inline]
    pub(crate) fn as_nanos(self) -> u64 {
        clock::nanos_of(self.0)
    }

    /// The inverse of [`as_nanos`](Self::as_nanos).
    #[inline]
    pub(crate) fn from_nanos(nanos: u64) -> Self {
        let sum = clock::epoch().checked_add(Duration::from_nanos(nanos));
        sum.map_or_else(last, Self)
    }
}

/// The last time a timer can have: 2^64 - 1 ns after the epoch, or less where the system's clock
/// ends before.
#[cold]
fn last() -> Instant {
    let mut last = clock::epoch();
    for bit in (0..u64::BITS).rev() {
        last = last
            .checked_add(Duration::from_nanos(1 << bit))
            .unwrap_or(last);
    }
    Instant(last)
}

/// The earliest time near the one that `start - duration` would be.
#[cold]
fn first(start: std::time::Instant) -> Instant {
    let mut first = start;
    for bit in (0..u64::BITS).rev() {
        first = first
            .checked_sub(Duration::from_secs(1 << bit))
            .unwrap_or(first);
    }
    Instant(first)
}

/// Saturates: at the last time a timer can have, 584 years from now, or at `self` if that is
/// later still.
impl Add<Duration> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, duration: Duration) -> Self {
        match self.0.checked_add(duration) {
            // Far deadlines are equal however they came about.
            Some(sum) if duration.as_secs() < u64::MAX / 1_000_000_000 => Self(sum),
            sum => sum.map_or_else(last, |sum| Self(sum).min(last())).max(self),
        }
    }
}

impl AddAssign<Duration> for Instant {
    #[inline]
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

/// Saturates at the earliest time that the system's clock can express.
impl Sub<Duration> for Instant {
    type Output = Self;

    #[inline]
    fn sub(self, duration: Duration) -> Self {
        self.0
            .checked_sub(duration)
            .map_or_else(|| first(self.0), Self)
    }
}

impl SubAssign<Duration> for Instant {
    #[inline]
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

/// Saturates at zero.
impl Sub for Instant {
    type Output = Duration;

    #[inline]
    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(std: std::time::Instant) -> Self {
        Self(std)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> Self {
        instant.0
    }
}

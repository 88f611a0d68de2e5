//! The errors of time.

use core::fmt;
use std::error::Error;
use std::io;

/// A deadline passed before the future under a [`timeout`](super::timeout) was ready.
///
/// It converts into an [`io::Error`] of kind [`TimedOut`](io::ErrorKind::TimedOut), so that `?`
/// works in functions that return `io::Result`.
///
/// # Examples
///
/// ```
/// use filch::time;
/// use std::time::Duration;
///
/// filch::block_on(async {
///     let never = std::future::pending::<()>();
///     let elapsed = time::timeout(Duration::from_millis(1), never).await.unwrap_err();
///     assert_eq!(elapsed.to_string(), "deadline has elapsed");
///     assert_eq!(std::io::Error::from(elapsed).kind(), std::io::ErrorKind::TimedOut);
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl Elapsed {
    pub(super) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}

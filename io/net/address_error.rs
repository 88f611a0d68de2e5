//! An error of something that was tried with each of several addresses. It owns the errors.

use core::fmt;
use std::error::Error;
use std::io;
use std::net::SocketAddr;

/// What came of each address that was tried, when none would do.
///
/// It stands inside the [`io::Error`] of `connect` and `bind`, whose kind is that of the first address that could be
/// reached at all.
///
/// ```
/// # filch::block_on(async {
/// use filch::net::{AddrError, TcpStream};
///
/// let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// let error = TcpStream::connect(nobody).await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
///
/// let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<AddrError>()).unwrap();
/// let (address, why) = &inner.attempts()[0];
/// assert_eq!(*address, nobody);
/// assert!(why.raw_os_error().is_some());
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct AddrError {
    called: &'static str,
    attempts: Vec<(SocketAddr, io::Error)>,
}

impl AddrError {
    /// Each address with its error, in the order in which they failed. There is at least one.
    ///
    /// ```
    /// # filch::block_on(async {
    /// use filch::net::{AddrError, TcpListener};
    /// let taken = TcpListener::bind("127.0.0.1:0").await?;
    /// let error = TcpListener::bind(taken.local_addr()?).await.unwrap_err();
    /// let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<AddrError>()).unwrap();
    /// assert_eq!(inner.attempts().len(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn attempts(&self) -> &[(SocketAddr, io::Error)] {
        &self.attempts
    }

    /// The error of a call that has tried these. No attempt at all is an error of its own.
    pub(super) fn into_io(
        called: &'static str,
        attempts: Vec<(SocketAddr, io::Error)>,
    ) -> io::Error {
        let telling = attempts.iter().find(|(_, error)| !is_unreachable(error));
        let Some((_, error)) = telling.or(attempts.first()) else {
            return io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("`{called}` was given no address: the list is empty, or the name has none"),
            );
        };
        io::Error::new(error.kind(), Self { called, attempts })
    }
}

/// Whether it tells of the way to an address, as where IPv6 leads nowhere, and not of who is there.
fn is_unreachable(error: &io::Error) -> bool {
    use io::ErrorKind::{
        AddrNotAvailable, HostUnreachable, NetworkDown, NetworkUnreachable, Unsupported,
    };
    matches!(
        error.kind(),
        NetworkUnreachable | HostUnreachable | NetworkDown | AddrNotAvailable | Unsupported
    )
}

impl fmt::Display for AddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` failed", self.called)?;
        for (at, (address, error)) in self.attempts.iter().enumerate() {
            let before = if at == 0 { ": " } else { "; " };
            write!(f, "{before}{address}: {error}")?;
        }
        Ok(())
    }
}

impl Error for AddrError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.attempts.last().map(|(_, error)| error as _)
    }
}

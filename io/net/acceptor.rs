//! A listening socket of any kind. It owns what is done about a refusal; it must not know what is accepted.
//!
//! An error of a connection that has failed before it was accepted is nobody's: the next one is accepted. When the process or the
//! system has no descriptor or memory left, the connection stays in the queue, so there is no event to wait for: see
//! `shortage.rs`. Everything else is the listener's own, and goes to the caller.

use super::shortage::Shortage;
use super::socket;
use crate::io::driver::readiness::Direction;
use crate::io::driver::source::Left;
use crate::io::registered::Registered;
use core::panic::Location;
use core::task::{Context, Poll, ready};
use rustix::io::Errno;
use rustix::net::SocketAddrAny;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// So many failed connections are passed over in a row. An error that comes more often is not the connection's.
const FAILURES: usize = 64;

/// A connection's socket, which does not block, and the address of the other end.
pub(super) type Accepted = (OwnedFd, Option<SocketAddrAny>);

pub(super) struct Acceptor<L: AsFd> {
    io: Registered<L>,
    shortage: Shortage,
}

impl<L: AsFd> Acceptor<L> {
    /// Takes a listener that does not block, and was made at a place in the user's program.
    pub(super) fn new_at(listener: L, location: &'static Location<'static>) -> Self {
        Self {
            io: Registered::from_nonblocking(listener),
            shortage: Shortage::new::<L>(location),
        }
    }

    #[inline]
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        if self.shortage.is_on() {
            ready!(self.shortage.poll_pause(cx));
        }
        let accept = |io: &L| Ok::<_, io::Error>((accept(io.as_fd())?, Left::Maybe));
        match ready!(self.io.poll_io(Direction::Read, cx, accept)) {
            Err(error) if is_shortage(&error) => {
                self.shortage.refused(cx, error);
                Poll::Pending
            }
            result => {
                if self.shortage.is_on() && result.is_ok() {
                    self.shortage.end();
                }
                Poll::Ready(result)
            }
        }
    }

    /// Does not wait, and passes no error over.
    pub(super) fn try_accept(&self) -> io::Result<Accepted> {
        self.io.try_call(Direction::Read, |io| {
            Ok((socket::accept(io.as_fd())?, Left::Maybe))
        })
    }

    pub(super) fn get_ref(&self) -> &L {
        self.io.get_ref()
    }

    pub(super) fn into_inner(self) -> L {
        self.io.into_inner()
    }
}

impl<L: AsFd> AsFd for Acceptor<L> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

/// Accepts, and passes over what has failed.
fn accept(listener: BorrowedFd<'_>) -> io::Result<Accepted> {
    let mut failures = 0;
    loop {
        match socket::accept(listener) {
            Err(error) if is_of_connection(error) && failures < FAILURES => failures += 1,
            result => return Ok(result?),
        }
    }
}

/// Whether it tells of the connection, and not of the listener: it was reset, a firewall forbids it, or it has failed
/// already and Linux gives its error here.
fn is_of_connection(error: Errno) -> bool {
    #[cfg(target_os = "linux")]
    if error == Errno::NONET {
        return true;
    }
    matches!(
        error,
        Errno::CONNABORTED
            | Errno::CONNRESET
            | Errno::PROTO
            | Errno::PERM
            | Errno::NETDOWN
            | Errno::NOPROTOOPT
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::OPNOTSUPP
            | Errno::NETUNREACH
            | Errno::TIMEDOUT
    )
}

/// Whether there are no descriptors, or no memory, left.
fn is_shortage(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}

#[cfg(test)]
mod tests {
    use super::{is_of_connection, is_shortage};
    use rustix::io::Errno;

    /// Rows 64 and 65 of the table of faults.
    #[test]
    fn each_error_of_accept_has_its_place() {
        for error in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert!(is_shortage(&error.into()) && !is_of_connection(error));
        }
        for error in [Errno::CONNABORTED, Errno::PROTO, Errno::PERM] {
            assert!(is_of_connection(error) && !is_shortage(&error.into()));
        }
        for error in [Errno::AGAIN, Errno::BADF, Errno::INVAL, Errno::NOTSOCK] {
            assert!(!is_of_connection(error) && !is_shortage(&error.into()));
        }
    }
}

//! Making connections: one attempt, and the race of several (RFC 8305, "happy eyeballs").
//! It owns the order and the pace of the attempts, and their errors; it must not know names.

use crate::io::driver::readiness::Direction;
use crate::io::driver::source::Left;
use crate::io::net::address_error::AddrError;
use crate::io::net::socket::{stream_socket, would_block};
use crate::io::registered::Registered;
use crate::timer::{Instant, Sleep, sleep};
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use rustix::io::Errno;
use rustix::net::{connect, getpeername, sockopt};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// The next address is tried when the last one has not answered for so long.
const STAGGER: Duration = Duration::from_millis(250);
const CALLED: &str = "TcpStream::connect";

/// What a stream is made of.
pub(super) type Connected = Registered<std::net::TcpStream>;

/// Connects to the first address that answers.
///
/// # Errors
/// Those of all addresses.
pub(super) async fn connect_to_any(addresses: &[SocketAddr]) -> io::Result<Connected> {
    match addresses {
        [address] => finish(CALLED, *address, Attempt::start(*address)).await,
        [] => Err(AddrError::into_io(CALLED, Vec::new())),
        _ => race(interleaved(addresses)).await,
    }
}

/// Connects a socket that does not block.
///
/// # Errors
/// The system's, with the address.
pub(super) async fn connect_with(
    called: &'static str,
    socket: OwnedFd,
    address: SocketAddr,
) -> io::Result<Connected> {
    finish(called, address, Attempt::start_with(socket, address)).await
}

async fn finish(
    called: &'static str,
    address: SocketAddr,
    attempt: io::Result<Attempt>,
) -> io::Result<Connected> {
    let connected = match attempt {
        Ok(attempt) => poll_fn(|cx| attempt.poll(cx)).await.map(|()| attempt.io),
        Err(error) => Err(error),
    };
    connected.map_err(|error| AddrError::into_io(called, vec![(address, error)]))
}

/// A connection that is being made.
struct Attempt {
    io: Connected,
}

impl Attempt {
    /// # Errors
    /// The system's.
    fn start(address: SocketAddr) -> io::Result<Self> {
        Self::start_with(stream_socket(address)?, address)
    }

    /// Starts with a socket that does not block.
    ///
    /// # Errors
    /// The system's.
    fn start_with(socket: OwnedFd, address: SocketAddr) -> io::Result<Self> {
        match connect(&socket, &address) {
            // Interrupted, it goes on in the background all the same.
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(Self {
                io: Registered::from_nonblocking(socket.into()),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Ready when it is known what came of it. An event for nothing does no harm.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io
            .poll_io(Direction::Write, cx, |socket| match getpeername(socket) {
                Ok(_) => Ok(((), Left::Maybe)),
                Err(Errno::NOTCONN) => {
                    sockopt::socket_error(socket)??;
                    Err(would_block())
                }
                Err(error) => Err(error.into()),
            })
    }
}

/// Alternates between the families, beginning with that of the first address; otherwise in their order, which is the
/// system's preference.
fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else {
        return Vec::new();
    };
    let is_first = |address: &&SocketAddr| address.is_ipv4() == first.is_ipv4();
    let mut preferred = addresses.iter().filter(is_first);
    let mut others = addresses.iter().filter(|address| !is_first(address));
    let mut mixed = Vec::with_capacity(addresses.len());
    while mixed.len() < addresses.len() {
        mixed.extend(preferred.next());
        mixed.extend(others.next());
    }
    mixed
}

/// Tries the addresses one after another, each a little later than the last or as soon as that has failed; those that are slower
/// than the first to succeed are closed.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<Connected> {
    let mut race = Race {
        rest: addresses.into_iter(),
        running: Vec::new(),
        failed: Vec::new(),
        is_due: true,
    };
    let mut stagger = pin!(sleep(STAGGER));
    poll_fn(|cx| race.poll(cx, stagger.as_mut())).await
}

struct Race {
    rest: std::vec::IntoIter<SocketAddr>,
    running: Vec<(SocketAddr, Attempt)>,
    failed: Vec<(SocketAddr, io::Error)>,
    /// Whether the next address is to be tried at once.
    is_due: bool,
}

impl Race {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut stagger: Pin<&mut Sleep>,
    ) -> Poll<io::Result<Connected>> {
        loop {
            let mut at = 0;
            while at < self.running.len() {
                match self.running[at].1.poll(cx) {
                    Poll::Pending => at += 1,
                    Poll::Ready(Ok(())) => {
                        return Poll::Ready(Ok(self.running.remove(at).1.io));
                    }
                    Poll::Ready(Err(error)) => {
                        let (address, _) = self.running.remove(at);
                        self.failed.push((address, error));
                        self.is_due = true;
                    }
                }
            }
            if self.rest.len() == 0 {
                if self.running.is_empty() {
                    let failed = core::mem::take(&mut self.failed);
                    return Poll::Ready(Err(AddrError::into_io(CALLED, failed)));
                }
                return Poll::Pending;
            }
            if !self.is_due && stagger.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.start_next();
            stagger.as_mut().reset(Instant::now() + STAGGER);
        }
    }

    fn start_next(&mut self) {
        self.is_due = false;
        let Some(address) = self.rest.next() else {
            return;
        };
        match Attempt::start(address) {
            Ok(attempt) => self.running.push((address, attempt)),
            Err(error) => {
                self.failed.push((address, error));
                self.is_due = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::interleaved;
    use std::net::SocketAddr;

    #[test]
    fn families_take_turns_and_keep_their_order() {
        let addresses = |text: &str| -> Vec<SocketAddr> {
            text.split(' ').map(|it| it.parse().unwrap()).collect()
        };
        let mixed = interleaved(&addresses("[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1 2.2.2.2:1"));
        assert_eq!(
            mixed,
            addresses("[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1 [::3]:1")
        );
        let mixed = interleaved(&addresses("1.1.1.1:1 2.2.2.2:1 [::1]:1"));
        assert_eq!(mixed, addresses("1.1.1.1:1 [::1]:1 2.2.2.2:1"));
        assert!(interleaved(&[]).is_empty());
    }
}

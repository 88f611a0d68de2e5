//! What datagram sockets have in common: sending to and receiving from the address that they are connected to.
//! It owns the methods; addresses are the types' own.
//!
//! A datagram is taken whole, and a read tells nothing of the next one; so each is followed by another attempt before a wait.

use super::socket::NO_SIGNAL;
use crate::io::driver::source::Left;
use std::io;
use std::os::fd::AsFd;

/// The result of an operation after which there may be more.
pub(super) fn maybe_more<T>(result: io::Result<T>) -> io::Result<(T, Left)> {
    result.map(|value| (value, Left::Maybe))
}

/// Sends without a signal where nothing can be sent any more, as the standard library does not for Unix datagrams.
pub(super) fn send(socket: &impl AsFd, datagram: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, datagram, NO_SIGNAL)?)
}

/// The methods of a connected datagram socket, for a type with a field `io` that is a `Registered`.
macro_rules! datagrams {
    ($name:ident) => {
        impl $name {
            /// Sends a datagram to the address that the socket is connected to. An empty one is one, too.
            ///
            /// # Errors
            ///
            /// The system's: that the socket is not connected, that the datagram is too long, or of one sent before, that nobody
            /// is there. The socket can be used after that.
            ///
            /// # Panics
            ///
            /// If it has to wait on a thread without a runtime.
            ///
            /// # Cancel safety
            ///
            /// Dropped before it is ready, it has sent nothing.
            pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
                poll_fn(|cx| self.poll_send(cx, datagram)).await
            }

            /// [`send`](Self::send), as a poll. Any number of tasks may wait; all are woken.
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Panics
            ///
            /// As there.
            pub fn poll_send(&self, cx: &mut Context<'_>, datagram: &[u8]) -> Poll<io::Result<usize>> {
                self.io.poll_io(Direction::Write, cx, |io| maybe_more(send(io, datagram)))
            }

            /// [`send`](Self::send), which does not wait.
            ///
            /// # Errors
            ///
            /// As there, and [`WouldBlock`](io::ErrorKind::WouldBlock), if there is no room.
            pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
                self.io.try_call(Direction::Write, |io| maybe_more(send(io, datagram)))
            }

            /// Receives a datagram; gives its length, which may be zero. What the buffer has no room for is lost.
            ///
            /// # Errors
            ///
            /// The system's; of a datagram sent before, that nobody is there. The socket can be used after that.
            ///
            /// # Panics
            ///
            /// If it has to wait on a thread without a runtime.
            ///
            /// # Cancel safety
            ///
            /// Dropped before it is ready, it has received nothing.
            pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
                poll_fn(|cx| self.poll_recv(cx, buffer)).await
            }

            /// [`recv`](Self::recv), as a poll. Any number of tasks may wait; all are woken.
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Panics
            ///
            /// As there.
            pub fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
                self.io.poll_io(Direction::Read, cx, |io| maybe_more(io.recv(buffer)))
            }

            /// [`recv`](Self::recv), which does not wait.
            ///
            /// # Errors
            ///
            /// As there, and [`WouldBlock`](io::ErrorKind::WouldBlock), if there is none.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "assert_eq!(it.try_recv(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);")]
            pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.io.try_call(Direction::Read, |io| maybe_more(io.recv(buffer)))
            }

            /// [`recv`](Self::recv), and from whom the datagram is.
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Panics
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// Dropped before it is ready, it has received nothing.
            pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
                poll_fn(|cx| self.poll_recv_from(cx, buffer)).await
            }

            /// [`recv_from`](Self::recv_from), as a poll. Any number of tasks may wait; all are woken.
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Panics
            ///
            /// As there.
            pub fn poll_recv_from(
                &self,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<(usize, SocketAddr)>> {
                self.io.poll_io(Direction::Read, cx, |io| maybe_more(io.recv_from(buffer)))
            }

            /// [`recv_from`](Self::recv_from), which does not wait.
            ///
            /// # Errors
            ///
            /// As there, and [`WouldBlock`](io::ErrorKind::WouldBlock), if there is none.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "assert_eq!(it.try_recv_from(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);")]
            pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
                self.io.try_call(Direction::Read, |io| maybe_more(io.recv_from(buffer)))
            }
        }
    };
}

pub(super) use datagrams;

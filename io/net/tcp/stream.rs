//! A TCP connection. It owns the socket; how bytes are moved is in `net/socket.rs`, and how one waits in `registered.rs`.

use crate::io::driver::readiness::Direction;
use crate::io::net::socket::{receive, transmit, transmit_vectored};
use crate::io::registered::Registered;
use crate::io::traits::{PollRead, PollWrite, readers, writers};
use core::fmt;
use core::mem::MaybeUninit;
use core::task::{Context, Poll};
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// A TCP connection.
///
/// Reads and writes go through the traits of [`filch::io`](crate::io), on the stream itself or on a reference, so that one
/// task can read and another write. Any number of tasks may wait for the same direction; all are woken.
///
/// Dropping it closes the connection. What was written is still sent.
pub struct TcpStream {
    io: Registered<std::net::TcpStream>,
}

impl TcpStream {
    pub(super) fn from_nonblocking(stream: std::net::TcpStream) -> Self {
        Self {
            io: Registered::from_nonblocking(stream),
        }
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// If the stream is connected no more.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        match self.io.wait(Direction::Read, cx) {
            Ok(()) => Poll::Pending,
            Err(rest) => self.receive_now(cx, buffer, rest),
        }
    }

    /// Apart, so that the wait above needs no stack.
    #[inline(never)]
    fn receive_now(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
        rest: impl Sized,
    ) -> Poll<io::Result<usize>> {
        drop(rest);
        self.io
            .poll_call(Direction::Read, cx, |socket| receive(socket, buffer))
    }

    fn poll_transmit(&self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.io
            .poll_call(Direction::Write, cx, |socket| transmit(socket, buffer))
    }

    fn poll_transmit_vectored(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io.poll_call(Direction::Write, cx, |socket| {
            transmit_vectored(socket, buffers)
        })
    }

    fn poll_end(&self) -> Poll<io::Result<()>> {
        match self.io.get_ref().shutdown(Shutdown::Write) {
            // The other end has ended it already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

// SAFETY: `receive` gives how many bytes the kernel has written to the beginning of the buffer.
unsafe impl PollRead for &TcpStream {
    #[inline]
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.poll_receive(cx, buffer)
    }
}

// SAFETY: as above.
unsafe impl PollRead for TcpStream {
    #[inline]
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.poll_receive(cx, buffer)
    }
}

impl PollWrite for &TcpStream {
    const IS_VECTORED: bool = true;

    #[inline]
    fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_transmit(cx, buffer)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_transmit_vectored(cx, buffers)
    }

    fn poll_close(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end()
    }
}

impl PollWrite for TcpStream {
    const IS_VECTORED: bool = true;

    #[inline]
    fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_transmit(cx, buffer)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_transmit_vectored(cx, buffers)
    }

    fn poll_close(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end()
    }
}

readers!(TcpStream, &TcpStream);
writers!(TcpStream, &TcpStream);

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}

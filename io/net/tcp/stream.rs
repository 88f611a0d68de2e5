//! A TCP connection. It owns the socket; how bytes are moved is in `net/socket.rs`, and how one waits in `registered.rs`.

use super::connect::connect_to_any;
use crate::io::driver::readiness::Direction;
use crate::io::driver::source::Rest;
use crate::io::net::resolve::{ToSocketAddrs, addresses};
use crate::io::net::socket::{receive, transmit, transmit_vectored};
use crate::io::registered::Registered;
use crate::io::traits::{PollRead, PollWrite, readers, writers};
use core::fmt;
use core::mem::MaybeUninit;
use core::task::{Context, Poll};
use rustix::io::Errno;
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

    /// Connects to an address, or to one of those of a name.
    ///
    /// If there are several addresses, they are tried in the system's order, the families taking turns: each 250 ms after the one
    /// before, or as soon as that has failed. The first to answer wins (RFC 8305). There is no limit of time but the system's, which
    /// may be minutes: see [`time::timeout`](crate::time::timeout).
    ///
    /// # Errors
    ///
    /// If no address answers: an [`AddrError`](crate::net::AddrError) with each address and its error is inside. If there is no
    /// address at all; and those of [`lookup_host`](crate::net::lookup_host).
    ///
    /// # Panics
    ///
    /// If it has to wait, or to look a name up, on a thread without a runtime.
    ///
    /// # Cancel safety
    ///
    /// Attempts that were begun are given up, and their sockets closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # filch::block_on(async {
    /// use filch::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(("localhost", listener.local_addr()?.port())).await?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<Self> {
        let addresses = addresses(&address).await?;
        let io = connect_to_any(addresses.as_slice()).await?;
        Ok(Self { io })
    }

    /// Sets whether small writes are sent at once (`TCP_NODELAY`), and do not wait for what was sent before to arrive.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// ```
    /// # filch::block_on(async {
    /// use filch::net::{TcpListener, TcpStream};
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(nodelay)
    }

    /// Whether small writes are sent at once. Not so unless [set](Self::set_nodelay).
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.io.get_ref().nodelay()
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
            Err(lost) => self.receive_now(cx, buffer, lost),
        }
    }

    /// Apart, so that the wait above needs no stack.
    #[inline(never)]
    fn receive_now(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
        lost: impl Sized,
    ) -> Poll<io::Result<usize>> {
        drop(lost);
        let quick = self
            .io
            .quick(Direction::Read, |socket| receive(socket, buffer));
        match quick {
            Ok(count) => Poll::Ready(Ok(count)),
            Err(rest) => self.receive_on(cx, buffer, rest),
        }
    }

    #[cold]
    #[inline(never)]
    fn receive_on(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
        rest: Rest<Errno>,
    ) -> Poll<io::Result<usize>> {
        let receive = |socket: BorrowedFd<'_>| receive(socket, buffer);
        self.io.poll_call_on(Direction::Read, cx, receive, rest)
    }

    fn poll_transmit(&self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let quick = self
            .io
            .quick(Direction::Write, |socket| transmit(socket, buffer));
        match quick {
            Ok(count) => Poll::Ready(Ok(count)),
            Err(rest) => self.transmit_on(cx, buffer, rest),
        }
    }

    #[cold]
    #[inline(never)]
    fn transmit_on(
        &self,
        cx: &mut Context<'_>,
        buffer: &[u8],
        rest: Rest<Errno>,
    ) -> Poll<io::Result<usize>> {
        let transmit = |socket: BorrowedFd<'_>| transmit(socket, buffer);
        self.io.poll_call_on(Direction::Write, cx, transmit, rest)
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

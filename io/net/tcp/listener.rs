//! A TCP socket that accepts connections. It owns the socket and what to do about a refusal.

use super::stream::TcpStream;
use crate::io::driver::readiness::Direction;
use crate::io::driver::source::Left;
use crate::io::registered::Registered;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};
use rustix::net::{SocketAddrAny, SocketFlags, acceptfrom_with};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// A TCP socket that accepts connections.
pub struct TcpListener {
    io: Registered<std::net::TcpListener>,
}

impl TcpListener {
    /// Binds a socket to an address and listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        Ok(Self {
            io: Registered::new(listener)?,
        })
    }

    /// The address that the socket is bound to.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Waits for a connection and accepts it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.io.poll_io(Direction::Read, cx, |io| {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let (socket, peer) = acceptfrom_with(io, flags)?;
            let accepted = (TcpStream::from_nonblocking(socket.into()), address(peer)?);
            Ok::<_, io::Error>((accepted, Left::Maybe))
        })
    }
}

fn address(peer: Option<SocketAddrAny>) -> io::Result<SocketAddr> {
    peer.and_then(|peer| peer.try_into().ok())
        .ok_or_else(|| io::Error::other("the system gave a connection without an address"))
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}

//! A TCP socket that accepts connections. It owns the socket and what to do about a refusal.

use super::stream::TcpStream;
use crate::io::driver::readiness::Direction;
use crate::io::driver::source::Left;
use crate::io::net::address_error::AddrError;
use crate::io::net::resolve::{ToSocketAddrs, addresses};
use crate::io::net::socket::stream_socket;
use crate::io::registered::Registered;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};
use rustix::net::{SocketAddrAny, SocketFlags, acceptfrom_with, bind, listen, sockopt};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// How many connections may wait to be accepted; the system has a limit of its own.
const BACKLOG: i32 = 4096;

/// A TCP socket that accepts connections.
pub struct TcpListener {
    io: Registered<std::net::TcpListener>,
}

impl TcpListener {
    /// Binds a socket to an address, or to the first of several that is free, and listens.
    ///
    /// The address can be used again right after the program has ended (`SO_REUSEADDR`), and up to 4096 connections wait to be
    /// accepted, or as many as the system allows. For other options see `TcpSocket`.
    ///
    /// # Errors
    ///
    /// If no address can be bound: an [`AddrError`](crate::net::AddrError) with each address and its error is inside. If there
    /// is no address at all; and those of [`lookup_host`](crate::net::lookup_host).
    ///
    /// # Panics
    ///
    /// If it has to look a name up on a thread without a runtime. It needs none otherwise.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # filch::block_on(async {
    /// let listener = filch::net::TcpListener::bind("127.0.0.1:0").await?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let addresses = addresses(&address).await?;
        let mut failed = Vec::new();
        for &address in addresses.as_slice() {
            match Self::bind_to(address) {
                Ok(listener) => return Ok(listener),
                Err(error) => failed.push((address, error)),
            }
        }
        Err(AddrError::into_io("TcpListener::bind", failed))
    }

    fn bind_to(address: SocketAddr) -> io::Result<Self> {
        let socket = stream_socket(address)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &address)?;
        listen(&socket, BACKLOG)?;
        Ok(Self {
            io: Registered::from_nonblocking(socket.into()),
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

//! A TCP connection. It owns the socket; how bytes are moved is in `net/socket.rs`, the methods that do it in
//! `net/byte_stream.rs`, and how one waits in `registered.rs`.

use super::connect::connect_to_any;
use crate::io::driver::readiness::Direction;
use crate::io::driver::source::Rest;
use crate::io::interest::{Interest, Ready};
use crate::io::net::byte_stream::byte_stream;
use crate::io::net::conversions::conversions;
use crate::io::net::options::{buffer_options, tcp_options, tos_option, ttl_option};
use crate::io::net::resolve::{ToSocketAddrs, addresses};
use crate::io::net::setup::example;
use crate::io::net::socket::{peek, receive, receive_vectored, transmit, transmit_vectored};
use crate::io::net::split::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::io::net::waiting::waiting;
use crate::io::registered::Registered;
use crate::io::traits::{PollRead, PollWrite, as_uninit, readers, writers};
use core::mem::MaybeUninit;
use core::task::{Context, Poll};
use rustix::io::Errno;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

/// A TCP connection.
///
/// Reads and writes go through the traits of [`filch::io`](crate::io), on the stream itself or on a reference, so that one
/// task can read and another write. Any number of tasks may wait for the same direction; all are woken. A read or write that is
/// dropped has read or written nothing.
///
/// Dropping it closes the connection. What was written is still sent. A write to a connection that has ended is a
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe), and no signal.
///
/// # Examples
///
/// ```
/// # filch::block_on(async {
/// use filch::net::{TcpListener, TcpStream};
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let mut stream = TcpStream::connect(listener.local_addr()?).await?;
/// stream.set_nodelay(true)?;
/// stream.write_all(b"hello").await?;
/// stream.close().await?;
///
/// let (mut other, _) = listener.accept().await?;
/// let mut text = String::new();
/// other.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct TcpStream {
    io: Registered<std::net::TcpStream>,
}

impl TcpStream {
    pub(super) fn from_nonblocking(stream: std::net::TcpStream) -> Self {
        Self::from_registered(Registered::from_nonblocking(stream))
    }

    pub(super) fn from_registered(io: Registered<std::net::TcpStream>) -> Self {
        Self { io }
    }

    /// Connects to an address, or to one of those of a name.
    ///
    /// If there are several addresses, they are tried in the system's order, the families taking turns: each 250 ms after the one
    /// before, or as soon as that has failed. The first to answer wins (RFC 8305). There is no limit of time but the system's, which
    /// may be minutes: see [`time::timeout`](crate::time::timeout). For options see [`TcpSocket`](super::TcpSocket).
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

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// If the stream is connected no more.
    ///
    #[doc = example!(TcpStream, "assert!(it.peer_addr()?.ip().is_loopback());")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(TcpStream, "assert!(it.local_addr()?.ip().is_loopback());")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }
}

byte_stream!(TcpStream, receive, receive_vectored);
waiting!(TcpStream, std::net::TcpStream);
conversions!(TcpStream, std::net::TcpStream);
tcp_options!(TcpStream);
buffer_options!(TcpStream);
ttl_option!(TcpStream);
tos_option!(TcpStream);

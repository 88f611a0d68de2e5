//! A Unix stream socket. It owns the socket and how it connects; how bytes are moved is in `net/socket.rs`, the methods that do it
//! in `net/byte_stream.rs`, and how one waits in `registered.rs`.

use super::address::to_system;
use super::credentials::PeerCredentials;
use super::retry::Pauses;
use crate::io::driver::readiness::Direction;
use crate::io::driver::source::Rest;
use crate::io::interest::{Interest, Ready};
use crate::io::net::byte_stream::byte_stream;
use crate::io::net::conversions::conversions;
use crate::io::net::options::buffer_options;
use crate::io::net::setup::example;
use crate::io::net::socket::{peek, receive_part, receive_part_vectored, socket};
use crate::io::net::socket::{transmit, transmit_vectored};
use crate::io::net::split::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::io::net::waiting::waiting;
use crate::io::registered::Registered;
use crate::io::traits::{PollRead, PollWrite, as_uninit, readers, writers};
use core::mem::MaybeUninit;
use core::task::{Context, Poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, connect};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// A Unix stream socket: a connection between processes of one machine, or within one.
///
/// It reads and writes as a [`TcpStream`](crate::net::TcpStream) does, also through a reference. Descriptors that are sent to it
/// (`SCM_RIGHTS`) are closed by the system, unless they are received with `recvmsg` in [`try_io`](Self::try_io).
///
/// # Examples
///
/// ```
/// # filch::block_on(async {
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// let (mut one, mut other) = filch::net::UnixStream::pair()?;
/// one.write_all(b"hello").await?;
/// one.close().await?;
/// let mut text = String::new();
/// other.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct UnixStream {
    io: Registered<std::os::unix::net::UnixStream>,
}

impl UnixStream {
    pub(super) fn from_nonblocking(stream: std::os::unix::net::UnixStream) -> Self {
        Self {
            io: Registered::from_nonblocking(stream),
        }
    }

    /// Connects to the listener at a path.
    ///
    /// If the listener's queue is full, it is tried again after 1 ms, and then after ever longer pauses up to 50 ms, for as long as it
    /// takes: no event tells that there is room. See [`time::timeout`](crate::time::timeout).
    ///
    /// # Errors
    ///
    /// The system's: [`NotFound`](io::ErrorKind::NotFound) if there is no such path,
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if nobody listens there.
    ///
    /// # Panics
    ///
    /// If it has to wait on a thread without a runtime.
    ///
    /// # Cancel safety
    ///
    /// The attempt is given up, and the socket closed.
    ///
    /// # Examples
    ///
    /// See [`UnixListener`](super::UnixListener).
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::connect_addr(&SocketAddr::from_pathname(path)?).await
    }

    /// [`connect`](Self::connect) to an address, which may be an abstract name on Linux.
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
    /// The attempt is given up, and the socket closed.
    ///
    /// # Examples
    ///
    /// See [`UnixListener::bind_addr`](super::UnixListener::bind_addr).
    pub async fn connect_addr(address: &SocketAddr) -> io::Result<Self> {
        let address = to_system(address)?;
        let socket = socket(AddressFamily::UNIX, SocketType::STREAM)?;
        let mut pauses = Pauses::new();
        loop {
            match connect(&socket, &address) {
                Ok(()) => return Ok(Self::from_nonblocking(socket.into())),
                Err(Errno::AGAIN) => pauses.pause().await,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Two sockets that are connected with each other. It needs no runtime.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Examples
    ///
    /// See [the type](Self).
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(UnixStream, "assert!(it.peer_addr()?.is_unnamed());")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(UnixStream, "assert!(it.local_addr()?.is_unnamed());")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Who is at the other end.
    ///
    /// # Errors
    ///
    /// The system's; [`Unsupported`](io::ErrorKind::Unsupported) where it is not Linux.
    ///
    /// # Examples
    ///
    /// See [`PeerCredentials`].
    pub fn peer_cred(&self) -> io::Result<PeerCredentials> {
        PeerCredentials::of(self.io.as_fd())
    }
}

byte_stream!(UnixStream, receive_part, receive_part_vectored);
waiting!(UnixStream, std::os::unix::net::UnixStream);
conversions!(UnixStream, std::os::unix::net::UnixStream);
buffer_options!(UnixStream);

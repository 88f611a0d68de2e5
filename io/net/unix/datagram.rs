//! A Unix datagram socket. It owns the socket; how one waits is in `registered.rs`.

use super::retry::Pauses;
use crate::io::driver::readiness::Direction;
use crate::io::interest::{Interest, Ready};
use crate::io::net::conversions::conversions;
use crate::io::net::datagram::{datagrams, maybe_more, send};
use crate::io::net::options::buffer_options;
use crate::io::net::setup::example;
use crate::io::net::waiting::waiting;
use crate::io::registered::Registered;
use core::future::poll_fn;
use core::task::{Context, Poll};
use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// A Unix datagram socket: datagrams between processes of one machine, none of them lost, doubled or overtaken.
///
/// # Examples
///
/// ```
/// # filch::block_on(async {
/// let (one, other) = filch::net::UnixDatagram::pair()?;
/// one.send(b"ping").await?;
/// one.send(b"").await?;
/// let mut buffer = [0; 64];
/// assert_eq!(other.recv(&mut buffer).await?, 4);
/// assert_eq!(other.recv(&mut buffer).await?, 0);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct UnixDatagram {
    io: Registered<std::os::unix::net::UnixDatagram>,
}

impl UnixDatagram {
    /// Makes a socket at a path. It needs no runtime. The path is not removed when the socket is dropped.
    ///
    /// # Errors
    ///
    /// The system's; [`AddrInUse`](io::ErrorKind::AddrInUse), if the path exists.
    ///
    /// ```
    /// # filch::block_on(async {
    /// # let path = std::env::temp_dir().join(format!("filch-doc-datagram-{}", std::process::id()));
    /// use filch::net::UnixDatagram;
    ///
    /// let server = UnixDatagram::bind(&path)?;
    /// let client = UnixDatagram::unbound()?;
    /// client.send_to(b"ping", &path).await?;
    /// let (count, from) = server.recv_from(&mut [0; 8]).await?;
    /// assert!(count == 4 && from.is_unnamed());
    /// std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::from_std(std::os::unix::net::UnixDatagram::bind(path)?)
    }

    /// [`bind`](Self::bind) to an address, which may be an abstract name on Linux.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        Self::from_std(std::os::unix::net::UnixDatagram::bind_addr(address)?)
    }

    /// A socket without an address: it sends, and cannot be answered. It needs no runtime.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Examples
    ///
    /// See [`bind`](Self::bind).
    pub fn unbound() -> io::Result<Self> {
        Self::from_std(std::os::unix::net::UnixDatagram::unbound()?)
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
        let (one, other) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
    }

    fn from_nonblocking(socket: std::os::unix::net::UnixDatagram) -> Self {
        Self {
            io: Registered::from_nonblocking(socket),
        }
    }

    /// Sets the one socket that [`send`](Self::send) sends to and datagrams are received from.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(UnixDatagram, "assert!(it.connect(\"/no/such/path\").is_err());")]
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.io.get_ref().connect(path)
    }

    /// [`connect`](Self::connect) to an address, which may be an abstract name on Linux.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        self.io.get_ref().connect_addr(address)
    }

    /// The address that the socket is bound to.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(UnixDatagram, "assert!(it.local_addr()?.is_unnamed());")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address that the socket is connected to.
    ///
    /// # Errors
    ///
    /// If it is not connected.
    ///
    #[doc = example!(UnixDatagram, "assert!(it.peer_addr()?.is_unnamed());")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Sends a datagram to the socket at a path. An empty one is one, too.
    ///
    /// If that socket's queue is full, it is tried again after 1 ms, and then after ever longer pauses up to 50 ms: no event tells that
    /// there is room, unless the sockets are [connected](Self::connect). So there is no poll of this.
    ///
    /// # Errors
    ///
    /// The system's, such as that nobody is there, or that the datagram is too long.
    ///
    /// # Panics
    ///
    /// If it has to wait on a thread without a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has sent nothing.
    ///
    /// # Examples
    ///
    /// See [`bind`](Self::bind).
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.send_to_addr(datagram, &SocketAddr::from_pathname(path)?)
            .await
    }

    /// [`send_to`](Self::send_to) an address, which may be an abstract name on Linux.
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
    /// Dropped before it is ready, it has sent nothing.
    pub async fn send_to_addr(&self, datagram: &[u8], to: &SocketAddr) -> io::Result<usize> {
        let mut pauses = Pauses::new();
        loop {
            match self.try_send_to_addr(datagram, to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => pauses.pause().await,
                result => return result,
            }
        }
    }

    /// [`send_to`](Self::send_to), which does not wait.
    ///
    /// # Errors
    ///
    /// As there, and [`WouldBlock`](io::ErrorKind::WouldBlock), if there is no room.
    ///
    #[doc = example!(UnixDatagram, "assert!(it.try_send_to(b\"hello\", \"/no/such/path\").is_err());")]
    pub fn try_send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.try_send_to_addr(datagram, &SocketAddr::from_pathname(path)?)
    }

    /// [`try_send_to`](Self::try_send_to) an address, which may be an abstract name on Linux.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_send_to_addr(&self, datagram: &[u8], to: &SocketAddr) -> io::Result<usize> {
        self.io.try_call(Direction::Write, |io| {
            maybe_more(io.send_to_addr(datagram, to))
        })
    }

    /// Ends receiving, sending, or both. Who sends here is refused after the end of receiving; Linux does not tell who
    /// receives, so that a receive waits on.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(UnixDatagram,
        "it.shutdown(std::net::Shutdown::Write)?;\n\
         assert_eq!(it.try_send(b\"more\").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);")]
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }
}

datagrams!(UnixDatagram);
waiting!(UnixDatagram, std::os::unix::net::UnixDatagram);
conversions!(UnixDatagram, std::os::unix::net::UnixDatagram);
buffer_options!(UnixDatagram);

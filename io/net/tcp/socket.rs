//! A TCP socket that neither listens nor is connected yet. It owns the socket while options are set.

use super::connect::connect_with;
use super::listener::TcpListener;
use super::stream::TcpStream;
use crate::io::net::options::{buffer_options, options, tcp_options, tos_option, ttl_option};
use crate::io::net::setup::example;
use crate::io::net::socket::socket;
use core::fmt;
use rustix::net::{AddressFamily, SocketType, bind, listen};
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

/// A TCP socket that neither listens nor is connected yet, to set options on: tokio's `TcpSocket`.
///
/// Where the options here do not suffice, `socket2::SockRef::from(&socket)` sets any other.
///
/// # Examples
///
/// ```
/// # filch::block_on(async {
/// use filch::net::TcpSocket;
///
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuse_address(true)?;
/// socket.set_recv_buffer_size(65_536)?;
/// socket.bind(([127, 0, 0, 1], 0).into())?;
/// let listener = socket.listen(16)?;
///
/// let socket = TcpSocket::new_v4()?;
/// socket.set_nodelay(true)?;
/// let stream = socket.connect(listener.local_addr()?).await?;
/// assert!(stream.nodelay()?);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct TcpSocket {
    socket: OwnedFd,
}

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(TcpSocket, "it.bind(\"127.0.0.1:0\".parse().unwrap())?;")]
    pub fn new_v4() -> io::Result<Self> {
        Self::new(AddressFamily::INET)
    }

    /// A socket for IPv6, and for IPv4 too where it listens to all addresses.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// ```
    /// # if let Err(error) = std::net::TcpListener::bind("[::1]:0") { eprintln!("no IPv6: {error}"); return Ok(()); }
    /// let socket = filch::net::TcpSocket::new_v6()?;
    /// socket.bind("[::1]:0".parse().unwrap())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new_v6() -> io::Result<Self> {
        Self::new(AddressFamily::INET6)
    }

    fn new(family: AddressFamily) -> io::Result<Self> {
        let socket = socket(family, SocketType::STREAM)?;
        Ok(Self { socket })
    }

    /// Gives the socket an address of this machine.
    ///
    /// # Errors
    ///
    /// The system's, such as that the address is taken.
    ///
    #[doc = example!(TcpSocket, "it.bind(([127, 0, 0, 1], 0).into())?;\nassert_ne!(it.local_addr()?.port(), 0);")]
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        Ok(bind(&self.socket, &address)?)
    }

    /// The address that the socket is bound to.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(TcpSocket, "assert_eq!(it.local_addr()?.port(), 0);")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let address = SockRef::from(self).local_addr()?.as_socket();
        address.ok_or_else(|| io::Error::other("the system gave no address of a TCP socket"))
    }

    /// Listens. Up to `backlog` connections wait to be accepted, or as many as the system allows.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let socket = filch::net::TcpSocket::new_v4()?;
    /// socket.bind(([127, 0, 0, 1], 0).into())?;
    /// let listener = socket.listen(1024)?;
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        listen(&self.socket, backlog.try_into().unwrap_or(i32::MAX))?;
        Ok(TcpListener::from_nonblocking(self.socket.into()))
    }

    /// Connects to an address.
    ///
    /// # Errors
    ///
    /// The system's, with an [`AddrError`](crate::net::AddrError) around it.
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
    /// See [the type](Self).
    pub async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        let io = connect_with("TcpSocket::connect", self.socket, address).await?;
        Ok(TcpStream::from_registered(io))
    }
}

options! { TcpSocket:
    "whether an address can be bound that a connection which has ended still holds (`SO_REUSEADDR`). For a listener it should be \
     set.",
    reuse_address, set_reuse_address: bool, socket2::Socket::reuse_address, socket2::Socket::set_reuse_address,
    "it.set_reuse_address(true)?;\nassert!(it.reuse_address()?);";
}

#[cfg(not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin")))]
options! { TcpSocket:
    "whether several sockets may be bound to one address, if all of them say so (`SO_REUSEPORT`). Linux shares connections out \
     among them.",
    reuse_port, set_reuse_port: bool, socket2::Socket::reuse_port, socket2::Socket::set_reuse_port,
    "it.set_reuse_port(true)?;\nassert!(it.reuse_port()?);";
}

tcp_options!(TcpSocket);
buffer_options!(TcpSocket);
ttl_option!(TcpSocket);
tos_option!(TcpSocket);

#[cfg(target_os = "linux")]
impl TcpSocket {
    /// The network device that the socket is bound to (`SO_BINDTODEVICE`), such as `b"eth0"`.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(TcpSocket, "assert_eq!(it.device()?, None);")]
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        SockRef::from(self).device()
    }

    /// Binds the socket to a network device (`SO_BINDTODEVICE`), or to none: packets go through that one alone.
    ///
    /// # Errors
    ///
    /// The system's; before Linux 5.7 it is a privilege.
    ///
    #[doc = example!(TcpSocket, "if it.bind_device(Some(b\"lo\")).is_ok() {\n    assert_eq!(it.device()?, Some(b\"lo\".to_vec()));\n}")]
    pub fn bind_device(&self, device: Option<&[u8]>) -> io::Result<()> {
        SockRef::from(self).bind_device(device)
    }
}

impl From<TcpSocket> for OwnedFd {
    fn from(socket: TcpSocket) -> Self {
        socket.socket
    }
}

impl TryFrom<OwnedFd> for TcpSocket {
    type Error = io::Error;

    /// Takes a TCP socket that neither listens nor is connected, and makes it non-blocking.
    fn try_from(socket: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(Self { socket })
    }
}

impl IntoRawFd for TcpSocket {
    fn into_raw_fd(self) -> RawFd {
        self.socket.into_raw_fd()
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for TcpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpSocket")
            .field("address", &self.local_addr().ok())
            .field("fd", &self.as_raw_fd())
            .finish()
    }
}

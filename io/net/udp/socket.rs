//! A UDP socket. It owns the socket; how one waits is in `registered.rs`.

use crate::io::driver::readiness::Direction;
use crate::io::interest::{Interest, Ready};
use crate::io::net::address_error::AddrError;
use crate::io::net::conversions::conversions;
use crate::io::net::datagram::{datagrams, maybe_more, send};
use crate::io::net::options::{buffer_options, tos_option, ttl_option};
use crate::io::net::resolve::{ToSocketAddrs, addresses};
use crate::io::net::setup::example;
use crate::io::net::socket::{family, socket};
use crate::io::net::waiting::waiting;
use crate::io::registered::Registered;
use core::future::poll_fn;
use core::task::{Context, Poll};
use rustix::net::{SocketType, bind};
use std::io;
use std::net::SocketAddr;

/// A UDP socket: datagrams, which may be lost, doubled or overtaken.
///
/// It sends to any address, or, once [connected](Self::connect), to one; and it can be shared: all methods take `&self`, and any number of
/// tasks may wait. Options that must be set before the bind are set on a socket of `socket2`, or of the standard library:
/// [`from_std`](Self::from_std).
///
/// # Examples
///
/// ```
/// # filch::block_on(async {
/// use filch::net::UdpSocket;
///
/// let server = UdpSocket::bind("127.0.0.1:0").await?;
/// let client = UdpSocket::bind("127.0.0.1:0").await?;
/// client.send_to(b"ping", server.local_addr()?).await?;
///
/// let mut buffer = [0; 1500];
/// let (count, from) = server.recv_from(&mut buffer).await?;
/// assert_eq!((&buffer[..count], from), (&b"ping"[..], client.local_addr()?));
///
/// server.connect(from).await?;
/// server.send(b"pong").await?;
/// assert_eq!(client.recv(&mut buffer).await?, 4);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct UdpSocket {
    io: Registered<std::net::UdpSocket>,
}

impl UdpSocket {
    /// Makes a socket of an address, or of the first of several that is free.
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
    /// See [the type](Self).
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::first_of("UdpSocket::bind", address, |&address| {
            let socket = socket(family(address), SocketType::DGRAM)?;
            bind(&socket, &address)?;
            Ok(Self::from_nonblocking(socket.into()))
        })
        .await
    }

    fn from_nonblocking(socket: std::net::UdpSocket) -> Self {
        Self {
            io: Registered::from_nonblocking(socket),
        }
    }

    /// Sets the one address that [`send`](Self::send) sends to and datagrams are received from; the first of several that the system takes.
    /// Nothing is sent for that.
    ///
    /// # Errors
    ///
    /// If the system takes no address: an [`AddrError`](crate::net::AddrError) with each address and its error is inside. If
    /// there is no address at all; and those of [`lookup_host`](crate::net::lookup_host).
    ///
    /// # Panics
    ///
    /// If it has to look a name up on a thread without a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has changed nothing.
    ///
    #[doc = example!(UdpSocket, "it.connect(it.local_addr()?).await?;\nit.send(b\"to myself\").await?;")]
    pub async fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let socket = self.io.get_ref();
        Self::first_of("UdpSocket::connect", address, |address| {
            socket.connect(address)
        })
        .await
    }

    async fn first_of<R>(
        called: &'static str,
        address: impl ToSocketAddrs,
        attempt: impl Fn(&SocketAddr) -> io::Result<R>,
    ) -> io::Result<R> {
        let addresses = addresses(&address).await?;
        let mut failed = Vec::new();
        for address in addresses.as_slice() {
            match attempt(address) {
                Ok(done) => return Ok(done),
                Err(error) => failed.push((*address, error)),
            }
        }
        Err(AddrError::into_io(called, failed))
    }

    /// The address that the socket is bound to.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(UdpSocket, "assert_ne!(it.local_addr()?.port(), 0);")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address that the socket is connected to.
    ///
    /// # Errors
    ///
    /// If it is not connected.
    ///
    #[doc = example!(UdpSocket, "assert!(it.peer_addr().is_err());")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Sends a datagram to an address, the first of those that a name has. An empty one is one, too.
    ///
    /// # Errors
    ///
    /// The system's, such as that the datagram is too long; and those of [`lookup_host`](crate::net::lookup_host).
    ///
    /// # Panics
    ///
    /// If it has to wait, or to look a name up, on a thread without a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has sent nothing.
    ///
    /// # Examples
    ///
    /// See [the type](Self).
    pub async fn send_to(&self, datagram: &[u8], to: impl ToSocketAddrs) -> io::Result<usize> {
        let addresses = addresses(&to).await?;
        let Some(&to) = addresses.as_slice().first() else {
            return Err(AddrError::into_io("UdpSocket::send_to", Vec::new()));
        };
        poll_fn(|cx| self.poll_send_to(cx, datagram, to)).await
    }

    /// [`send_to`](Self::send_to), as a poll. Any number of tasks may wait; all are woken.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        datagram: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.io.poll_io(Direction::Write, cx, |io| {
            maybe_more(io.send_to(datagram, to))
        })
    }

    /// [`send_to`](Self::send_to), which does not wait.
    ///
    /// # Errors
    ///
    /// As there, and [`WouldBlock`](io::ErrorKind::WouldBlock), if there is no room.
    ///
    #[doc = example!(UdpSocket, "assert_eq!(it.try_send_to(b\"hello\", it.local_addr()?)?, 5);")]
    pub fn try_send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.io
            .try_call(Direction::Write, |io| maybe_more(io.send_to(datagram, to)))
    }

    /// Receives without taking: the next receive gives the same datagram.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    #[doc = example!(UdpSocket,
        "it.connect(it.local_addr()?).await?;\n\
         it.send(b\"hello\").await?;\n\
         assert_eq!(it.peek(&mut [0; 8]).await?, 5);\n\
         assert_eq!(it.recv(&mut [0; 8]).await?, 5);")]
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_peek(cx, buffer)).await
    }

    /// [`peek`](Self::peek), as a poll. Any number of tasks may wait; all are woken.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.io
            .poll_io(Direction::Read, cx, |io| maybe_more(io.peek(buffer)))
    }

    /// [`peek`](Self::peek), and from whom the datagram is.
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
    /// Nothing is lost.
    ///
    #[doc = example!(UdpSocket,
        "it.send_to(b\"hello\", it.local_addr()?).await?;\n\
         assert_eq!(it.peek_from(&mut [0; 8]).await?, (5, it.local_addr()?));")]
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|cx| self.poll_peek_from(cx, buffer)).await
    }

    /// [`peek_from`](Self::peek_from), as a poll. Any number of tasks may wait; all are woken.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.io
            .poll_io(Direction::Read, cx, |io| maybe_more(io.peek_from(buffer)))
    }
}

datagrams!(UdpSocket);
waiting!(UdpSocket, std::net::UdpSocket);
conversions!(UdpSocket, std::net::UdpSocket);
buffer_options!(UdpSocket);
ttl_option!(UdpSocket);
tos_option!(UdpSocket);

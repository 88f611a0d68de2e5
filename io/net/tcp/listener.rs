//! A TCP socket that accepts connections. It owns the socket; what is done about refusals is in `net/acceptor.rs`.

use super::stream::TcpStream;
use crate::io::net::acceptor::{Accepted, Acceptor};
use crate::io::net::address_error::AddrError;
use crate::io::net::conversions::conversions;
use crate::io::net::options::ttl_option;
use crate::io::net::resolve::{ToSocketAddrs, addresses};
use crate::io::net::setup::example;
use crate::io::net::socket::stream_socket;
use core::future::{Future, poll_fn};
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use futures_core::Stream;
use rustix::net::{bind, listen, sockopt};
use std::io;
use std::net::SocketAddr;

/// How many connections may wait to be accepted; the system has a limit of its own.
const BACKLOG: i32 = 4096;

/// A TCP socket that accepts connections.
///
/// # When accepting fails
///
/// A connection that has failed before it was accepted is passed over. When the process or the system has no descriptor or memory
/// left for another connection, the listener waits, 5 ms at first and up to a second in the end, and tries again: the connections
/// stay in the queue meanwhile. That is reported once, as
/// [`on_unhandled`](crate::runtime::Builder::on_unhandled) says, until an accept succeeds. So an error from
/// [`accept`](Self::accept) means that the listener itself is of no use. [`try_accept`](Self::try_accept) gives all errors.
///
/// ```
/// # filch::block_on(async {
/// use filch::net::{TcpListener, TcpStream};
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let address = listener.local_addr()?;
/// let server = filch::spawn(async move {
///     let (mut stream, _peer) = listener.accept().await?;
///     stream.write_all(b"hello").await
/// });
/// let mut text = String::new();
/// TcpStream::connect(address).await?.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// server.await.unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct TcpListener {
    io: Acceptor<std::net::TcpListener>,
}

impl TcpListener {
    /// Binds a socket to an address, or to the first of several that is free, and listens.
    ///
    /// The address can be used again right after the program has ended (`SO_REUSEADDR`), and up to 4096 connections wait to be
    /// accepted, or as many as the system allows. For other options see [`TcpSocket`](super::TcpSocket).
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
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(address: A) -> impl Future<Output = io::Result<Self>> + use<A> {
        let location = Location::caller();
        async move {
            let addresses = addresses(&address).await?;
            let mut failed = Vec::new();
            for &address in addresses.as_slice() {
                match Self::bind_to(address, location) {
                    Ok(listener) => return Ok(listener),
                    Err(error) => failed.push((address, error)),
                }
            }
            Err(AddrError::into_io("TcpListener::bind", failed))
        }
    }

    fn bind_to(address: SocketAddr, location: &'static Location<'static>) -> io::Result<Self> {
        let socket = stream_socket(address)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &address)?;
        listen(&socket, BACKLOG)?;
        Ok(Self {
            io: Acceptor::new_at(socket.into(), location),
        })
    }

    #[track_caller]
    pub(super) fn from_nonblocking(listener: std::net::TcpListener) -> Self {
        Self {
            io: Acceptor::new_at(listener, Location::caller()),
        }
    }

    /// The address that the socket is bound to.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    #[doc = example!(TcpListener, "assert!(it.local_addr()?.ip().is_loopback());")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Waits for a connection and accepts it. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// If the listener is of no use: see [the type](Self#when-accepting-fails).
    ///
    /// # Panics
    ///
    /// If it has to wait on a thread without a runtime.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost.
    ///
    /// # Examples
    ///
    /// See [the type](Self).
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// [`accept`](Self::accept), as a poll. Any number of tasks may wait; all are woken.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        Poll::Ready(ready!(self.io.poll_accept(cx)).and_then(connection))
    }

    /// Accepts a connection that is there, and does not wait.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), if there is none. All that the system gives: also that of a connection that
    /// has failed, and that there are no descriptors left.
    ///
    #[doc = example!(TcpListener, "assert_eq!(it.try_accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);")]
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.io.try_accept().and_then(connection)
    }

    /// The connections as an endless [`Stream`], each as from [`accept`](Self::accept).
    ///
    /// ```
    /// # filch::block_on(async {
    /// use filch::net::{TcpListener, TcpStream};
    /// use futures_lite::StreamExt;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let server = listener.incoming().next().await.unwrap()?;
    /// assert_eq!(client.local_addr()?, server.peer_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming(self)
    }

    /// [`incoming`](Self::incoming), which owns the listener.
    ///
    /// ```
    /// # filch::block_on(async {
    /// use filch::net::TcpListener;
    /// use futures_lite::StreamExt;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let server = filch::spawn(async move {
    ///     let mut incoming = listener.into_incoming();
    ///     while let Some(stream) = incoming.next().await {
    ///         drop(stream?);
    ///     }
    ///     Ok::<(), std::io::Error>(())
    /// });
    /// # server.abort();
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn into_incoming(self) -> IntoIncoming {
        IntoIncoming(self)
    }
}

#[inline]
fn connection((socket, peer): Accepted) -> io::Result<(TcpStream, SocketAddr)> {
    let peer = peer.and_then(|peer| peer.try_into().ok()).ok_or_else(|| {
        io::Error::other("the system gave a TCP connection without an address of its other end")
    })?;
    Ok((TcpStream::from_nonblocking(socket.into()), peer))
}

conversions!(TcpListener, std::net::TcpListener);
ttl_option!(TcpListener);

/// The connections of a listener: [`TcpListener::incoming`].
#[derive(Debug)]
#[must_use = "a stream accepts nothing unless it is polled"]
pub struct Incoming<'a>(&'a TcpListener);

/// The connections of a listener, which it owns: [`TcpListener::into_incoming`].
#[derive(Debug)]
#[must_use = "a stream accepts nothing unless it is polled"]
pub struct IntoIncoming(TcpListener);

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = ready!(self.0.poll_accept(cx));
        Poll::Ready(Some(accepted.map(|(stream, _)| stream)))
    }
}

impl Stream for IntoIncoming {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0.incoming()).poll_next(cx)
    }
}

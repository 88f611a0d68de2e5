//! A Unix socket that accepts connections. It owns the socket; what is done about refusals is in `net/acceptor.rs`.

use super::address::from_system;
use super::stream::UnixStream;
use crate::io::net::acceptor::{Accepted, Acceptor};
use crate::io::net::conversions::conversions;
use crate::io::net::setup::example;
use core::future::poll_fn;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use futures_core::Stream;
use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// How many connections may wait to be accepted; the system has a limit of its own.
const BACKLOG: i32 = 4096;

/// A Unix socket that accepts connections.
///
/// Its path is not removed when it is dropped, and cannot be bound while it is there: remove it first. What is done when
/// accepting fails is told at [`TcpListener`](crate::net::TcpListener#when-accepting-fails).
///
/// # Examples
///
/// ```
/// # filch::block_on(async {
/// # let path = std::env::temp_dir().join(format!("filch-doc-listener-{}", std::process::id()));
/// use filch::net::{UnixListener, UnixStream};
///
/// let listener = UnixListener::bind(&path)?;
/// let client = UnixStream::connect(&path).await?;
/// let (server, _) = listener.accept().await?;
/// client.try_write(b"hello")?;
/// server.readable().await?;
/// assert_eq!(server.try_read(&mut [0; 8])?, 5);
/// std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct UnixListener {
    io: Acceptor<std::os::unix::net::UnixListener>,
}

impl UnixListener {
    /// Makes a socket at a path, and listens. It needs no runtime.
    ///
    /// # Errors
    ///
    /// The system's; [`AddrInUse`](io::ErrorKind::AddrInUse), if the path exists.
    ///
    /// # Examples
    ///
    /// See [the type](Self).
    #[track_caller]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::bind_addr(&SocketAddr::from_pathname(path)?)
    }

    /// [`bind`](Self::bind) to an address, which may be an abstract name on Linux.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")]
    /// # filch::block_on(async {
    /// use filch::net::{UnixListener, UnixStream};
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    ///
    /// let name = SocketAddr::from_abstract_name(format!("filch-doc-{}", std::process::id()))?;
    /// let listener = UnixListener::bind_addr(&name)?;
    /// let client = UnixStream::connect_addr(&name).await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        let listener = std::os::unix::net::UnixListener::bind_addr(address)?;
        rustix::net::listen(&listener, BACKLOG)?;
        Self::from_std(listener)
    }

    #[track_caller]
    fn from_nonblocking(listener: std::os::unix::net::UnixListener) -> Self {
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
    #[doc = example!(UnixListener, "assert_eq!(it.local_addr()?.as_pathname(), Some(&*path));")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Waits for a connection and accepts it. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// If the listener is of no use: see [`TcpListener`](crate::net::TcpListener#when-accepting-fails).
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
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
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
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        Poll::Ready(ready!(self.io.poll_accept(cx)).and_then(connection))
    }

    /// Accepts a connection that is there, and does not wait.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), if there is none; all that the system gives.
    ///
    #[doc = example!(UnixListener, "assert_eq!(it.try_accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);")]
    pub fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.io.try_accept().and_then(connection)
    }

    /// The connections as an endless [`Stream`], each as from [`accept`](Self::accept).
    ///
    #[doc = example!(UnixListener,
        "use futures_lite::StreamExt;\n\
         let next = it.incoming().next().await;\n\
         # fn ends(_: Option<std::io::Result<filch::net::UnixStream>>) {}\n\
         # ends(next);"; no_run)]
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming(self)
    }

    /// [`incoming`](Self::incoming), which owns the listener.
    ///
    #[doc = example!(UnixListener,
        "use futures_lite::StreamExt;\n\
         let next = it.into_incoming().next().await;"; no_run)]
    pub fn into_incoming(self) -> IntoUnixIncoming {
        IntoUnixIncoming(self)
    }

    /// The error that the socket keeps, if any, which is taken from it.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    ///
    #[doc = example!(UnixListener, "assert!(it.take_error()?.is_none());")]
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }
}

fn connection((socket, peer): Accepted) -> io::Result<(UnixStream, SocketAddr)> {
    let peer = from_system(peer)?;
    Ok((UnixStream::from_nonblocking(socket.into()), peer))
}

conversions!(UnixListener, std::os::unix::net::UnixListener);

/// The connections of a listener: [`UnixListener::incoming`].
#[derive(Debug)]
#[must_use = "a stream accepts nothing unless it is polled"]
pub struct UnixIncoming<'a>(&'a UnixListener);

/// The connections of a listener, which it owns: [`UnixListener::into_incoming`].
#[derive(Debug)]
#[must_use = "a stream accepts nothing unless it is polled"]
pub struct IntoUnixIncoming(UnixListener);

impl Stream for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = ready!(self.0.poll_accept(cx));
        Poll::Ready(Some(accepted.map(|(stream, _)| stream)))
    }
}

impl Stream for IntoUnixIncoming {
    type Item = io::Result<UnixStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0.incoming()).poll_next(cx)
    }
}

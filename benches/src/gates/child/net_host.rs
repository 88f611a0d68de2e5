//! What a runtime does with sockets, as the scenarios see it.
//!
//! This file owns the differences between the runtimes' sockets. It must not know what is sent.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use super::host::{Filch, Host};

/// The workers that share the load in the scenarios with sockets.
pub(super) const WORKERS: usize = 2;

/// A runtime with sockets.
pub(super) trait NetHost: Host {
    /// A socket that accepts.
    type Listener: Send + Sync + 'static;
    /// A connection.
    type Stream: Send + 'static;
    /// The same as hyper takes it.
    #[cfg(feature = "peers")]
    type Hyper: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static;

    /// Builds the runtime with [`WORKERS`] workers.
    fn build_with_sockets() -> io::Result<Self>;
    /// Listens on a free port of the loopback interface.
    fn listen() -> impl Future<Output = io::Result<Self::Listener>> + Send;
    /// Where it listens.
    fn address(listener: &Self::Listener) -> io::Result<SocketAddr>;
    /// Accepts one connection.
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<Self::Stream>> + Send;
    /// Connects.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;
    /// Reads what there is, at least a byte unless the stream has ended.
    fn read<'a>(
        stream: &'a mut Self::Stream,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send;
    /// Reads as many bytes as the buffer has room for.
    fn read_exact<'a>(
        stream: &'a mut Self::Stream,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<()>> + Send;
    /// Writes all bytes.
    fn write_all<'a>(
        stream: &'a mut Self::Stream,
        bytes: &'a [u8],
    ) -> impl Future<Output = io::Result<()>> + Send;
    /// Hands a connection to hyper.
    #[cfg(feature = "peers")]
    fn hyper(stream: Self::Stream) -> Self::Hyper;
    /// How many descriptors the runtime watches, if it tells.
    fn watched(&self) -> Option<u64>;
}

const ANY_PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

impl NetHost for Filch {
    type Listener = filch::net::TcpListener;
    type Stream = filch::net::TcpStream;
    #[cfg(feature = "peers")]
    type Hyper = filch::net::TcpStream;

    fn build_with_sockets() -> io::Result<Self> {
        let mut builder = filch::runtime::Builder::multi_thread();
        builder.workers(WORKERS).build().map(Filch)
    }

    async fn listen() -> io::Result<Self::Listener> {
        filch::net::TcpListener::bind(ANY_PORT).await
    }

    fn address(listener: &Self::Listener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    async fn accept(listener: &Self::Listener) -> io::Result<Self::Stream> {
        Ok(listener.accept().await?.0)
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
        filch::net::TcpStream::connect(address).await
    }

    fn read<'a>(
        stream: &'a mut Self::Stream,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send {
        filch::io::AsyncReadExt::read(stream, buffer)
    }

    fn read_exact<'a>(
        stream: &'a mut Self::Stream,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<()>> + Send {
        filch::io::AsyncReadExt::read_exact(stream, buffer)
    }

    fn write_all<'a>(
        stream: &'a mut Self::Stream,
        bytes: &'a [u8],
    ) -> impl Future<Output = io::Result<()>> + Send {
        filch::io::AsyncWriteExt::write_all(stream, bytes)
    }

    #[cfg(feature = "peers")]
    fn hyper(stream: Self::Stream) -> Self::Hyper {
        stream
    }

    fn watched(&self) -> Option<u64> {
        Some(self.0.metrics().io_watched as u64)
    }
}

#[cfg(feature = "peers")]
mod peers {
    use super::super::host::Tokio;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    impl NetHost for Tokio {
        type Listener = TcpListener;
        type Stream = TcpStream;
        type Hyper = hyper_util::rt::TokioIo<TcpStream>;

        fn build_with_sockets() -> io::Result<Self> {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(WORKERS).enable_all();
            builder.build().map(Tokio)
        }

        async fn listen() -> io::Result<Self::Listener> {
            TcpListener::bind(ANY_PORT).await
        }

        fn address(listener: &Self::Listener) -> io::Result<SocketAddr> {
            listener.local_addr()
        }

        async fn accept(listener: &Self::Listener) -> io::Result<Self::Stream> {
            Ok(listener.accept().await?.0)
        }

        async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
            TcpStream::connect(address).await
        }

        fn read<'a>(
            stream: &'a mut Self::Stream,
            buffer: &'a mut [u8],
        ) -> impl Future<Output = io::Result<usize>> + Send {
            stream.read(buffer)
        }

        async fn read_exact<'a>(
            stream: &'a mut Self::Stream,
            buffer: &'a mut [u8],
        ) -> io::Result<()> {
            stream.read_exact(buffer).await.map(|_| ())
        }

        fn write_all<'a>(
            stream: &'a mut Self::Stream,
            bytes: &'a [u8],
        ) -> impl Future<Output = io::Result<()>> + Send {
            stream.write_all(bytes)
        }

        fn hyper(stream: Self::Stream) -> Self::Hyper {
            hyper_util::rt::TokioIo::new(stream)
        }

        fn watched(&self) -> Option<u64> {
            None
        }
    }
}

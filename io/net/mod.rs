//! Sockets.

mod acceptor;
mod address_error;
mod byte_stream;
mod conversions;
mod datagram;
mod options;
pub mod resolve;
mod setup;
mod shortage;
mod socket;
mod split;
mod tcp;
mod udp;
mod unix;
mod waiting;

pub use address_error::AddrError;
#[doc(inline)]
pub use resolve::{ToSocketAddrs, lookup_host};
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, Split, WriteHalf};
pub use tcp::{Incoming, IntoIncoming, TcpListener, TcpSocket, TcpStream};
pub use udp::UdpSocket;
pub use unix::{
    IntoUnixIncoming, PeerCredentials, UnixDatagram, UnixIncoming, UnixListener, UnixStream,
};

//! Unix sockets: a listener, streams and datagrams, between processes of one machine.

mod address;
mod credentials;
mod datagram;
mod listener;
mod retry;
mod stream;

pub use credentials::PeerCredentials;
pub use datagram::UnixDatagram;
pub use listener::{IntoUnixIncoming, UnixIncoming, UnixListener};
pub use stream::UnixStream;

//! TCP: a listener, the streams that it accepts or that connect, and sockets that are neither yet.

mod connect;
mod listener;
mod socket;
mod stream;

pub use listener::{Incoming, IntoIncoming, TcpListener};
pub use socket::TcpSocket;
pub use stream::TcpStream;

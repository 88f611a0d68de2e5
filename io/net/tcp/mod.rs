//! TCP: a listener, and the streams that it accepts or that connect.

mod connect;
mod listener;
mod stream;

pub use listener::TcpListener;
pub use stream::TcpStream;

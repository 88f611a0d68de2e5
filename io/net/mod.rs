//! Sockets.

mod socket;
mod tcp;

pub use tcp::{TcpListener, TcpStream};

//! Sockets.

mod address_error;
pub mod resolve;
mod socket;
mod tcp;

pub use address_error::AddrError;
#[doc(inline)]
pub use resolve::{ToSocketAddrs, lookup_host};
pub use tcp::{TcpListener, TcpStream};

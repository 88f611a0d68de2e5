//! UDP: a socket, and what it has of broadcast and multicast.

mod multicast;
mod socket;

pub use socket::UdpSocket;

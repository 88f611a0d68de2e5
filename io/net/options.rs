//! The options of sockets, set and got in pairs, the same for all types that have them.

use socket2::Socket;
use std::io;

/// Pairs of methods. For each: what follows after "Tells" and "Sets", the names, the type, how it is done, and an example.
macro_rules! options {
    ($name:ident: $($what:literal, $get:ident, $set:ident: $type:ty, $how_to_get:path, $how_to_set:path, $lines:literal;)+) => {
        impl $name {$(
            #[doc = concat!("Tells ", $what)]
            ///
            /// # Errors
            ///
            /// The system's.
            ///
            #[doc = $crate::io::net::setup::example!($name, $lines)]
            pub fn $get(&self) -> io::Result<$type> {
                $how_to_get(&socket2::SockRef::from(self))
            }

            #[doc = concat!("Sets ", $what)]
            ///
            /// # Errors
            ///
            /// The system's.
            ///
            #[doc = $crate::io::net::setup::example!($name, $lines)]
            pub fn $set(&self, value: $type) -> io::Result<()> {
                $how_to_set(&socket2::SockRef::from(self), value)
            }
        )+}
    };
}

macro_rules! buffer_options {
    ($name:ident) => {
        $crate::io::net::options::options! { $name:
            "how many bytes that have come may wait to be read (`SO_RCVBUF`). Linux doubles what is set, for its own use.",
            recv_buffer_size, set_recv_buffer_size: usize,
            socket2::Socket::recv_buffer_size, socket2::Socket::set_recv_buffer_size,
            "it.set_recv_buffer_size(16_384)?;\nassert!(it.recv_buffer_size()? >= 16_384);";

            "how many written bytes may wait to be sent (`SO_SNDBUF`). Linux doubles what is set, for its own use.",
            send_buffer_size, set_send_buffer_size: usize,
            socket2::Socket::send_buffer_size, socket2::Socket::set_send_buffer_size,
            "it.set_send_buffer_size(16_384)?;\nassert!(it.send_buffer_size()? >= 16_384);";
        }
    };
}

macro_rules! tcp_options {
    ($name:ident) => {
        $crate::io::net::options::options! { $name:
            "whether small writes are sent at once (`TCP_NODELAY`), and do not wait until what was sent before has arrived. \
             Not so at first.",
            nodelay, set_nodelay: bool, socket2::Socket::tcp_nodelay, socket2::Socket::set_tcp_nodelay,
            "it.set_nodelay(true)?;\nassert!(it.nodelay()?);";

            "whether the system makes sure now and then that the other end is still there (`SO_KEEPALIVE`). How often is set \
             with `socket2::SockRef::from(&stream)`.",
            keepalive, set_keepalive: bool, socket2::Socket::keepalive, socket2::Socket::set_keepalive,
            "it.set_keepalive(true)?;\nassert!(it.keepalive()?);";

            "what happens at the close to bytes that have not arrived (`SO_LINGER`): `None` sends them in the background; \
             zero throws them away and resets the connection. Any other time makes the closing thread, and so a worker, \
             *block* for as long: shut the stream down and wait for the other end instead.",
            linger, set_linger: Option<core::time::Duration>, socket2::Socket::linger, socket2::Socket::set_linger,
            "it.set_linger(Some(std::time::Duration::ZERO))?;\nassert_eq!(it.linger()?, Some(std::time::Duration::ZERO));";
        }
    };
}

macro_rules! ttl_option {
    ($name:ident) => {
        $crate::io::net::options::options! { $name:
            "how many routers a packet may pass: `IP_TTL`, or for IPv6 `IPV6_UNICAST_HOPS`.",
            ttl, set_ttl: u32, $crate::io::net::options::ttl, $crate::io::net::options::set_ttl,
            "it.set_ttl(9)?;\nassert_eq!(it.ttl()?, 9);";
        }
    };
}

macro_rules! tos_option {
    ($name:ident) => {
        $crate::io::net::options::options! { $name:
            "the type of service in the header of each packet: `IP_TOS`, or for IPv6 `IPV6_TCLASS`.",
            tos, set_tos: u32, $crate::io::net::options::tos, $crate::io::net::options::set_tos,
            "it.set_tos(0x10)?;\nassert_eq!(it.tos()?, 0x10);";
        }
    };
}

pub(super) use {buffer_options, options, tcp_options, tos_option, ttl_option};

fn is_ipv4(socket: &Socket) -> io::Result<bool> {
    Ok(socket.local_addr()?.is_ipv4())
}

pub(super) fn ttl(socket: &Socket) -> io::Result<u32> {
    match is_ipv4(socket)? {
        true => socket.ttl_v4(),
        false => socket.unicast_hops_v6(),
    }
}

pub(super) fn set_ttl(socket: &Socket, ttl: u32) -> io::Result<()> {
    match is_ipv4(socket)? {
        true => socket.set_ttl_v4(ttl),
        false => socket.set_unicast_hops_v6(ttl),
    }
}

pub(super) fn tos(socket: &Socket) -> io::Result<u32> {
    match is_ipv4(socket)? {
        true => socket.tos_v4(),
        false => socket.tclass_v6(),
    }
}

pub(super) fn set_tos(socket: &Socket, tos: u32) -> io::Result<()> {
    match is_ipv4(socket)? {
        true => socket.set_tos_v4(tos),
        false => socket.set_tclass_v6(tos),
    }
}

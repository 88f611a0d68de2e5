//! One packet to many: the options of a UDP socket for broadcast and multicast.

use super::socket::UdpSocket;
use crate::io::net::options::options;
use crate::io::net::setup::example;
use socket2::{SockRef, Socket};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

options! { UdpSocket:
    "whether datagrams may be sent to all of a network (`SO_BROADCAST`). Not so at first.",
    broadcast, set_broadcast: bool, Socket::broadcast, Socket::set_broadcast,
    "it.set_broadcast(true)?;\nassert!(it.broadcast()?);";

    "whether multicast datagrams from here come back to this machine (`IP_MULTICAST_LOOP`). So at first. IPv4.",
    multicast_loop_v4, set_multicast_loop_v4: bool, Socket::multicast_loop_v4, Socket::set_multicast_loop_v4,
    "it.set_multicast_loop_v4(false)?;\nassert!(!it.multicast_loop_v4()?);";

    "how many routers a multicast datagram may pass (`IP_MULTICAST_TTL`); 1 at first, which is none. IPv4.",
    multicast_ttl_v4, set_multicast_ttl_v4: u32, Socket::multicast_ttl_v4, Socket::set_multicast_ttl_v4,
    "it.set_multicast_ttl_v4(3)?;\nassert_eq!(it.multicast_ttl_v4()?, 3);";

    "whether multicast datagrams from here come back to this machine (`IPV6_MULTICAST_LOOP`). So at first. IPv6.",
    multicast_loop_v6, set_multicast_loop_v6: bool, Socket::multicast_loop_v6, Socket::set_multicast_loop_v6,
    "if it.local_addr()?.is_ipv6() {\n    it.set_multicast_loop_v6(false)?;\n    assert!(!it.multicast_loop_v6()?);\n}";

    "how many routers a multicast datagram may pass (`IPV6_MULTICAST_HOPS`); 1 at first, which is none. IPv6.",
    multicast_hops_v6, set_multicast_hops_v6: u32, Socket::multicast_hops_v6, Socket::set_multicast_hops_v6,
    "if it.local_addr()?.is_ipv6() {\n    it.set_multicast_hops_v6(3)?;\n    assert_eq!(it.multicast_hops_v6()?, 3);\n}";
}

impl UdpSocket {
    /// Joins a multicast group, at the network interface that has the address, or at one that the system chooses for
    /// [`Ipv4Addr::UNSPECIFIED`].
    ///
    /// # Errors
    ///
    /// The system's, such as that the address is not one of a group.
    ///
    /// ```
    /// # filch::block_on(async {
    /// use std::net::Ipv4Addr;
    /// let socket = filch::net::UdpSocket::bind("0.0.0.0:0").await?;
    /// let group = Ipv4Addr::new(239, 255, 0, 1);
    /// socket.join_multicast_v4(group, Ipv4Addr::LOCALHOST)?;
    /// socket.leave_multicast_v4(group, Ipv4Addr::LOCALHOST)?;
    /// assert!(socket.join_multicast_v4(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        SockRef::from(self).join_multicast_v4(&group, &interface)
    }

    /// Leaves a group that was [joined](Self::join_multicast_v4).
    ///
    /// # Errors
    ///
    /// The system's, such as that it was not.
    ///
    #[doc = example!(UdpSocket,
        "use std::net::Ipv4Addr;\n\
         assert!(it.leave_multicast_v4(Ipv4Addr::new(239, 255, 0, 1), Ipv4Addr::LOCALHOST).is_err());")]
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        SockRef::from(self).leave_multicast_v4(&group, &interface)
    }

    /// Joins a multicast group, at the network interface of that index, or at one that the system chooses for 0.
    ///
    /// # Errors
    ///
    /// The system's, such as that the address is not one of a group.
    ///
    #[doc = example!(UdpSocket,
        "use std::net::Ipv6Addr;\n\
         assert!(it.join_multicast_v6(Ipv6Addr::LOCALHOST, 0).is_err());")]
    pub fn join_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        SockRef::from(self).join_multicast_v6(&group, interface)
    }

    /// Leaves a group that was [joined](Self::join_multicast_v6).
    ///
    /// # Errors
    ///
    /// The system's, such as that it was not.
    ///
    #[doc = example!(UdpSocket,
        "use std::net::Ipv6Addr;\n\
         assert!(it.leave_multicast_v6(Ipv6Addr::LOCALHOST, 0).is_err());")]
    pub fn leave_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        SockRef::from(self).leave_multicast_v6(&group, interface)
    }
}

//! Who is at the other end of a Unix socket. It owns what the system tells of that.

use std::io;
use std::os::fd::BorrowedFd;

/// The process at the other end of a [`UnixStream`](super::UnixStream), as it was when the connection was made.
///
/// ```
/// # filch::block_on(async {
/// let (one, _other) = filch::net::UnixStream::pair()?;
/// let peer = one.peer_cred()?;
/// assert!(peer.pid().is_none_or(|pid| pid == std::process::id()));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCredentials {
    pid: Option<u32>,
    uid: u32,
    gid: u32,
}

impl PeerCredentials {
    /// The number of its user.
    pub const fn uid(&self) -> u32 {
        self.uid
    }

    /// The number of its group.
    pub const fn gid(&self) -> u32 {
        self.gid
    }

    /// The number of the process, where the system tells.
    pub const fn pid(&self) -> Option<u32> {
        self.pid
    }

    #[cfg(target_os = "linux")]
    pub(super) fn of(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let peer = rustix::net::sockopt::socket_peercred(socket)?;
        Ok(Self {
            pid: u32::try_from(peer.pid.as_raw_pid()).ok(),
            uid: peer.uid.as_raw(),
            gid: peer.gid.as_raw(),
        })
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(_socket: BorrowedFd<'_>) -> io::Result<Self> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "`peer_cred` is there on Linux alone: call `getpeereid` on the descriptor instead",
        ))
    }
}

//! The system calls of sockets, made so that they say whether anything is left. It owns no socket.

use crate::io::driver::source::Left;
use core::mem::MaybeUninit;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags};
use rustix::net::{SocketAddrAny, SocketType, recv, recvmsg, send, sendmsg};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The kernel moves no more than about twice this in one call, so that less than was asked for would say nothing.
const MOST: usize = 1 << 30;
/// Nor does it take more buffers.
const MOST_BUFFERS: usize = 1024;

/// Receives into the beginning of `buffer`. Less than it has room for is all there was: where urgent data or the end stand
/// behind it, the event has told of that.
#[inline]
pub(super) fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut [MaybeUninit<u8>],
) -> Result<(usize, Left), Errno> {
    let room = buffer.len().min(MOST);
    let (_, count) = recv(socket, &mut buffer[..room], RecvFlags::empty())?;
    Ok((count, left_behind(count, room)))
}

/// Receives into several buffers, the first ones first.
pub(super) fn receive_vectored(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> Result<(usize, Left), Errno> {
    let most = buffers.len().min(MOST_BUFFERS);
    let buffers = &mut buffers[..most];
    let lengths = buffers.iter().map(|buffer| buffer.len());
    let room = lengths.fold(0, usize::saturating_add);
    let mut nothing = RecvAncillaryBuffer::default();
    let message = recvmsg(socket, buffers, &mut nothing, RecvFlags::empty())?;
    Ok((message.bytes, left_behind(message.bytes, room.min(MOST))))
}

/// [`receive`] from a socket where a read stops before its time: the kernel ends it where descriptors or credentials were sent
/// with the bytes. `recvmsg` would tell, but costs 0.14 µs more in each read; a read that is refused costs 0.3 µs, and
/// only where one has to wait.
#[inline]
pub(super) fn receive_part(
    socket: BorrowedFd<'_>,
    buffer: &mut [MaybeUninit<u8>],
) -> Result<(usize, Left), Errno> {
    receive(socket, buffer).map(|(count, _)| (count, Left::Maybe))
}

/// [`receive_part`] into several buffers, the first ones first.
pub(super) fn receive_part_vectored(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> Result<(usize, Left), Errno> {
    receive_vectored(socket, buffers).map(|(count, _)| (count, Left::Maybe))
}

/// Copies what could be received, and leaves it there.
pub(super) fn peek(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<(usize, Left), Errno> {
    let (count, _) = recv(socket, buffer, RecvFlags::PEEK)?;
    Ok((count, Left::Maybe))
}

/// Sends from the beginning of `buffer`. Less than it holds has filled the socket.
#[inline]
pub(super) fn transmit(socket: BorrowedFd<'_>, buffer: &[u8]) -> Result<(usize, Left), Errno> {
    let buffer = &buffer[..buffer.len().min(MOST)];
    let count = send(socket, buffer, NO_SIGNAL)?;
    Ok((count, left_over(count, buffer.len())))
}

/// Sends from several buffers, the first ones first.
pub(super) fn transmit_vectored(
    socket: BorrowedFd<'_>,
    buffers: &[IoSlice<'_>],
) -> Result<(usize, Left), Errno> {
    let buffers = &buffers[..buffers.len().min(MOST_BUFFERS)];
    let lengths = buffers.iter().map(|buffer| buffer.len());
    let wanted = lengths.fold(0, usize::saturating_add);
    let mut nothing = SendAncillaryBuffer::default();
    let count = sendmsg(socket, buffers, &mut nothing, NO_SIGNAL)?;
    Ok((count, left_over(count, wanted.min(MOST))))
}

fn left_behind(count: usize, room: usize) -> Left {
    // The end of the stream is found again and again.
    if count == 0 || count == room {
        Left::Maybe
    } else {
        Left::Nothing
    }
}

fn left_over(count: usize, wanted: usize) -> Left {
    if count < wanted {
        Left::Nothing
    } else {
        Left::Maybe
    }
}

/// A TCP socket of an address's family that does not block and is not inherited.
pub(super) fn stream_socket(address: SocketAddr) -> io::Result<OwnedFd> {
    socket(family(address), SocketType::STREAM)
}

pub(super) fn family(address: SocketAddr) -> AddressFamily {
    match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    }
}

/// What a call says that would have to wait.
pub(super) fn would_block() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}

pub(super) use system::{NO_SIGNAL, accept, socket};

/// Where sockets are made non-blocking in the call that makes them.
#[cfg(not(target_vendor = "apple"))]
mod system {
    use super::*;
    use rustix::net::{SocketFlags, acceptfrom_with, socket_with};

    /// A write to a connection that has ended is an error, and no signal.
    pub(in super::super) const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
    const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

    /// A socket that does not block and is not inherited.
    pub(in super::super) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
        Ok(socket_with(family, kind, FLAGS, None)?)
    }

    /// The next connection, as a socket that does not block and is not inherited, and whose it is.
    pub(in super::super) fn accept(
        listener: BorrowedFd<'_>,
    ) -> rustix::io::Result<(OwnedFd, Option<SocketAddrAny>)> {
        acceptfrom_with(listener, FLAGS)
    }
}

/// Where that takes three calls.
#[cfg(target_vendor = "apple")]
mod system {
    use super::*;
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    use rustix::net::{acceptfrom, sockopt};

    pub(in super::super) const NO_SIGNAL: SendFlags = SendFlags::empty();

    pub(in super::super) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
        let socket = rustix::net::socket(family, kind, None)?;
        prepare(&socket)?;
        Ok(socket)
    }

    pub(in super::super) fn accept(
        listener: BorrowedFd<'_>,
    ) -> rustix::io::Result<(OwnedFd, Option<SocketAddrAny>)> {
        let (socket, peer) = acceptfrom(listener)?;
        prepare(&socket)?;
        Ok((socket, peer))
    }

    fn prepare(socket: &OwnedFd) -> rustix::io::Result<()> {
        fcntl_setfd(socket, FdFlags::CLOEXEC)?;
        ioctl_fionbio(socket, true)?;
        sockopt::set_socket_nosigpipe(socket, true)
    }
}

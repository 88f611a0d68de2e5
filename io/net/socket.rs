//! The system calls of stream sockets, made so that they say whether anything is left. It owns no socket.

use crate::io::driver::source::Left;
use core::mem::MaybeUninit;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use std::io::{self, IoSlice};
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
    // The end of the stream is found again and again.
    let left = if count == 0 || count == room {
        Left::Maybe
    } else {
        Left::Nothing
    };
    Ok((count, left))
}

/// Sends from the beginning of `buffer`. Less than it holds has filled the socket.
#[inline]
pub(super) fn transmit(socket: BorrowedFd<'_>, buffer: &[u8]) -> Result<(usize, Left), Errno> {
    let buffer = &buffer[..buffer.len().min(MOST)];
    let count = send(socket, buffer, SendFlags::NOSIGNAL)?;
    Ok((count, left_of(count, buffer.len())))
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
    let count = sendmsg(socket, buffers, &mut nothing, SendFlags::NOSIGNAL)?;
    Ok((count, left_of(count, wanted.min(MOST))))
}

/// A TCP socket of an address's family that does not block and is not inherited.
pub(super) fn stream_socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(socket_with(family, SocketType::STREAM, flags, None)?)
}

/// What a call says that would have to wait.
pub(super) fn would_block() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}

fn left_of(count: usize, wanted: usize) -> Left {
    if count < wanted {
        Left::Nothing
    } else {
        Left::Maybe
    }
}

//! The end of a pipe that writes. It owns the descriptor; how one waits is in `registered.rs`.

use super::take;
use crate::io::driver::readiness::Direction;
use crate::io::driver::source::Left;
use crate::io::registered::Registered;
use crate::io::traits::{PollWrite, writers};
use core::fmt;
use core::task::{Context, Poll};
use rustix::fs::OFlags;
use rustix::io::{write, writev};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::process::ChildStdin;

/// The system takes no more buffers in one call.
const MOST_BUFFERS: usize = 1024;

/// The end of a pipe that writes; also through a reference. Any number of tasks may wait; all are woken. A write that is dropped has written
/// nothing. Writes of several tasks are not mixed, if none has more than 4096 bytes (`PIPE_BUF`).
///
/// It is closed when it is dropped: only then does the other end read to its end. See [the module](super) for `SIGPIPE`.
///
/// # Examples
///
/// ```
/// # filch::block_on(async {
/// use futures_lite::AsyncWriteExt;
/// let (mut sender, receiver) = filch::io::pipe::pipe()?;
/// sender.write_all(b"hello").await?;
/// drop(receiver);
/// let error = sender.write_all(b"hello").await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct Sender {
    io: Registered<OwnedFd>,
}

/// A short write has most often filled the pipe, but may have met a want of memory, after which no event comes. So a write says
/// nothing of the next one, and the wait is begun by a refusal.
const LEFT: Left = Left::Maybe;

impl Sender {
    /// Takes the end that writes of a pipe, of any origin, and makes it non-blocking. It needs no runtime.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput), if it is no pipe, or the other end of one; the system's.
    ///
    /// ```
    /// let (sender, _receiver) = filch::io::pipe::pipe()?;
    /// let fd = sender.into_blocking_fd()?;
    /// let sender = filch::io::pipe::Sender::from_owned_fd(fd)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_owned_fd(end: OwnedFd) -> io::Result<Self> {
        take(&end, OFlags::WRONLY, "Sender::from_owned_fd")?;
        Ok(Self::from_nonblocking(end))
    }

    pub(super) fn from_nonblocking(end: OwnedFd) -> Self {
        Self {
            io: Registered::from_nonblocking(end),
        }
    }

    /// Gives the descriptor, and makes it blocking, as a child process expects it.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Examples
    ///
    /// See [`from_owned_fd`](Self::from_owned_fd).
    pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        let end = self.into_nonblocking_fd();
        rustix::io::ioctl_fionbio(&end, false)?;
        Ok(end)
    }

    /// Gives the descriptor, which stays non-blocking.
    ///
    /// ```
    /// let (sender, _receiver) = filch::io::pipe::pipe()?;
    /// let fd: std::os::fd::OwnedFd = sender.into_nonblocking_fd();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_nonblocking_fd(self) -> OwnedFd {
        self.io.into_inner()
    }

    /// Waits until a write may succeed, or the pipe is broken. It is a hint: be ready for a refusal.
    ///
    /// # Errors
    ///
    /// If the system refuses to watch the pipe, or the thread's runtime has ended.
    ///
    /// # Panics
    ///
    /// If it has to wait on a thread without a runtime.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let (sender, _receiver) = filch::io::pipe::pipe()?;
    /// sender.writable().await?;
    /// assert_eq!(sender.try_write(b"hello")?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn writable(&self) -> io::Result<()> {
        self.io.writable().await
    }

    /// [`writable`](Self::writable), as a poll. Any number of tasks may wait; all are woken.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_write_ready(cx)
    }

    /// Writes what there is room for, and does not wait. Up to 4096 bytes (`PIPE_BUF`) are written together or not at all.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), if there is no room; others as from a write.
    ///
    /// # Examples
    ///
    /// See [`writable`](Self::writable).
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.io
            .try_call(Direction::Write, |io| transmit(io, buffer))
    }

    /// [`try_write`](Self::try_write) from several buffers, the first ones first.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// let (sender, _receiver) = filch::io::pipe::pipe()?;
    /// let buffers = [std::io::IoSlice::new(b"hel"), std::io::IoSlice::new(b"lo")];
    /// assert_eq!(sender.try_write_vectored(&buffers)?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            return Ok(0);
        }
        self.io
            .try_call(Direction::Write, |io| transmit_vectored(io, buffers))
    }

    fn poll_transmit(&self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.io
            .poll_io(Direction::Write, cx, |io| transmit(io, buffer))
    }

    fn poll_transmit_vectored(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.io
            .poll_io(Direction::Write, cx, |io| transmit_vectored(io, buffers))
    }
}

fn transmit(end: &OwnedFd, buffer: &[u8]) -> io::Result<(usize, Left)> {
    Ok((write(end, buffer)?, LEFT))
}

fn transmit_vectored(end: &OwnedFd, buffers: &[IoSlice<'_>]) -> io::Result<(usize, Left)> {
    let most = buffers.len().min(MOST_BUFFERS);
    Ok((writev(end, &buffers[..most])?, LEFT))
}

/// [`PollWrite`] for the end, and for a reference to it.
macro_rules! writing {
    ($($name:ty),+) => {$(
        impl PollWrite for $name {
            const IS_VECTORED: bool = true;

            fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
                self.poll_transmit(cx, buffer)
            }

            fn poll_write_vectored(
                &mut self,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.poll_transmit_vectored(cx, buffers)
            }

            /// A descriptor cannot be closed while it is borrowed: the drop does it.
            fn poll_close(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
    )+};
}

writing!(Sender, &Sender);
writers!(Sender, &Sender);

impl TryFrom<OwnedFd> for Sender {
    type Error = io::Error;

    /// [`from_owned_fd`](Self::from_owned_fd).
    fn try_from(end: OwnedFd) -> io::Result<Self> {
        Self::from_owned_fd(end)
    }
}

impl TryFrom<ChildStdin> for Sender {
    type Error = io::Error;

    /// [`from_owned_fd`](Self::from_owned_fd), of a child process's end.
    fn try_from(end: ChildStdin) -> io::Result<Self> {
        Self::from_owned_fd(end.into())
    }
}

impl From<Sender> for OwnedFd {
    /// The descriptor stays non-blocking.
    fn from(end: Sender) -> Self {
        end.into_nonblocking_fd()
    }
}

impl IntoRawFd for Sender {
    /// The descriptor stays non-blocking.
    fn into_raw_fd(self) -> RawFd {
        self.into_nonblocking_fd().into_raw_fd()
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for Sender {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.as_raw_fd()).finish()
    }
}

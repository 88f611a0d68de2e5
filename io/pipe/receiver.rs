//! The end of a pipe that reads. It owns the descriptor; how one waits is in `registered.rs`.

use super::take;
use crate::io::driver::readiness::Direction;
use crate::io::driver::source::Left;
use crate::io::registered::Registered;
use crate::io::traits::{PollRead, readers};
use core::fmt;
use core::mem::MaybeUninit;
use core::task::{Context, Poll};
use rustix::fs::OFlags;
use rustix::io::{Errno, read, readv};
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::process::{ChildStderr, ChildStdout};

/// The system takes no more buffers in one call.
const MOST_BUFFERS: usize = 1024;

/// The end of a pipe that reads; also through a reference. Any number of tasks may wait; all are woken. A read that is dropped has read
/// nothing.
///
/// # Examples
///
/// ```
/// # filch::block_on(async {
/// use filch::io::pipe::Receiver;
/// use futures_lite::AsyncReadExt;
/// use std::process::{Command, Stdio};
///
/// let mut child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
/// let mut output = Receiver::try_from(child.stdout.take().unwrap())?;
/// let mut text = String::new();
/// output.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello\n");
/// # child.wait()?;
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct Receiver {
    io: Registered<OwnedFd>,
}

/// A short read may leave something: a pipe whose writer has set `O_DIRECT` gives one packet at a time, and the end that reads is
/// not told. So a read says nothing of the next one, and the wait is begun by a refusal.
const LEFT: Left = Left::Maybe;

impl Receiver {
    /// Takes the end that reads of a pipe, of any origin, and makes it non-blocking. It needs no runtime.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput), if it is no pipe, or the other end of one; the system's.
    ///
    /// ```
    /// let (_sender, receiver) = filch::io::pipe::pipe()?;
    /// let fd = receiver.into_blocking_fd()?;
    /// let receiver = filch::io::pipe::Receiver::from_owned_fd(fd)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_owned_fd(end: OwnedFd) -> io::Result<Self> {
        take(&end, OFlags::RDONLY, "Receiver::from_owned_fd")?;
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
    /// let (_sender, receiver) = filch::io::pipe::pipe()?;
    /// let fd: std::os::fd::OwnedFd = receiver.into_nonblocking_fd();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_nonblocking_fd(self) -> OwnedFd {
        self.io.into_inner()
    }

    /// Waits until a read may succeed, which the end is, too. It is a hint: be ready for a refusal.
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
    /// let (sender, receiver) = filch::io::pipe::pipe()?;
    /// sender.try_write(b"hello")?;
    /// receiver.readable().await?;
    /// assert_eq!(receiver.try_read(&mut [0; 8])?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// [`readable`](Self::readable), as a poll. Any number of tasks may wait; all are woken.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_read_ready(cx)
    }

    /// Reads what is there, and does not wait. Zero is the end, if the buffer has room for any.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), if there is nothing; others as from a read.
    ///
    /// # Examples
    ///
    /// See [`readable`](Self::readable).
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.io
            .try_call(Direction::Read, |io| Ok((read(io, &mut *buffer)?, LEFT)))
    }

    /// [`try_read`](Self::try_read) into several buffers, the first ones first.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// let (sender, receiver) = filch::io::pipe::pipe()?;
    /// sender.try_write(b"hello")?;
    /// let (mut one, mut two) = ([0; 2], [0; 8]);
    /// let mut buffers = [std::io::IoSliceMut::new(&mut one), std::io::IoSliceMut::new(&mut two)];
    /// assert_eq!(receiver.try_read_vectored(&mut buffers)?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            return Ok(0);
        }
        self.io
            .try_call(Direction::Read, |io| receive_vectored(io, buffers))
    }

    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.io.poll_io(Direction::Read, cx, |io| {
            let (bytes, _) = read(io, &mut *buffer)?;
            Ok::<_, Errno>((bytes.len(), LEFT))
        })
    }

    fn poll_receive_vectored(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.io
            .poll_io(Direction::Read, cx, |io| receive_vectored(io, buffers))
    }
}

fn receive_vectored(end: &OwnedFd, buffers: &mut [IoSliceMut<'_>]) -> io::Result<(usize, Left)> {
    let most = buffers.len().min(MOST_BUFFERS);
    Ok((readv(end, &mut buffers[..most])?, LEFT))
}

/// [`PollRead`] for the end, and for a reference to it.
macro_rules! reading {
    ($($name:ty),+) => {$(
        // SAFETY: the calls give how many bytes the kernel has written to the beginning of the buffer.
        unsafe impl PollRead for $name {
            fn poll_read(
                &mut self,
                cx: &mut Context<'_>,
                buffer: &mut [MaybeUninit<u8>],
            ) -> Poll<io::Result<usize>> {
                self.poll_receive(cx, buffer)
            }

            fn poll_read_vectored(
                &mut self,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                self.poll_receive_vectored(cx, buffers)
            }
        }
    )+};
}

reading!(Receiver, &Receiver);
readers!(Receiver, &Receiver);

impl TryFrom<OwnedFd> for Receiver {
    type Error = io::Error;

    /// [`from_owned_fd`](Self::from_owned_fd).
    fn try_from(end: OwnedFd) -> io::Result<Self> {
        Self::from_owned_fd(end)
    }
}

impl TryFrom<ChildStdout> for Receiver {
    type Error = io::Error;

    /// [`from_owned_fd`](Self::from_owned_fd), of a child process's end.
    fn try_from(end: ChildStdout) -> io::Result<Self> {
        Self::from_owned_fd(end.into())
    }
}

impl TryFrom<ChildStderr> for Receiver {
    type Error = io::Error;

    /// [`from_owned_fd`](Self::from_owned_fd), of a child process's end.
    fn try_from(end: ChildStderr) -> io::Result<Self> {
        Self::from_owned_fd(end.into())
    }
}

impl From<Receiver> for OwnedFd {
    /// The descriptor stays non-blocking.
    fn from(end: Receiver) -> Self {
        end.into_nonblocking_fd()
    }
}

impl IntoRawFd for Receiver {
    /// The descriptor stays non-blocking.
    fn into_raw_fd(self) -> RawFd {
        self.into_nonblocking_fd().into_raw_fd()
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for Receiver {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.as_raw_fd()).finish()
    }
}

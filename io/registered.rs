//! Any descriptor that the system can report on, with a runtime to report to. It owns the descriptor and its source; the
//! sockets and pipes of this crate are made of it.

use super::driver::readiness::Direction;
use super::driver::source::{Left, Refusal, Rest, Source};
use super::interest::{Interest, Ready};
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// A descriptor that tasks can wait for: an inotify, a timerfd, a socket of a kind that filch has no type for.
///
/// It is registered with a runtime at the first operation that has to wait, so it can be made anywhere; whatever waits
/// must do so in a runtime. The descriptor must stay open, and the same, as long as the value lives; `T` must not close
/// or exchange it.
///
/// As tokio's `AsyncFd`, and smol's `Async`: like the latter it makes the descriptor non-blocking.
///
/// # Examples
///
/// ```
/// # filch::block_on(async {
/// use filch::io::{Interest, Registered};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// let (ours, mut theirs) = UnixStream::pair()?;
/// let ours = Registered::new(ours)?;
/// theirs.write_all(b"ping")?;
/// let mut buffer = [0; 8];
/// let count = ours.async_io(Interest::READABLE, |mut stream| stream.read(&mut buffer)).await?;
/// assert_eq!(&buffer[..count], b"ping");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct Registered<T: AsFd> {
    // In this order: the registration ends before the descriptor is closed.
    source: Source,
    io: T,
    /// That of `io`, which keeps it open: to ask `T` costs a call. Not to be shown longer than `self` lives.
    raw: BorrowedFd<'static>,
}

impl<T: AsFd> Registered<T> {
    /// Makes the descriptor non-blocking and takes it.
    ///
    /// # Errors
    ///
    /// If it is a regular file or a directory, which are always ready (use `filch::fs`); if the system
    /// refuses.
    pub fn new(io: T) -> io::Result<Self> {
        use rustix::fs::FileType;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&io)?.st_mode);
        if matches!(kind, FileType::RegularFile | FileType::Directory) {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "`Registered::new`: regular files and directories are always ready, so there is nothing to wait for; \
                 use `filch::fs`",
            ));
        }
        rustix::io::ioctl_fionbio(&io, true)?;
        Ok(Self::from_nonblocking(io))
    }

    /// Takes a descriptor that is non-blocking, and of a kind that can be waited for.
    pub(crate) fn from_nonblocking(io: T) -> Self {
        // SAFETY: `io` is kept, and dropped with the copy; it neither closes nor exchanges the descriptor.
        let raw = unsafe { BorrowedFd::borrow_raw(io.as_fd().as_raw_fd()) };
        let source = Source::new();
        Self { source, io, raw }
    }

    /// The descriptor's owner.
    pub const fn get_ref(&self) -> &T {
        &self.io
    }

    /// Ends the registration, and gives the descriptor's owner back, which stays non-blocking.
    pub fn into_inner(self) -> T {
        let Self { source, io, .. } = self;
        drop(source);
        io
    }

    /// Waits until a read may succeed. It stays so until an operation in [`try_io`](Self::try_io) or
    /// [`async_io`](Self::async_io) was refused, or a read has found all there was.
    ///
    /// # Errors
    ///
    /// If the system refuses to watch the descriptor, or the thread's runtime has ended.
    ///
    /// # Panics
    ///
    /// If it has to wait on a thread without a runtime.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_read_ready(cx)).await
    }

    /// As [`readable`](Self::readable), for writing.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_write_ready(cx)).await
    }

    /// Waits until anything of `interest` has come, and says what.
    ///
    /// # Errors
    ///
    /// As [`readable`](Self::readable).
    ///
    /// # Panics
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        poll_fn(|cx| self.poll_ready(cx, interest)).await
    }

    fn poll_ready(&self, cx: &mut Context<'_>, interest: Interest) -> Poll<io::Result<Ready>> {
        let mut is_ready = |wanted: bool, direction| {
            if !wanted {
                return Ok(false);
            }
            match self.source.poll_ready(self.descriptor(), direction, cx) {
                Poll::Ready(ready) => ready.map(|()| true),
                Poll::Pending => Ok(false),
            }
        };
        let readable = is_ready(interest.is_readable(), Direction::Read)?;
        let writable = is_ready(interest.is_writable(), Direction::Write)?;
        if readable || writable {
            Poll::Ready(Ok(Ready::new(readable, writable)))
        } else {
            Poll::Pending
        }
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
        self.source
            .poll_ready(self.descriptor(), Direction::Read, cx)
    }

    /// [`writable`](Self::writable), as a poll.
    ///
    /// # Errors
    ///
    /// As [`readable`](Self::readable).
    ///
    /// # Panics
    ///
    /// As there.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.source
            .poll_ready(self.descriptor(), Direction::Write, cx)
    }

    /// Makes the operation, which must not block, at once. When it gives [`WouldBlock`](io::ErrorKind::WouldBlock), the
    /// next [`readable`](Self::readable) or [`writable`](Self::writable) waits for an event. One that is interrupted is
    /// made again.
    ///
    /// # Errors
    ///
    /// The operation's.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let mut operation = || operation(&self.io).map(|value| (value, Left::Maybe));
        match (interest.is_readable(), interest.is_writable()) {
            (true, true) => self.source.try_io(Direction::Read, || {
                let result = self.source.try_io(Direction::Write, &mut operation);
                result.map(|value| (value, Left::Maybe))
            }),
            (true, false) => self.source.try_io(Direction::Read, operation),
            _ => self.source.try_io(Direction::Write, operation),
        }
    }

    /// Makes the operation, which must not block, as soon as it does not give
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// # Errors
    ///
    /// The operation's, and those of [`readable`](Self::readable).
    ///
    /// # Panics
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// It waits only when the operation has been refused, and so has done nothing.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            match self.try_io(interest, &mut operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            self.ready(interest).await?;
        }
    }

    /// Makes an operation at once, for the types of this crate.
    #[inline]
    pub(crate) fn try_call<R, E: Refusal>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&T) -> Result<(R, Left), E>,
    ) -> Result<R, E> {
        self.source.try_io(direction, || operation(&self.io))
    }

    /// Makes an operation until it does not refuse, for the types of this crate. It must not panic.
    #[inline]
    pub(crate) fn poll_io<R, E: Refusal>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&T) -> Result<(R, Left), E>,
    ) -> Poll<io::Result<R>> {
        self.source
            .poll_io(self.descriptor(), direction, cx, || operation(&self.io))
    }

    /// [`Source::wait`], to be asked before a read where it matters.
    #[inline]
    pub(crate) fn wait(
        &self,
        direction: Direction,
        cx: &Context<'_>,
    ) -> Result<(), impl Sized + use<T>> {
        self.source.wait(direction, cx)
    }

    /// [`Source::quick`] with the bare descriptor; the rest is for [`poll_call_on`](Self::poll_call_on).
    #[inline]
    pub(crate) fn quick<R, E>(
        &self,
        direction: Direction,
        call: impl FnOnce(BorrowedFd<'_>) -> Result<(R, Left), E>,
    ) -> Result<R, Rest<E>> {
        self.source.quick(direction, || call(self.descriptor()))
    }

    /// [`Source::poll_on`] with the bare descriptor.
    pub(crate) fn poll_call_on<R, E: Refusal>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> Result<(R, Left), E>,
        rest: Rest<E>,
    ) -> Poll<io::Result<R>> {
        let descriptor = self.descriptor();
        self.source
            .poll_on(descriptor, direction, cx, || call(descriptor), rest)
    }

    #[inline]
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.raw
    }
}

impl<T: AsFd> AsFd for Registered<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl<T: AsFd> AsRawFd for Registered<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_fd().as_raw_fd()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Registered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registered").field(&self.io).finish()
    }
}

//! Two halves of any stream, for two tasks. It owns the stream that they share, and must not know what kind it is.
//!
//! A half that polls takes the stream out, and puts it back after: the lock is held for that alone, so no code of the
//! stream runs under it. A half that finds the stream gone waits for it, as a task and not as a thread.

use crate::runtime::shim::{Arc, Mutex};
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use futures_io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice, IoSliceMut};

/// Splits a stream into one half that reads and one that writes, each for a task of its own.
///
/// It is for streams that need to be borrowed mutably, such as one of TLS. What reads and writes through a reference needs
/// no halves, or has better ones of its own: a [`DuplexStream`](super::DuplexStream), for instance. The stream is dropped
/// with the second half; to end it earlier, [`close`](super::AsyncWriteExt::close) the one that writes. It is tokio's
/// `io::split`.
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncReadExt, AsyncWriteExt, Cursor, split};
///
/// # fn main() -> std::io::Result<()> {
/// filch::block_on(async {
///     let (mut reader, mut writer) = split(Cursor::new(b"hello".to_vec()));
///     let mut byte = [0];
///     reader.read_exact(&mut byte).await?;
///     writer.write_all(b"a").await?;
///     let stream = reader.reunite(writer).unwrap();
///     assert_eq!(stream.into_inner(), b"hallo");
///     Ok(())
/// })
/// # }
/// ```
pub fn split<T>(stream: T) -> (ReadHalf<T>, WriteHalf<T>)
where
    T: AsyncRead + AsyncWrite,
{
    let shared = Arc::new(Mutex::new(State {
        stream: Some(Box::pin(stream)),
        waiting: None,
    }));
    (ReadHalf(Shared(shared.clone())), WriteHalf(Shared(shared)))
}

/// The half of [`split()`] that reads.
pub struct ReadHalf<T>(Shared<T>);

/// The half of [`split()`] that writes.
pub struct WriteHalf<T>(Shared<T>);

struct Shared<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    /// Not there while a half polls it.
    stream: Option<Pin<Box<T>>>,
    /// The half that wants it then.
    waiting: Option<Waker>,
}

impl<T> Shared<T> {
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        match self.take(cx) {
            Some(mut taken) => match &mut taken.stream {
                Some(stream) => poll(stream.as_mut(), cx),
                None => unreachable!("it is taken from here by the drop alone"),
            },
            None => Poll::Pending,
        }
    }

    /// The stream, unless the other half has it; then this half is woken when it is back.
    fn take(&self, cx: &Context<'_>) -> Option<Taken<'_, T>> {
        let taken = |stream| Taken {
            stream: Some(stream),
            from: self,
        };
        if let Some(stream) = self.0.lock().stream.take() {
            return Some(taken(stream));
        }
        let own = cx.waker().clone();
        let mut state = self.0.lock();
        if let Some(stream) = state.stream.take() {
            drop(state);
            return Some(taken(stream));
        }
        let former = state.waiting.replace(own);
        drop(state);
        drop(former);
        None
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The stream in the hands of one half; goes back when dropped, also by a panic.
struct Taken<'a, T> {
    stream: Option<Pin<Box<T>>>,
    from: &'a Shared<T>,
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        let mut state = self.from.0.lock();
        state.stream = self.stream.take();
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl<T> ReadHalf<T> {
    /// Whether both halves are of the same stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{duplex, split};
    ///
    /// let (a, b) = duplex(1);
    /// let ((a_reader, a_writer), (_, b_writer)) = (split(a), split(b));
    /// assert!(a_reader.is_pair_of(&a_writer));
    /// assert!(!a_reader.is_pair_of(&b_writer));
    /// ```
    pub fn is_pair_of(&self, writer: &WriteHalf<T>) -> bool {
        self.0.is(&writer.0)
    }

    /// The whole stream again.
    ///
    /// # Errors
    ///
    /// If the halves are of different streams; they come back in the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{duplex, split};
    ///
    /// let (a, b) = duplex(1);
    /// let ((a_reader, a_writer), (b_reader, b_writer)) = (split(a), split(b));
    /// let error = a_reader.reunite(b_writer).unwrap_err();
    /// assert!(error.0.reunite(a_writer).is_ok());
    /// assert!(b_reader.reunite(error.1).is_ok());
    /// ```
    pub fn reunite(self, writer: WriteHalf<T>) -> Result<T, NotAPair<T>>
    where
        T: Unpin,
    {
        if !self.is_pair_of(&writer) {
            return Err(NotAPair(self, writer));
        }
        // Both halves are here, so none of them polls.
        match self.0.0.lock().stream.take() {
            Some(stream) => Ok(*Pin::into_inner(stream)),
            None => unreachable!("a half that is being polled is borrowed"),
        }
    }
}

/// The error of [`ReadHalf::reunite`]: the halves, which are of different streams.
pub struct NotAPair<T>(pub ReadHalf<T>, pub WriteHalf<T>);

impl<T: AsyncRead> AsyncRead for ReadHalf<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll(cx, |stream, cx| stream.poll_read(cx, buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0
            .poll(cx, |stream, cx| stream.poll_read_vectored(cx, buffers))
    }
}

impl<T: AsyncWrite> AsyncWrite for WriteHalf<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll(cx, |stream, cx| stream.poll_write(cx, buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0
            .poll(cx, |stream, cx| stream.poll_write_vectored(cx, buffers))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll(cx, |stream, cx| stream.poll_close(cx))
    }
}

impl<T> fmt::Debug for ReadHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for WriteHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for NotAPair<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotAPair").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for NotAPair<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "`reunite` was called with halves of two different streams: give it the `WriteHalf` of the same `split`",
        )
    }
}

impl<T> std::error::Error for NotAPair<T> {}

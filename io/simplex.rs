//! A pipe in memory: bytes go in at one half and come out of the other. It owns the bytes on their way, and who waits for
//! some or for room; it must not know that two such pipes make a stream.

use super::traits::{PollRead, PollWrite, readers, through_reference, writers};
use super::waiters::Waiters;
use crate::runtime::coop;
use crate::runtime::shim::{Arc, Mutex, MutexGuard};
use core::fmt;
use core::mem::{self, MaybeUninit};
use core::task::{Context, Poll, Waker, ready};
use std::collections::VecDeque;
use std::io::{self, IoSlice};

/// A pipe that holds up to `max_buf_size` bytes: what is written to the writer is read from the reader.
///
/// A write waits while the pipe is full, a read while it is empty. When the writer is closed or dropped, the reader
/// gets the bytes that are left, and then the end of the stream, which is a read of zero bytes. When the reader is
/// dropped, the bytes that are left go with it, and writes fail. The halves may be on different threads and in different
/// runtimes. The pipe takes memory as bytes are put in, and gives it back when the reader waits. It is tokio's
/// `io::simplex`.
///
/// The traits are implemented for `&SimplexReader` and `&SimplexWriter`, too, so that several tasks can share a half
/// without a lock; a write or a read that is ready is one piece then, and pieces are in no order.
///
/// # Errors
///
/// A write fails with [`BrokenPipe`](io::ErrorKind::BrokenPipe) when the reader was dropped or the writer closed; a read
/// never fails. A write of nothing succeeds always.
///
/// # Panics
///
/// If `max_buf_size` is zero, because nothing could ever be written.
///
/// # Cancel safety
///
/// A read or write that is dropped before it was ready has moved no byte.
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncReadExt, AsyncWriteExt, simplex};
///
/// # fn main() -> std::io::Result<()> {
/// filch::block_on(async {
///     let (mut reader, mut writer) = simplex(4);
///     let task = filch::spawn(async move { writer.write_all(b"more than four bytes").await });
///     let mut text = String::new();
///     reader.read_to_string(&mut text).await?;
///     assert_eq!(text, "more than four bytes");
///     task.await.unwrap()
/// })
/// # }
/// ```
#[track_caller]
pub fn simplex(max_buf_size: usize) -> (SimplexReader, SimplexWriter) {
    assert!(
        max_buf_size > 0,
        "`simplex` or `duplex` was called with a buffer of 0 bytes, through which nothing can go: use 1 or more"
    );
    let pipe = Arc::new(Pipe {
        limit: max_buf_size,
        state: Mutex::new(State::default()),
    });
    (SimplexReader { pipe: pipe.clone() }, SimplexWriter { pipe })
}

/// The half of [`simplex()`] that bytes come out of, and of [`DuplexStream::into_split`](super::DuplexStream::into_split).
///
/// To drop it discards what is left in the pipe, and makes writes fail.
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncWriteExt, ErrorKind, simplex};
///
/// filch::block_on(async {
///     let (reader, mut writer) = simplex(16);
///     drop(reader);
///     assert_eq!(writer.write(b"hello").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
/// });
/// ```
pub struct SimplexReader {
    pipe: Arc<Pipe>,
}

/// The half of [`simplex()`] that bytes go into, and of [`DuplexStream::into_split`](super::DuplexStream::into_split).
///
/// To close or drop it is the end of the stream for the reader.
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncReadExt, AsyncWriteExt, simplex};
///
/// # fn main() -> std::io::Result<()> {
/// filch::block_on(async {
///     let (mut reader, mut writer) = simplex(16);
///     writer.write_all(b"bye").await?;
///     writer.close().await?;
///     let mut bytes = Vec::new();
///     reader.read_to_end(&mut bytes).await?;
///     assert_eq!(bytes, b"bye");
///     Ok(())
/// })
/// # }
/// ```
pub struct SimplexWriter {
    pipe: Arc<Pipe>,
}

struct Pipe {
    /// How many bytes may be on their way.
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    /// Nothing more will be written.
    is_closed: bool,
    /// Nobody will read.
    is_abandoned: bool,
    readers: Waiters,
    writers: Waiters,
}

/// How much memory an empty pipe keeps.
const KEPT: usize = 512;

impl Pipe {
    fn poll_read(&self, cx: &Context<'_>, buffer: &mut [MaybeUninit<u8>]) -> Poll<usize> {
        ready!(coop::poll_proceed(cx));
        if buffer.is_empty() {
            coop::made_progress();
            return Poll::Ready(0);
        }
        let (mut state, own) = ready!(self.lock_or_wait(
            cx,
            |state| !state.bytes.is_empty() || state.is_closed,
            |state| &mut state.readers,
        ));
        let count = state.move_to(buffer);
        let writers = state.writers.take();
        drop(state);
        drop(own);
        writers.wake();
        coop::made_progress();
        Poll::Ready(count)
    }

    fn poll_write(&self, cx: &Context<'_>, buffers: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(coop::poll_proceed(cx));
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            coop::made_progress();
            return Poll::Ready(Ok(0));
        }
        let (mut state, own) = ready!(self.lock_or_wait(
            cx,
            |state| state.bytes.len() < self.limit || state.is_closed || state.is_abandoned,
            |state| &mut state.writers,
        ));
        coop::made_progress();
        if let Some(why) = state.why_broken() {
            drop(state);
            drop(own);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, why)));
        }
        let count = state.move_from(buffers, self.limit);
        let readers = state.readers.take();
        drop(state);
        drop(own);
        readers.wake();
        Poll::Ready(Ok(count))
    }

    /// The lock if `is_ready`; otherwise the task is among those whom `queue` has. The waker that comes with the lock is to
    /// be dropped after it.
    fn lock_or_wait(
        &self,
        cx: &Context<'_>,
        is_ready: impl Fn(&State) -> bool,
        queue: impl Fn(&mut State) -> &mut Waiters,
    ) -> Poll<(MutexGuard<'_, State>, Option<Waker>)> {
        // Cloned without the lock, and only if it must be.
        let mut own = None;
        loop {
            let mut state = self.state.lock();
            if is_ready(&state) {
                return Poll::Ready((state, own));
            }
            let waiters = queue(&mut state);
            let displaced = if waiters.has(cx.waker()) {
                None
            } else if let Some(own) = own.take() {
                waiters.add(own)
            } else {
                drop(state);
                own = Some(cx.waker().clone());
                continue;
            };
            let unused = state.spare_memory();
            drop(state);
            drop(unused);
            if let Some(displaced) = displaced {
                displaced.wake();
            }
            return Poll::Pending;
        }
    }

    /// The end of the stream; to say it twice is no error.
    fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        let (readers, writers) = (state.readers.take(), state.writers.take());
        drop(state);
        readers.wake();
        writers.wake();
    }

    fn abandon(&self) {
        let mut state = self.state.lock();
        state.is_abandoned = true;
        let bytes = mem::take(&mut state.bytes);
        let (readers, writers) = (state.readers.take(), state.writers.take());
        drop(state);
        drop((bytes, readers));
        writers.wake();
    }
}

impl State {
    fn why_broken(&self) -> Option<&'static str> {
        if self.is_closed {
            Some(
                "this end was closed, so that nothing can be written any more: write before `close`",
            )
        } else if self.is_abandoned {
            Some("the other end was dropped, so that nobody will read what is written")
        } else {
            None
        }
    }

    /// Moves bytes out of the pipe into the beginning of `buffer`; how many.
    fn move_to(&mut self, buffer: &mut [MaybeUninit<u8>]) -> usize {
        let count = buffer.len().min(self.bytes.len());
        let (front, back) = self.bytes.as_slices();
        let (first, second) = buffer[..count].split_at_mut(count.min(front.len()));
        for (to, from) in first.iter_mut().zip(front) {
            to.write(*from);
        }
        for (to, from) in second.iter_mut().zip(back) {
            to.write(*from);
        }
        self.bytes.drain(..count);
        count
    }

    /// Copies bytes into the pipe as long as there is room; how many.
    fn move_from(&mut self, buffers: &[IoSlice<'_>], limit: usize) -> usize {
        let before = self.bytes.len();
        for buffer in buffers {
            let len = self.bytes.len();
            let count = buffer.len().min(limit - len);
            if len + count > self.bytes.capacity() {
                // Twice as much each time, but not more than will ever be needed.
                self.bytes
                    .reserve_exact((len + count).max(2 * len).min(limit) - len);
            }
            self.bytes.extend(&buffer[..count]);
        }
        self.bytes.len() - before
    }

    /// Memory that the pipe does not need while nothing happens.
    fn spare_memory(&mut self) -> Option<VecDeque<u8>> {
        (self.bytes.is_empty() && self.bytes.capacity() > KEPT).then(|| mem::take(&mut self.bytes))
    }
}

// SAFETY: as many bytes as it says were written by `move_to`, one after the other from the beginning of `buffer`, and
// nothing else touches the buffer.
unsafe impl PollRead for &SimplexReader {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.pipe.poll_read(cx, buffer).map(Ok)
    }
}

impl PollWrite for &SimplexWriter {
    const IS_VECTORED: bool = true;

    fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.pipe.poll_write(cx, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pipe.poll_write(cx, buffers)
    }

    fn poll_close(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe.close();
        Poll::Ready(Ok(()))
    }
}

through_reference!(read SimplexReader);
through_reference!(write SimplexWriter);
readers!(SimplexReader, &SimplexReader);
writers!(SimplexWriter, &SimplexWriter);

impl Drop for SimplexReader {
    fn drop(&mut self) {
        self.pipe.abandon();
    }
}

impl Drop for SimplexWriter {
    fn drop(&mut self) {
        self.pipe.close();
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        let (buffered, is_closed) = (state.bytes.len(), state.is_closed);
        let is_abandoned = state.is_abandoned;
        drop(state);
        f.debug_struct("Pipe")
            .field("buffered", &buffered)
            .field("limit", &self.limit)
            .field("is_closed", &is_closed)
            .field("is_abandoned", &is_abandoned)
            .finish()
    }
}

impl fmt::Debug for SimplexReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimplexReader").field(&self.pipe).finish()
    }
}

impl fmt::Debug for SimplexWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimplexWriter").field(&self.pipe).finish()
    }
}

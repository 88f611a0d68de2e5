//! Moving all bytes from a stream to another, one way or both. It owns the bytes between a read and the write; it must not
//! know what the streams are.
//!
//! futures-lite has a `copy`, too. This one, in its place: flushes the writer when the reader has nothing more for now, so
//! that a request does not stay in a [`BufWriter`](super::BufWriter) while its answer is waited for; keeps to the budget
//! of the poll itself, so that it lets others run between two streams that know no budget; tries again when a call is
//! interrupted; and has a buffer only while there are bytes in it. The last is for proxies, most of whose
//! connections have nothing to say: such a one has no buffer, where one that it kept would be most of its memory.

use crate::runtime::{coop, shim};
use core::cell::Cell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use futures_io::{AsyncRead, AsyncWrite};
use pin_project_lite::pin_project;
use std::io::{self, ErrorKind};

/// Copies all bytes of `reader` to `writer`, and gives their number.
///
/// It ends when the reader does, with the writer flushed, and still open. Both are taken by value, which may be a
/// reference: a mutable one, or a plain one where the type reads and writes through that. Bytes are moved through a buffer
/// of 32 KiB that all copies on a thread share; a copy that waits for its reader has none, and one that waits for its writer
/// keeps it. When the reader has nothing for now, the writer is flushed. It is tokio's `io::copy`, and std's.
///
/// # Errors
///
/// Any error of the reader or the writer ends it, but for [`Interrupted`](ErrorKind::Interrupted) in a read or a write,
/// after which that is done again. A writer that takes nothing is [`WriteZero`](ErrorKind::WriteZero). Bytes that were
/// read and not written are lost.
///
/// # Cancel safety
///
/// Dropping it loses what was read and not yet written, and does not tell how much was copied.
///
/// # Examples
///
/// A server that sends back what it gets is one line:
///
/// ```
/// use filch::io::{self, AsyncReadExt, AsyncWriteExt, DuplexStream};
///
/// async fn echo(stream: DuplexStream) -> io::Result<u64> {
///     io::copy(&stream, &stream).await
/// }
///
/// # fn main() -> io::Result<()> {
/// filch::block_on(async {
///     let (mut client, server) = io::duplex(16);
///     let server = filch::spawn(echo(server));
///     client.write_all(b"hello").await?;
///     client.close().await?;
///     let mut text = String::new();
///     client.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
///     assert_eq!(server.await.unwrap()?, 5);
///     Ok(())
/// })
/// # }
/// ```
pub fn copy<R, W>(reader: R, writer: W) -> impl Future<Output = io::Result<u64>>
where
    R: AsyncRead,
    W: AsyncWrite,
{
    Copy {
        reader,
        writer,
        transfer: Transfer::new(SHARED_SIZE),
    }
}

/// Copies all bytes of `a` to `b`, and all of `b` to `a`, at the same time; gives both numbers, in this order.
///
/// When one stream ends, the other is flushed and [closed](super::AsyncWriteExt::close), which for a socket is to shut down
/// its writing half; the other direction goes on until it ends, too. The streams are taken by value, which may
/// be references. Each direction moves its bytes as [`copy()`] does, and they take turns, so that none starves the other.
/// It is tokio's `io::copy_bidirectional`.
///
/// # Errors
///
/// Any error in one direction ends both, but for [`Interrupted`](ErrorKind::Interrupted) in a read or a write. Bytes that
/// were read and not written are lost. The streams are as they were, not closed: to drop them does that.
///
/// # Cancel safety
///
/// Dropping it loses what was read and not yet written, and does not tell how much was copied.
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional, duplex};
///
/// # fn main() -> std::io::Result<()> {
/// filch::block_on(async {
///     let (mut client, front) = duplex(16);
///     let (back, mut server) = duplex(16);
///     let proxy = filch::spawn(async move { copy_bidirectional(&front, &back).await });
///
///     client.write_all(b"question").await?;
///     client.close().await?;
///     let mut text = String::new();
///     server.read_to_string(&mut text).await?;
///     assert_eq!(text, "question");
///     server.write_all(b"answer").await?;
///     drop(server);
///     text.clear();
///     client.read_to_string(&mut text).await?;
///     assert_eq!(text, "answer");
///     assert_eq!(proxy.await.unwrap()?, (8, 6));
///     Ok(())
/// })
/// # }
/// ```
pub fn copy_bidirectional<A, B>(a: A, b: B) -> impl Future<Output = io::Result<(u64, u64)>>
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    Bidirectional::new(a, b, SHARED_SIZE, SHARED_SIZE)
}

/// [`copy_bidirectional`] with buffers of so many bytes, one for each direction.
///
/// Unlike the shared ones, each is allocated with the first bytes that go its way, and then kept. Small ones bound the bytes
/// that are on their way; large ones make system calls fewer.
///
/// # Errors
///
/// As [`copy_bidirectional`].
///
/// # Panics
///
/// If a size is zero.
///
/// # Cancel safety
///
/// As [`copy_bidirectional`].
///
/// # Examples
///
/// ```
/// use filch::io::{copy_bidirectional_with_sizes, duplex};
///
/// # fn main() -> std::io::Result<()> {
/// filch::block_on(async {
///     let ((client, front), (back, server)) = (duplex(16), duplex(16));
///     drop((client, server));
///     let copied = copy_bidirectional_with_sizes(front, back, 1 << 10, 1 << 18).await?;
///     assert_eq!(copied, (0, 0));
///     Ok(())
/// })
/// # }
/// ```
#[track_caller]
pub fn copy_bidirectional_with_sizes<A, B>(
    a: A,
    b: B,
    a_to_b_buf_size: usize,
    b_to_a_buf_size: usize,
) -> impl Future<Output = io::Result<(u64, u64)>>
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    assert!(
        a_to_b_buf_size > 0 && b_to_a_buf_size > 0,
        "`copy_bidirectional_with_sizes` was called with a buffer of 0 bytes, through which nothing can go: use 1 or more"
    );
    Bidirectional::new(a, b, a_to_b_buf_size, b_to_a_buf_size)
}

/// The size of the buffer that copies share. With a budget of 128, of which a chunk takes three between two sockets, it
/// bounds what a task moves in one poll at 1.3 MiB, some hundred microseconds' worth.
const SHARED_SIZE: usize = 32 << 10;

shim::thread_local! {
    /// The buffer of the thread's copies, when none of them uses it.
    static SHARED: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

pin_project! {
    struct Copy<R, W> {
        #[pin]
        reader: R,
        #[pin]
        writer: W,
        transfer: Transfer,
    }
}

impl<R: AsyncRead, W: AsyncWrite> Future for Copy<R, W> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.project();
        this.transfer.poll(cx, this.reader, this.writer)
    }
}

pin_project! {
    struct Bidirectional<A, B> {
        #[pin]
        a: A,
        #[pin]
        b: B,
        a_to_b: Direction,
        b_to_a: Direction,
        // Whose turn it is to begin: whoever does may use up the whole budget of a poll.
        b_begins: bool,
    }
}

impl<A, B> Bidirectional<A, B> {
    fn new(a: A, b: B, a_to_b: usize, b_to_a: usize) -> Self {
        Self {
            a,
            b,
            a_to_b: Direction::Open(Transfer::new(a_to_b)),
            b_to_a: Direction::Open(Transfer::new(b_to_a)),
            b_begins: false,
        }
    }
}

impl<A, B> Future for Bidirectional<A, B>
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    type Output = io::Result<(u64, u64)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let b_began = core::mem::replace(this.b_begins, !*this.b_begins);
        let (mut a_to_b, mut b_to_a) = (Poll::Pending, Poll::Pending);
        for is_from_b in [b_began, !b_began] {
            if is_from_b {
                b_to_a = this.b_to_a.poll(cx, this.b.as_mut(), this.a.as_mut())?;
            } else {
                a_to_b = this.a_to_b.poll(cx, this.a.as_mut(), this.b.as_mut())?;
            }
        }
        Poll::Ready(Ok((ready!(a_to_b), ready!(b_to_a))))
    }
}

/// One of two directions, whose end closes the writer.
enum Direction {
    Open(Transfer),
    Closing(u64),
    Closed(u64),
}

impl Direction {
    fn poll<R: AsyncRead, W: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>> {
        if let Self::Open(transfer) = self {
            let count = ready!(transfer.poll(cx, reader, writer.as_mut()))?;
            *self = Self::Closing(count);
        }
        if let Self::Closing(count) = *self {
            ready!(writer.poll_close(cx))?;
            *self = Self::Closed(count);
        }
        match *self {
            Self::Closed(count) => Poll::Ready(Ok(count)),
            Self::Open(_) | Self::Closing(_) => Poll::Pending,
        }
    }
}

/// What has been read from one stream, and how much of it another has taken.
struct Transfer {
    /// Borrowed from the thread if it has the size that those have, and then only while it is not empty.
    buffer: Option<Box<[u8]>>,
    size: usize,
    /// What is to be written stands between these.
    start: usize,
    end: usize,
    written: u64,
    is_at_end: bool,
    must_flush: bool,
}

impl Transfer {
    fn new(size: usize) -> Self {
        Self {
            buffer: None,
            size,
            start: 0,
            end: 0,
            written: 0,
            is_at_end: false,
            must_flush: false,
        }
    }

    fn poll<R: AsyncRead, W: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>> {
        ready!(self.poll_write(cx, writer.as_mut()))?;
        while !self.is_at_end {
            match self.poll_read(cx, reader.as_mut()) {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    self.give_buffer_back();
                    // The reader may have nothing until the writer's other end has seen everything.
                    ready!(self.poll_flush(cx, writer))?;
                    return Poll::Pending;
                }
            }
            ready!(self.poll_write(cx, writer.as_mut()))?;
        }
        self.give_buffer_back();
        // Even if nothing was written here: the caller may have.
        ready!(writer.poll_flush(cx))?;
        Poll::Ready(Ok(self.written))
    }

    /// Fills the buffer, which is empty, by one read.
    fn poll_read<R: AsyncRead>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(coop::poll_proceed(cx));
            let buffer = self.buffer.get_or_insert_with(|| buffer(self.size));
            let result = ready!(reader.as_mut().poll_read(cx, buffer));
            coop::made_progress();
            match result {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(count) => {
                    let size = buffer.len();
                    assert!(
                        count <= size,
                        "a reader says that it put {count} bytes into a buffer of {size}"
                    );
                    (self.start, self.end) = (0, count);
                    self.is_at_end = count == 0;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// Writes all that the buffer has.
    fn poll_write<W: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<()>> {
        let Some(buffer) = &self.buffer else {
            return Poll::Ready(Ok(()));
        };
        while self.start < self.end {
            let bytes = &buffer[self.start..self.end];
            match ready!(writer.as_mut().poll_write(cx, bytes)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(0) => {
                    return Poll::Ready(Err(io::Error::new(
                        ErrorKind::WriteZero,
                        "the writer of a copy took none of the bytes that it was given",
                    )));
                }
                Ok(count) => {
                    let given = bytes.len();
                    assert!(
                        count <= given,
                        "a writer says that it took {count} bytes of {given}"
                    );
                    self.start += count;
                    self.written += count as u64;
                    self.must_flush = true;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Flushes what was written since the last flush.
    fn poll_flush<W: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        writer: Pin<&mut W>,
    ) -> Poll<io::Result<()>> {
        if self.must_flush {
            ready!(writer.poll_flush(cx))?;
            self.must_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Lends the empty buffer to the other copies of the thread.
    fn give_buffer_back(&mut self) {
        if self.size != SHARED_SIZE {
            return;
        }
        if let Some(buffer) = self.buffer.take() {
            // An error says that the thread ends, and its buffer with it.
            let _ = SHARED.try_with(|shared| shared.set(Some(buffer)));
        }
    }
}

/// A buffer of so many bytes: the thread's, if it is of that size and in nobody's hands.
fn buffer(size: usize) -> Box<[u8]> {
    let shared = match size {
        SHARED_SIZE => SHARED.try_with(Cell::take).ok().flatten(),
        _ => None,
    };
    shared.unwrap_or_else(|| vec![0; size].into_boxed_slice())
}

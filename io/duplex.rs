//! A stream in memory with two ends: two pipes, one for each direction. It owns nothing but their halves; it must not know
//! how a pipe works.

use super::simplex::{SimplexReader, SimplexWriter, simplex};
use super::traits::{PollRead, PollWrite, readers, through_reference, writers};
use core::mem::MaybeUninit;
use core::task::{Context, Poll};
use std::io::{self, IoSlice};

/// Two ends of a stream in memory: what is written to one is read from the other, both ways.
///
/// Each direction is a pipe that holds up to `max_buf_size` bytes, and does all that [`simplex()`](super::simplex()) says.
/// It takes the place of a socket in a test, or between two tasks that speak a protocol of streams. It is tokio's
/// `io::duplex`.
///
/// # Errors
///
/// A write fails with [`BrokenPipe`](io::ErrorKind::BrokenPipe) when the other end was dropped or this end closed; a read
/// never fails.
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
/// use filch::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// # fn main() -> std::io::Result<()> {
/// filch::block_on(async {
///     let (mut client, server) = duplex(64);
///     let echo = filch::spawn(async move { filch::io::copy(&server, &server).await });
///
///     client.write_all(b"ping").await?;
///     let mut answer = [0; 4];
///     client.read_exact(&mut answer).await?;
///     assert_eq!(&answer, b"ping");
///
///     client.close().await?;
///     assert_eq!(echo.await.unwrap()?, 4);
///     Ok(())
/// })
/// # }
/// ```
#[track_caller]
pub fn duplex(max_buf_size: usize) -> (DuplexStream, DuplexStream) {
    let (a_reader, b_writer) = simplex(max_buf_size);
    let (b_reader, a_writer) = simplex(max_buf_size);
    (
        DuplexStream {
            reader: a_reader,
            writer: a_writer,
        },
        DuplexStream {
            reader: b_reader,
            writer: b_writer,
        },
    )
}

/// One end of a [`duplex()`].
///
/// As with a socket, `close` is the end of what the other end reads, and leaves the way back open; to drop the stream closes
/// both. A reference reads and writes, too, so several tasks can share an end.
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// # fn main() -> std::io::Result<()> {
/// filch::block_on(async {
///     let (mut here, mut there) = duplex(64);
///     here.write_all(b"question").await?;
///     here.close().await?;
///
///     let mut text = String::new();
///     there.read_to_string(&mut text).await?;
///     there.write_all(b"answer").await?;
///     drop(there);
///
///     text.clear();
///     here.read_to_string(&mut text).await?;
///     assert_eq!(text, "answer");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct DuplexStream {
    reader: SimplexReader,
    writer: SimplexWriter,
}

impl DuplexStream {
    /// The halves of this end, for two tasks. Unlike those of [`split()`](super::split()) they share nothing: to drop the
    /// writer is the end of the stream for the other end, and to drop the reader makes its writes fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{AsyncReadExt, AsyncWriteExt, duplex};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// filch::block_on(async {
    ///     let (here, mut there) = duplex(64);
    ///     let (mut reader, mut writer) = here.into_split();
    ///     there.write_all(b"in").await?;
    ///     writer.write_all(b"out").await?;
    ///     let mut bytes = [0; 2];
    ///     reader.read_exact(&mut bytes).await?;
    ///     assert_eq!(&bytes, b"in");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn into_split(self) -> (SimplexReader, SimplexWriter) {
        (self.reader, self.writer)
    }
}

// SAFETY: the reader keeps the promise.
unsafe impl PollRead for &DuplexStream {
    #[inline]
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        PollRead::poll_read(&mut &self.reader, cx, buffer)
    }
}

impl PollWrite for &DuplexStream {
    const IS_VECTORED: bool = true;

    #[inline]
    fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        PollWrite::poll_write(&mut &self.writer, cx, buffer)
    }

    #[inline]
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        PollWrite::poll_write_vectored(&mut &self.writer, cx, buffers)
    }

    #[inline]
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        PollWrite::poll_close(&mut &self.writer, cx)
    }
}

through_reference!(read DuplexStream);
through_reference!(write DuplexStream);
readers!(DuplexStream, &DuplexStream);
writers!(DuplexStream, &DuplexStream);

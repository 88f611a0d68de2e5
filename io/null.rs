//! Streams with nothing behind them: no bytes, one byte for ever, and a sink. All are always ready, so it is the budget of
//! the poll alone that makes a task that lives on them let others run; futures-lite's, which do not know it, never do.

use super::traits::{
    PollBufRead, PollRead, PollSeek, PollWrite, buf_readers, readers, seekers, writers,
};
use crate::runtime::coop;
use core::mem::MaybeUninit;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice, SeekFrom};

/// A reader that is at its end. It is [`std::io::empty`], and yields now and then.
///
/// # Examples
///
/// ```
/// use filch::io::{self, AsyncReadExt};
///
/// # fn main() -> io::Result<()> {
/// filch::block_on(async {
///     let mut bytes = Vec::new();
///     assert_eq!(io::empty().read_to_end(&mut bytes).await?, 0);
///     Ok(())
/// })
/// # }
/// ```
pub fn empty() -> Empty {
    Empty::default()
}

/// A reader that gives one byte for ever. It is [`std::io::repeat`], and yields now and then.
///
/// # Examples
///
/// ```
/// use filch::io::{self, AsyncReadExt};
///
/// # fn main() -> io::Result<()> {
/// filch::block_on(async {
///     let mut bytes = [0; 3];
///     io::repeat(b'x').read_exact(&mut bytes).await?;
///     assert_eq!(&bytes, b"xxx");
///     Ok(())
/// })
/// # }
/// ```
pub fn repeat(byte: u8) -> Repeat {
    Repeat(byte)
}

/// A writer that takes everything, and drops it. It is [`std::io::sink`], and yields now and then.
///
/// # Examples
///
/// ```
/// use filch::io;
///
/// # fn main() -> io::Result<()> {
/// filch::block_on(async {
///     assert_eq!(io::copy(&b"nobody reads this"[..], io::sink()).await?, 17);
///     Ok(())
/// })
/// # }
/// ```
pub fn sink() -> Sink {
    Sink(())
}

/// The reader of [`empty()`].
#[derive(Clone, Debug, Default)]
pub struct Empty {
    /// Whether the budget was charged for a buffer that was not yet consumed.
    is_charged: bool,
    #[cfg(feature = "tokio")]
    started: Option<SeekFrom>,
}

/// The reader of [`repeat()`].
#[derive(Clone, Debug)]
pub struct Repeat(u8);

/// The writer of [`sink()`].
#[derive(Clone, Debug, Default)]
pub struct Sink(());

// SAFETY: it gives no byte and touches no buffer.
unsafe impl PollRead for Empty {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        _buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        coop::poll_progress(cx).map(|()| Ok(0))
    }
}

impl PollBufRead for Empty {
    fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        // Each second time is free: who asked once may ask again.
        if !core::mem::take(&mut self.is_charged) {
            ready!(coop::poll_progress(cx));
            self.is_charged = true;
        }
        Poll::Ready(Ok(&[]))
    }

    fn consume(&mut self, _count: usize) {
        self.is_charged = false;
    }
}

impl PollSeek for Empty {
    fn poll_seek(&mut self, cx: &mut Context<'_>, _to: SeekFrom) -> Poll<io::Result<u64>> {
        coop::poll_progress(cx).map(|()| Ok(0))
    }

    #[cfg(feature = "tokio")]
    fn started(&mut self) -> &mut Option<SeekFrom> {
        &mut self.started
    }
}

// SAFETY: it writes all bytes of the buffer, and says so.
unsafe impl PollRead for Repeat {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        ready!(coop::poll_progress(cx));
        buffer.fill(MaybeUninit::new(self.0));
        Poll::Ready(Ok(buffer.len()))
    }
}

impl PollWrite for Sink {
    const IS_VECTORED: bool = true;

    fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        coop::poll_progress(cx).map(|()| Ok(buffer.len()))
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        coop::poll_progress(cx).map(|()| Ok(buffers.iter().map(|buffer| buffer.len()).sum()))
    }

    fn poll_close(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

readers!(Empty, Repeat);
buf_readers!(Empty);
seekers!(Empty);
writers!(Sink);

//! What the macros need for tokio's IO traits: tokio's buffers as the ones that [`PollRead`] fills, without zeroing, and
//! a seek in one call as a seek in two.

use super::{PollRead, PollSeek};
use ::tokio::io::ReadBuf;
use core::task::{Context, Poll, ready};
use std::io::{self, SeekFrom};

/// Reads into what is unfilled of a buffer of tokio's.
#[inline]
pub(crate) fn poll_read<R: PollRead>(
    reader: &mut R,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: a `PollRead` leaves initialised what was.
    let unfilled = unsafe { buffer.unfilled_mut() };
    let count = ready!(reader.poll_read(cx, unfilled))?;
    // SAFETY: a `PollRead` has initialised as many bytes as it says, of this buffer.
    unsafe { buffer.assume_init(count) };
    buffer.advance(count);
    Poll::Ready(Ok(()))
}

/// Notes where to go.
pub(crate) fn start_seek<S: PollSeek>(stream: &mut S, to: SeekFrom) -> io::Result<()> {
    let started = stream.started();
    if started.is_some() {
        return Err(io::Error::other(
            "`start_seek` was called while another seek is under way: call `poll_complete` until that is done",
        ));
    }
    *started = Some(to);
    Ok(())
}

/// Goes there. As tokio has it, the position means nothing if no seek was started.
pub(crate) fn poll_complete<S: PollSeek>(
    stream: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<u64>> {
    let Some(to) = *stream.started() else {
        return Poll::Ready(Ok(0));
    };
    let position = ready!(stream.poll_seek(cx, to));
    *stream.started() = None;
    Poll::Ready(position)
}

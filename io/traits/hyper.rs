//! What the macros need for `hyper::rt`'s traits: hyper's buffers as the ones that [`PollRead`] fills, without zeroing.
//! It must not know hyper's timers and executors, which are not about bytes.

use super::PollRead;
use ::hyper::rt::ReadBufCursor;
use core::task::{Context, Poll, ready};
use std::io;

/// Reads into what is unfilled of a buffer of hyper's.
#[inline]
pub(crate) fn poll_read<R: PollRead>(
    reader: &mut R,
    cx: &mut Context<'_>,
    mut cursor: ReadBufCursor<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: a `PollRead` leaves initialised what was.
    let unfilled = unsafe { cursor.as_mut() };
    let count = ready!(reader.poll_read(cx, unfilled))?;
    // SAFETY: a `PollRead` has initialised as many bytes as it says, of this buffer.
    unsafe { cursor.advance(count) };
    Poll::Ready(Ok(()))
}

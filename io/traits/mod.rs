//! What a byte stream of filch is to the ecosystem: it implements [`PollRead`] and [`PollWrite`] once, and the macros
//! here make of that the traits of futures-io and, behind features, hyper's and tokio's.
//! It owns those traits and macros; it must not know any type that implements them.

#![allow(dead_code, unused_imports, unused_macros, reason = "the types follow")]

use core::mem::MaybeUninit;
use core::task::{Context, Poll};
use std::io::{self, IoSlice, IoSliceMut};

/// A source of bytes.
///
/// # Safety
///
/// When [`poll_read`](Self::poll_read) is ready with `n`, then `n` is at most the length of the buffer, and the first
/// `n` bytes of it are initialised. Readers of other ecosystems take that many bytes as written.
pub(crate) unsafe trait PollRead {
    /// Reads into the beginning of `buffer`, which need not be initialised; gives how many bytes. Zero is the end of the
    /// stream, if the buffer has room for any.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>>;

    /// The same into several buffers, the first ones first.
    fn poll_read_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = buffers.iter_mut().find(|buffer| !buffer.is_empty());
        self.poll_read(cx, first.map_or(&mut [], |buffer| as_uninit(buffer)))
    }
}

/// A sink of bytes.
pub(crate) trait PollWrite {
    /// Whether a vectored write is better than several plain ones.
    const IS_VECTORED: bool = false;

    /// Writes from the beginning of `buffer`; gives how many bytes were taken.
    fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>>;

    /// The same from several buffers, the first ones first.
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = buffers.iter().find(|buffer| !buffer.is_empty());
        self.poll_write(cx, first.map_or(&[], |buffer| buffer))
    }

    /// Passes on what the type itself has buffered.
    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Says that nothing more will be written, after a flush. To say it twice is no error.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// An initialised buffer, as one that need not be.
#[inline]
pub(crate) fn as_uninit(buffer: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: the layouts are the same. The callers hand the slice to what reads, which writes bytes and nothing
    // else; so what was initialised stays so.
    unsafe { &mut *(core::ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) }
}

/// The traits of all ecosystems for a type, or several, that implement [`PollRead`] and are [`Unpin`].
macro_rules! readers {
    ($($name:ty),+ $(,)?) => {$(
        impl futures_io::AsyncRead for $name {
            #[inline]
            fn poll_read(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
                buffer: &mut [u8],
            ) -> core::task::Poll<std::io::Result<usize>> {
                let buffer = $crate::io::traits::as_uninit(buffer);
                $crate::io::traits::PollRead::poll_read(self.get_mut(), cx, buffer)
            }

            #[inline]
            fn poll_read_vectored(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> core::task::Poll<std::io::Result<usize>> {
                $crate::io::traits::PollRead::poll_read_vectored(self.get_mut(), cx, buffers)
            }
        }
    )+};
}

/// The traits of all ecosystems for a type, or several, that implement [`PollWrite`] and are [`Unpin`].
macro_rules! writers {
    ($($name:ty),+ $(,)?) => {$(
        impl futures_io::AsyncWrite for $name {
            #[inline]
            fn poll_write(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
                buffer: &[u8],
            ) -> core::task::Poll<std::io::Result<usize>> {
                $crate::io::traits::PollWrite::poll_write(self.get_mut(), cx, buffer)
            }

            #[inline]
            fn poll_write_vectored(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> core::task::Poll<std::io::Result<usize>> {
                $crate::io::traits::PollWrite::poll_write_vectored(self.get_mut(), cx, buffers)
            }

            #[inline]
            fn poll_flush(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
            ) -> core::task::Poll<std::io::Result<()>> {
                $crate::io::traits::PollWrite::poll_flush(self.get_mut(), cx)
            }

            #[inline]
            fn poll_close(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
            ) -> core::task::Poll<std::io::Result<()>> {
                $crate::io::traits::PollWrite::poll_close(self.get_mut(), cx)
            }
        }
    )+};
}

pub(crate) use {readers, writers};

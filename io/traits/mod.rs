//! What a byte stream of filch is to the ecosystem: it implements [`PollRead`] and [`PollWrite`] once, and the macros
//! here make of that the traits of futures-io and, behind features, hyper's and tokio's. [`PollBufRead`] and
//! [`PollSeek`] are the same for what has a buffer, or a position.
//! It owns those traits and macros; it must not know any type that implements them.
//!
//! ```text
//!     readers!(TcpStream, &TcpStream, DuplexStream);
//!     writers!(TcpStream, &TcpStream, DuplexStream);
//! ```

#[cfg(feature = "hyper")]
pub(crate) mod hyper;
#[cfg(feature = "tokio")]
pub(crate) mod tokio;

use core::mem::MaybeUninit;
use core::task::{Context, Poll};
use std::io::{self, IoSlice, IoSliceMut, SeekFrom};

/// A source of bytes.
///
/// # Safety
///
/// When [`poll_read`](Self::poll_read) is ready with `n`, then `n` is at most the length of the buffer, and the first
/// `n` bytes of it are initialised. Readers of other ecosystems take that many bytes as written. Whatever it says, it
/// puts nothing but bytes into the buffer: what was initialised before stays so.
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
    /// Whether a vectored write is better than several plain ones. futures-io does not ask.
    #[cfg_attr(not(any(feature = "hyper", feature = "tokio")), allow(dead_code))]
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

/// A source of bytes that has them in a buffer.
pub(crate) trait PollBufRead {
    /// What the buffer has, after filling it if it was empty. Empty is the end of the stream.
    ///
    /// When it was ready it must be so again until [`consume`](Self::consume), whatever is left of the budget:
    /// futures-lite asks twice, and panics otherwise.
    fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>>;

    /// Takes so many bytes out of the buffer.
    fn consume(&mut self, count: usize);
}

/// A stream with a position.
pub(crate) trait PollSeek {
    /// Moves to a position, and gives it, from the start.
    fn poll_seek(&mut self, cx: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>>;

    /// A place for where to go: tokio's trait says that in one call, and asks whether it was done in another.
    #[cfg(feature = "tokio")]
    fn started(&mut self) -> &mut Option<SeekFrom>;
}

/// Reads into a buffer that is initialised.
#[inline]
pub(crate) fn poll_read<R: PollRead>(
    reader: &mut R,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    reader.poll_read(cx, as_uninit(buffer))
}

/// An initialised buffer, as one that need not be, for a [`PollRead`].
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
                $crate::io::traits::poll_read(self.get_mut(), cx, buffer)
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

        #[cfg(feature = "hyper")]
        impl ::hyper::rt::Read for $name {
            #[inline]
            fn poll_read(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
                cursor: ::hyper::rt::ReadBufCursor<'_>,
            ) -> core::task::Poll<std::io::Result<()>> {
                $crate::io::traits::hyper::poll_read(self.get_mut(), cx, cursor)
            }
        }

        #[cfg(feature = "tokio")]
        impl ::tokio::io::AsyncRead for $name {
            #[inline]
            fn poll_read(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
                buffer: &mut ::tokio::io::ReadBuf<'_>,
            ) -> core::task::Poll<std::io::Result<()>> {
                $crate::io::traits::tokio::poll_read(self.get_mut(), cx, buffer)
            }
        }
    )+};
}

/// The traits of all ecosystems for a type, or several, that implement [`PollWrite`] and are [`Unpin`].
macro_rules! writers {
    ($($name:ty),+ $(,)?) => {$(
        impl futures_io::AsyncWrite for $name {
            $crate::io::traits::write_methods!(poll_close);
        }

        #[cfg(feature = "hyper")]
        impl ::hyper::rt::Write for $name {
            $crate::io::traits::write_methods!(poll_shutdown, is_write_vectored);
        }

        #[cfg(feature = "tokio")]
        impl ::tokio::io::AsyncWrite for $name {
            $crate::io::traits::write_methods!(poll_shutdown, is_write_vectored);
        }
    )+};
}

/// What the traits of [`writers!`] have in common, with the names in which they differ.
macro_rules! write_methods {
    ($close:ident $(, $is_vectored:ident)?) => {
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

        $(#[inline]
        fn $is_vectored(&self) -> bool {
            <Self as $crate::io::traits::PollWrite>::IS_VECTORED
        })?

        #[inline]
        fn poll_flush(
            self: core::pin::Pin<&mut Self>,
            cx: &mut core::task::Context<'_>,
        ) -> core::task::Poll<std::io::Result<()>> {
            $crate::io::traits::PollWrite::poll_flush(self.get_mut(), cx)
        }

        #[inline]
        fn $close(
            self: core::pin::Pin<&mut Self>,
            cx: &mut core::task::Context<'_>,
        ) -> core::task::Poll<std::io::Result<()>> {
            $crate::io::traits::PollWrite::poll_close(self.get_mut(), cx)
        }
    };
}

/// The traits of all ecosystems for a type, or several, that implement [`PollBufRead`] and are [`Unpin`].
/// They want those of [`readers!`], too.
macro_rules! buf_readers {
    ($($name:ty),+ $(,)?) => {$(
        impl futures_io::AsyncBufRead for $name {
            $crate::io::traits::buf_read_methods!();
        }

        #[cfg(feature = "tokio")]
        impl ::tokio::io::AsyncBufRead for $name {
            $crate::io::traits::buf_read_methods!();
        }
    )+};
}

/// What the traits of [`buf_readers!`] have in common.
macro_rules! buf_read_methods {
    () => {
        #[inline]
        fn poll_fill_buf(
            self: core::pin::Pin<&mut Self>,
            cx: &mut core::task::Context<'_>,
        ) -> core::task::Poll<std::io::Result<&[u8]>> {
            $crate::io::traits::PollBufRead::poll_fill_buf(self.get_mut(), cx)
        }

        #[inline]
        fn consume(self: core::pin::Pin<&mut Self>, count: usize) {
            $crate::io::traits::PollBufRead::consume(self.get_mut(), count);
        }
    };
}

/// The traits of all ecosystems for a type, or several, that implement [`PollSeek`] and are [`Unpin`].
macro_rules! seekers {
    ($($name:ty),+ $(,)?) => {$(
        impl futures_io::AsyncSeek for $name {
            #[inline]
            fn poll_seek(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
                to: std::io::SeekFrom,
            ) -> core::task::Poll<std::io::Result<u64>> {
                $crate::io::traits::PollSeek::poll_seek(self.get_mut(), cx, to)
            }
        }

        #[cfg(feature = "tokio")]
        impl ::tokio::io::AsyncSeek for $name {
            #[inline]
            fn start_seek(
                self: core::pin::Pin<&mut Self>,
                to: std::io::SeekFrom,
            ) -> std::io::Result<()> {
                $crate::io::traits::tokio::start_seek(self.get_mut(), to)
            }

            #[inline]
            fn poll_complete(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
            ) -> core::task::Poll<std::io::Result<u64>> {
                $crate::io::traits::tokio::poll_complete(self.get_mut(), cx)
            }
        }
    )+};
}

/// [`PollRead`] or [`PollWrite`] for a type by what its reference does.
macro_rules! through_reference {
    (read $name:ty) => {
        // SAFETY: the reference keeps the promise.
        unsafe impl $crate::io::traits::PollRead for $name {
            #[inline]
            fn poll_read(
                &mut self,
                cx: &mut core::task::Context<'_>,
                buffer: &mut [core::mem::MaybeUninit<u8>],
            ) -> core::task::Poll<std::io::Result<usize>> {
                $crate::io::traits::PollRead::poll_read(&mut &*self, cx, buffer)
            }

            #[inline]
            fn poll_read_vectored(
                &mut self,
                cx: &mut core::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> core::task::Poll<std::io::Result<usize>> {
                $crate::io::traits::PollRead::poll_read_vectored(&mut &*self, cx, buffers)
            }
        }
    };
    (write $name:ty) => {
        impl $crate::io::traits::PollWrite for $name {
            const IS_VECTORED: bool = <&$name as $crate::io::traits::PollWrite>::IS_VECTORED;

            #[inline]
            fn poll_write(
                &mut self,
                cx: &mut core::task::Context<'_>,
                buffer: &[u8],
            ) -> core::task::Poll<std::io::Result<usize>> {
                $crate::io::traits::PollWrite::poll_write(&mut &*self, cx, buffer)
            }

            #[inline]
            fn poll_write_vectored(
                &mut self,
                cx: &mut core::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> core::task::Poll<std::io::Result<usize>> {
                $crate::io::traits::PollWrite::poll_write_vectored(&mut &*self, cx, buffers)
            }

            #[inline]
            fn poll_flush(
                &mut self,
                cx: &mut core::task::Context<'_>,
            ) -> core::task::Poll<std::io::Result<()>> {
                $crate::io::traits::PollWrite::poll_flush(&mut &*self, cx)
            }

            #[inline]
            fn poll_close(
                &mut self,
                cx: &mut core::task::Context<'_>,
            ) -> core::task::Poll<std::io::Result<()>> {
                $crate::io::traits::PollWrite::poll_close(&mut &*self, cx)
            }
        }
    };
}

pub(crate) use through_reference;
pub(crate) use {buf_read_methods, buf_readers, readers, seekers, write_methods, writers};

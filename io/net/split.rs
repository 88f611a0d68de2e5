//! The halves of a stream: borrowed ones for one task, owned ones for two.
//!
//! A shared reference to a stream reads and writes, too, so that halves are for those who want each direction to have one owner,
//! or the end of writing to be told by a drop.

use crate::io::traits::{PollRead, PollWrite};
use core::fmt;
use core::mem::MaybeUninit;
use core::task::{Context, Poll};
use std::error::Error;
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;

/// What has halves.
pub trait Split: fmt::Debug + sealed::Ends {}

/// Seals [`Split`].
pub(super) mod sealed {
    #[allow(unnameable_types, reason = "nobody outside may implement it")]
    pub trait Ends {
        /// Says that nothing more will be written. That it was said already is no error.
        #[doc(hidden)]
        fn end_writes(&self);
    }
}

/// The reading half of a stream that is borrowed: [`TcpStream::split`](super::TcpStream::split).
#[derive(Debug)]
pub struct ReadHalf<'a, S>(&'a S);

/// The writing half of a stream that is borrowed: [`TcpStream::split`](super::TcpStream::split). To close it ends the writing; to drop it does not.
#[derive(Debug)]
pub struct WriteHalf<'a, S>(&'a S);

/// The reading half of a stream, owned: [`TcpStream::into_split`](super::TcpStream::into_split).
#[derive(Debug)]
pub struct OwnedReadHalf<S>(Arc<S>);

/// The writing half of a stream, owned: [`TcpStream::into_split`](super::TcpStream::into_split). Dropped, it ends the writing, so that the other end reads to
/// its end; reading goes on. The connection is closed when both halves are gone.
#[derive(Debug)]
pub struct OwnedWriteHalf<S: Split> {
    stream: Arc<S>,
    ends: bool,
}

/// The halves of two different streams, which [`OwnedReadHalf::reunite`] gives back.
#[derive(Debug)]
pub struct ReuniteError<S: Split>(pub OwnedReadHalf<S>, pub OwnedWriteHalf<S>);

pub(super) fn borrowed<S>(stream: &mut S) -> (ReadHalf<'_, S>, WriteHalf<'_, S>) {
    (ReadHalf(stream), WriteHalf(stream))
}

pub(super) fn owned<S: Split>(stream: S) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let stream = Arc::new(stream);
    let write = OwnedWriteHalf {
        stream: stream.clone(),
        ends: true,
    };
    (OwnedReadHalf(stream), write)
}

impl<S: Split> OwnedReadHalf<S> {
    /// Makes the stream whole again.
    ///
    /// # Errors
    ///
    /// Both halves, if they are of different streams.
    ///
    /// ```
    /// # filch::block_on(async {
    /// use filch::net::UnixStream;
    /// let (one, _other) = UnixStream::pair()?;
    /// let (read, write) = one.into_split();
    /// let one: UnixStream = read.reunite(write).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn reunite(self, mut write: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>> {
        if !Arc::ptr_eq(&self.0, &write.stream) {
            return Err(ReuniteError(self, write));
        }
        write.ends = false;
        drop(write);
        Ok(Arc::into_inner(self.0).expect("there are two halves, and one is gone"))
    }
}

impl<S: Split> OwnedWriteHalf<S> {
    /// [`OwnedReadHalf::reunite`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn reunite(self, read: OwnedReadHalf<S>) -> Result<S, ReuniteError<S>> {
        read.reunite(self)
    }

    /// Drops this half without ending the writing. The connection is closed when the other half is dropped.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let (one, other) = filch::net::UnixStream::pair()?;
    /// let (read, write) = one.into_split();
    /// write.forget();
    /// let nothing = other.try_read(&mut [0; 8]).unwrap_err();
    /// assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    /// drop(read);
    /// assert_eq!(other.try_read(&mut [0; 8])?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn forget(mut self) {
        self.ends = false;
    }
}

impl<S: Split> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if self.ends {
            self.stream.end_writes();
        }
    }
}

impl<S: Split> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`reunite` was given the halves of two different streams: pass the two that one `into_split` gave")
    }
}

impl<S: Split> Error for ReuniteError<S> {}

/// Reading, and the way to everything else that the stream can do.
macro_rules! reading {
    ($($half:ty: |$this:ident| $stream:expr;)+) => {$(
        impl<S> AsRef<S> for $half {
            fn as_ref(&self) -> &S {
                let $this = self;
                $stream
            }
        }

        // SAFETY: passed on to the stream's own.
        unsafe impl<S> PollRead for $half
        where
            for<'s> &'s S: PollRead,
        {
            fn poll_read(
                &mut self,
                cx: &mut Context<'_>,
                buffer: &mut [MaybeUninit<u8>],
            ) -> Poll<io::Result<usize>> {
                let $this = self;
                ($stream).poll_read(cx, buffer)
            }

            fn poll_read_vectored(
                &mut self,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                let $this = self;
                ($stream).poll_read_vectored(cx, buffers)
            }
        }
    )+};
}

/// The same for writing.
macro_rules! writing {
    ($([$($bound:tt)*] $half:ty: |$this:ident| $stream:expr;)+) => {$(
        impl<S: $($bound)*> AsRef<S> for $half {
            fn as_ref(&self) -> &S {
                let $this = self;
                $stream
            }
        }

        impl<S: $($bound)*> PollWrite for $half
        where
            for<'s> &'s S: PollWrite,
        {
            const IS_VECTORED: bool = true;

            fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
                let $this = self;
                ($stream).poll_write(cx, buffer)
            }

            fn poll_write_vectored(
                &mut self,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let $this = self;
                ($stream).poll_write_vectored(cx, buffers)
            }

            fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $this = self;
                ($stream).poll_close(cx)
            }
        }
    )+};
}

reading! {
    ReadHalf<'_, S>: |it| it.0;
    OwnedReadHalf<S>: |it| &*it.0;
}
writing! {
    [] WriteHalf<'_, S>: |it| it.0;
    [Split] OwnedWriteHalf<S>: |it| &*it.stream;
}

//! The bytes of an open file: how they are read, written and skipped.
//! It owns the order in which calls under way are waited for; where the bytes are meanwhile is known to `open.rs`.

use super::file::File;
use super::open;
use super::operation::Operation;
use crate::io::traits::{PollRead, PollSeek, PollWrite, readers, seekers, writers};
use crate::runtime::coop;
use core::future::Future;
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice, SeekFrom};
use std::sync::Arc;

readers!(File);
writers!(File);
seekers!(File);

// SAFETY: what is given is what `copy_to` counted as it wrote it into the beginning of the buffer.
unsafe impl PollRead for File {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(coop::poll_proceed(cx));
        ready!(self.poll_sought(cx));
        let read = ready!(self.poll_filled(cx, buffer));
        coop::made_progress();
        Poll::Ready(read)
    }
}

impl PollWrite for File {
    const IS_VECTORED: bool = true;

    fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_sought(cx));
        self.open
            .poll_write(cx, buffers, self.most, |ahead| ahead.fold())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open.poll_flush(cx)
    }

    /// The same as a flush: the file remains open until it is dropped.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open.poll_flush(cx)
    }
}

impl PollSeek for File {
    fn poll_seek(&mut self, cx: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>> {
        // One that was given up is brought to its end. One to the same place is taken for this one.
        if self.seeking.as_ref().is_some_and(|(begun, _)| *begun != to) {
            ready!(self.poll_sought(cx));
        }
        if self.seeking.is_none() {
            self.begin_seek(to);
        }
        self.poll_seek_end(cx)
    }

    #[cfg(feature = "tokio")]
    fn started(&mut self) -> &mut Option<SeekFrom> {
        &mut self.started
    }
}

impl File {
    /// Begins a seek; the one before must have ended.
    fn begin_seek(&mut self, to: SeekFrom) {
        let open = Arc::clone(&self.open);
        let job = Operation::at(self.open.home.clone(), "File::seek", move || {
            open::seek(&open, to)
        });
        self.seeking = Some((to, job));
    }

    /// Brings the seek that was begun to its end.
    fn poll_seek_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let Some((_, job)) = &mut self.seeking else {
            return Poll::Ready(Err(io::Error::other("no seek was begun")));
        };
        let position = ready!(Pin::new(job).poll(cx));
        self.seeking = None;
        Poll::Ready(position)
    }

    /// Ready when no seek is under way. The result of one that was given up is nobody's.
    fn poll_sought(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.seeking.is_some() {
            let _ = ready!(self.poll_seek_end(cx));
        }
        Poll::Ready(())
    }

    /// Ready when nothing that was begun is under way, but for writes.
    pub(super) fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_sought(cx));
        if let Some((_, job)) = &mut self.reading {
            let _ = ready!(Pin::new(job).poll(cx));
            self.reading = None;
        }
        Poll::Ready(())
    }

    fn poll_filled(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(error) = self.open.take_error() {
                return Poll::Ready(Err(error));
            }
            let (count, epoch) = self
                .open
                .beside(|ahead| (ahead.copy_to(buffer), ahead.epoch()));
            if count > 0 {
                return Poll::Ready(Ok(count));
            }
            let (open, want) = (&self.open, self.most);
            let (begun, job) = self.reading.get_or_insert_with(|| {
                let home = open.home.clone();
                let open = Arc::clone(open);
                let job = move || open::fill(&open, want, epoch);
                (epoch, Operation::at(home, "File::read", job))
            });
            let begun = *begun;
            let filled = ready!(Pin::new(job).poll(cx));
            self.reading = None;
            // Otherwise there are bytes now, or this is the end of the file as it was before something else was done.
            if filled? == 0 && begun == epoch {
                return Poll::Ready(Ok(0));
            }
        }
    }
}

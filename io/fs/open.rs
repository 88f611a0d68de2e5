//! A file that is open: the system's file with what was read ahead of its user and what is to be written behind him.
//! It owns the position, which the system has in one place and the user in another; it must not know who polls.
//!
//! The system's position is the user's plus the bytes that were read ahead, less those that are to be written. They are
//! never both there: who writes gives up what was read ahead, and notes in `back` how far the system's position is to be
//! moved back before the write. Only who has the turn moves the system's position, so a read that is under way when bytes
//! are accepted finds them when it is done, and adds what it read to `back`, too.

use crate::io::behind::{Behind, Sink, Unsettled};
use core::mem::{self, MaybeUninit};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// An open file, shared by its handle and its jobs.
pub(crate) type Open = Behind<Disk>;

/// The system's file.
pub(crate) struct Disk {
    pub(super) file: std::fs::File,
    /// Unknown if it came from elsewhere.
    pub(super) path: Option<PathBuf>,
}

impl Sink for Disk {
    type Beside = Ahead;

    fn take_back(ahead: &mut Ahead) -> u64 {
        mem::take(&mut ahead.back)
    }

    fn write(&self, back: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = &self.file;
        if let Some(back) = i64::try_from(back).ok().filter(|back| *back > 0) {
            file.seek(SeekFrom::Current(-back))?;
        }
        file.write_all(bytes)
    }

    fn name(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => format!("{:?}", self.file),
        }
    }
}

/// What was read ahead.
#[derive(Default)]
pub(crate) struct Ahead {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    back: u64,
    /// Counts what may make of an end of the file something else.
    epoch: u64,
    /// Known after the first read. What cannot seek has no position: reads and writes go their own ways.
    seekable: Option<bool>,
}

impl Ahead {
    fn unread(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Gives up what was read ahead: the system's position is to go back to the user's.
    pub(super) fn fold(&mut self) {
        self.epoch += 1;
        if self.seekable != Some(false) {
            self.back += self.unread() as u64;
            (self.start, self.end) = (0, 0);
        }
    }

    /// Copies what there is; how much.
    pub(super) fn copy_to(&mut self, buffer: &mut [MaybeUninit<u8>]) -> usize {
        let unread = &self.bytes[self.start..self.end];
        let count = unread.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(unread) {
            to.write(*from);
        }
        self.start += count;
        count
    }
}

/// Why there is no result.
pub(super) enum Fault {
    Own(io::Error),
    /// What was written before could not be; the file has the error.
    Behind(Arc<Open>),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Own(error)
    }
}

impl Fault {
    fn behind(open: &Arc<Open>) -> impl FnOnce(Unsettled) -> Self {
        move |Unsettled| Self::Behind(Arc::clone(open))
    }

    pub(super) fn into_error(self) -> io::Error {
        match self {
            Self::Own(error) => error,
            Self::Behind(open) => open.take_error().unwrap_or_else(|| {
                io::Error::other("an earlier write failed, and its error was given to another call")
            }),
        }
    }
}

/// Reads ahead, at most `want` bytes, unless there is something unread; how much there is now. It is zero at the end of
/// the file, and also if the epoch is another one: then whoever asked has done something else since, and nothing is read.
pub(super) fn fill(open: &Arc<Open>, want: usize, epoch: u64) -> Result<usize, Fault> {
    let turn = open.turn();
    if turn.beside(|ahead, _| ahead.epoch) != epoch {
        return Ok(0);
    }
    turn.settle().map_err(Fault::behind(open))?;
    let (unread, mut bytes, seekable) = turn.beside(|ahead, _| {
        let unread = ahead.unread();
        let bytes = if unread == 0 {
            mem::take(&mut ahead.bytes)
        } else {
            Vec::new()
        };
        if unread == 0 {
            (ahead.start, ahead.end) = (0, 0);
        }
        (unread, bytes, ahead.seekable)
    });
    if unread > 0 {
        return Ok(unread);
    }
    let mut file = &turn.sink().file;
    let seekable = seekable.unwrap_or_else(|| file.stream_position().is_ok());
    if bytes.len() != want {
        bytes = vec![0; want];
    }
    let count = loop {
        match file.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => break done?,
        }
    };
    turn.beside(|ahead, is_written_to| {
        ahead.seekable = Some(seekable);
        if is_written_to && seekable {
            ahead.back += count as u64;
        } else if count > 0 {
            ahead.bytes = bytes;
            ahead.end = count;
        }
    });
    Ok(count)
}

/// Moves the position, as the user sees it.
pub(super) fn seek(open: &Arc<Open>, to: SeekFrom) -> Result<u64, Fault> {
    let turn = open.turn();
    turn.settle().map_err(Fault::behind(open))?;
    let unread = turn.beside(|ahead, _| ahead.unread() as i64);
    let to = match to {
        // What overflows is before the beginning, which the system refuses.
        SeekFrom::Current(by) => SeekFrom::Current(by.saturating_sub(unread)),
        _ => to,
    };
    let position = (&turn.sink().file).seek(to)?;
    turn.beside(|ahead, _| {
        ahead.epoch += 1;
        (ahead.start, ahead.end) = (0, 0);
    });
    Ok(position)
}

/// Calls `f` when all that was written before is in the system's hands.
pub(super) fn settled<T>(
    open: &Arc<Open>,
    f: impl FnOnce(&std::fs::File) -> io::Result<T>,
) -> Result<T, Fault> {
    let turn = open.turn();
    turn.settle().map_err(Fault::behind(open))?;
    Ok(f(&turn.sink().file)?)
}

/// The same with nothing read ahead, and the system's position where the user's is.
pub(super) fn aligned<T>(
    open: &Arc<Open>,
    f: impl FnOnce(&std::fs::File) -> io::Result<T>,
) -> Result<T, Fault> {
    let turn = open.turn();
    turn.beside(|ahead, _| ahead.fold());
    turn.settle().map_err(Fault::behind(open))?;
    Ok(f(&turn.sink().file)?)
}

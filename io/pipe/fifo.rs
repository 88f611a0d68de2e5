//! Pipes that have a path. It owns how one is opened.

use super::receiver::Receiver;
use super::sender::Sender;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// How to open a FIFO, a pipe that has a path (`mkfifo`): as tokio's.
///
/// # Examples
///
/// ```
/// # #[cfg(target_os = "linux")]
/// # filch::block_on(async {
/// # use rustix::fs::{CWD, FileType, Mode, mknodat};
/// # let path = std::env::temp_dir().join(format!("filch-doc-fifo-{}", std::process::id()));
/// # mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
/// use filch::io::pipe::OpenOptions;
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// let mut receiver = OpenOptions::new().open_receiver(&path)?;
/// let mut sender = OpenOptions::new().open_sender(&path)?;
/// sender.write_all(b"hello").await?;
/// drop(sender);
/// let mut text = String::new();
/// receiver.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    read_write: bool,
    unchecked: bool,
}

impl OpenOptions {
    /// The usual: each end for itself, and only if the path is that of a FIFO.
    ///
    /// # Examples
    ///
    /// See [the type](Self).
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the FIFO for reading and writing, as Linux can: then the other end need not be there yet, a receiver never comes to
    /// the end, and a sender's pipe never breaks.
    ///
    /// # Examples
    ///
    /// As [the type](Self)'s.
    #[cfg(target_os = "linux")]
    pub fn read_write(&mut self, read_write: bool) -> &mut Self {
        self.read_write = read_write;
        self
    }

    /// Opens what is at the path even if it is no FIFO. It must be something that can be waited for.
    ///
    /// # Examples
    ///
    /// As [the type](Self)'s.
    pub fn unchecked(&mut self, unchecked: bool) -> &mut Self {
        self.unchecked = unchecked;
        self
    }

    /// Opens the end that reads, also if nobody has the other one. It does not block, but for what a look at the path costs,
    /// and needs no runtime. Until the first writer has come, a read is at the end at once: see
    /// [`read_write`](Self::read_write).
    ///
    /// # Errors
    ///
    /// The system's; [`InvalidInput`](io::ErrorKind::InvalidInput), if it is no FIFO.
    ///
    /// # Examples
    ///
    /// See [the type](Self).
    pub fn open_receiver(&self, path: impl AsRef<Path>) -> io::Result<Receiver> {
        let end = self.open(path.as_ref(), OFlags::RDONLY)?;
        Ok(Receiver::from_nonblocking(end))
    }

    /// Opens the end that writes. It does not block, but for what a look at the path costs, and needs no runtime.
    ///
    /// # Errors
    ///
    /// The system's: `ENXIO`, if nobody has the FIFO open for reading, which is not waited for;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput), if it is no FIFO.
    ///
    /// # Examples
    ///
    /// See [the type](Self).
    pub fn open_sender(&self, path: impl AsRef<Path>) -> io::Result<Sender> {
        let end = self.open(path.as_ref(), OFlags::WRONLY)?;
        Ok(Sender::from_nonblocking(end))
    }

    fn open(&self, path: &Path, mode: OFlags) -> io::Result<OwnedFd> {
        let mode = if self.read_write { OFlags::RDWR } else { mode };
        let flags = mode | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let end = open(path, flags, Mode::empty())?;
        let kind = FileType::from_raw_mode(fstat(&end)?.st_mode);
        if !self.unchecked && kind != FileType::Fifo {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("'{}' is no FIFO: use `filch::fs` for files", path.display()),
            ));
        }
        Ok(end)
    }
}

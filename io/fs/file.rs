//! An open file as its user has it: how it comes to be, and how it ends.
//! It must not know how the bytes pass (`streams.rs`), or where they are meanwhile (`open.rs`).

use super::open::{self, Disk, Open};
use super::operation::Operation;
use crate::io::traits::PollWrite;
use crate::runtime::home::Home;
use core::fmt;
use core::future::poll_fn;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// At most so many bytes are read ahead, and so many wait to be written, unless the user wants it otherwise.
const MAX_BUF_SIZE: usize = 64 * 1024;

/// An open file: [`std::fs::File`], with its calls on the blocking pool, and a buffer for either direction.
///
/// It is read, written and positioned through [`AsyncRead`](futures_io::AsyncRead),
/// [`AsyncWrite`](futures_io::AsyncWrite) and [`AsyncSeek`](futures_io::AsyncSeek), whose methods are those of
/// `futures_lite::{AsyncReadExt, AsyncWriteExt, AsyncSeekExt}`. What they do is what `std`'s file would do, in the same
/// order: a read sees what was written before it, and a write goes where the last read ended.
///
/// A read that finds nothing read ahead fetches 64 KiB. A write takes up to 64 KiB into a buffer and returns; they are
/// written at once, by a job of the pool, while the next ones are gathered. When these would be more than 64 KiB, a
/// write waits, so that one of at most 64 KiB is never split.
/// If a write fails that way, what was taken after it is given up, and the next call on the file, whichever it is,
/// gives the error instead of doing anything: [`flush`](futures_io::AsyncWrite::poll_flush) and [`close`](Self::close)
/// surely do.
///
/// **Dropping** the file does not lose what it took: it is still written, by the job, or where the job is dropped if it
/// is not to run any more, as at the end of the runtime. If that fails, the error is reported through
/// [`Builder::on_unhandled`](crate::runtime::Builder::on_unhandled). A process that ends without ending its runtime may
/// lose it: flush or close a file before that.
///
/// Pipes, terminals and the like can be opened, but a read of them occupies a thread of the pool until there is
/// something to read, the other calls on the file wait for it, and so does the end of the runtime.
///
/// # Cancel safety
///
/// A read, write or seek whose future is dropped leaves the file usable: what was read is there for the next read, what
/// was taken is written, and a seek is done to its end, or not at all, before the next read, write or seek begins.
///
/// # Examples
///
/// ```
/// use filch::fs::{self, File};
/// use futures_lite::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
/// use std::io::SeekFrom;
///
/// # let path = std::env::temp_dir().join(format!("filch-doc-file-{}", std::process::id()));
/// filch::block_on(async {
///     let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&path).await?;
///     file.write_all(b"hello, file").await?;
///     file.seek(SeekFrom::Start(7)).await?;
///     let mut rest = String::new();
///     file.read_to_string(&mut rest).await?;
///     assert_eq!(rest, "file");
///     file.close().await?;
///     fs::remove_file(&path).await
/// }).unwrap();
/// ```
pub struct File {
    pub(super) open: Arc<Open>,
    pub(super) most: usize,
    /// A read that was begun, with the epoch of that time.
    pub(super) reading: Option<(u64, Operation<usize>)>,
    pub(super) seeking: Option<(SeekFrom, Operation<u64>)>,
    /// A seek that tokio's trait has announced.
    #[cfg(feature = "tokio")]
    pub(super) started: Option<SeekFrom>,
}

impl File {
    /// Opens a file to read it; see [`std::fs::File::open`].
    ///
    /// # Errors
    ///
    /// As there; see also [`Operation`].
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::fs::File;
    /// use futures_lite::AsyncReadExt;
    ///
    /// filch::block_on(async {
    ///     let mut text = String::new();
    ///     File::open("Cargo.toml").await?.read_to_string(&mut text).await?;
    ///     assert!(text.contains("filch"));
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn open<P: AsRef<Path>>(path: P) -> Operation<Self> {
        Self::open_with("File::open", path.as_ref(), |path| {
            std::fs::File::open(path)
        })
    }

    /// Opens a file to write it, and empties it or makes it; see [`std::fs::File::create`].
    ///
    /// # Errors
    ///
    /// As there; see also [`Operation`].
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::fs::{self, File};
    /// use futures_lite::AsyncWriteExt;
    ///
    /// # let path = std::env::temp_dir().join(format!("filch-doc-create-{}", std::process::id()));
    /// filch::block_on(async {
    ///     let mut file = File::create(&path).await?;
    ///     file.write_all(b"text").await?;
    ///     file.close().await?;
    ///     assert_eq!(fs::read(&path).await?, b"text");
    ///     fs::remove_file(&path).await
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn create<P: AsRef<Path>>(path: P) -> Operation<Self> {
        Self::open_with("File::create", path.as_ref(), |path| {
            std::fs::File::create(path)
        })
    }

    /// Makes a file that must not be there yet, and opens it to read and write; see [`std::fs::File::create_new`].
    ///
    /// # Errors
    ///
    /// As there; see also [`Operation`].
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::fs::File;
    /// filch::block_on(async {
    ///     let error = File::create_new("Cargo.toml").await.unwrap_err();
    ///     assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    /// });
    /// ```
    #[track_caller]
    pub fn create_new<P: AsRef<Path>>(path: P) -> Operation<Self> {
        Self::open_with("File::create_new", path.as_ref(), |path| {
            std::fs::File::create_new(path)
        })
    }

    #[track_caller]
    pub(super) fn open_with(
        called: &'static str,
        path: &Path,
        open: impl FnOnce(&Path) -> io::Result<std::fs::File> + Send + 'static,
    ) -> Operation<Self> {
        let (home, path) = (Home::expect(called), path.to_path_buf());
        Operation::at(home.clone(), called, move || {
            let file = open(&path)?;
            Ok(Self::new(file, Some(path), home))
        })
    }

    pub(super) fn new(file: std::fs::File, path: Option<PathBuf>, home: Home) -> Self {
        let open = Arc::new(Open::new(Disk { file, path }, home));
        open.add_handle();
        Self {
            open,
            most: MAX_BUF_SIZE,
            reading: None,
            seeking: None,
            #[cfg(feature = "tokio")]
            started: None,
        }
    }

    /// A file that was opened by `std`. Its calls run in the runtime that polls them, or else in the one, if any, where this
    /// was called.
    ///
    /// ```
    /// use futures_lite::AsyncReadExt;
    /// let file = std::fs::File::open("Cargo.toml")?;
    /// filch::block_on(async {
    ///     let mut text = String::new();
    ///     filch::fs::File::from_std(file).read_to_string(&mut text).await
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn from_std(file: std::fs::File) -> Self {
        Self::new(file, None, Home::here())
    }

    /// The file as `std`'s, after calls under way are done and what is to be written is written, with the position where
    /// this file's was.
    ///
    /// # Errors
    ///
    /// If a write failed; the file is closed then. [`flush`](futures_io::AsyncWrite::poll_flush) first to keep it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is the file.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::fs::File;
    /// use futures_lite::AsyncReadExt;
    /// use std::io::{Read, Seek};
    ///
    /// let mut file = filch::block_on(async {
    ///     let mut file = File::open("Cargo.toml").await?;
    ///     file.read_exact(&mut [0; 3]).await?;
    ///     file.into_std().await
    /// })?;
    /// assert_eq!(file.stream_position()?, 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn into_std(mut self) -> io::Result<std::fs::File> {
        poll_fn(|cx| PollWrite::poll_flush(&mut self, cx)).await?;
        poll_fn(|cx| self.poll_begun(cx)).await;
        let open = Arc::clone(&self.open);
        let aligned = move || open::aligned(&open, |_| Ok(()));
        Operation::at(self.open.home.clone(), "File::into_std", aligned).await?;
        let open = Arc::clone(&self.open);
        drop(self);
        match Arc::try_unwrap(open) {
            Ok(open) => Ok(open.into_sink().file),
            // A call on this file is still kept by someone.
            Err(open) => open.sink.file.try_clone(),
        }
    }

    /// Writes what is to be written, and closes the file; on the pool, as the system may take its time.
    ///
    /// The system may have the bytes only in memory then: [`sync_all`](Self::sync_all) waits for the disk.
    ///
    /// # Errors
    ///
    /// If a write failed. The file is closed in any case.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is the file, which still writes what is to be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("filch-doc-close-{}", std::process::id()));
    /// use filch::fs::{self, File};
    /// use futures_lite::AsyncWriteExt;
    ///
    /// filch::block_on(async {
    ///     let mut file = File::create(&path).await?;
    ///     file.write_all(b"important").await?;
    ///     file.close().await?;
    ///     fs::remove_file(&path).await
    /// }).unwrap();
    /// ```
    pub async fn close(mut self) -> io::Result<()> {
        poll_fn(|cx| PollWrite::poll_flush(&mut self, cx)).await?;
        let home = self.open.home.clone();
        let close = move || {
            drop(self);
            Ok(())
        };
        Operation::at(home, "File::close", close).await
    }

    /// How many bytes are read ahead at most, and how many wait to be written at most, while as many are being written: 64
    /// KiB each unless set, and at least 1.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let mut file = filch::fs::File::open("Cargo.toml").await?;
    ///     file.set_max_buf_size(1 << 20);
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    pub fn set_max_buf_size(&mut self, bytes: usize) {
        self.most = bytes.max(1);
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.open.release_handle();
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("File");
        if let Some(path) = &self.open.sink.path {
            fields.field("path", path);
        }
        fields.field("file", &self.open.sink.file).finish()
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for File {
    /// The descriptor; its position is ahead of the file's by what was read ahead, and behind by what is to be written.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.open.sink.file.as_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsHandle for File {
    fn as_handle(&self) -> std::os::windows::io::BorrowedHandle<'_> {
        self.open.sink.file.as_handle()
    }
}

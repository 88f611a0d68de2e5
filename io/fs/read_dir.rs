//! The entries of a directory as a stream. It owns the batches in which they are read.

use super::operation::Operation;
use crate::runtime::coop;
use crate::runtime::home::Home;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use futures_core::Stream;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So many entries are read by one job.
const BATCH: usize = 64;

/// The entries of a directory, in the system's order, without `.` and `..`; see [`std::fs::read_dir`].
///
/// They are read in batches of 64, so that an entry does not cost a job each.
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
/// filch::block_on(async {
///     let mut entries = filch::fs::read_dir(".").await?;
///     let mut found = false;
///     while let Some(entry) = entries.next_entry().await? {
///         found |= entry.file_name() == "Cargo.toml";
///     }
///     assert!(found);
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn read_dir<P: AsRef<Path>>(path: P) -> Operation<ReadDir> {
    let path = path.as_ref().to_path_buf();
    let home = Home::expect("fs::read_dir");
    Operation::at(home.clone(), "fs::read_dir", move || {
        let batch = read_batch(std::fs::read_dir(path)?, &home);
        Ok(ReadDir {
            home,
            entries: batch.entries,
            rest: batch.rest.map_or(Rest::None, Rest::Here),
        })
    })
}

/// The entries of a directory: a [`Stream`], made by [`read_dir`].
///
/// ```
/// use futures_lite::StreamExt;
///
/// filch::block_on(async {
///     let names = filch::fs::read_dir(".").await?.map(|entry| entry.map(|entry| entry.file_name()));
///     let names: Vec<_> = names.try_collect().await?;
///     assert!(names.iter().any(|name| name == "Cargo.toml"));
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[must_use = "entries are read when they are asked for"]
pub struct ReadDir {
    home: Home,
    entries: VecDeque<io::Result<DirEntry>>,
    rest: Rest,
}

/// Where the system's stream is.
enum Rest {
    Here(std::fs::ReadDir),
    InJob(Operation<Batch>),
    None,
}

struct Batch {
    entries: VecDeque<io::Result<DirEntry>>,
    rest: Option<std::fs::ReadDir>,
}

fn read_batch(mut system: std::fs::ReadDir, home: &Home) -> Batch {
    let mut entries = VecDeque::new();
    while entries.len() < BATCH {
        let Some(entry) = system.next() else {
            return Batch {
                entries,
                rest: None,
            };
        };
        entries.push_back(entry.map(|entry| DirEntry::new(entry, home)));
    }
    Batch {
        entries,
        rest: Some(system),
    }
}

impl ReadDir {
    /// The next entry, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// If the system cannot read on; see also [`Operation`].
    ///
    /// # Cancel safety
    ///
    /// No entry is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     let mut entries = filch::fs::read_dir(".").await?;
    ///     assert!(entries.next_entry().await?.is_some());
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_entry(cx)).await.transpose()
    }

    fn poll_entry(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<DirEntry>>> {
        ready!(coop::poll_proceed(cx));
        loop {
            if let Some(entry) = self.entries.pop_front() {
                coop::made_progress();
                return Poll::Ready(Some(entry));
            }
            self.rest = match core::mem::replace(&mut self.rest, Rest::None) {
                Rest::None => return Poll::Ready(None),
                Rest::Here(system) => {
                    let home = self.home.clone();
                    let job = move || Ok(read_batch(system, &home));
                    Rest::InJob(Operation::at(self.home.clone(), "ReadDir::next_entry", job))
                }
                Rest::InJob(mut job) => match Pin::new(&mut job).poll(cx) {
                    Poll::Pending => {
                        self.rest = Rest::InJob(job);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(batch)) => {
                        self.entries = batch.entries;
                        batch.rest.map_or(Rest::None, Rest::Here)
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                },
            };
        }
    }
}

impl Stream for ReadDir {
    type Item = io::Result<DirEntry>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_entry(cx)
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir")
            .field("entries_at_hand", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// An entry of a directory: [`std::fs::DirEntry`].
///
/// ```
/// filch::block_on(async {
///     let mut entries = filch::fs::read_dir(".").await?;
///     while let Some(entry) = entries.next_entry().await? {
///         println!("{} {}", entry.path().display(), entry.metadata().await?.len());
///     }
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
pub struct DirEntry {
    entry: Arc<std::fs::DirEntry>,
    /// What the directory says of it, or had the system say as it was read.
    file_type: Option<FileType>,
    home: Home,
}

impl DirEntry {
    fn new(entry: std::fs::DirEntry, home: &Home) -> Self {
        Self {
            file_type: entry.file_type().ok(),
            entry: Arc::new(entry),
            home: home.clone(),
        }
    }

    /// The path that was given to [`read_dir`], and the name.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let entry = filch::fs::read_dir(".").await?.next_entry().await?.unwrap();
    ///     assert!(entry.path().starts_with("."));
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// The name.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let entry = filch::fs::read_dir(".").await?.next_entry().await?.unwrap();
    ///     assert_ne!(entry.file_name(), "..");
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    pub fn file_name(&self) -> OsString {
        self.entry.file_name()
    }

    /// Whether it is a file, a directory, or a link, which is not followed. It is known already, and costs no job.
    ///
    /// # Errors
    ///
    /// As [`std::fs::DirEntry::file_type`]; see also [`Operation`].
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     let entry = filch::fs::read_dir("tests").await?.next_entry().await?.unwrap();
    ///     let file_type = entry.file_type().await?;
    ///     assert!(file_type.is_file() || file_type.is_dir());
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn file_type(&self) -> Operation<FileType> {
        const CALLED: &str = "DirEntry::file_type";
        match self.file_type {
            Some(known) => Operation::ready(CALLED, Ok(known)),
            None => self.call(CALLED, std::fs::DirEntry::file_type),
        }
    }

    /// What the system knows of the entry itself, although it may be a link; see [`std::fs::DirEntry::metadata`].
    ///
    /// # Errors
    ///
    /// As there; see also [`Operation`].
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     let entry = filch::fs::read_dir(".").await?.next_entry().await?.unwrap();
    ///     assert!(entry.metadata().await?.modified().is_ok());
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn metadata(&self) -> Operation<Metadata> {
        self.call("DirEntry::metadata", std::fs::DirEntry::metadata)
    }

    #[track_caller]
    fn call<T: Send + 'static>(
        &self,
        called: &'static str,
        f: fn(&std::fs::DirEntry) -> io::Result<T>,
    ) -> Operation<T> {
        let entry = Arc::clone(&self.entry);
        Operation::at(self.home.called_here(), called, move || Ok(f(&entry)?))
    }

    /// The number of the inode.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let entry = filch::fs::read_dir(".").await?.next_entry().await?.unwrap();
    ///     assert_ne!(entry.ino(), 0);
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    #[cfg(unix)]
    pub fn ino(&self) -> u64 {
        std::os::unix::fs::DirEntryExt::ino(&*self.entry)
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.path()).finish()
    }
}

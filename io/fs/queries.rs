//! What is asked of an open file other than its bytes, after all that was written before.
//! It must not know how they are written.

use super::file::File;
use super::open;
use super::operation::Operation;
use std::fs::{FileTimes, Metadata, Permissions};
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

impl File {
    /// Its length, times and permissions; see [`std::fs::File::metadata`].
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
    ///     let file = filch::fs::File::open("Cargo.toml").await?;
    ///     assert!(file.metadata().await?.len() > 0);
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn metadata(&self) -> Operation<Metadata> {
        self.settled("File::metadata", std::fs::File::metadata)
    }

    /// Waits until the system has brought contents and metadata to the disk; see [`std::fs::File::sync_all`].
    ///
    /// # Errors
    ///
    /// As there, and if an earlier write failed; see also [`Operation`].
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     filch::fs::File::open("Cargo.toml").await?.sync_all().await
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn sync_all(&self) -> Operation<()> {
        self.settled("File::sync_all", std::fs::File::sync_all)
    }

    /// As [`sync_all`](Self::sync_all), without the metadata that reading does not need; see [`std::fs::File::sync_data`].
    ///
    /// # Errors
    ///
    /// As there, and if an earlier write failed; see also [`Operation`].
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     filch::fs::File::open("Cargo.toml").await?.sync_data().await
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn sync_data(&self) -> Operation<()> {
        self.settled("File::sync_data", std::fs::File::sync_data)
    }

    /// Cuts the file off, or makes it longer with zeros; the position stays. See [`std::fs::File::set_len`].
    ///
    /// # Errors
    ///
    /// As there, and if an earlier write failed; see also [`Operation`].
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("filch-doc-set-len-{}", std::process::id()));
    /// use filch::fs::{self, File};
    ///
    /// filch::block_on(async {
    ///     File::create(&path).await?.set_len(3).await?;
    ///     assert_eq!(fs::read(&path).await?, [0; 3]);
    ///     fs::remove_file(&path).await
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn set_len(&self, bytes: u64) -> Operation<()> {
        let open = Arc::clone(&self.open);
        Operation::at(self.open.home.called_here(), "File::set_len", move || {
            open::aligned(&open, |file| file.set_len(bytes))
        })
    }

    /// See [`std::fs::File::set_permissions`].
    ///
    /// # Errors
    ///
    /// As there, and if an earlier write failed; see also [`Operation`].
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("filch-doc-permissions-{}", std::process::id()));
    /// use filch::fs::{self, File};
    ///
    /// filch::block_on(async {
    ///     let file = File::create(&path).await?;
    ///     let permissions = file.metadata().await?.permissions();
    ///     file.set_permissions(permissions).await?;
    ///     fs::remove_file(&path).await
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn set_permissions(&self, permissions: Permissions) -> Operation<()> {
        self.settled("File::set_permissions", |file| {
            file.set_permissions(permissions)
        })
    }

    /// Sets the times of the last access and the last change; see [`std::fs::File::set_times`].
    ///
    /// # Errors
    ///
    /// As there, and if an earlier write failed; see also [`Operation`].
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("filch-doc-times-{}", std::process::id()));
    /// use filch::fs::{self, File};
    /// use std::{fs::FileTimes, time::SystemTime};
    ///
    /// filch::block_on(async {
    ///     let file = File::create(&path).await?;
    ///     file.set_times(FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH)).await?;
    ///     fs::remove_file(&path).await
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn set_times(&self, times: FileTimes) -> Operation<()> {
        self.settled("File::set_times", move |file| file.set_times(times))
    }

    /// Sets the time of the last change; see [`std::fs::File::set_modified`].
    ///
    /// # Errors
    ///
    /// As there, and if an earlier write failed; see also [`Operation`].
    ///
    /// # Cancel safety
    ///
    /// See [`Operation`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("filch-doc-modified-{}", std::process::id()));
    /// use filch::fs::{self, File};
    /// use std::time::SystemTime;
    ///
    /// filch::block_on(async {
    ///     let file = File::create(&path).await?;
    ///     file.set_modified(SystemTime::UNIX_EPOCH).await?;
    ///     assert_eq!(file.metadata().await?.modified()?, SystemTime::UNIX_EPOCH);
    ///     fs::remove_file(&path).await
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn set_modified(&self, time: SystemTime) -> Operation<()> {
        self.settled("File::set_modified", move |file| file.set_modified(time))
    }

    /// Another handle to the same open file, which shares the position in the system; see [`std::fs::File::try_clone`].
    ///
    /// What this file has read ahead is given up first, so that both begin at its position. From then on each reads ahead
    /// and gathers for itself: flush one before using the other.
    ///
    /// # Errors
    ///
    /// As there, and if an earlier write failed; see also [`Operation`].
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
    ///     let mut file = File::open("Cargo.toml").await?;
    ///     let mut first = [0; 4];
    ///     file.read_exact(&mut first).await?;
    ///     let mut clone = file.try_clone().await?;
    ///     let mut rest = String::new();
    ///     clone.read_to_string(&mut rest).await?;
    ///     assert_eq!(rest, std::fs::read_to_string("Cargo.toml")?[4..]);
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn try_clone(&self) -> Operation<Self> {
        let (open, home) = (Arc::clone(&self.open), self.open.home.called_here());
        let most = self.most;
        Operation::at(home.clone(), "File::try_clone", move || {
            let file = open::aligned(&open, std::fs::File::try_clone)?;
            let mut clone = Self::new(file, open.sink.path.clone(), home);
            clone.most = most;
            Ok(clone)
        })
    }

    #[track_caller]
    fn settled<T: Send + 'static>(
        &self,
        called: &'static str,
        f: impl FnOnce(&std::fs::File) -> io::Result<T> + Send + 'static,
    ) -> Operation<T> {
        let open = Arc::clone(&self.open);
        let job = move || open::settled(&open, f);
        Operation::at(self.open.home.called_here(), called, job)
    }
}

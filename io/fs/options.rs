//! How a file is to be opened. It owns no decision: `std` has them all.

use super::file::File;
use super::operation::Operation;
use std::path::Path;

/// How a file is opened: [`std::fs::OpenOptions`].
///
/// ```
/// # let path = std::env::temp_dir().join(format!("filch-doc-options-{}", std::process::id()));
/// use filch::fs::{self, OpenOptions};
/// use futures_lite::AsyncWriteExt;
///
/// filch::block_on(async {
///     for line in ["one\n", "two\n"] {
///         let mut log = OpenOptions::new().append(true).create(true).open(&path).await?;
///         log.write_all(line.as_bytes()).await?;
///         log.close().await?;
///     }
///     assert_eq!(fs::read_to_string(&path).await?, "one\ntwo\n");
///     fs::remove_file(&path).await
/// }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions(std::fs::OpenOptions);

impl OpenOptions {
    /// Nothing is allowed yet: at least one of [`read`](Self::read), [`write`](Self::write) and
    /// [`append`](Self::append) is to be called.
    ///
    /// ```
    /// let error = filch::block_on(async { filch::fs::OpenOptions::new().open("Cargo.toml").await });
    /// assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    #[expect(clippy::new_without_default, reason = "as in `std`")]
    pub fn new() -> Self {
        Self(std::fs::OpenOptions::new())
    }

    /// To read; see [`std::fs::OpenOptions::read`].
    ///
    /// ```
    /// let mut options = filch::fs::OpenOptions::new();
    /// options.read(true);
    /// ```
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.0.read(read);
        self
    }

    /// To write; see [`std::fs::OpenOptions::write`].
    ///
    /// ```
    /// let mut options = filch::fs::OpenOptions::new();
    /// options.write(true);
    /// ```
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.0.write(write);
        self
    }

    /// To write at the end, wherever the position is; see [`std::fs::OpenOptions::append`].
    ///
    /// ```
    /// let mut options = filch::fs::OpenOptions::new();
    /// options.append(true);
    /// ```
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.0.append(append);
        self
    }

    /// To empty the file; see [`std::fs::OpenOptions::truncate`].
    ///
    /// ```
    /// let mut options = filch::fs::OpenOptions::new();
    /// options.truncate(true);
    /// ```
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.0.truncate(truncate);
        self
    }

    /// To make the file if it is not there; see [`std::fs::OpenOptions::create`].
    ///
    /// ```
    /// let mut options = filch::fs::OpenOptions::new();
    /// options.create(true);
    /// ```
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.0.create(create);
        self
    }

    /// To make the file, which must not be there; see [`std::fs::OpenOptions::create_new`].
    ///
    /// ```
    /// let mut options = filch::fs::OpenOptions::new();
    /// options.create_new(true);
    /// ```
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.0.create_new(create_new);
        self
    }

    /// Opens the file; see [`std::fs::OpenOptions::open`].
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
    ///     let file = filch::fs::OpenOptions::new().read(true).open("Cargo.toml").await?;
    ///     assert!(file.metadata().await?.is_file());
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn open<P: AsRef<Path>>(&self, path: P) -> Operation<File> {
        let options = self.0.clone();
        File::open_with("OpenOptions::open", path.as_ref(), move |path| {
            options.open(path)
        })
    }
}

/// What only Unix has.
#[cfg(unix)]
impl OpenOptions {
    /// The permissions of a file that is made, before the umask: `0o666` unless set.
    ///
    /// ```
    /// let mut options = filch::fs::OpenOptions::new();
    /// options.write(true).create(true).mode(0o600);
    /// ```
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        std::os::unix::fs::OpenOptionsExt::mode(&mut self.0, mode);
        self
    }

    /// More flags for the system call; those of the access mode are left out.
    ///
    /// ```
    /// let mut options = filch::fs::OpenOptions::new();
    /// options.read(true).custom_flags(0);
    /// ```
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut self.0, flags);
        self
    }
}

impl From<std::fs::OpenOptions> for OpenOptions {
    fn from(options: std::fs::OpenOptions) -> Self {
        Self(options)
    }
}

impl File {
    /// All the ways of opening: [`OpenOptions::new`].
    ///
    /// ```
    /// filch::block_on(async {
    ///     let file = filch::fs::File::options().read(true).open("Cargo.toml").await?;
    ///     assert!(file.metadata().await?.is_file());
    ///     # Ok::<(), std::io::Error>(())
    /// }).unwrap();
    /// ```
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }
}

//! How a directory is to be made. It owns no decision: `std` has them all.

use super::operation::Operation;
use std::path::Path;

/// Makes directories in more ways than [`create_dir`](super::create_dir): [`std::fs::DirBuilder`].
///
/// ```
/// # let path = std::env::temp_dir().join(format!("filch-doc-dir-builder-{}", std::process::id()));
/// use filch::fs::{self, DirBuilder};
///
/// filch::block_on(async {
///     DirBuilder::new().recursive(true).create(path.join("a/b")).await?;
///     fs::remove_dir_all(&path).await
/// }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct DirBuilder {
    recursive: bool,
    #[cfg(unix)]
    mode: Option<u32>,
}

impl DirBuilder {
    /// Makes one directory at a time.
    ///
    /// ```
    /// let builder = filch::fs::DirBuilder::new();
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to make the directories above, too, and to be content with one that is there.
    ///
    /// ```
    /// let mut builder = filch::fs::DirBuilder::new();
    /// builder.recursive(true);
    /// ```
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.recursive = recursive;
        self
    }

    /// The permissions, before the umask: `0o777` unless set.
    ///
    /// ```
    /// let mut builder = filch::fs::DirBuilder::new();
    /// builder.mode(0o700);
    /// ```
    #[cfg(unix)]
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// Makes the directory; see [`std::fs::DirBuilder::create`].
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
    /// let there = filch::block_on(async { filch::fs::DirBuilder::new().recursive(true).create(".").await });
    /// assert!(there.is_ok());
    /// ```
    #[track_caller]
    pub fn create<P: AsRef<Path>>(&self, path: P) -> Operation<()> {
        let path = path.as_ref().to_path_buf();
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(self.recursive);
        #[cfg(unix)]
        if let Some(mode) = self.mode {
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
        }
        Operation::new("DirBuilder::create", move || builder.create(path))
    }
}

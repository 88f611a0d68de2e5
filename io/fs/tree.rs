//! The tree of directories: what makes, moves and removes entries. It must not know what is in a file.

use super::operation::Operation;
use std::path::Path;

/// Makes a directory in one that is there; see [`std::fs::create_dir`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-create-dir-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     fs::create_dir(&path).await?;
///     assert!(fs::metadata(&path).await?.is_dir());
///     fs::remove_dir(&path).await
/// }).unwrap();
/// ```
#[track_caller]
pub fn create_dir<P: AsRef<Path>>(path: P) -> Operation<()> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::create_dir", move || std::fs::create_dir(path))
}

/// Makes a directory, and those above it that are not there; see [`std::fs::create_dir_all`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-create-all-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     fs::create_dir_all(path.join("a/b")).await?;
///     fs::remove_dir_all(&path).await
/// }).unwrap();
/// ```
#[track_caller]
pub fn create_dir_all<P: AsRef<Path>>(path: P) -> Operation<()> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::create_dir_all", move || std::fs::create_dir_all(path))
}

/// Removes an empty directory; see [`std::fs::remove_dir`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-remove-dir-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     fs::create_dir(&path).await?;
///     fs::remove_dir(&path).await?;
///     assert!(!fs::try_exists(&path).await?);
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn remove_dir<P: AsRef<Path>>(path: P) -> Operation<()> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::remove_dir", move || std::fs::remove_dir(path))
}

/// Removes a directory and all that is in it; see [`std::fs::remove_dir_all`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-remove-all-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     fs::create_dir_all(path.join("a/b")).await?;
///     fs::remove_dir_all(&path).await?;
///     assert!(!fs::try_exists(&path).await?);
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> Operation<()> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::remove_dir_all", move || std::fs::remove_dir_all(path))
}

/// Removes a file; see [`std::fs::remove_file`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-remove-file-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     fs::write(&path, "text").await?;
///     fs::remove_file(&path).await?;
///     assert!(!fs::try_exists(&path).await?);
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn remove_file<P: AsRef<Path>>(path: P) -> Operation<()> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::remove_file", move || std::fs::remove_file(path))
}

/// Moves an entry, replacing a file that has the new name; see [`std::fs::rename`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-rename-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     let new = path.with_extension("new");
///     fs::write(&path, "text").await?;
///     fs::rename(&path, &new).await?;
///     fs::remove_file(&new).await
/// }).unwrap();
/// ```
#[track_caller]
pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> Operation<()> {
    let (from, to) = (from.as_ref().to_path_buf(), to.as_ref().to_path_buf());
    Operation::new("fs::rename", move || std::fs::rename(from, to))
}

/// Gives a file a second name; see [`std::fs::hard_link`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-hard-link-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     let second = path.with_extension("second");
///     fs::write(&path, "text").await?;
///     fs::hard_link(&path, &second).await?;
///     fs::remove_file(&path).await?;
///     assert_eq!(fs::read(&second).await?, b"text");
///     fs::remove_file(&second).await
/// }).unwrap();
/// ```
#[track_caller]
pub fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> Operation<()> {
    let (from, to) = (from.as_ref().to_path_buf(), to.as_ref().to_path_buf());
    Operation::new("fs::hard_link", move || std::fs::hard_link(from, to))
}

/// Makes the symbolic link `to`, which leads to `from`; see [`std::os::unix::fs::symlink`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-symlink-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     fs::symlink("nowhere", &path).await?;
///     assert_eq!(fs::read_link(&path).await?.to_str(), Some("nowhere"));
///     fs::remove_file(&path).await
/// }).unwrap();
/// ```
#[cfg(unix)]
#[track_caller]
pub fn symlink<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> Operation<()> {
    let (from, to) = (from.as_ref().to_path_buf(), to.as_ref().to_path_buf());
    Operation::new("fs::symlink", move || std::os::unix::fs::symlink(from, to))
}

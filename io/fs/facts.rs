//! What the system knows of an entry. It must not know what is in it.

use super::operation::Operation;
use std::fs::{Metadata, Permissions};
use std::path::{Path, PathBuf};

/// Length, times, permissions and kind of what a path leads to; see [`std::fs::metadata`].
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
///     assert!(filch::fs::metadata("Cargo.toml").await?.is_file());
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn metadata<P: AsRef<Path>>(path: P) -> Operation<Metadata> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::metadata", move || std::fs::metadata(path))
}

/// The same of the entry itself, although it may be a symbolic link; see [`std::fs::symlink_metadata`].
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
///     assert!(filch::fs::symlink_metadata("Cargo.toml").await?.is_file());
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> Operation<Metadata> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::symlink_metadata", move || {
        std::fs::symlink_metadata(path)
    })
}

/// Changes the permissions of what a path leads to; see [`std::fs::set_permissions`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-permit-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     fs::write(&path, "text").await?;
///     let mut permissions = fs::metadata(&path).await?.permissions();
///     permissions.set_readonly(true);
///     fs::set_permissions(&path, permissions).await?;
///     assert!(fs::metadata(&path).await?.permissions().readonly());
///     fs::remove_file(&path).await
/// }).unwrap();
/// ```
#[track_caller]
pub fn set_permissions<P: AsRef<Path>>(path: P, permissions: Permissions) -> Operation<()> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::set_permissions", move || {
        std::fs::set_permissions(path, permissions)
    })
}

/// The absolute path without links and dots; see [`std::fs::canonicalize`].
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
///     assert!(filch::fs::canonicalize("./Cargo.toml").await?.is_absolute());
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn canonicalize<P: AsRef<Path>>(path: P) -> Operation<PathBuf> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::canonicalize", move || std::fs::canonicalize(path))
}

/// Where a symbolic link leads; see [`std::fs::read_link`].
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
///     assert!(filch::fs::read_link("Cargo.toml").await.is_err());
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn read_link<P: AsRef<Path>>(path: P) -> Operation<PathBuf> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::read_link", move || std::fs::read_link(path))
}

/// Whether a path leads anywhere; see [`std::fs::exists`].
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
///     assert!(filch::fs::try_exists("Cargo.toml").await?);
///     assert!(!filch::fs::try_exists("Cargo.tomb").await?);
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn try_exists<P: AsRef<Path>>(path: P) -> Operation<bool> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::try_exists", move || std::fs::exists(path))
}

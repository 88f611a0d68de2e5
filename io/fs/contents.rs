//! Whole files in one call. It must not know what is open.

use super::operation::Operation;
use std::path::Path;

/// All the bytes of a file; see [`std::fs::read`].
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
///     let bytes = filch::fs::read("Cargo.toml").await?;
///     assert!(!bytes.is_empty());
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn read<P: AsRef<Path>>(path: P) -> Operation<Vec<u8>> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::read", move || std::fs::read(path))
}

/// A file that is UTF-8; see [`std::fs::read_to_string`].
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
///     let text = filch::fs::read_to_string("Cargo.toml").await?;
///     assert!(text.contains("filch"));
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn read_to_string<P: AsRef<Path>>(path: P) -> Operation<String> {
    let path = path.as_ref().to_path_buf();
    Operation::new("fs::read_to_string", move || std::fs::read_to_string(path))
}

/// Makes a file of these bytes, which are copied, or replaces what it held; see [`std::fs::write`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-write-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     fs::write(&path, "text").await?;
///     assert_eq!(fs::read(&path).await?, b"text");
///     fs::remove_file(&path).await
/// }).unwrap();
/// ```
#[track_caller]
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, contents: C) -> Operation<()> {
    let path = path.as_ref().to_path_buf();
    let contents = contents.as_ref().to_vec();
    Operation::new("fs::write", move || std::fs::write(path, contents))
}

/// Copies a file with its permissions, and gives its length; see [`std::fs::copy`].
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
/// # let path = std::env::temp_dir().join(format!("filch-doc-copy-{}", std::process::id()));
/// filch::block_on(async {
///     use filch::fs;
///     let length = fs::copy("Cargo.toml", &path).await?;
///     assert_eq!(length, fs::metadata(&path).await?.len());
///     fs::remove_file(&path).await
/// }).unwrap();
/// ```
#[track_caller]
pub fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> Operation<u64> {
    let (from, to) = (from.as_ref().to_path_buf(), to.as_ref().to_path_buf());
    Operation::new("fs::copy", move || std::fs::copy(from, to))
}

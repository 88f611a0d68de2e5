//! The library's source as the tests that read it see it.

use std::path::{Path, PathBuf};

/// The directory of the package.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All source files of the library, its own unit tests included.
pub(crate) fn library_files() -> Vec<PathBuf> {
    let root = root();
    let mut files = vec![root.join("lib.rs")];
    for folder in ["runtime", "timer", "io"] {
        collect(&root.join(folder), &mut files);
    }
    // A package of its own, which runs at compile time.
    files.retain(|file| !file.starts_with(root.join("runtime/macros")));
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the library") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

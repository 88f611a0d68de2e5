//! Files and directories, as `lib.rs` describes them to users.
//! It owns what is public of it; it must not know the driver: nothing here waits for readiness.
//!
//! `operation.rs` has the future of a call, and the free functions beside it are one call each. A file is `open.rs`, which
//! stands on `io/behind.rs` and has the bytes and the position; `file.rs`, `queries.rs` and `streams.rs` are its face.

mod contents;
mod dir_builder;
mod facts;
mod file;
mod open;
mod operation;
mod options;
mod queries;
mod read_dir;
mod streams;
mod tree;

pub use self::contents::{copy, read, read_to_string, write};
pub use self::dir_builder::DirBuilder;
pub use self::facts::{
    canonicalize, metadata, read_link, set_permissions, symlink_metadata, try_exists,
};
pub use self::file::File;
pub use self::operation::Operation;
pub use self::options::OpenOptions;
pub use self::read_dir::{DirEntry, ReadDir, read_dir};
#[cfg(unix)]
pub use self::tree::symlink;
pub use self::tree::{
    create_dir, create_dir_all, hard_link, remove_dir, remove_dir_all, remove_file, rename,
};

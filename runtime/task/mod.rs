//! Tasks.
pub(crate) mod waker;

//! The runtime.
pub(crate) mod shim;
pub(crate) mod task;

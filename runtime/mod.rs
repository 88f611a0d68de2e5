//! The runtime.
pub(crate) mod blocking;
pub(crate) mod shim;
pub(crate) mod task;

//! Readiness, and everything that talks to the kernel. So far: the driver that a worker sleeps in.

pub(crate) mod driver;

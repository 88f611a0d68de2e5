//! Readiness, and everything that talks to the kernel.

pub(crate) mod behind;
pub(crate) mod driver;
pub(crate) mod fs;
pub(crate) mod traits;

#[cfg(not(any(loom, shuttle)))]
mod interest;
#[cfg(all(unix, not(any(loom, shuttle))))]
pub(crate) mod net;
#[cfg(all(unix, not(any(loom, shuttle))))]
pub mod pipe;
#[cfg(all(unix, not(any(loom, shuttle))))]
mod registered;

#[cfg(not(any(loom, shuttle)))]
pub use interest::{Interest, Ready};
#[cfg(all(unix, not(any(loom, shuttle))))]
pub use registered::Registered;

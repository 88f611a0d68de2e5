//! Readiness, and everything that talks to the kernel.

pub(crate) mod behind;
pub(crate) mod driver;
pub(crate) mod fs;
#[cfg(not(any(loom, shuttle)))]
mod interest;
#[cfg(all(unix, not(any(loom, shuttle))))]
pub(crate) mod net;
#[cfg(all(unix, not(any(loom, shuttle))))]
mod registered;
mod stdio;
pub(crate) mod traits;

#[cfg(not(any(loom, shuttle)))]
#[doc(inline)]
pub use self::interest::{Interest, Ready};
#[cfg(all(unix, not(any(loom, shuttle))))]
#[doc(inline)]
pub use self::registered::Registered;
#[doc(inline)]
pub use self::stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};

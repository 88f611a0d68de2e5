//! Readiness, and everything that talks to the kernel.

pub(crate) mod driver;
pub(crate) mod traits;

pub(crate) mod behind;
pub(crate) mod fs;
mod stdio;

#[doc(inline)]
pub use self::stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};

//! The standard streams of the process. It owns what is public of them; it must not know the driver: what they are
//! connected to may be a file, which has no readiness, or shared with other processes, which want it blocking.
//!
//! `stdin.rs` has a thread of the process, because a read that nobody can interrupt must not hold up the end of a runtime.
//! `output.rs` writes as files are written, through `io/behind.rs`. `ready.rs` waits where somebody else has made a
//! stream non-blocking.

mod output;
mod ready;
mod stdin;

pub use self::output::{Stderr, Stdout, stderr, stdout};
pub use self::stdin::{Stdin, stdin};

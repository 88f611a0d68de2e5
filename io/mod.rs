//! Byte streams: their traits, what is built on those, and streams in memory.
//!
//! | to | use |
//! |---|---|
//! | read and write | the traits [`AsyncRead`], [`AsyncWrite`], and the methods of [`AsyncReadExt`], [`AsyncWriteExt`] |
//! | read lines, or make few large reads and writes of many small ones | [`BufReader`], [`BufWriter`], [`AsyncBufReadExt`] |
//! | go to a place in a file | [`AsyncSeekExt`] |
//! | move all bytes from a stream to another | [`copy()`], [`copy_bidirectional`] |
//! | have two tasks use one stream | a reference, if the type reads and writes through that; else [`split()`] |
//! | test without a socket | [`duplex()`], [`simplex()`], [`Cursor`], [`empty()`], [`repeat()`], [`sink()`] |
//! | talk to the terminal | [`stdin()`], [`stdout()`], [`stderr()`] |
//! | wait for a descriptor of any kind | [`Registered`] |
//! | use what was written for hyper or tokio | the features `hyper` and `tokio`: see [`tokio_ecosystem`] |
//!
//! The traits are those of [`futures_io`](https://docs.rs/futures-io), on which smol and most crates without a runtime of
//! their own agree; the extension traits and adapters that are not filch's own are those of
//! [`futures_lite`](https://docs.rs/futures-lite). So a stream of filch fits wherever these are asked for, and a stream
//! from elsewhere fits here.
//!
//! Four things to know of futures-lite's: [`read_line`](AsyncBufReadExt::read_line) wants an empty string each time, not
//! one to append to; a `read_line`, [`read_until`](AsyncBufReadExt::read_until) or
//! [`read_exact`](AsyncReadExt::read_exact) that is dropped before its end has taken bytes from the stream and loses its
//! place; nothing bounds a line, so [`take`](AsyncReadExt::take) a limit from a peer that is not trusted; and
//! [`read_to_end`](AsyncReadExt::read_to_end) and `read_to_string` zero all that their buffer has to spare at each poll,
//! so that many megabytes in small pieces are better read by a loop of [`read`](AsyncReadExt::read).
//!
//! # Examples
//!
//! ```
//! use filch::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex};
//!
//! # fn main() -> std::io::Result<()> {
//! filch::block_on(async {
//!     let (mut here, there) = duplex(1024);
//!     here.write_all(b"one\ntwo\n").await?;
//!     drop(here);
//!
//!     let mut reader = BufReader::new(there);
//!     let mut line = String::new();
//!     reader.read_line(&mut line).await?;
//!     assert_eq!(line, "one\n");
//!     line.clear();
//!     reader.read_line(&mut line).await?;
//!     assert_eq!(line, "two\n");
//!     line.clear();
//!     assert_eq!(reader.read_line(&mut line).await?, 0);
//!     Ok(())
//! })
//! # }
//! ```

pub(crate) mod behind;
mod copy;
pub(crate) mod driver;
mod duplex;
pub(crate) mod fs;
// A sleep whose atomics are loom's is not what hyper asks for.
#[cfg(all(feature = "hyper", not(loom)))]
pub mod hyper;
#[cfg(not(any(loom, shuttle)))]
mod interest;
#[cfg(all(unix, not(any(loom, shuttle))))]
pub(crate) mod net;
mod null;
#[cfg(all(unix, not(any(loom, shuttle))))]
pub mod pipe;
#[cfg(all(unix, not(any(loom, shuttle))))]
mod registered;
mod simplex;
mod split;
mod stdio;
pub(crate) mod traits;
mod waiters;

#[doc = include_str!("tokio_ecosystem.md")]
pub mod tokio_ecosystem {}

#[doc(inline)]
pub use self::copy::{copy, copy_bidirectional, copy_bidirectional_with_sizes};
#[doc(inline)]
pub use self::duplex::{DuplexStream, duplex};
#[cfg(not(any(loom, shuttle)))]
#[doc(inline)]
pub use self::interest::{Interest, Ready};
#[doc(inline)]
pub use self::null::{Empty, Repeat, Sink, empty, repeat, sink};
#[cfg(all(unix, not(any(loom, shuttle))))]
#[doc(inline)]
pub use self::registered::Registered;
#[doc(inline)]
pub use self::simplex::{SimplexReader, SimplexWriter, simplex};
#[doc(inline)]
pub use self::split::{NotAPair, ReadHalf, WriteHalf, split};
#[doc(inline)]
pub use self::stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};

#[doc(no_inline)]
pub use futures_lite::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, BufReader, BufWriter, Bytes, Chain, Cursor, Lines, Split, Take,
};
#[doc(no_inline)]
pub use std::io::{Error, ErrorKind, Result, SeekFrom};

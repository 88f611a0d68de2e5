//! Standard output and error, written behind their users' backs in the order in which bytes were taken.
//! It owns the two sinks of the process; how they are written is told in `io/behind.rs`.

use super::ready::{For, insist};
use crate::io::behind::{Behind, Sink};
use crate::io::traits::{PollWrite, writers};
use crate::runtime::home::Home;
use core::fmt;
use core::task::{Context, Poll};
use std::io::{self, IoSlice, IsTerminal, Write};
use std::sync::{Arc, OnceLock};

/// So many bytes of each stream wait to be written at most, while as many are being written.
const MAX_BUF_SIZE: usize = 64 * 1024;

static STDOUT: OnceLock<Arc<Behind<Output>>> = OnceLock::new();
static STDERR: OnceLock<Arc<Behind<Output>>> = OnceLock::new();

/// A sink of the process. Bytes go through `std`'s handle, and so behind what `print!` has left in it.
enum Output {
    Stdout(io::Stdout),
    Stderr(io::Stderr),
}

impl Sink for Output {
    type Beside = ();

    fn write(&self, _: u64, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout(stream) => write_all(stream, &mut stream.lock(), bytes),
            Self::Stderr(stream) => write_all(stream, &mut stream.lock(), bytes),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Stdout(_) => "the standard output".into(),
            Self::Stderr(_) => "the standard error".into(),
        }
    }
}

/// The sink of the process, with a handle more. At the first time this is its place in the program.
#[track_caller]
fn handle_of(
    sink: &'static OnceLock<Arc<Behind<Output>>>,
    output: impl FnOnce() -> Output,
) -> Arc<Behind<Output>> {
    let behind = match sink.get() {
        Some(behind) => behind,
        None => {
            let home = Home::here();
            sink.get_or_init(|| Arc::new(Behind::new(output(), home)))
        }
    };
    behind.add_handle();
    Arc::clone(behind)
}

fn write_all(
    stream: &impl super::ready::Stream,
    locked: &mut impl Write,
    mut bytes: &[u8],
) -> io::Result<()> {
    while !bytes.is_empty() {
        match insist(stream, For::Writing, || locked.write(bytes))? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => bytes = &bytes[count..],
        }
    }
    insist(stream, For::Writing, || locked.flush())
}

/// A handle to the process's standard output.
///
/// It is buffered, and written on the blocking pool; a terminal that is slow, or a pipe that nobody reads, holds up no task but
/// those that write.
///
/// ```
/// use futures_lite::AsyncWriteExt;
///
/// filch::block_on(async {
///     let mut stdout = filch::io::stdout();
///     stdout.write_all(b"hello\n").await?;
///     stdout.flush().await
/// }).unwrap();
/// ```
#[track_caller]
pub fn stdout() -> Stdout {
    Stdout {
        behind: handle_of(&STDOUT, || Output::Stdout(io::stdout())),
        std: io::stdout(),
    }
}

/// The process's standard output, made by [`stdout`]: an [`AsyncWrite`](futures_io::AsyncWrite).
///
/// All handles share one buffer, and what they take is written in that order, by one job of the blocking pool at a
/// time. A write waits while more than 64 KiB would be waiting, so that one of at most 64 KiB is taken in one piece, and
/// lines of several tasks do not mix.
///
/// What was taken is written without a flush, too, also after the handles are dropped; by the end of the runtime all is
/// written, or was tried to. An error is told to the next call on any handle, and a flush surely has it. Without a
/// handle it is reported through [`Builder::on_unhandled`](crate::runtime::Builder::on_unhandled). A process that
/// ends without ending its runtime, as by [`std::process::exit`], is to flush before.
///
/// The bytes go through [`std::io::stdout`], one write after what `std` has in its buffer.
///
/// # Cancel safety
///
/// A write whose future is dropped has taken bytes or has not; what was taken is written.
///
/// # Examples
///
/// ```
/// use futures_lite::AsyncWriteExt;
///
/// filch::block_on(async {
///     for n in 0..3 {
///         filch::io::stdout().write_all(format!("line {n}\n").as_bytes()).await?;
///     }
///     filch::io::stdout().flush().await
/// }).unwrap();
/// ```
pub struct Stdout {
    behind: Arc<Behind<Output>>,
    std: io::Stdout,
}

impl Stdout {
    /// Whether it leads to a terminal; see [`std::io::IsTerminal`].
    ///
    /// ```
    /// if filch::io::stdout().is_terminal() {
    ///     println!("in colour");
    /// }
    /// ```
    pub fn is_terminal(&self) -> bool {
        self.std.is_terminal()
    }
}

/// A handle to the process's standard error.
///
/// It is buffered as [`stdout`] is, other than that of `std`: what must be seen even if the process dies belongs to
/// [`eprintln!`].
///
/// ```
/// use futures_lite::AsyncWriteExt;
///
/// filch::block_on(async {
///     let mut stderr = filch::io::stderr();
///     stderr.write_all(b"hello\n").await?;
///     stderr.flush().await
/// }).unwrap();
/// ```
#[track_caller]
pub fn stderr() -> Stderr {
    Stderr {
        behind: handle_of(&STDERR, || Output::Stderr(io::stderr())),
        std: io::stderr(),
    }
}

/// The process's standard error, made by [`stderr`]: an [`AsyncWrite`](futures_io::AsyncWrite).
///
/// All handles share one buffer, and what they take is written in that order, by one job of the blocking pool at a
/// time. A write waits while more than 64 KiB would be waiting, so that one of at most 64 KiB is taken in one piece, and
/// lines of several tasks do not mix.
///
/// What was taken is written without a flush, too, also after the handles are dropped; by the end of the runtime all is
/// written, or was tried to. An error is told to the next call on any handle, and a flush surely has it. Without a
/// handle it is reported through [`Builder::on_unhandled`](crate::runtime::Builder::on_unhandled). A process that
/// ends without ending its runtime, as by [`std::process::exit`], is to flush before.
///
/// The bytes go through [`std::io::stderr`], one write after what `std` has in its buffer.
///
/// # Cancel safety
///
/// A write whose future is dropped has taken bytes or has not; what was taken is written.
///
/// # Examples
///
/// ```
/// use futures_lite::AsyncWriteExt;
///
/// filch::block_on(async {
///     for n in 0..3 {
///         filch::io::stderr().write_all(format!("line {n}\n").as_bytes()).await?;
///     }
///     filch::io::stderr().flush().await
/// }).unwrap();
/// ```
pub struct Stderr {
    behind: Arc<Behind<Output>>,
    std: io::Stderr,
}

impl Stderr {
    /// Whether it leads to a terminal; see [`std::io::IsTerminal`].
    ///
    /// ```
    /// if filch::io::stderr().is_terminal() {
    ///     println!("in colour");
    /// }
    /// ```
    pub fn is_terminal(&self) -> bool {
        self.std.is_terminal()
    }
}

/// Both are the same, but for their names.
macro_rules! outputs {
    ($($name:ident),+) => {$(
        writers!($name);

        impl PollWrite for $name {
            const IS_VECTORED: bool = true;

            fn poll_write(
                &mut self,
                cx: &mut Context<'_>,
                buffer: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.poll_write_vectored(cx, &[IoSlice::new(buffer)])
            }

            fn poll_write_vectored(
                &mut self,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.behind.poll_write(cx, buffers, MAX_BUF_SIZE, |()| ())
            }

            fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.behind.poll_flush(cx)
            }

            /// The same as a flush: the stream is the process's, and remains open.
            fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.behind.poll_flush(cx)
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.behind.release_handle();
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }

        #[cfg(unix)]
        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.std.as_fd()
            }
        }

        #[cfg(windows)]
        impl std::os::windows::io::AsHandle for $name {
            fn as_handle(&self) -> std::os::windows::io::BorrowedHandle<'_> {
                self.std.as_handle()
            }
        }
    )+};
}

outputs!(Stdout, Stderr);

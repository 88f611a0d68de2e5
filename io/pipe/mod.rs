//! Pipes: anonymous ones between two ends in this program or a child, and FIFOs, which have a path.
//!
//! A pipe whose writers are all gone is read to its end; a write to a pipe whose readers are all gone is a
//! [`BrokenPipe`](std::io::ErrorKind::BrokenPipe). For that the signal `SIGPIPE` must be ignored, as Rust's programs
//! do: in a host that is not written in Rust, and has not ignored it, the write *kills the process*. Sockets are safe from that.
//!
//! Dropping an end closes it. To `close` a [`Sender`] through the traits does not.
//!
//! Tokio has these in `tokio::net::unix::pipe`.

mod fifo;
mod receiver;
mod sender;

pub use fifo::OpenOptions;
pub use receiver::Receiver;
pub use sender::Sender;

use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Makes a pipe. It needs no runtime.
///
/// # Errors
///
/// If there are no descriptors left.
///
/// # Examples
///
/// ```
/// # filch::block_on(async {
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// let (mut sender, mut receiver) = filch::io::pipe::pipe()?;
/// sender.write_all(b"hello").await?;
/// drop(sender);
/// let mut text = String::new();
/// receiver.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let (read, write) = nonblocking_pipe()?;
    Ok((
        Sender::from_nonblocking(write),
        Receiver::from_nonblocking(read),
    ))
}

#[cfg(not(target_vendor = "apple"))]
fn nonblocking_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pipe::{PipeFlags, pipe_with};
    Ok(pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

#[cfg(target_vendor = "apple")]
fn nonblocking_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    let (read, write) = rustix::pipe::pipe()?;
    for end in [&read, &write] {
        fcntl_setfd(end, FdFlags::CLOEXEC)?;
        ioctl_fionbio(end, true)?;
    }
    Ok((read, write))
}

/// Makes an end of a pipe non-blocking, if it is one and can do what is wanted.
fn take(end: &impl AsFd, wanted: OFlags, called: &str) -> io::Result<()> {
    let refuse = |what: &str| {
        let text = format!("`{called}` was given a descriptor that {what}");
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    };
    if FileType::from_raw_mode(fstat(end)?.st_mode) != FileType::Fifo {
        return refuse(
            "is no pipe: use `filch::net` for sockets, `filch::fs` for files, and `filch::io::Registered` for what else \
             can be waited for",
        );
    }
    let mode = fcntl_getfl(end)? & OFlags::ACCMODE;
    if mode != wanted && mode != OFlags::RDWR {
        return refuse("is the other end of a pipe");
    }
    rustix::io::ioctl_fionbio(end, true)?;
    Ok(())
}

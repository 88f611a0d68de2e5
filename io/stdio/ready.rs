//! Blocking calls on streams that another process, which shares them, has made non-blocking.
//! It must not know which stream it is.

use std::io::{self, ErrorKind};

#[cfg(unix)]
pub(super) trait Stream: std::os::fd::AsFd {}
#[cfg(unix)]
impl<T: std::os::fd::AsFd> Stream for T {}

#[cfg(not(unix))]
pub(super) trait Stream {}
#[cfg(not(unix))]
impl<T> Stream for T {}

/// What the call is waited for to do.
#[derive(Clone, Copy)]
pub(super) enum For {
    Reading,
    Writing,
}

/// Calls `f` until it is neither interrupted nor told to come back later.
pub(super) fn insist<R>(
    stream: &impl Stream,
    what: For,
    mut f: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    loop {
        match f() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(stream, what, error)?,
            done => return done,
        }
    }
}

#[cfg(unix)]
fn wait(stream: &impl Stream, what: For, _: io::Error) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    let flags = match what {
        For::Reading => PollFlags::IN,
        For::Writing => PollFlags::OUT,
    };
    match poll(&mut [PollFd::new(stream, flags)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn wait(_: &impl Stream, _: For, error: io::Error) -> io::Result<()> {
    Err(error)
}

//! The other end of an operation's connections: a plain thread with blocking sockets, in a process that is not measured.
//!
//! This file owns that thread and how the two ends find each other. It must not know what is exchanged.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// What the other end does for a number of operations. The measured process is the first to connect to the listener.
pub(crate) type Other = fn(u64, TcpListener) -> io::Result<()>;

/// The other end, at work.
pub(crate) struct OtherEnd {
    address: SocketAddr,
    thread: JoinHandle<io::Result<()>>,
}

impl OtherEnd {
    /// Starts it. The error is a sentence.
    pub(crate) fn start(other: Other, n: u64) -> Result<OtherEnd, String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|error| format!("cannot listen: {error}"))?;
        let thread = thread::spawn(move || other(n, listener));
        Ok(OtherEnd { address, thread })
    }

    /// Where it waits.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when it has ended, which it does when the measured process has. The error says why it could not go on.
    pub(crate) fn finish(self) -> Result<(), String> {
        // It may still wait for a process that has failed; then these come, and say nothing.
        while !self.thread.is_finished() && TcpStream::connect(self.address).is_ok() {}
        match self.thread.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the other end failed: {error}")),
            Err(_) => Err("the other end panicked".to_owned()),
        }
    }
}

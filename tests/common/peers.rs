//! Connections to test with, and what the process holds.

use filch::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A listener on a free port of the loopback.
pub(crate) async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

/// A connection, both ends filch's.
pub(crate) async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = listener().await;
    let address = listener.local_addr().expect("an address");
    let one = TcpStream::connect(address).await.expect("a connection");
    let (other, _) = listener.accept().await.expect("a connection");
    (one, other)
}

/// A connection, the other end the standard library's, which blocks.
pub(crate) async fn tcp_pair_with_std() -> (TcpStream, std::net::TcpStream) {
    let listener = listener().await;
    let address = listener.local_addr().expect("an address");
    let theirs = std::net::TcpStream::connect(address).expect("a connection");
    let (ours, _) = listener.accept().await.expect("a connection");
    (ours, theirs)
}

/// Closes a connection so that the other end is reset.
pub(crate) fn reset(stream: impl std::os::fd::AsFd) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .expect("a socket that is open");
}

/// Whether what is resident tells of filch: where a sanitizer may be at work, it does not.
pub(crate) const MEMORY_TELLS: bool = cfg!(not(any(filch_system_alloc, filch_tsan)));

/// How many descriptors the process has open.
pub(crate) fn descriptors() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").expect("a Linux system");
    // One of them is the directory's.
    open.count() - 1
}

/// How long the process has run on processors.
pub(crate) fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

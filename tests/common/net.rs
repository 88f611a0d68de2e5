//! Connected sockets on the loopback, and runtimes to use them in.

use super::on_each_flavor;
use filch::net::{TcpListener, TcpStream};
use std::future::Future;

/// Runs what `f` makes on each flavour of runtime.
#[track_caller]
pub(crate) fn on_each<F: Future<Output = ()>>(f: impl Fn() -> F + Send + Clone + 'static) {
    on_each_flavor(move |runtime| runtime.block_on(f()));
}

/// Two ends of a TCP connection.
pub(crate) async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    let one = TcpStream::connect(address).await.expect("a connection");
    let (other, _) = listener.accept().await.expect("the other end");
    (one, other)
}

/// How many descriptors this process has open.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("a Linux system")
        .count()
}

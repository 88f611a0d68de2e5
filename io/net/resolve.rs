//! Names and their addresses.
//!
//! A literal address is taken as it is. A name is looked up by the system (`getaddrinfo`), which blocks, so that is a job of the
//! blocking pool: it needs a runtime.

use crate::runtime::context;
use crate::runtime::task::JoinHandle;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::vec;

/// What can be turned into socket addresses: `"host:port"`, `(host, port)`, an address, or a slice of addresses.
///
/// It is [`std::net::ToSocketAddrs`] for programs that must not block: names are looked up on the blocking pool, all the rest at
/// once. It cannot be implemented outside this crate, as in tokio.
///
/// ```
/// # filch::block_on(async {
/// use filch::net::TcpListener;
/// use std::net::{Ipv4Addr, SocketAddr};
///
/// TcpListener::bind("127.0.0.1:0").await?;
/// TcpListener::bind("localhost:0").await?;
/// TcpListener::bind(("localhost", 0)).await?;
/// TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
/// TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
/// TcpListener::bind(&[SocketAddr::from(([127, 0, 0, 1], 0))][..]).await?;
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub trait ToSocketAddrs: sealed::ToLookup {}

impl<T: sealed::ToLookup + ?Sized> ToSocketAddrs for T {}

/// Looks the addresses of a name up.
///
/// ```
/// # filch::block_on(async {
/// let mut addresses = filch::net::lookup_host("localhost:80").await?;
/// assert!(addresses.all(|address| address.ip().is_loopback() && address.port() == 80));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
///
/// If the text is not of the form `host:port`, or the name is not known.
///
/// # Panics
///
/// For a name, outside a runtime. Literal addresses need none.
///
/// # Cancel safety
///
/// Nothing is lost. A look-up that has begun goes on, and its result is dropped.
pub async fn lookup_host(host: impl ToSocketAddrs) -> io::Result<Found> {
    let addresses = addresses(&host).await?.into_vec();
    Ok(Found(addresses.into_iter()))
}

/// The addresses that [`lookup_host`] has found.
///
/// ```
/// # filch::block_on(async {
/// let found = filch::net::lookup_host(("127.0.0.1", 80)).await.unwrap();
/// assert_eq!(found.len(), 1);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Found(vec::IntoIter<SocketAddr>);

impl Iterator for Found {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Found {}

/// One address, or any other number of them: most often it is one, which needs no allocation.
pub(super) enum Addresses {
    One(SocketAddr),
    Several(Vec<SocketAddr>),
}

impl Addresses {
    pub(super) fn as_slice(&self) -> &[SocketAddr] {
        match self {
            Self::One(address) => std::slice::from_ref(address),
            Self::Several(addresses) => addresses,
        }
    }

    fn into_vec(self) -> Vec<SocketAddr> {
        match self {
            Self::One(address) => vec![address],
            Self::Several(addresses) => addresses,
        }
    }
}

/// The addresses that are meant.
///
/// # Errors
/// As [`lookup_host`].
pub(super) async fn addresses(host: &(impl ToSocketAddrs + ?Sized)) -> io::Result<Addresses> {
    let lookup = match host.to_lookup()? {
        Lookup::Done(addresses) => return Ok(addresses),
        Lookup::Name(host, port) => Job::start(host, port),
    };
    lookup.wait().await
}

/// A look-up on the blocking pool. Dropped before it has begun, it never does.
struct Job(JoinHandle<io::Result<Vec<SocketAddr>>>);

impl Job {
    fn start(host: String, port: u16) -> Self {
        let runtime = context::expect("the look-up of a host's name");
        let look_up = move || {
            let found = std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), port));
            let found = found.map_err(|error| {
                let text = format!("the look-up of the host '{host}' failed: {error}");
                io::Error::new(error.kind(), text)
            })?;
            Ok(found.collect())
        };
        Self(runtime.spawn_blocking(look_up, None))
    }

    async fn wait(mut self) -> io::Result<Addresses> {
        match (&mut self.0).await {
            Ok(found) => found.map(Addresses::Several),
            Err(error) => Err(io::Error::other(format!(
                "the blocking pool did not look the host's name up: {error}"
            ))),
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What there is to do for an address.
#[doc(hidden)]
pub(super) enum Lookup {
    Done(Addresses),
    Name(String, u16),
}

impl From<SocketAddr> for Lookup {
    fn from(address: SocketAddr) -> Self {
        Self::Done(Addresses::One(address))
    }
}

fn host_and_port(host: &str, port: u16) -> Lookup {
    // A name with a NUL byte, or an empty one, is left to the system to refuse.
    match host.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).into(),
        Err(_) => Lookup::Name(host.into(), port),
    }
}

fn text(text: &str) -> io::Result<Lookup> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address.into());
    }
    let parts = text.rsplit_once(':');
    match parts.map(|(host, port)| (host, port.parse::<u16>())) {
        Some((host, Ok(port))) if !host.is_empty() => Ok(host_and_port(host, port)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "'{text}' is not an address: write `host:port`, such as \"localhost:80\" or \"[::1]:80\""
            ),
        )),
    }
}

mod sealed {
    use super::*;

    #[allow(
        private_interfaces,
        unnameable_types,
        reason = "nobody outside may implement or call it"
    )]
    pub trait ToLookup: Send + Sync {
        #[doc(hidden)]
        fn to_lookup(&self) -> io::Result<Lookup>;
    }
}

/// The implementations, each an expression for what `self` means.
macro_rules! lookups {
    ($($type:ty: |$this:ident| $lookup:expr;)+) => {$(
        #[allow(private_interfaces, reason = "as the trait")]
        impl sealed::ToLookup for $type {
            fn to_lookup(&self) -> io::Result<Lookup> {
                let $this = self;
                $lookup
            }
        }
    )+};
}

lookups! {
    SocketAddr: |it| Ok((*it).into());
    SocketAddrV4: |it| Ok(SocketAddr::V4(*it).into());
    SocketAddrV6: |it| Ok(SocketAddr::V6(*it).into());
    (IpAddr, u16): |it| Ok(SocketAddr::from(*it).into());
    (Ipv4Addr, u16): |it| Ok(SocketAddr::from(*it).into());
    (Ipv6Addr, u16): |it| Ok(SocketAddr::from(*it).into());
    (&str, u16): |it| Ok(host_and_port(it.0, it.1));
    (String, u16): |it| Ok(host_and_port(&it.0, it.1));
    [SocketAddr]: |it| Ok(Lookup::Done(Addresses::Several(it.to_vec())));
    Vec<SocketAddr>: |it| it[..].to_lookup();
    str: |it| text(it);
    String: |it| text(it);
}

#[allow(private_interfaces, reason = "as the trait")]
impl<T: sealed::ToLookup + ?Sized> sealed::ToLookup for &T {
    fn to_lookup(&self) -> io::Result<Lookup> {
        (**self).to_lookup()
    }
}

#[allow(private_interfaces, reason = "as the trait")]
impl<const N: usize> sealed::ToLookup for [SocketAddr; N] {
    fn to_lookup(&self) -> io::Result<Lookup> {
        self[..].to_lookup()
    }
}

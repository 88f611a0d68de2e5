//! Addresses of Unix sockets, between the standard library's form and the system's.

use rustix::net::{SocketAddrAny, SocketAddrUnix};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;

/// The system's form of an address.
///
/// # Errors
/// If it has no name.
pub(super) fn to_system(address: &SocketAddr) -> io::Result<SocketAddrUnix> {
    if let Some(path) = address.as_pathname() {
        return Ok(SocketAddrUnix::new(path)?);
    }
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::linux::net::SocketAddrExt::as_abstract_name(address) {
        return Ok(SocketAddrUnix::new_abstract_name(name)?);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "a Unix socket without a name cannot be connected to: bind it to a path or an abstract name first",
    ))
}

/// The standard library's form; without a name, if the system's has none.
///
/// # Errors
/// If it is of another family.
pub(super) fn from_system(address: Option<SocketAddrAny>) -> io::Result<SocketAddr> {
    let Some(address) = address else {
        return SocketAddr::from_pathname("");
    };
    let address = SocketAddrUnix::try_from(address)?;
    // rustix reads an address without a name as one of an empty abstract name.
    #[cfg(target_os = "linux")]
    if let Some(name) = address.abstract_name().filter(|name| !name.is_empty()) {
        return <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
    }
    let path = address.path_bytes().unwrap_or_default();
    // The system may count the NUL byte that ends it.
    let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
    SocketAddr::from_pathname(OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use super::{from_system, to_system};
    use std::os::unix::net::SocketAddr;

    #[test]
    fn addresses_go_there_and_back() {
        let address = SocketAddr::from_pathname("/tmp/some/where").unwrap();
        let back = from_system(Some(to_system(&address).unwrap().into())).unwrap();
        assert_eq!(back.as_pathname(), address.as_pathname());
        assert!(back.as_pathname().is_some());
        assert!(from_system(None).unwrap().is_unnamed());
        assert!(to_system(&SocketAddr::from_pathname("").unwrap()).is_err());
        let inet = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        assert!(from_system(Some(inet.into())).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn so_do_abstract_names() {
        use std::os::linux::net::SocketAddrExt;
        let address = SocketAddr::from_abstract_name(b"a\0b").unwrap();
        let back = from_system(Some(to_system(&address).unwrap().into())).unwrap();
        assert_eq!(back.as_abstract_name(), Some(&b"a\0b"[..]));
    }
}

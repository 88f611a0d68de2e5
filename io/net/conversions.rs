//! The ways between a socket of this crate, the standard library's, and a bare descriptor; the same for all types.

/// Conversions, for a type with a field `io` that is a `Registered`, or an `Acceptor`.
macro_rules! conversions {
    ($name:ident, $std:ty) => {
        impl $name {
            /// Takes a socket of the standard library, and makes it non-blocking. It needs no runtime.
            ///
            /// # Errors
            ///
            /// If the system refuses.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                concat!("let it = filch::net::", stringify!($name), "::from_std(it.into_std())?;"))]
            #[track_caller]
            pub fn from_std(socket: $std) -> io::Result<Self> {
                rustix::io::ioctl_fionbio(&socket, true)?;
                Ok(Self::from_nonblocking(socket))
            }

            /// Gives the standard library's socket, which stays non-blocking: `set_nonblocking(false)` changes that.
            ///
            #[doc = $crate::io::net::setup::example!($name, "let it = it.into_std();\nit.set_nonblocking(false)?;")]
            pub fn into_std(self) -> $std {
                self.io.into_inner()
            }
        }

        impl TryFrom<$std> for $name {
            type Error = io::Error;

            /// [`from_std`](Self::from_std).
            #[track_caller]
            fn try_from(socket: $std) -> io::Result<Self> {
                Self::from_std(socket)
            }
        }

        impl TryFrom<std::os::fd::OwnedFd> for $name {
            type Error = io::Error;

            /// [`from_std`](Self::from_std), of a descriptor that must be a socket of this kind.
            #[track_caller]
            fn try_from(descriptor: std::os::fd::OwnedFd) -> io::Result<Self> {
                Self::from_std(descriptor.into())
            }
        }

        impl From<$name> for std::os::fd::OwnedFd {
            /// The descriptor stays non-blocking.
            fn from(socket: $name) -> Self {
                socket.into_std().into()
            }
        }

        impl std::os::fd::IntoRawFd for $name {
            /// The descriptor stays non-blocking.
            fn into_raw_fd(self) -> std::os::fd::RawFd {
                self.into_std().into_raw_fd()
            }
        }

        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.io.as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                use std::os::fd::AsFd;
                self.io.as_fd().as_raw_fd()
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.io.get_ref().fmt(f)
            }
        }
    };
}

pub(super) use conversions;

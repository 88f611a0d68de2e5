//! What one may wait for, and what has come. It owns two small sets of directions; it knows nothing of who waits.

use core::ops::BitOr;

/// What to wait for at a descriptor: that it can be read, written, or either. Combined with `|`.
///
/// ```
/// use filch::io::Interest;
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert!(!Interest::READABLE.is_writable());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interest {
    readable: bool,
    writable: bool,
}

impl Interest {
    /// That a read, or an accept, may succeed.
    pub const READABLE: Self = Self {
        readable: true,
        writable: false,
    };
    /// That a write may succeed, or that a connection was made.
    pub const WRITABLE: Self = Self {
        readable: false,
        writable: true,
    };

    /// Whether it contains [`READABLE`](Self::READABLE).
    pub const fn is_readable(self) -> bool {
        self.readable
    }

    /// Whether it contains [`WRITABLE`](Self::WRITABLE).
    pub const fn is_writable(self) -> bool {
        self.writable
    }
}

impl BitOr for Interest {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
        }
    }
}

/// What has come of what was waited for. An operation may still be refused: readiness is a hint.
///
/// ```
/// # filch::block_on(async {
/// use filch::io::{Interest, Registered};
/// let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
/// let one = Registered::new(one).unwrap();
/// let ready = one.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
/// assert!(ready.is_writable() && !ready.is_readable());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ready {
    readable: bool,
    writable: bool,
}

impl Ready {
    pub(super) const fn new(readable: bool, writable: bool) -> Self {
        Self { readable, writable }
    }

    /// Whether a read, or an accept, may succeed. The end of a stream is readable, too.
    pub const fn is_readable(self) -> bool {
        self.readable
    }

    /// Whether a write may succeed.
    pub const fn is_writable(self) -> bool {
        self.writable
    }
}

//! An event, and what follows from one, in the words that all ways of waiting share.

/// What has happened to a descriptor.
pub(super) struct Happened {
    pub(super) key: usize,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The peer may have said its last word.
    pub(super) hung: bool,
}

/// Whether each event disarms its descriptor: where the system knows no edges.
pub(super) const REARMS: bool = cfg!(any(
    filch_generic_poll,
    not(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "netbsd",
        target_os = "openbsd"
    ))
));

/// What is to be reported of a descriptor.
#[derive(Clone, Copy)]
pub(super) struct Interest {
    pub(super) key: usize,
    pub(super) reads: bool,
    pub(super) writes: bool,
}

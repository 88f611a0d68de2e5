//! What can be measured: runtimes, each with a list of operations.
//!
//! This file owns the shape of a subject and the list of them. It must not know how an operation is written; another
//! runtime is added as one module with a `SUBJECT` and one line in [`ALL`].

use crate::other_end::Other;
use std::net::SocketAddr;

/// Something whose operations are measured.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The name for `--subject`.
    pub(crate) name: &'static str,
    /// Its operations, in the order of the report.
    pub(crate) operations: &'static [Operation],
}

/// One operation, to be performed many times.
#[derive(Debug)]
pub(crate) struct Operation {
    /// The name on the command line, in the bounds file and in the report.
    pub(crate) name: &'static str,
    /// What is performed, in a few words.
    pub(crate) what: &'static str,
    /// The smaller of the two run lengths: long enough that start-up noise is below 1 %, short enough for callgrind.
    pub(crate) size: u64,
    /// How it is performed.
    pub(crate) work: Work,
}

/// How operations are performed. What is measured starts the runtime, performs that many, and shuts it down.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// By one process alone.
    Alone(fn(u64)),
    /// Over connections to another process, which is not measured.
    Connected {
        /// What is measured; the address is that of the other end.
        measured: fn(u64, SocketAddr),
        /// The other end of the connections.
        other: Other,
    },
}

/// Every subject, the default one first.
pub(crate) static ALL: &[&Subject] =
    &[&crate::filch_subject::SUBJECT, &crate::calibration::SUBJECT];

/// The subject of that name.
pub(crate) fn find(name: &str) -> Option<&'static Subject> {
    ALL.iter().copied().find(|subject| subject.name == name)
}

impl Subject {
    /// The operation of that name.
    pub(crate) fn operation(&self, name: &str) -> Option<&'static Operation> {
        self.operations
            .iter()
            .find(|operation| operation.name == name)
    }
}

//! What is counted, and what came out of counting it.
//!
//! This file owns the list of quantities. It must not know which tool counts which.

/// Something counted per operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// Instructions executed in user mode, on all threads.
    Instructions,
    /// Locked read-modify-writes and full fences executed by this program's own code.
    Rmw,
    /// Requests to the global allocator, growth included.
    Allocations,
    /// Bytes asked for in those requests.
    Bytes,
    /// System calls, on all threads.
    Syscalls,
}

impl Quantity {
    /// All of them, in the order of the report.
    pub(crate) const ALL: [Quantity; 5] = [
        Quantity::Instructions,
        Quantity::Rmw,
        Quantity::Allocations,
        Quantity::Bytes,
        Quantity::Syscalls,
    ];

    /// The name in the bounds file, the table and the JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Quantity::Instructions => "instructions",
            Quantity::Rmw => "rmw",
            Quantity::Allocations => "allocations",
            Quantity::Bytes => "bytes",
            Quantity::Syscalls => "syscalls",
        }
    }

    /// The quantity of that name.
    pub(crate) fn from_name(name: &str) -> Option<Quantity> {
        Quantity::ALL
            .into_iter()
            .find(|quantity| quantity.name() == name)
    }

    /// How many digits after the point are worth reading.
    pub(crate) fn decimals(self) -> usize {
        match self {
            Quantity::Instructions | Quantity::Bytes => 1,
            Quantity::Rmw | Quantity::Allocations | Quantity::Syscalls => 2,
        }
    }
}

/// One number, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reading {
    /// So many per operation.
    PerOperation(f64),
    /// The reason, such as `no valgrind`.
    Missing(String),
}

impl Reading {
    /// The growth from a run of `n` operations to one of `2n`, per operation.
    pub(crate) fn slope(at_n: u64, at_2n: u64, n: u64) -> Reading {
        Reading::PerOperation((at_2n as f64 - at_n as f64) / n as f64)
    }
}

/// A reading of every quantity, indexed by `Quantity as usize`.
pub(crate) type Readings = [Reading; Quantity::ALL.len()];

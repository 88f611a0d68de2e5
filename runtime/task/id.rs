//! The identity of a task.

use core::fmt;

/// Identifies a task among all that are alive in the process; a later task in the same memory has another id.
///
/// ```
/// filch::block_on(async {
///     let handle = filch::spawn(async { filch::task::id() });
///     let id = handle.id();
///     assert_eq!(handle.await.unwrap(), id);
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    address: usize,
    generation: u32,
}

impl Id {
    /// An address of a task cell and the count of its lives; no counter is shared between threads.
    #[inline]
    pub(crate) fn new(address: usize, generation: u32) -> Self {
        Self {
            address,
            generation,
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Cells are aligned to eight bytes.
        write!(f, "{:x}.{}", self.address >> 3, self.generation)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

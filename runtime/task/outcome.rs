//! How a task ended, in as few words as may be. It must not know who asks.

use core::any::Any;

/// How a task ended, as it stands in the cell.
pub(crate) enum Outcome<T> {
    Returned(T),
    /// Boxed once more: a payload's two words would make every task eight bytes larger.
    Panicked(Box<Box<dyn Any + Send>>),
    Cancelled,
}

const _: () = assert!(size_of::<Outcome<()>>() == 16);

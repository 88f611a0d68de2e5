//! Calls of foreign code whose panics end here. It knows nothing of what is called.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// A payload whose drop panics gives another payload; after so many of them the last one is leaked.
const MOST_PAYLOADS: usize = 8;

/// Runs `f` and keeps a panic from getting out, that of a panic's payload included.
pub(crate) fn quietly(f: impl FnOnce()) {
    let Err(mut payload) = catch_unwind(AssertUnwindSafe(f)) else {
        return;
    };
    for _ in 0..MOST_PAYLOADS {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    core::mem::forget(payload);
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::{MOST_PAYLOADS, quietly};
    use core::cell::Cell;
    use std::panic::resume_unwind;

    std::thread_local!(static LEFT: Cell<usize> = const { Cell::new(0) });

    /// Drops into panics, as many in a row as are left. It has no size, so that to forget it leaks no memory, which the
    /// leak sanitizer would report.
    struct Nested;

    impl Drop for Nested {
        fn drop(&mut self) {
            if LEFT.get() > 0 {
                LEFT.set(LEFT.get() - 1);
                resume_unwind(Box::new(Nested));
            }
        }
    }

    #[test]
    fn a_payload_that_panics_as_it_is_dropped_does_not_get_out() {
        for depth in [0, 1, 3, 100] {
            LEFT.set(depth);
            quietly(|| resume_unwind(Box::new(Nested)));
            assert_eq!(LEFT.get(), depth.saturating_sub(MOST_PAYLOADS));
        }
    }
}

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
    use super::quietly;
    use std::panic::resume_unwind;

    /// Drops into panics, so many in a row.
    struct Nested(usize);

    impl Drop for Nested {
        fn drop(&mut self) {
            if self.0 > 0 && !std::thread::panicking() {
                resume_unwind(Box::new(Nested(self.0 - 1)));
            }
        }
    }

    #[test]
    fn a_payload_that_panics_as_it_is_dropped_does_not_get_out() {
        for depth in [0, 1, 3, 100] {
            quietly(|| resume_unwind(Box::new(Nested(depth))));
        }
    }
}

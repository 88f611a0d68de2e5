//! Where a source registers: that of the thread's runtime. It owns the question; the answer is the runtime's,
//! which stands above this folder and installs it.

use super::registry::Registry;
use std::sync::{Arc, OnceLock};

/// Gives the registry of the thread's worker, or one of its runtime's, if it is in a runtime.
pub(crate) type Answer = fn() -> Option<Arc<Registry>>;

static ANSWER: OnceLock<Answer> = OnceLock::new();

/// To be called before the first runtime is there.
pub(crate) fn install(answer: Answer) {
    ANSWER.get_or_init(|| answer);
}

pub(super) fn registry() -> Option<Arc<Registry>> {
    ANSWER.get()?()
}

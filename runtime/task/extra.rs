//! What few tasks have: names. It stands in a side table, so that the others pay nothing for it.

use super::cell::Header;
use core::ptr::NonNull;
use parking_lot::Mutex;
use std::collections::BTreeMap;

static NAMES: Mutex<BTreeMap<usize, Box<str>>> = Mutex::new(BTreeMap::new());

/// Names a task before it is published. The header's `EXTRA` flag tells that there is something to remove.
pub(super) fn set_name(task: NonNull<Header>, name: Box<str>) {
    NAMES.lock().insert(task.addr().get(), name);
}

/// The name of a task of which the caller holds a reference.
pub(crate) fn name(task: NonNull<Header>) -> Option<String> {
    // SAFETY: the caller's reference keeps the header.
    if !unsafe { task.as_ref() }.state.load().has_extra() {
        return None;
    }
    NAMES.lock().get(&task.addr().get()).map(ToString::to_string)
}

/// Forgets a task that is about to be freed.
pub(super) fn remove(task: NonNull<Header>) {
    NAMES.lock().remove(&task.addr().get());
}

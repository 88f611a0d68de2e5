//! What few tasks have: names. It stands in a side table, so that the others pay nothing for it.

use super::id::Id;
use parking_lot::Mutex;
use std::collections::BTreeMap;

static NAMES: Mutex<BTreeMap<Id, Box<str>>> = Mutex::new(BTreeMap::new());

/// Names a task before it is published. The header's `EXTRA` flag tells that there is something to remove.
pub(super) fn set_name(id: Id, name: Box<str>) {
    NAMES.lock().insert(id, name);
}

/// The name of a task that may be gone by now.
pub(crate) fn name_of(id: Id) -> Option<String> {
    NAMES.lock().get(&id).map(ToString::to_string)
}

/// Forgets a task that is about to be freed.
pub(super) fn remove(id: Id) {
    NAMES.lock().remove(&id);
}

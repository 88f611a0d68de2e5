//! Where reports of unhandled ends go: to the hook of the task's runtime, or to stderr.
//! A handle may be dropped on any thread and after its runtime has ended, so the hooks stand in a table by number.

use super::quietly::quietly;
use super::task::Unhandled;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What [`Builder::on_unhandled`](super::Builder::on_unhandled) takes.
pub(crate) type Hook = Arc<dyn Fn(&Unhandled) + Send + Sync>;

static HOOKS: Mutex<BTreeMap<u16, Hook>> = Mutex::new(BTreeMap::new());

/// Keeps a runtime's hook in the table as long as it lives.
pub(crate) struct Registered(u16);

impl Registered {
    pub(crate) fn new(runtime: u16, hook: Hook) -> Self {
        HOOKS.lock().insert(runtime, hook);
        Self(runtime)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let hook = HOOKS.lock().remove(&self.0);
        // What the hook captured is dropped without the lock.
        drop(hook);
    }
}

/// Calls the hook, without a lock, or prints the line.
pub(crate) fn deliver(report: &Unhandled) {
    let hook = HOOKS.lock().get(&report.runtime()).cloned();
    match hook {
        Some(hook) => hook(report),
        None => eprintln!("{report}"),
    }
}

/// [`deliver`] for those whom a panic of the hook, or of stderr, must not stop.
pub(crate) fn deliver_quietly(report: &Unhandled) {
    quietly(|| deliver(report));
}

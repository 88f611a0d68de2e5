//! Ctrl-C, and the one flag that tells every task of a run to end. It must not know what ends.

use std::sync::atomic::{AtomicBool, Ordering};

/// The number of SIGINT: 2 on every Unix, and in the C library of Windows.
const SIGINT: i32 = 2;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static STOPPING: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C does not kill the program but is seen by [`interrupted`].
///
/// # Errors
///
/// What the operating system says, if it takes no signal handler.
pub(crate) fn listen() -> std::io::Result<()> {
    // SAFETY: the handler stores to a static atomic and does nothing else, which is safe in a
    // signal handler: it neither allocates nor locks nor panics.
    unsafe {
        signal_hook_registry::register(SIGINT, || INTERRUPTED.store(true, Ordering::Relaxed))?;
    }
    Ok(())
}

/// Whether Ctrl-C has been pressed.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Tells every task of the run to end at its next look.
pub(crate) fn stop() {
    STOPPING.store(true, Ordering::Relaxed);
}

/// Whether the tasks of the run are to end.
pub(crate) fn stopping() -> bool {
    STOPPING.load(Ordering::Relaxed)
}

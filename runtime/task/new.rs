//! A new task with its two rights. It must not know who gets them.

use super::cell::{Schedule, Spec, allocate};
use super::header::Header;
use super::join::JoinHandle;
use super::runnable::Runnable;
use core::future::Future;
use core::panic::Location;
use core::ptr::NonNull;

/// A new task: the right to run it, and the right to its output.
pub(crate) struct New<T> {
    pub(crate) entry: Runnable,
    pub(crate) handle: JoinHandle<T>,
}

/// # Safety
/// As [`allocate`].
#[track_caller]
#[inline]
pub(crate) unsafe fn make<F, S>(
    future: F,
    runtime: u16,
    home: u16,
    local: bool,
    name: Option<Box<str>>,
) -> New<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
    S: Schedule,
{
    let location = Location::caller();
    // SAFETY: passed on.
    unsafe { make_at::<F, S>(location, future, runtime, home, local, name) }
}

/// [`make`] for a task that was asked for elsewhere.
///
/// # Safety
/// As [`allocate`].
#[inline]
pub(crate) unsafe fn make_at<F, S>(
    location: &'static Location<'static>,
    future: F,
    runtime: u16,
    home: u16,
    local: bool,
    name: Option<Box<str>>,
) -> New<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
    S: Schedule,
{
    let spec = Spec {
        location,
        runtime,
        home,
        local,
        name,
    };
    // SAFETY: passed on; the entry and the handle are the ones that the new task comes with.
    unsafe {
        let task: NonNull<Header> = allocate::<F, S>(future, spec);
        New {
            entry: Runnable::from_raw(task),
            handle: JoinHandle::from_raw(task),
        }
    }
}

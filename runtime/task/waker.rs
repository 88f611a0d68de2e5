//! The waker of a task, and wakers of one word.
//! It owns the vtable of wakers and the tag that tells a task's pointer from a boxed foreign waker; it must not know
//! queues: a wake-up that needs one goes through the task's own vtable.

use super::header::Header;
use super::state::Wake;
use crate::runtime::coop;
use crate::runtime::quietly::quietly;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::task::{RawWaker, RawWakerVTable, Waker};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// A waker for the length of one poll, which owns no reference.
///
/// # Safety
/// The task outlives the waker's use; clones own references of their own.
#[inline]
pub(super) unsafe fn borrowed(task: NonNull<Header>) -> ManuallyDrop<Waker> {
    // SAFETY: the functions of the vtable keep the contract of `RawWaker` for a pointer to a live task.
    ManuallyDrop::new(unsafe { Waker::new(task.as_ptr().cast_const().cast(), &VTABLE) })
}

/// Whether `waker` is that of `task`.
pub(crate) fn is_of(waker: &Waker, task: NonNull<Header>) -> bool {
    waker.data() == task.as_ptr().cast_const().cast() && core::ptr::eq(waker.vtable(), &VTABLE)
}

/// Whether `waker` is that of the task that this thread is polling.
#[inline]
pub(super) fn is_of_current(waker: &Waker) -> bool {
    // A task's address is never null, so outside a poll nothing is equal.
    core::ptr::eq(waker.data(), coop::task()) && core::ptr::eq(waker.vtable(), &VTABLE)
}

/// Whether the task that this thread is polling was cancelled meanwhile, so that the poll's outcome counts for nothing.
#[cold]
pub(crate) fn current_is_cancelled() -> bool {
    let task = coop::task().cast::<Header>();
    // SAFETY: null outside a poll; else the task is being polled by this thread, so that it is not done and its memory
    // alive.
    unsafe { task.as_ref() }.is_some_and(|task| task.state.load().is_cancelled())
}

/// # Safety
/// `data` is a live task, of which the caller holds a reference. The same for the three functions below; `wake` and
/// `drop_waker` give that reference up.
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: see above.
    unsafe { &*data.cast::<Header>() }.state.ref_inc();
    RawWaker::new(data, &VTABLE)
}

/// # Safety
/// As `clone`.
unsafe fn wake(data: *const ()) {
    // SAFETY: a waker's data is never null, and the task is alive as the caller's reference says.
    unsafe { wake_owned(NonNull::new_unchecked(data.cast_mut().cast())) }
}

/// # Safety
/// The caller owns a reference and gives it up.
#[inline]
unsafe fn wake_owned(task: NonNull<Header>) {
    // SAFETY: the reference keeps the header for the transition. `Push` gives the queue entry, and what is read
    // of the header for it is read before the push; `Free` says that the reference was the last.
    unsafe {
        match task.as_ref().state.wake() {
            Wake::Nothing => {}
            Wake::Push => Header::push(task),
            Wake::Free => Header::free_elsewhere(task),
        }
    }
}

/// # Safety
/// As `clone`.
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: as in `wake_owned`; the reference stays with the caller.
    unsafe {
        let task = NonNull::new_unchecked(data.cast_mut().cast::<Header>());
        if task.as_ref().state.wake_by_ref() == Wake::Push {
            Header::push(task);
        }
    }
}

/// # Safety
/// As `clone`.
unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the reference is given up here.
    unsafe { drop_ref(NonNull::new_unchecked(data.cast_mut().cast())) }
}

/// # Safety
/// The caller owns a reference and gives it up.
#[inline]
pub(super) unsafe fn drop_ref(task: NonNull<Header>) {
    // SAFETY: the header lives up to `ref_dec`; after the last one nobody refers to it.
    unsafe {
        if task.as_ref().state.ref_dec() {
            Header::free_elsewhere(task);
        }
    }
}

const BOXED: usize = 1;

/// An owned waker in one word: the address of a task, or that of a boxed foreign waker with the lowest bit set.
pub(crate) struct ThinWaker(NonNull<()>);

// SAFETY: a `Waker` is `Send` and `Sync`, and this is one in another shape.
unsafe impl Send for ThinWaker {}
// SAFETY: as above.
unsafe impl Sync for ThinWaker {}

impl ThinWaker {
    /// Clones `waker`; allocates only if it is not the waker of a filch task.
    #[inline]
    pub(crate) fn new(waker: &Waker) -> Self {
        match Self::of_task(waker) {
            Some(thin) => thin,
            None => Self::boxed(waker),
        }
    }

    /// Whether `waker` is that of a filch task, so that a clone of it allocates nothing.
    pub(crate) fn is_thin(waker: &Waker) -> bool {
        core::ptr::eq(waker.vtable(), &VTABLE)
    }

    /// Clones `waker` if it is the waker of a filch task.
    #[inline]
    pub(crate) fn of_task(waker: &Waker) -> Option<Self> {
        if !core::ptr::eq(waker.vtable(), &VTABLE) {
            return None;
        }
        // SAFETY: the vtable says that the data is a task, and `waker` holds a reference or borrows one.
        unsafe {
            let task = NonNull::new_unchecked(waker.data().cast_mut());
            task.cast::<Header>().as_ref().state.ref_inc();
            Some(Self(task))
        }
    }

    #[cold]
    fn boxed(waker: &Waker) -> Self {
        let boxed = Box::into_raw(Box::new(waker.clone()));
        // SAFETY: a box's address is neither null nor odd.
        Self(unsafe { NonNull::new_unchecked(boxed.map_addr(|address| address | BOXED).cast()) })
    }

    #[inline]
    fn as_boxed(&self) -> Option<*mut Waker> {
        let tagged = self.0.as_ptr().addr() & BOXED != 0;
        tagged.then(|| self.0.as_ptr().map_addr(|address| address & !BOXED).cast())
    }

    /// Whether a wake of `self` wakes what `waker` wakes.
    #[inline]
    pub(crate) fn will_wake(&self, waker: &Waker) -> bool {
        match self.as_boxed() {
            // SAFETY: the box is owned by `self`.
            Some(boxed) => unsafe { &*boxed }.will_wake(waker),
            None => is_of(waker, self.0.cast()),
        }
    }

    /// Whether it is the waker of a task that has ended; not known of foreign ones.
    pub(crate) fn is_of_the_dead(&self) -> bool {
        // SAFETY: a word that is not boxed is a task, of which `self` owns a reference.
        self.as_boxed().is_none()
            && unsafe { self.0.cast::<Header>().as_ref() }
                .state
                .load()
                .is_done()
    }

    /// Wakes, and gives up the waker.
    #[inline]
    pub(crate) fn wake(self) {
        match self.as_boxed() {
            Some(_) => self.wake_boxed(),
            // SAFETY: `self` owned a reference, and is not dropped.
            None => unsafe { wake_owned(ManuallyDrop::new(self).0.cast()) },
        }
    }

    /// The same, but for the queue: the entry of the task, if there is to be one. A panic of a foreign waker ends here.
    #[inline]
    pub(super) fn wake_to_entry(self) -> Option<NonNull<Header>> {
        if self.as_boxed().is_some() {
            quietly(|| self.wake_boxed());
            return None;
        }
        let task: NonNull<Header> = ManuallyDrop::new(self).0.cast();
        // SAFETY: as in `wake_owned`; `Push` gives the queue entry.
        unsafe {
            match task.as_ref().state.wake() {
                Wake::Nothing => None,
                Wake::Push => Some(task),
                Wake::Free => {
                    Header::free_elsewhere(task);
                    None
                }
            }
        }
    }

    /// The same; a panic of a foreign waker ends here.
    #[inline]
    pub(crate) fn wake_quietly(self) {
        if self.as_boxed().is_none() {
            // That of a task does not panic.
            self.wake();
        } else {
            quietly(|| self.wake_boxed());
        }
    }

    #[cold]
    fn wake_boxed(self) {
        if let Some(boxed) = ManuallyDrop::new(self).as_boxed() {
            // SAFETY: the box was owned by `self`.
            unsafe { Box::from_raw(boxed) }.wake();
        }
    }

    /// The word itself, never zero.
    #[inline]
    pub(crate) fn into_raw(self) -> usize {
        ManuallyDrop::new(self).0.as_ptr().expose_provenance()
    }

    /// # Safety
    /// `raw` came from [`ThinWaker::into_raw`], and is made into a waker once.
    #[inline]
    pub(crate) unsafe fn from_raw(raw: usize) -> Self {
        // SAFETY: `into_raw` never gives zero.
        Self(unsafe { NonNull::new_unchecked(core::ptr::with_exposed_provenance_mut(raw)) })
    }

    /// Whether `raw` is the very word that a clone of `waker` would have; false for foreign wakers.
    pub(crate) fn raw_is_of(raw: usize, waker: &Waker) -> bool {
        core::ptr::eq(waker.vtable(), &VTABLE) && waker.data().addr() == raw
    }
}

impl Drop for ThinWaker {
    #[inline]
    fn drop(&mut self) {
        match self.as_boxed() {
            // SAFETY: the box is owned by `self`.
            Some(boxed) => unsafe { drop_boxed(boxed) },
            // SAFETY: `self` owns a reference.
            None => unsafe { drop_ref(self.0.cast()) },
        }
    }
}

/// # Safety
/// The caller owns the box and gives it up.
#[cold]
unsafe fn drop_boxed(boxed: *mut Waker) {
    // SAFETY: passed on.
    drop(unsafe { Box::from_raw(boxed) });
}

//! The memory of a task: a header of 40 bytes and, behind it, one union for the future and its output.
//! It owns the layout and every typed access to it, behind the vtable; it must not know queues or workers, only that
//! somebody implements [`Schedule`].

use super::arena;
use super::id::Id;
use super::join::Outcome;
use super::runnable::Runnable;
use super::state::{Snapshot, State};
use super::unhandled::{self, Unhandled};
use crate::runtime::quietly::quietly;
use crate::runtime::shim::atomic::{AtomicU16, AtomicU64};
use crate::runtime::shim::{Exclusive, Word};
use core::any::{Any, type_name};
use core::future::Future;
use core::mem::{ManuallyDrop, needs_drop};
use core::panic::Location;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Poll};
use std::alloc::Layout;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a task needs from the scheduler that it was spawned on. The header's `runtime` and `home` say which one.
pub(crate) trait Schedule: 'static {
    /// Whether the task stands in a pool's queue from its spawn to its only run: its end is then the pool's affair.
    const IN_POOL: bool = false;
    /// Puts a woken task into a queue.
    fn schedule(task: Runnable);
    /// Reports an end that nobody will ever see.
    fn unhandled(report: &Unhandled);
}

/// The part of a task that every type of task shares.
#[repr(C, align(8))]
pub(crate) struct Header {
    pub(super) state: State,
    pub(super) vtable: &'static VTable,
    /// The waker of whoever awaits the handle; `state` says whose it is.
    pub(super) joiner: Word,
    pub(crate) location: &'static Location<'static>,
    /// The slot of the runtime in the table of runtimes.
    pub(crate) runtime: u16,
    /// The worker that ran the task last: where a wake-up from elsewhere is sent.
    pub(crate) home: AtomicU16,
    /// Counts the lives of this piece of memory, so that address and generation make an [`Id`].
    pub(super) generation: u32,
}

/// The typed operations of a task, and what a dump says of its type.
pub(crate) struct VTable {
    poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> Poll<Left>,
    cancel: unsafe fn(NonNull<Header>),
    discard: unsafe fn(NonNull<Header>),
    take: unsafe fn(NonNull<Header>, *mut ()),
    schedule: fn(Runnable),
    type_name: fn() -> &'static str,
    in_pool: bool,
    memory: arena::Kind,
}

/// What stands in the cell after the future is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing: there was no handle, and nothing to drop.
    Nothing,
    /// The outcome.
    Outcome,
}

#[repr(C)]
struct Cell<F: Future> {
    header: Header,
    stage: Exclusive<Stage<F>>,
}

union Stage<F: Future> {
    future: ManuallyDrop<F>,
    outcome: ManuallyDrop<Outcome<F::Output>>,
}

/// What a spawn says of the new task.
pub(crate) struct Spec {
    pub(crate) location: &'static Location<'static>,
    pub(crate) runtime: u16,
    pub(crate) home: u16,
    pub(crate) local: bool,
    pub(crate) name: Option<Box<str>>,
}

/// Makes a task with one queue entry and one handle, which the caller owns.
///
/// # Safety
/// `future` and its output may be touched by the thread that makes the task and by those that run, cancel or join it:
/// either both are `Send`, or `spec.local` is set and the scheduler keeps the task on this thread.
#[inline]
pub(crate) unsafe fn allocate<F, S>(future: F, spec: Spec) -> NonNull<Header>
where
    F: Future + 'static,
    F::Output: 'static,
    S: Schedule,
{
    let (block, generation) = arena::allocate(const { arena::Kind::of(Layout::new::<Cell<F>>()) });
    let cell = block.cast::<Cell<F>>().as_ptr();
    let header = block.cast::<Header>();
    let extra = spec.name.is_some();
    // SAFETY: `block` is fresh memory of `Cell<F>`'s layout, owned by this call. The state word is not written here:
    // it reads as zero for the walkers until `publish`.
    unsafe {
        let raw = header.as_ptr();
        (&raw mut (*raw).vtable).write(&Typed::<F, S>::VTABLE);
        (&raw mut (*raw).joiner).write(Word::new(0));
        (&raw mut (*raw).location).write(spec.location);
        (&raw mut (*raw).runtime).write(spec.runtime);
        (&raw mut (*raw).home).write(AtomicU16::new(spec.home));
        (&raw mut (*raw).generation).write(generation);
        (&raw mut (*cell).stage).write(Exclusive::new(Stage {
            future: ManuallyDrop::new(future),
        }));
        #[cfg(loom)]
        (&raw mut (*raw).state).write(State::vacant());
        if let Some(name) = spec.name {
            super::extra::set_name(Id::new(header.addr().get(), generation), name);
        }
        (*raw).state.publish(State::spawned(spec.local, extra));
    }
    header
}

struct Typed<F, S>(core::marker::PhantomData<(F, S)>);

impl<F, S> Typed<F, S>
where
    F: Future + 'static,
    F::Output: 'static,
    S: Schedule,
{
    const VTABLE: VTable = VTable {
        poll: Self::poll,
        cancel: Self::cancel,
        discard: Self::discard,
        take: Self::take,
        schedule: S::schedule,
        type_name: type_name::<F>,
        in_pool: S::IN_POOL,
        memory: const { arena::Kind::of(Layout::new::<Cell<F>>()) },
    };

    /// # Safety
    /// As [`Header::poll`].
    unsafe fn poll(task: NonNull<Header>, cx: &mut Context<'_>) -> Poll<Left> {
        // SAFETY: the vtable stands in a cell of this type; the caller has the right to run, hence to the stage.
        let stage = unsafe { &mut *(*task.cast::<Cell<F>>().as_ptr()).stage.get() };
        let mut output = None;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the caller says the task is not done, so the stage holds the future. It is pinned: the cell
            // does not move and the future is dropped in place, once: a panic is told apart by `output` below.
            unsafe {
                let Poll::Ready(value) = Pin::new_unchecked(&mut *stage.future).poll(cx) else {
                    return false;
                };
                output = Some(value);
                ManuallyDrop::drop(&mut stage.future);
                true
            }
        }));
        match polled {
            Ok(false) => return Poll::Pending,
            Ok(true) => {
                // The most frequent end of all: nobody joins, and there is nothing to drop or to report.
                let plain = const { size_of::<F::Output>() == 0 && !needs_drop::<F::Output>() };
                // SAFETY: the caller's right to run keeps the header.
                if plain && !unsafe { task.as_ref() }.state.load().has_handle() {
                    return Poll::Ready(Left::Nothing);
                }
                if let Some(output) = output {
                    stage.outcome = ManuallyDrop::new(Outcome::Returned(output));
                }
            }
            // SAFETY: the stage is this poll's, and `output` says what it held when the panic came.
            Err(payload) => unsafe { Self::end_in_panic(stage, output, payload) },
        }
        Poll::Ready(Left::Outcome)
    }

    /// # Safety
    /// Without an output the stage holds the future, whose poll panicked; with one, what the future's drop left.
    #[cold]
    unsafe fn end_in_panic(
        stage: &mut Stage<F>,
        output: Option<F::Output>,
        payload: Box<dyn Any + Send>,
    ) {
        let outcome = Outcome::Panicked(Box::new(payload));
        if output.is_none() {
            // SAFETY: the future is still there.
            unsafe { Self::replace(stage, outcome) };
        } else {
            quietly(|| drop(output));
            stage.outcome = ManuallyDrop::new(outcome);
        }
    }

    /// # Safety
    /// As [`Header::cancel`].
    unsafe fn cancel(task: NonNull<Header>) {
        // SAFETY: as `poll`.
        let stage = unsafe { &mut *(*task.cast::<Cell<F>>().as_ptr()).stage.get() };
        // SAFETY: as `poll`.
        unsafe { Self::replace(stage, Outcome::Cancelled) };
    }

    /// Drops the future and puts the outcome in its place; a panic in that drop becomes the outcome.
    ///
    /// # Safety
    /// The stage holds the future.
    unsafe fn replace(stage: &mut Stage<F>, outcome: Outcome<F::Output>) {
        // SAFETY: the stage holds the future, and nobody uses it after this line, whether it unwinds or not.
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe {
            ManuallyDrop::drop(&mut stage.future);
        }));
        let outcome = match (dropped, outcome) {
            (Ok(()), outcome) => outcome,
            // The first panic is the one to report; the second one must not get out either.
            (Err(second), Outcome::Panicked(first)) => {
                quietly(|| drop(second));
                Outcome::Panicked(first)
            }
            (Err(payload), lost) => {
                quietly(|| drop(lost));
                Outcome::Panicked(Box::new(payload))
            }
        };
        stage.outcome = ManuallyDrop::new(outcome);
    }

    /// # Safety
    /// As [`Header::discard`].
    unsafe fn discard(task: NonNull<Header>) {
        // SAFETY: the vtable stands in a cell of this type; the caller owns the outcome and uses it no more.
        let outcome = unsafe {
            ManuallyDrop::take(&mut (*(*task.cast::<Cell<F>>().as_ptr()).stage.get()).outcome)
        };
        match outcome {
            Outcome::Cancelled => {}
            Outcome::Panicked(payload) => {
                // SAFETY: the caller holds a reference.
                let header = unsafe { task.as_ref() };
                let report = Unhandled::panicked(header, (*payload).as_ref());
                quietly(|| S::unhandled(&report));
                quietly(|| drop(payload));
            }
            Outcome::Returned(output) => {
                if let Some(error) = unhandled::error_type(&output) {
                    // SAFETY: as above.
                    let report = Unhandled::failed(unsafe { task.as_ref() }, error);
                    quietly(|| S::unhandled(&report));
                }
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(output))) {
                    // SAFETY: as above.
                    let report = Unhandled::panicked(unsafe { task.as_ref() }, payload.as_ref());
                    quietly(|| S::unhandled(&report));
                    quietly(|| drop(payload));
                }
            }
        }
    }

    /// # Safety
    /// As [`Header::take`], with `F::Output` for `T`.
    unsafe fn take(task: NonNull<Header>, to: *mut ()) {
        // SAFETY: as `discard`; `to` is valid for a write of this type.
        unsafe {
            let stage = &mut *(*task.cast::<Cell<F>>().as_ptr()).stage.get();
            to.cast::<Outcome<F::Output>>()
                .write(ManuallyDrop::take(&mut stage.outcome));
        }
    }
}

impl Header {
    pub(crate) fn id(&self) -> Id {
        Id::new(core::ptr::from_ref(self).addr(), self.generation)
    }

    #[inline]
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.state.load()
    }

    pub(crate) fn type_name(&self) -> &'static str {
        (self.vtable.type_name)()
    }

    /// Whether this is a blocking job.
    pub(crate) fn is_in_pool(&self) -> bool {
        self.vtable.in_pool
    }

    pub(super) fn schedule(&self) -> fn(Runnable) {
        self.vtable.schedule
    }

    /// Polls the future. After `Ready` it is gone, and what is left says what stands in its place.
    ///
    /// # Safety
    /// The caller owns the right to run, and the task is not done.
    #[inline]
    pub(super) unsafe fn poll(task: NonNull<Self>, cx: &mut Context<'_>) -> Poll<Left> {
        // SAFETY: passed on.
        unsafe { (task.as_ref().vtable.poll)(task, cx) }
    }

    /// Drops the future; the outcome says cancelled, or panicked if the drop did.
    ///
    /// # Safety
    /// As [`Header::poll`].
    pub(super) unsafe fn cancel(task: NonNull<Self>) {
        // SAFETY: passed on.
        unsafe { (task.as_ref().vtable.cancel)(task) }
    }

    /// Drops the outcome that nobody retrieved, and reports it if it was a panic or an error.
    ///
    /// # Safety
    /// The outcome stands in the cell, the caller owns it and a reference, and nobody uses the outcome afterwards.
    #[inline]
    pub(super) unsafe fn discard(task: NonNull<Self>) {
        // SAFETY: passed on.
        unsafe { (task.as_ref().vtable.discard)(task) }
    }

    /// Moves the outcome out.
    ///
    /// # Safety
    /// As [`Header::discard`], and `T` is the output of the task's future.
    pub(super) unsafe fn take<T>(task: NonNull<Self>) -> Outcome<T> {
        let mut outcome = core::mem::MaybeUninit::<Outcome<T>>::uninit();
        // SAFETY: passed on; the vtable's function writes the whole outcome.
        unsafe {
            (task.as_ref().vtable.take)(task, outcome.as_mut_ptr().cast());
            outcome.assume_init()
        }
    }

    /// [`free`](Self::free) where it is the rare end of a short function.
    ///
    /// # Safety
    /// As there.
    #[cold]
    pub(super) unsafe fn free_elsewhere(task: NonNull<Self>) {
        // SAFETY: passed on.
        unsafe { Self::free(task) }
    }

    /// Gives the memory back.
    ///
    /// # Safety
    /// The last reference is gone, the future and the outcome with it.
    #[inline]
    pub(super) unsafe fn free(task: NonNull<Self>) {
        // SAFETY: passed on.
        unsafe { Self::free_as(task, task.as_ref().state.load()) }
    }

    /// [`free`](Self::free) for a caller that has seen the state.
    ///
    /// # Safety
    /// As there.
    #[inline]
    pub(super) unsafe fn free_as(task: NonNull<Self>, last: Snapshot) {
        // SAFETY: nobody else refers to the task; the memory came from the arena as one of this kind.
        unsafe {
            if last.has_extra() {
                super::extra::remove(task.as_ref().id());
            }
            let memory = &task.as_ref().vtable.memory;
            task.as_ref().state.vacate();
            arena::free(task.cast(), memory);
        }
    }
}

const _: () = assert!(loom_is_on() || (size_of::<Header>() == 40 && align_of::<Header>() == 8));
const _: () = assert!(size_of::<Outcome<()>>() == 16);
const _: () = assert!(size_of::<AtomicU64>() == 8 || loom_is_on());

const fn loom_is_on() -> bool {
    cfg!(loom)
}

//! The memory of a task: the header and, behind it, one union for the future and its output.
//! It owns the layout and every typed access to it, behind the vtable; it must not know queues or workers, only that
//! somebody implements [`Schedule`].

use super::arena;
use super::header::{Header, Left, VTable};
use super::id::Id;
use super::outcome::Outcome;
use super::runnable::Runnable;
use super::state::State;
use super::unhandled::{self, Unhandled};
use crate::runtime::quietly::quietly;
use crate::runtime::shim::atomic::AtomicU16;
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
        schedule: Self::schedule,
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
    /// As [`Header::push`].
    unsafe fn schedule(task: NonNull<Header>) {
        // SAFETY: the caller gives up the queue entry.
        S::schedule(unsafe { Runnable::from_raw(task) });
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

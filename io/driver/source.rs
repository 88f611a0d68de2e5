//! The link between a descriptor and its slot. It owns the order of attempt, wait and arming; it must not know what the
//! system call is, nor what the descriptor leads to.
//!
//! A source has no slot until the system refuses something: a short connection that never waits costs no registration.
//! The first refusal takes a slot and registers the descriptor with the driver of the thread that polls, for reading, and
//! if it was a write, for both; a write that is refused later adds that. The registration itself reports what is ready
//! already, so nothing that came between the refusal and the registration is missed.
//!
//! When a runtime ends, it disarms what its drivers watch and wakes who waits; a source that outlives it registers with
//! the driver of whoever polls it next.

use super::context;
use super::event::REARMS;
use super::readiness::{Begin, Direction, Wait};
use super::registry::Registry;
use super::slot::{Home, Slot};
use crate::runtime::coop;
use crate::runtime::task::waker::{self, ThinWaker};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::AcqRel, Ordering::Acquire};
use core::task::{Context, Poll, ready};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;

/// What an attempt that succeeded tells of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It may succeed, too.
    Maybe,
    /// There is nothing left: an event comes before the next success.
    Nothing,
}

/// Why a first attempt gave nothing.
pub(crate) enum Rest<E> {
    /// The task has done enough in this poll.
    NoBudget,
    /// It was not made, because nothing can be expected.
    NotReady,
    /// It failed.
    Failed(Begin, E),
}

/// An error of a system call, as far as a source must know it.
pub(crate) trait Refusal: Into<io::Error> {
    /// There is nothing to be had at the moment.
    fn is_would_block(&self) -> bool;
    /// A signal came, and nothing was done.
    fn is_interrupted(&self) -> bool;
}

impl Refusal for io::Error {
    fn is_would_block(&self) -> bool {
        self.kind() == io::ErrorKind::WouldBlock
    }
    fn is_interrupted(&self) -> bool {
        self.kind() == io::ErrorKind::Interrupted
    }
}

impl Refusal for rustix::io::Errno {
    #[inline]
    fn is_would_block(&self) -> bool {
        *self == Self::WOULDBLOCK
    }
    fn is_interrupted(&self) -> bool {
        *self == Self::INTR
    }
}

/// The waiting side of one descriptor, which is given with each call, must be the same each time, and must be open until
/// the source has been dropped.
pub(crate) struct Source {
    /// Null until the first wait, and the same slot from then on.
    slot: AtomicPtr<Slot>,
}

impl Source {
    pub(crate) const fn new() -> Self {
        Self {
            slot: AtomicPtr::new(ptr::null_mut()),
        }
    }

    #[inline]
    fn slot(&self) -> Option<&'static Slot> {
        // ORDERING: Acquire pairs with the Release of `slot_or_new`.
        let slot = self.slot.load(Acquire);
        // SAFETY: slots live for ever, and nothing else is stored.
        unsafe { slot.as_ref() }
    }

    /// Makes the task wait if it is known that there is nothing. If not, try; what the error holds is to be dropped there.
    ///
    /// To ask this first is what it takes to have the wait of a task that serves one connection cost a few instructions.
    #[inline]
    pub(crate) fn wait(
        &self,
        direction: Direction,
        cx: &Context<'_>,
    ) -> Result<(), Option<ThinWaker>> {
        match self.slot() {
            Some(slot) => slot.readiness.wait_alone(direction, cx.waker()),
            None => Err(None),
        }
    }

    /// Makes one attempt, if the task may go on and something can be expected. Anything but a success is for
    /// [`poll_on`](Self::poll_on). The attempt must not panic.
    #[inline]
    pub(crate) fn quick<R, E>(
        &self,
        direction: Direction,
        attempt: impl FnOnce() -> Result<(R, Left), E>,
    ) -> Result<R, Rest<E>> {
        if !coop::take_one() {
            return Err(Rest::NoBudget);
        }
        let slot = self.slot();
        let begin = begin(slot, direction);
        if begin == Begin::NotReady {
            return Err(Rest::NotReady);
        }
        match attempt() {
            Ok((value, left)) => {
                if let (Begin::Cleared, Left::Maybe, Some(slot)) = (begin, left, slot) {
                    slot.readiness.restore(direction, REARMS);
                }
                Ok(value)
            }
            Err(error) => Err(Rest::Failed(begin, error)),
        }
    }

    /// Goes on where [`quick`](Self::quick) has not succeeded: tries until `attempt` does not refuse, and waits when it
    /// does.
    pub(crate) fn poll_on<R, E: Refusal>(
        &self,
        descriptor: BorrowedFd<'_>,
        direction: Direction,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut() -> Result<(R, Left), E>,
        mut rest: Rest<E>,
    ) -> Poll<io::Result<R>> {
        loop {
            let wait = match rest {
                Rest::NoBudget => {
                    ready!(coop::poll_progress(cx));
                    false
                }
                Rest::NotReady => true,
                Rest::Failed(begin, error) => match after(&error, self.slot(), begin, direction) {
                    After::Wait => true,
                    After::Again => false,
                    After::Failed => return Poll::Ready(Err(error.into())),
                },
            };
            if wait && self.poll_wait(descriptor, direction, cx)?.is_pending() {
                // A poll that only waits costs nothing, so that one task can wait for any number of things.
                coop::refund();
                return Poll::Pending;
            }
            // The unit that was taken is for this attempt.
            coop::refund();
            rest = match self.quick(direction, &mut attempt) {
                Ok(value) => return Poll::Ready(Ok(value)),
                Err(rest) => rest,
            };
        }
    }

    /// Tries until `attempt` does not refuse; waits when it does. The attempt must not panic.
    #[inline]
    pub(crate) fn poll_io<R, E: Refusal>(
        &self,
        descriptor: BorrowedFd<'_>,
        direction: Direction,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut() -> Result<(R, Left), E>,
    ) -> Poll<io::Result<R>> {
        match self.quick(direction, &mut attempt) {
            Ok(value) => Poll::Ready(Ok(value)),
            Err(rest) => self.poll_on(descriptor, direction, cx, attempt, rest),
        }
    }

    /// Makes the attempt whatever is known, and does not wait.
    pub(crate) fn try_io<R, E: Refusal>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut() -> Result<(R, Left), E>,
    ) -> Result<R, E> {
        /// Restores the word if the attempt panics.
        struct Cleared(&'static Slot, Direction);
        impl Drop for Cleared {
            fn drop(&mut self) {
                self.0.readiness.restore(self.1, REARMS);
            }
        }
        loop {
            let slot = self.slot();
            let begin = begin(slot, direction);
            let cleared = slot.filter(|_| begin == Begin::Cleared);
            let cleared = cleared.map(|slot| Cleared(slot, direction));
            match attempt() {
                Ok((value, left)) => {
                    if left == Left::Nothing {
                        core::mem::forget(cleared);
                    }
                    return Ok(value);
                }
                Err(error) => {
                    core::mem::forget(cleared);
                    if after(&error, slot, begin, direction) != After::Again {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Ready when an attempt may succeed. Does not change what is known, so it stays ready until an attempt is refused.
    pub(crate) fn poll_ready(
        &self,
        descriptor: BorrowedFd<'_>,
        direction: Direction,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(coop::poll_proceed(cx));
        ready!(self.poll_wait(descriptor, direction, cx))?;
        coop::made_progress();
        Poll::Ready(Ok(()))
    }

    /// Ready when something has come.
    fn poll_wait(
        &self,
        descriptor: BorrowedFd<'_>,
        direction: Direction,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if let Some(slot) = self.slot() {
                match slot.readiness.wait(direction, cx.waker()) {
                    Wait::Waiting => return Poll::Pending,
                    Wait::Ready => return Poll::Ready(Ok(())),
                    Wait::Unarmed => {}
                }
            }
            ready!(self.poll_arm(descriptor, direction))?;
        }
    }

    #[cold]
    fn poll_arm(&self, descriptor: BorrowedFd<'_>, direction: Direction) -> Poll<io::Result<()>> {
        let slot = self.slot_or_new()?;
        let mut home = slot.home.lock();
        if home.registry.as_ref().is_some_and(|old| old.is_open()) {
            let armed = arm(slot, &mut home, descriptor, direction);
            drop(home);
            return Poll::Ready(armed.map_err(|error| failed(slot, error)));
        }
        let Some(registry) = context::registry() else {
            drop(home);
            panic_outside();
        };
        if !registry.is_open() {
            drop(home);
            if waker::current_is_cancelled() {
                // The end of the runtime has overtaken this poll: it waits, and is dropped.
                return Poll::Pending;
            }
            return Poll::Ready(Err(io::Error::other(
                "the filch runtime of this thread has ended: wait for IO before it is dropped, or in another runtime",
            )));
        }
        let registered = register(slot, &mut home, registry, descriptor, direction);
        drop(home);
        Poll::Ready(registered.map_err(|error| failed(slot, error)))
    }

    fn slot_or_new(&self) -> io::Result<&'static Slot> {
        if let Some(slot) = self.slot() {
            return Ok(slot);
        }
        let new = Slot::acquire()?;
        let raw = ptr::from_ref(new).cast_mut();
        // ORDERING: Release pairs with `slot`.
        match self
            .slot
            .compare_exchange(ptr::null_mut(), raw, AcqRel, Acquire)
        {
            Ok(_) => Ok(new),
            Err(_) => {
                new.release();
                Ok(self.slot().expect("another thread stored it"))
            }
        }
    }
}

/// A source is dropped before its descriptor is closed or given away. Who still waits is forgotten.
impl Drop for Source {
    fn drop(&mut self) {
        let Some(slot) = self.slot() else {
            return;
        };
        let mut home = slot.home.lock();
        let registry = home.registry.take();
        home.writes = false;
        if let Some(registry) = &registry {
            // SAFETY: whoever owns the source owns the descriptor, too, and closes it afterwards.
            registry.remove(unsafe { BorrowedFd::borrow_raw(home.descriptor) });
        }
        drop(home);
        drop(slot.readiness.disarm());
        slot.release();
        // Possibly the last reference to the poller of a runtime that has ended: dropped without a lock.
        drop(registry);
    }
}

/// Registers the descriptor with its first poller, or with another one.
///
/// # Errors
/// The system's; nothing is registered then, and the caller disarms what is armed.
fn register(
    slot: &Slot,
    home: &mut Home,
    registry: Arc<Registry>,
    descriptor: BorrowedFd<'_>,
    direction: Direction,
) -> io::Result<()> {
    if let Some(old) = home.registry.take() {
        old.remove(descriptor);
    }
    home.descriptor = descriptor.as_raw_fd();
    home.writes = direction == Direction::Write;
    // Before the poller is told, as an event may come at once.
    slot.readiness.arm(direction);
    if home.writes && !REARMS {
        // Who writes first reads afterwards: one registration for both.
        slot.readiness.arm(Direction::Read);
    }
    registry.add(descriptor, slot.interest(home))?;
    home.registry = Some(registry);
    Ok(())
}

/// Has the present poller report this direction, too.
///
/// # Errors
/// The system's; the caller disarms what is armed.
fn arm(
    slot: &Slot,
    home: &mut Home,
    descriptor: BorrowedFd<'_>,
    direction: Direction,
) -> io::Result<()> {
    slot.readiness.arm(direction);
    home.writes |= direction == Direction::Write;
    let Some(registry) = &home.registry else {
        return Ok(());
    };
    registry.modify(descriptor, slot.interest(home))
}

/// Disarms after a refusal to register, and puts that in words. Who else waits finds out for itself.
fn failed(slot: &Slot, error: io::Error) -> io::Error {
    let waiting = slot.readiness.disarm();
    waiting.into_iter().for_each(ThinWaker::wake_quietly);
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "this descriptor is always ready, as those of regular files are: use `filch::fs` for it"
        }
        io::ErrorKind::AlreadyExists => {
            "this descriptor is watched already: give filch a duplicate of it (`try_clone`)"
        }
        _ => return error,
    };
    io::Error::new(error.kind(), remedy)
}

/// A source without a slot has not been refused yet.
#[inline]
fn begin(slot: Option<&Slot>, direction: Direction) -> Begin {
    match slot {
        Some(slot) => slot.readiness.begin(direction, REARMS),
        None => Begin::Free,
    }
}

/// What follows from a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Wait,
    Again,
    Failed,
}

#[inline]
fn after(error: &impl Refusal, slot: Option<&Slot>, begin: Begin, direction: Direction) -> After {
    let readiness = slot.map(|slot| &slot.readiness);
    match (error.is_would_block(), begin, readiness) {
        (true, Begin::Hung, Some(readiness)) => {
            readiness.refused(direction);
            return After::Again;
        }
        (true, ..) => return After::Wait,
        // What is there is there still.
        (false, Begin::Cleared, Some(readiness)) => readiness.restore(direction, REARMS),
        _ => {}
    }
    if error.is_interrupted() {
        After::Again
    } else {
        After::Failed
    }
}

#[cold]
fn panic_outside() -> ! {
    panic!(
        "IO was waited for on a thread without a filch runtime. Wait inside `filch::block_on(..)` or \
         `#[filch::main]`, or keep `let _guard = handle.enter();` alive"
    );
}

//! What a thread is in the middle of: which runtime is current, which worker it runs, and whether it may block.
//! It owns those words of the thread and their guards; it must not know how a worker works.

use super::coop;
use super::scheduler::Shared;
use super::scheduler::worker::Worker;
use super::shim;
use super::task::Aside;
use crate::timer;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::marker::PhantomData;
use core::ptr::null;
use std::sync::Arc;

/// Whether `block_on` is allowed on the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// An ordinary thread, a blocking job, or the inside of `block_in_place`.
    MayBlock,
    /// A worker, or the inside of `block_on`.
    Asynchronous,
}

shim::thread_local! {
    static WORKER: Cell<*const Worker> = const { Cell::new(null()) };
    static MODE: Cell<Mode> = const { Cell::new(Mode::MayBlock) };
    static CURRENT: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static EARLY: RefCell<Vec<Undo>> = const { RefCell::new(Vec::new()) };
    static POOL: RefCell<Option<(u16, Entered)>> = const { RefCell::new(None) };
}

/// The worker that this thread runs.
#[inline]
pub(crate) fn worker<'a>() -> Option<&'a Worker> {
    // SAFETY: the pointer is set by `WorkerGuard`, for as long as the worker is this thread's; callers use the reference
    // before they return to the loop that may give the worker away, and across no poll.
    unsafe { WORKER.get().as_ref() }
}

/// Makes this thread run `worker` until the guard is dropped or the worker is given away.
pub(crate) struct WorkerGuard {
    worker: *const Worker,
    outer: *const Worker,
}

impl WorkerGuard {
    /// # Safety
    /// The worker lives, and is this thread's only, until the guard is dropped or [`give_worker_away`] called.
    pub(crate) unsafe fn enter(worker: *const Worker) -> Self {
        Self {
            worker,
            outer: WORKER.replace(worker),
        }
    }

    /// Whether the worker is still this thread's.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        core::ptr::eq(WORKER.get(), self.worker)
    }
}

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        WORKER.set(self.outer);
    }
}

/// Takes the worker from this thread: the caller hands it to another one.
pub(crate) fn give_worker_away() -> *const Worker {
    WORKER.replace(null())
}

/// Undoes [`give_worker_away`].
pub(crate) fn take_worker_back(worker: *const Worker) {
    WORKER.set(worker);
}

/// Makes this thread one of the blocking pool of a runtime, until [`leave_pool`].
pub(crate) fn enter_pool(shared: &Arc<Shared>) {
    let entered = Entered::new(shared);
    POOL.with(|pool| *pool.borrow_mut() = Some((shared.slot.number(), entered)));
}

/// Undoes [`enter_pool`].
pub(crate) fn leave_pool() {
    let pool = POOL.with(|pool| pool.borrow_mut().take());
    drop(pool);
}

/// Whether this is a thread of the blocking pool of that runtime.
pub(crate) fn is_in_pool_of(shared: &Shared) -> bool {
    POOL.with(|pool| {
        pool.borrow()
            .as_ref()
            .is_some_and(|(number, _)| *number == shared.slot.number())
    })
}

/// The runtime of this thread: that of its worker, or the one that was entered.
pub(crate) fn current() -> Option<Arc<Shared>> {
    if let Some(worker) = worker() {
        return Some(worker.shared().clone());
    }
    CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten()
}

/// Lets sources find the driver of the thread's worker, or of some worker of its runtime. To be called before there is a
/// runtime.
#[cfg(not(any(loom, shuttle)))]
pub(crate) fn lead_sources_here() {
    crate::io::driver::context::install(|| {
        let registry = |shared: &Shared, worker| shared.parking.driver(worker).registry().clone();
        if let Some(worker) = worker() {
            return Some(registry(worker.shared(), worker.index()));
        }
        let shared = current()?;
        Some(registry(&shared, usize::from(shared.next_home())))
    });
}

/// The runtime of this thread, or a panic that says what to do.
#[track_caller]
pub(crate) fn expect(called: &str) -> Arc<Shared> {
    match current() {
        Some(shared) => shared,
        None => panic!("{}", NoRuntime(called)),
    }
}

/// The message for a call that needs a runtime where there is none.
struct NoRuntime<'a>(&'a str);

impl fmt::Display for NoRuntime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` was called on a thread without a filch runtime. Call it inside `filch::block_on(..)` or \
             `#[filch::main]`, or keep `let _guard = handle.enter();` alive",
            self.0
        )
    }
}

/// While it lives, the thread is in a runtime: `spawn`, `sleep` and the like work. Made by
/// [`Handle::enter`](crate::runtime::Handle::enter).
///
/// # Panics
///
/// On drop, if guards of a thread are not dropped in the reverse order of their making. The thread then leaves the
/// runtime when the guards made after this one are dropped, too.
///
/// # Examples
///
/// ```
/// let runtime = filch::runtime::Runtime::new()?;
/// {
///     let _guard = runtime.enter();
///     filch::spawn(async {}).detach();
/// }
/// assert!(filch::runtime::Handle::try_current().is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "the thread leaves the runtime when the guard is dropped"]
pub struct EnterGuard<'a> {
    inner: Entered,
    /// The guard does not outlive the handle.
    handle: PhantomData<&'a Arc<Shared>>,
}

impl EnterGuard<'_> {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            inner: Entered::new(shared),
            handle: PhantomData,
        }
    }
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard")
            .field("depth", &self.inner.depth)
            .finish_non_exhaustive()
    }
}

/// The guard itself, for this crate's own use.
///
/// One that is dropped out of turn says so, and leaves what it would have undone to the guards above it: the last of them
/// to go undoes both.
pub(crate) struct Entered {
    undo: Option<Undo>,
    depth: usize,
}

/// What the end of a guard brings back.
struct Undo {
    depth: usize,
    before: Option<Arc<Shared>>,
    timers: timer::context::Guard,
}

impl Undo {
    /// The thread is as it was before the guard was made.
    fn undo(self) {
        DEPTH.set(self.depth - 1);
        // The replaced reference is dropped after the borrow has ended, and the timers after that.
        let _timers = self.timers;
        let _replaced = CURRENT.try_with(|current| current.replace(self.before));
    }
}

impl Entered {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self::with_wheel(shared, None)
    }

    /// For the thread of a worker, which sets timers in its own wheel.
    pub(crate) fn with_wheel(shared: &Arc<Shared>, worker: Option<usize>) -> Self {
        let before = CURRENT.with(|current| current.replace(Some(shared.clone())));
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        let timers = timer::context::enter(&shared.timers, worker);
        Self {
            undo: Some(Undo {
                depth,
                before,
                timers,
            }),
            depth,
        }
    }
}

impl Drop for Entered {
    #[track_caller]
    fn drop(&mut self) {
        let Some(undo) = self.undo.take() else {
            unreachable!("it is dropped once")
        };
        if DEPTH.get() != self.depth {
            // A thread that is being torn down needs no undoing.
            let _ = EARLY.try_with(|early| early.borrow_mut().push(undo));
            if !std::thread::panicking() {
                panic!(
                    "`EnterGuard`s must be dropped in the reverse order of `Handle::enter`: give each a scope of its own"
                );
            }
            return;
        }
        undo.undo();
        while let Some(undo) = next_early() {
            undo.undo();
        }
    }
}

/// What a guard left to be undone that was dropped before those above it, if it is its turn.
fn next_early() -> Option<Undo> {
    let depth = DEPTH.get();
    if depth == 0 {
        return None;
    }
    let next = EARLY.try_with(|early| {
        let mut early = early.borrow_mut();
        let at = early.iter().position(|undo| undo.depth == depth)?;
        Some(early.swap_remove(at))
    });
    next.ok().flatten()
}

/// While it lives, the thread is asynchronous: `block_on` on it panics.
pub(crate) struct Asynchronous(Mode);

impl Asynchronous {
    /// # Panics
    /// If the thread is asynchronous already.
    #[track_caller]
    pub(crate) fn enter(called: &str) -> Self {
        assert!(
            MODE.get() == Mode::MayBlock,
            "`{called}` was called inside a task or another `block_on`, where it would block a thread that other tasks \
             need. Use `.await` there, or wrap the call in `filch::block_in_place(|| ..)` or `filch::spawn_blocking`"
        );
        Self::force()
    }

    /// For the loop of a worker.
    pub(crate) fn force() -> Self {
        Self(MODE.replace(Mode::Asynchronous))
    }
}

impl Drop for Asynchronous {
    fn drop(&mut self) {
        MODE.set(self.0);
    }
}

/// Whether waiting would block a worker or a `block_on`.
pub(crate) fn may_block() -> bool {
    MODE.get() == Mode::MayBlock
}

/// While it lives, the thread may block although it is in the middle of a poll.
pub(crate) struct Blocking {
    mode: Mode,
    _task: Aside,
    _budget: coop::Unlimited,
}

impl Blocking {
    pub(crate) fn enter() -> Self {
        Self {
            mode: MODE.replace(Mode::MayBlock),
            _task: Aside::enter(),
            _budget: coop::Unlimited::enter(),
        }
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        MODE.set(self.mode);
    }
}

//! The handle of a task: await it, detach it, abort it.
//! It owns the handle's side of the join protocol; it must not know how a task is run or woken.

use super::error::JoinError;
use super::header::Header;
use super::id::Id;
use super::outcome::Outcome;
use super::state::{Detach, Wake};
use super::waker::{ThinWaker, drop_ref};
use crate::runtime::coop;
use crate::runtime::quietly::quietly;
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Poll, ready};

/// The right to a task's output.
///
/// Awaiting it gives `Result<T, JoinError>`: the output, or why there is none. Dropping it detaches the task, which
/// goes on running, as in tokio and `std::thread`; [`detach`](JoinHandle::detach) says so aloud. A task that ends in
/// a panic or an `Err` after its handle was dropped is reported through
/// [`Builder::on_unhandled`](crate::runtime::Builder::on_unhandled).
///
/// # Panics
///
/// When polled again after it was ready: a handle gives its output once.
///
/// # Cancel safety
///
/// Waiting through `&mut handle`, in a timeout for one, can be given up: the output stays in the task until it is taken.
///
/// # Examples
///
/// ```
/// filch::block_on(async {
///     let handle = filch::spawn(async { 6 * 7 });
///     assert_eq!(handle.await.unwrap(), 42);
/// });
/// ```
pub struct JoinHandle<T> {
    task: NonNull<Header>,
    /// Once the output was taken: the generation, for [`JoinHandle::id`]. The task may be gone then.
    taken: Option<u32>,
    output: PhantomData<T>,
}

// SAFETY: the handle moves the output between threads, for which `T: Send` suffices, and gives no `&T`.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: through `&JoinHandle` one reaches atomics and words that do not change while the reference is held.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}
impl<T> core::panic::UnwindSafe for JoinHandle<T> {}
impl<T> core::panic::RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    /// The caller owns the handle's flag and reference, and `T` is the output of the task's future.
    #[inline]
    pub(crate) unsafe fn from_raw(task: NonNull<Header>) -> Self {
        Self {
            task,
            taken: None,
            output: PhantomData,
        }
    }

    fn header(&self) -> Option<&Header> {
        // SAFETY: until the output is taken, the handle's reference keeps the header.
        self.task().map(|task| unsafe { task.as_ref() })
    }

    /// The task, as long as the handle has not given its output.
    #[inline]
    fn task(&self) -> Option<NonNull<Header>> {
        if self.taken.is_none() {
            Some(self.task)
        } else {
            None
        }
    }

    /// Lets the task run on by itself. The same as dropping the handle, but said aloud.
    ///
    /// ```
    /// # filch::block_on(async {
    /// filch::spawn(async { println!("on my own") }).detach();
    /// # });
    /// ```
    #[inline]
    pub fn detach(self) {
        if let Some(task) = self.task() {
            // SAFETY: the handle's reference keeps the header. Mostly the task was spawned just now.
            if unsafe { task.as_ref() }.state.detach_untouched() {
                core::mem::forget(self);
            }
        }
    }

    /// Cancels the task: its future is dropped at its next scheduling point, on a worker of its runtime, and the
    /// handle gives a [`JoinError`] for which [`is_cancelled`](JoinError::is_cancelled) holds.
    ///
    /// A task that has ended is left as it is; one that is just being polled ends as cancelled unless this very poll
    /// completes it. A closure given to `spawn_blocking` can be cancelled only before it starts.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let handle = filch::spawn(std::future::pending::<()>());
    /// handle.abort();
    /// assert!(handle.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn abort(&self) {
        if let Some(task) = self.task() {
            // SAFETY: the handle's reference keeps the header.
            unsafe { abort(task) };
        }
    }

    /// A handle that can only abort and identify the task; it does not keep the output.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let handle = filch::spawn(std::future::pending::<()>());
    /// let abort = handle.abort_handle();
    /// abort.abort();
    /// assert!(handle.await.is_err());
    /// assert!(abort.is_finished());
    /// # });
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        if let Some(header) = self.header() {
            header.state.ref_inc();
        }
        AbortHandle {
            task: self.task(),
            id: self.id(),
        }
    }

    /// Whether the task has ended: then the handle is ready at once.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::spawn(std::future::pending::<()>());
    ///     assert!(!handle.is_finished());
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.header()
            .is_none_or(|header| header.state.load().is_done())
    }

    /// The task's id, unique among the tasks that are alive in the process.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let (one, two) = (filch::spawn(async {}), filch::spawn(async {}));
    ///     assert_ne!(one.id(), two.id());
    /// });
    /// ```
    pub fn id(&self) -> Id {
        match (self.taken, self.header()) {
            (None, Some(header)) => header.id(),
            (taken, _) => Id::new(self.task.addr().get(), taken.unwrap_or_default()),
        }
    }

    /// The name given with [`task::Builder::name`](crate::task::Builder::name); `None` for a task without one, and
    /// after the output was taken.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::task::Builder::new().name("reader").spawn(async {});
    ///     assert_eq!(handle.name().as_deref(), Some("reader"));
    /// });
    /// ```
    pub fn name(&self) -> Option<String> {
        // SAFETY: the handle's reference keeps the header.
        self.task().and_then(|task| unsafe { task.as_ref() }.name())
    }

    /// The end of a poll that found the task done. A function of its own, so that a poll that waits saves no registers.
    ///
    /// # Safety
    /// As [`take`](Self::take).
    #[inline(never)]
    unsafe fn finish(
        &mut self,
        task: NonNull<Header>,
        cx: &Context<'_>,
    ) -> Poll<Result<T, JoinError>> {
        ready!(coop::poll_progress(cx));
        // SAFETY: passed on.
        Poll::Ready(unsafe { self.take(task) })
    }

    /// Takes the outcome and gives up the handle.
    ///
    /// # Safety
    /// The task is done, and `task` is what stands in `self.task`.
    unsafe fn take(&mut self, task: NonNull<Header>) -> Result<T, JoinError> {
        // SAFETY: the handle's reference keeps the header until it is given up below.
        let generation = unsafe { task.as_ref() }.generation;
        self.taken = Some(generation);
        let id = Id::new(task.addr().get(), generation);
        // SAFETY: after DONE the outcome is the handle's, and its reference keeps the memory up to the release.
        let outcome = unsafe {
            let outcome = Header::take::<T>(task);
            if task.as_ref().state.release_handle() {
                Header::free(task);
            }
            outcome
        };
        match outcome {
            Outcome::Returned(output) => Ok(output),
            Outcome::Panicked(payload) => Err(JoinError::panicked(id, *payload)),
            Outcome::Cancelled => Err(JoinError::cancelled(id)),
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    /// When polled again after it was ready.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(task) = self.task() else {
            polled_again()
        };
        // SAFETY: the handle's reference keeps the header.
        let header = unsafe { task.as_ref() };
        if !header.state.load().is_done() {
            match wait(header, cx) {
                Wait::Pending => return Poll::Pending,
                // Only this task could end the wait, and it is the one that waits.
                Wait::Never => return Poll::Ready(Err(JoinError::joins_itself(self.id()))),
                Wait::Done => {}
            }
        }
        // SAFETY: `load` or `wait` saw DONE.
        unsafe { self.finish(task, cx) }
    }
}

#[cold]
#[track_caller]
fn polled_again() -> ! {
    panic!("a `JoinHandle` was polled after it gave its output: await it once")
}

/// What came of waiting for a task that was not done.
enum Wait {
    Pending,
    Done,
    /// The task that waits is the one that is waited for.
    Never,
}

/// Leaves the waker with the task.
fn wait(header: &Header, cx: &Context<'_>) -> Wait {
    if core::ptr::eq(coop::task(), core::ptr::from_ref(header).cast()) {
        Wait::Never
    } else if register(header, cx) {
        Wait::Pending
    } else {
        Wait::Done
    }
}

/// False if the task is done.
#[inline]
fn register(header: &Header, cx: &Context<'_>) -> bool {
    let word = &header.joiner;
    if header.state.has_joiner() {
        // SAFETY: between DONE and the completer's use both sides only read the word, and before DONE only the
        // handle writes it, which is borrowed here.
        if ThinWaker::raw_is_of(unsafe { word.read() }, cx.waker()) {
            return !header.state.load().is_done();
        }
        if !header.state.take_back_joiner() {
            return false;
        }
        // SAFETY: `take_back_joiner` made the word, which holds a waker, the handle's again.
        drop(unsafe { ThinWaker::from_raw(word.read()) });
    }
    let waker = ThinWaker::new(cx.waker());
    // SAFETY: without JOINER the word is the handle's.
    unsafe { word.write(waker.into_raw()) };
    if header.state.set_joiner() {
        return true;
    }
    // SAFETY: the offer was refused: the waker is still the handle's.
    drop(unsafe { ThinWaker::from_raw(word.read()) });
    false
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(task) = self.task() {
            // SAFETY: the handle owns its flag and a reference, and gives both up.
            unsafe { drop_handle(task) };
        }
    }
}

/// # Safety
/// The caller owns the handle's flag and reference, and gives them up.
unsafe fn drop_handle(task: NonNull<Header>) {
    {
        // SAFETY: the handle's reference keeps the header until it is given up, and `detach` says what is the
        // handle's besides: the joiner's waker, or the output.
        unsafe {
            let header = task.as_ref();
            match header.state.detach() {
                Detach::Gone => {}
                Detach::DropJoiner => {
                    let joiner = ThinWaker::from_raw(header.joiner.read());
                    quietly(|| drop(joiner));
                    drop_ref(task);
                }
                Detach::DropOutput => {
                    Header::discard(task);
                    if header.state.release_handle() {
                        Header::free(task);
                    }
                }
            }
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// The right to abort a task, without a right to its output. Made by [`JoinHandle::abort_handle`]; cheap to clone.
///
/// ```
/// filch::block_on(async {
///     let handle = filch::spawn(std::future::pending::<()>());
///     let abort = handle.abort_handle();
///     std::thread::spawn(move || abort.abort());
///     assert!(handle.await.unwrap_err().is_cancelled());
/// });
/// ```
pub struct AbortHandle {
    /// `None` if the output had been taken before the handle was made.
    task: Option<NonNull<Header>>,
    id: Id,
}

// SAFETY: the handle reaches atomics only, and `abort` may be called from any thread.
unsafe impl Send for AbortHandle {}
// SAFETY: as above.
unsafe impl Sync for AbortHandle {}

impl AbortHandle {
    /// Cancels the task, as [`JoinHandle::abort`] does.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::spawn(std::future::pending::<()>());
    ///     handle.abort_handle().abort();
    ///     assert!(handle.await.unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn abort(&self) {
        if let Some(task) = self.task {
            // SAFETY: this handle's reference keeps the header.
            unsafe { abort(task) };
        }
    }

    /// Whether the task has ended.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::spawn(async {});
    ///     let abort = handle.abort_handle();
    ///     handle.await.unwrap();
    ///     assert!(abort.is_finished());
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        // SAFETY: this handle's reference keeps the header.
        self.task
            .is_none_or(|task| unsafe { task.as_ref() }.state.load().is_done())
    }

    /// The task's id.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::spawn(async {});
    ///     assert_eq!(handle.abort_handle().id(), handle.id());
    /// });
    /// ```
    pub fn id(&self) -> Id {
        self.id
    }
}

impl Clone for AbortHandle {
    fn clone(&self) -> Self {
        if let Some(task) = self.task {
            // SAFETY: this handle's reference keeps the header.
            unsafe { task.as_ref() }.state.ref_inc();
        }
        Self {
            task: self.task,
            id: self.id,
        }
    }
}

impl Drop for AbortHandle {
    fn drop(&mut self) {
        if let Some(task) = self.task {
            // SAFETY: this handle owns a reference and gives it up.
            unsafe { drop_ref(task) };
        }
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("id", &self.id)
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// # Safety
/// The caller holds a reference to the task.
pub(crate) unsafe fn abort(task: NonNull<Header>) {
    // SAFETY: the reference keeps the header; `Push` gives the queue entry.
    unsafe {
        if task.as_ref().state.cancel() == Some(Wake::Push) {
            Header::push(task);
        }
    }
}

//! Write-behind: bytes are taken into a buffer at once, and a job on the blocking pool writes them, one job at a time.
//! It owns the buffers, the order of everything that is done with one sink, and the error that has not been told yet; it
//! must not know what a sink is beyond [`Sink`].
//!
//! # No byte is dropped in silence
//!
//! Two locks: the *books*, held for a few instructions; and the *turn*, held by a thread for the system calls of one
//! operation, and taken first. Steps:
//!
//! - **A (accept)**, under the books: bytes are appended to `gathered`; if `writing` was not set, it is set, and the
//!   caller makes a [`Writer`].
//! - **S (settle)**, under the turn: all bytes are moved out, under the books, and then written. Any job may do it.
//! - **E (end)**, a writer, under the turn and the books: if there are no bytes, `writing` is cleared.
//!
//! A writer alternates S and E until E clears the flag; after some rounds it does so in a new job, so that others come
//! to their turn. It does so when its job runs, and also when its job is dropped unrun: cancelled by the end of the
//! runtime, refused by a full pool, or never made for want of a runtime; then on the thread that drops it. So while
//! `writing` is set there is a writer that has not done its last E, and bytes are there only while it is set (A against
//! E: both are steps under the books).
//! Since E needs the turn, `writing` is cleared only when no job is still in the middle of an S.
//!
//! An error in S is kept in `error`, and all bytes that were accepted before anybody knew of it are given up: what
//! follows a gap is not written. It is told to the next operation, or, when the last handle is gone, reported; by E if
//! the handle went first, else by whoever drops the handle.

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

use crate::runtime::coop;
use crate::runtime::home::Home;
use crate::runtime::quietly::quietly;
use crate::runtime::shim::{Mutex, MutexGuard, seeded};
use core::mem;
use core::task::{Context, Poll, Waker, ready};
use std::io::{self, IoSlice};
use std::sync::Arc;

/// So many times in a row one job looks for more to write.
const ROUNDS: usize = 16;

/// What bytes are written to, by calls that may block.
pub(crate) trait Sink: Send + Sync + Sized + 'static {
    /// What is kept under the lock of the books.
    type Beside: Default + Send;

    /// How far the position is to be moved back before the next write.
    fn take_back(_: &mut Self::Beside) -> u64 {
        0
    }

    /// Moves the position back, and writes all of `bytes`.
    ///
    /// # Errors
    /// As the system says.
    fn write(&self, back: u64, bytes: &[u8]) -> io::Result<()>;

    /// What a report calls it: `a file of such a path`.
    fn name(&self) -> String;
}

/// A sink, and the bytes that are on their way to it.
pub(crate) struct Behind<S: Sink> {
    pub(crate) sink: S,
    pub(crate) home: Home,
    turn: Mutex<()>,
    books: Mutex<Books<S::Beside>>,
}

struct Books<B> {
    /// What the writer has set apart, to make room: older than `gathered`.
    first: Vec<u8>,
    gathered: Vec<u8>,
    writing: bool,
    /// The error of a write that nobody has been told of.
    error: Option<io::Error>,
    /// Who wait for room, or for the end of all writes.
    waiters: Vec<Waker>,
    handles: usize,
    beside: B,
}

impl<B> Books<B> {
    fn is_empty(&self) -> bool {
        self.first.is_empty() && self.gathered.is_empty()
    }
}

/// What was accepted before could not be written. The error is in the books: see [`Behind::take_error`].
pub(crate) struct Unsettled;

impl<S: Sink> Behind<S> {
    /// Without handles: see [`add_handle`](Self::add_handle).
    pub(crate) fn new(sink: S, home: Home) -> Self {
        Self {
            sink,
            home,
            turn: Mutex::new(()),
            books: Mutex::new(Books {
                first: Vec::new(),
                gathered: Vec::new(),
                writing: false,
                error: None,
                waiters: Vec::new(),
                handles: 0,
                beside: S::Beside::default(),
            }),
        }
    }

    /// The sink alone. What was accepted is to be flushed before.
    pub(crate) fn into_sink(self) -> S {
        self.sink
    }

    /// Looks at what the sink keeps under the lock.
    pub(crate) fn beside<R>(&self, f: impl FnOnce(&mut S::Beside) -> R) -> R {
        f(&mut self.books.lock().beside)
    }

    /// Takes bytes, at most so many that `most` are waiting; what `most` allows for is taken in one piece, or later. Calls
    /// `before` before it takes any.
    pub(crate) fn poll_write(
        self: &Arc<Self>,
        cx: &Context<'_>,
        buffers: &[IoSlice<'_>],
        most: usize,
        before: impl Fn(&mut S::Beside),
    ) -> Poll<io::Result<usize>> {
        let length = buffers.iter().map(|buffer| buffer.len()).sum::<usize>();
        if length == 0 {
            return Poll::Ready(Ok(0));
        }
        ready!(coop::poll_proceed(cx));
        let (taken, start) = ready!(self.poll(cx, |books| {
            if let Some(error) = books.error.take() {
                return Some((Err(error), false));
            }
            let mut room = most.saturating_sub(books.gathered.len());
            if room < length.min(most) {
                return None;
            }
            before(&mut books.beside);
            let had = books.gathered.len();
            for buffer in buffers {
                let some = &buffer[..buffer.len().min(room)];
                books.gathered.extend_from_slice(some);
                room -= some.len();
            }
            let taken = books.gathered.len() - had;
            Some((Ok(taken), !mem::replace(&mut books.writing, true)))
        }));
        if start {
            self.start_writer();
        }
        coop::made_progress();
        Poll::Ready(taken)
    }

    /// Ready when all that was accepted is written, or one error of it is told.
    pub(crate) fn poll_flush(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        ready!(coop::poll_proceed(cx));
        let flushed = ready!(self.poll(cx, |books| match books.error.take() {
            Some(error) => Some(Err(error)),
            None => (!books.writing).then_some(Ok(())),
        }));
        coop::made_progress();
        Poll::Ready(flushed)
    }

    /// What `f` gives; while that is nothing, the task is woken when a write goes on.
    fn poll<R>(
        &self,
        cx: &Context<'_>,
        mut f: impl FnMut(&mut Books<S::Beside>) -> Option<R>,
    ) -> Poll<R> {
        let mut waker = None;
        loop {
            let mut books = self.books.lock();
            if let Some(ready) = f(&mut books) {
                return Poll::Ready(ready);
            }
            if let Some(waker) = waker {
                let known = books.waiters.iter().any(|known| known.will_wake(&waker));
                // Dropped without the lock, if it is not needed.
                let spare = if known {
                    Some(waker)
                } else {
                    books.waiters.push(waker);
                    None
                };
                drop(books);
                drop(spare);
                return Poll::Pending;
            }
            drop(books);
            // Not under the lock: a clone is foreign code.
            waker = Some(cx.waker().clone());
        }
    }

    /// The error that was not told yet.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.books.lock().error.take()
    }

    /// Waits for the right to make system calls on the sink. Not to be held while foreign code is called.
    pub(crate) fn turn(&self) -> Turn<'_, S> {
        Turn {
            behind: self,
            _lock: self.turn.lock(),
        }
    }

    /// One handle more.
    pub(crate) fn add_handle(&self) {
        self.books.lock().handles += 1;
    }

    /// One handle less. Without any, errors are reported.
    pub(crate) fn release_handle(&self) {
        let error = {
            let mut books = self.books.lock();
            books.handles -= 1;
            (books.handles == 0).then(|| books.error.take()).flatten()
        };
        self.report(error);
    }

    fn report(&self, error: Option<io::Error>) {
        if let Some(error) = error {
            let what = format!(
                "a buffered write to {} failed after it was dropped without a flush",
                self.sink.name()
            );
            self.home.report(core::any::type_name::<S>(), what, error);
        }
    }

    fn start_writer(self: &Arc<Self>) {
        Writer {
            behind: Arc::clone(self),
            has_ended: false,
        }
        .submit();
    }

    /// Writes what is there; whether that was the writer's end.
    fn write_round(&self) -> bool {
        let mut books = self.books.lock();
        if books.first.is_empty() {
            // There is room from now on, and not only after the write.
            books.first = mem::take(&mut books.gathered);
        }
        let early = seeded("writer_ends_without_the_turn") && books.is_empty();
        books.writing &= !early;
        let waiters = mem::take(&mut books.waiters);
        drop(books);
        wake(waiters);
        if early {
            return true;
        }
        let turn = self.turn();
        // An error is in the books now, for whoever comes next.
        let _ = turn.settle();
        let ended = turn.end_writer();
        drop(turn);
        let Some((waiters, lost)) = ended else {
            return false;
        };
        wake(waiters);
        self.report(lost);
        true
    }
}

fn wake(waiters: Vec<Waker>) {
    for waiter in waiters {
        // A panic must not keep the rest from being written.
        quietly(|| waiter.wake());
    }
}

/// Whoever has it writes what is accepted, until there is nothing: the job that runs it, or the thread that drops a job
/// which will never run.
struct Writer<S: Sink> {
    behind: Arc<Behind<S>>,
    has_ended: bool,
}

impl<S: Sink> Writer<S> {
    fn submit(self) {
        let home = self.behind.home.clone();
        if let Some(job) = home.submit(move || self.run()) {
            job.detach();
        }
    }

    /// After some rounds other jobs come first: bytes may be accepted for ever.
    fn run(mut self) {
        for _ in 0..ROUNDS {
            self.has_ended = self.behind.write_round();
            if self.has_ended {
                return;
            }
        }
        self.submit();
    }
}

impl<S: Sink> Drop for Writer<S> {
    fn drop(&mut self) {
        while !self.has_ended {
            self.has_ended = self.behind.write_round();
        }
    }
}

/// The right to make system calls on the sink.
pub(crate) struct Turn<'a, S: Sink> {
    behind: &'a Behind<S>,
    _lock: MutexGuard<'a, ()>,
}

impl<S: Sink> Turn<'_, S> {
    pub(crate) fn sink(&self) -> &S {
        &self.behind.sink
    }

    /// Looks at what the sink keeps, and at whether bytes were accepted since the last [`settle`](Self::settle).
    pub(crate) fn beside<R>(&self, f: impl FnOnce(&mut S::Beside, bool) -> R) -> R {
        let mut books = self.behind.books.lock();
        let waiting = !books.is_empty();
        f(&mut books.beside, waiting)
    }

    /// Brings the sink up to what was accepted.
    ///
    /// # Errors
    /// If a write failed, now or before, and nobody has been told.
    pub(crate) fn settle(&self) -> Result<(), Unsettled> {
        let (back, first, gathered) = {
            let mut books = self.behind.books.lock();
            if books.error.is_some() {
                return Err(Unsettled);
            }
            let back = S::take_back(&mut books.beside);
            let first = mem::take(&mut books.first);
            (back, first, mem::take(&mut books.gathered))
        };
        let sink = self.sink();
        let written = match (first.is_empty(), gathered.is_empty()) {
            (true, true) if back == 0 => Ok(()),
            (true, _) => sink.write(back, &gathered),
            (false, true) => sink.write(back, &first),
            (false, false) => sink
                .write(back, &first)
                .and_then(|()| sink.write(0, &gathered)),
        };
        let Err(error) = written else { return Ok(()) };
        let mut books = self.behind.books.lock();
        books.error = Some(error);
        books.first.clear();
        books.gathered.clear();
        Err(Unsettled)
    }

    /// If nothing is left, those who wait for that, and the error that nobody else will tell.
    fn end_writer(&self) -> Option<(Vec<Waker>, Option<io::Error>)> {
        let mut books = self.behind.books.lock();
        if !books.is_empty() && !seeded("writer_leaves_bytes") {
            return None;
        }
        books.writing = false;
        let lost = (books.handles == 0).then(|| books.error.take()).flatten();
        Some((mem::take(&mut books.waiters), lost))
    }
}

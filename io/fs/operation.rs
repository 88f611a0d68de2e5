//! The future of a call on the blocking pool. It owns how a call starts, and what becomes of it when the future is dropped;
//! it must not know what the call does.

use super::open::Fault;
use crate::runtime::home::Home;
use crate::runtime::task::JoinHandle;
use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::panic::resume_unwind;

/// A call of [`fs`](crate::fs) on its way: a future of its result.
///
/// It begins when it is first polled, as a job on the blocking pool of the runtime that polls it, or else of the one where
/// it was made. It borrows nothing, so it can be spawned.
///
/// # Errors
///
/// What the call of `std::fs` gives; and [`Other`](io::ErrorKind::Other) if the job was not run: its runtime has ended, or
/// the pool's queue is bounded ([`Builder::blocking_queue`](crate::runtime::Builder::blocking_queue)) and full.
///
/// # Cancel safety
///
/// If it is dropped before the job has begun, nothing is done. A job that runs cannot be stopped: it goes on to its end,
/// and its result is dropped.
///
/// # Examples
///
/// ```
/// use filch::fs;
///
/// filch::block_on(async {
///     let manifest = filch::spawn(fs::read_to_string("Cargo.toml"));
///     let license = fs::read_to_string("LICENSE-MIT").await?;
///     assert!(manifest.await.unwrap()?.contains("filch"));
///     assert!(license.contains("MIT"));
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
#[must_use = "a call does nothing until it is awaited"]
pub struct Operation<T> {
    called: &'static str,
    stage: Stage<T>,
}

type Start<T> = Box<dyn FnOnce() -> Option<JoinHandle<Answer<T>>> + Send>;

enum Stage<T> {
    Ready(io::Result<T>),
    New(Start<T>),
    Running(JoinHandle<Answer<T>>),
    Over,
}

/// What the job gives. Not a `Result`: a call that nobody awaits any more is no failure to report.
struct Answer<T>(Result<T, Fault>);

impl<T: Send + 'static> Operation<T> {
    /// A call that has no file yet.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub(super) fn new(
        called: &'static str,
        f: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Self {
        Self::at(Home::expect(called), called, || Ok(f()?))
    }

    /// A call whose place and runtime are known.
    pub(super) fn at(
        home: Home,
        called: &'static str,
        f: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Self {
        Self {
            called,
            stage: Stage::New(Box::new(move || home.submit(move || Answer(f())))),
        }
    }

    /// A call whose result is known.
    pub(super) fn ready(called: &'static str, result: io::Result<T>) -> Self {
        Self {
            called,
            stage: Stage::Ready(result),
        }
    }
}

impl<T> Unpin for Operation<T> {}

impl<T> Future for Operation<T> {
    type Output = io::Result<T>;

    /// # Panics
    /// When polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if let Stage::New(_) = self.stage {
            if let Stage::New(start) = mem::replace(&mut self.stage, Stage::Over) {
                if let Some(job) = start() {
                    self.stage = Stage::Running(job);
                } else {
                    return Poll::Ready(Err(not_run(self.called)));
                }
            }
        }
        let answer = match &mut self.stage {
            Stage::Running(job) => Some(ready!(Pin::new(job).poll(cx))),
            _ => None,
        };
        let stage = mem::replace(&mut self.stage, Stage::Over);
        Poll::Ready(match (answer, stage) {
            (Some(Ok(Answer(result))), _) => result.map_err(Fault::into_error),
            (Some(Err(error)), _) => match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(_cancelled) => Err(not_run(self.called)),
            },
            (None, Stage::Ready(result)) => result,
            (None, _) => panic!(
                "`{}` was polled after it was ready: await it once",
                self.called
            ),
        })
    }
}

fn not_run(called: &str) -> io::Error {
    io::Error::other(format!(
        "`{called}` did not run: its runtime has ended, or the queue of the blocking pool is full. Await it inside a \
         runtime that lives, and see `Builder::blocking_queue`"
    ))
}

impl<T> Drop for Operation<T> {
    fn drop(&mut self) {
        if let Stage::Running(job) = &self.stage {
            job.abort();
        }
    }
}

impl<T> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::New(_) => "new",
            Stage::Running(_) => "running",
            Stage::Ready(_) => "ready",
            Stage::Over => "over",
        };
        f.debug_struct("Operation")
            .field("call", &self.called)
            .field("stage", &stage)
            .finish()
    }
}

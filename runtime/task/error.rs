//! Why a task has no output.

use super::id::Id;
use core::any::Any;
use core::fmt;
use parking_lot::Mutex;

/// A task ended without an output: it was cancelled, it panicked, or it waited for itself.
///
/// ```
/// filch::block_on(async {
///     let error = filch::spawn(async { panic!("oh no") }).await.unwrap_err();
///     assert!(error.is_panic());
///     assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "oh no");
/// });
/// ```
pub struct JoinError(Box<Inner>);

/// Behind a pointer, so that a `Result<(), JoinError>` is one word for all who do not fail.
struct Inner {
    id: Id,
    why: Why,
}

enum Why {
    Cancelled,
    /// A payload is `Send` but not `Sync`; the lock makes the error shareable, and the payload's text printable.
    Panicked(Mutex<Box<dyn Any + Send>>),
    JoinsItself,
}

impl JoinError {
    #[cold]
    fn new(id: Id, why: Why) -> Self {
        Self(Box::new(Inner { id, why }))
    }

    pub(crate) fn cancelled(id: Id) -> Self {
        Self::new(id, Why::Cancelled)
    }

    pub(crate) fn panicked(id: Id, payload: Box<dyn Any + Send>) -> Self {
        Self::new(id, Why::Panicked(Mutex::new(payload)))
    }

    pub(crate) fn joins_itself(id: Id) -> Self {
        Self::new(id, Why::JoinsItself)
    }

    /// Whether the task was aborted, or dropped at the end of its runtime, or never started because the runtime was
    /// shutting down.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::spawn(std::future::pending::<()>());
    ///     handle.abort();
    ///     assert!(handle.await.unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0.why, Why::Cancelled)
    }

    /// Whether a poll of the task, or the drop of its future, panicked.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let error = filch::spawn(async { panic!("oh no") }).await.unwrap_err();
    ///     assert!(error.is_panic());
    /// });
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.0.why, Why::Panicked(_))
    }

    /// Whether the task awaited its own handle, which could never end. asyncio raises a `RuntimeError` there.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// filch::block_on(async {
    ///     let (give, take) = mpsc::channel::<filch::task::JoinHandle<bool>>();
    ///     let (tell, told) = mpsc::channel();
    ///     let handle = filch::spawn(async move {
    ///         filch::task::yield_now().await;
    ///         let me = take.recv().unwrap();
    ///         tell.send(me.await.unwrap_err().is_self_join()).unwrap();
    ///         true
    ///     });
    ///     give.send(handle).unwrap();
    ///     assert!(filch::block_in_place(|| told.recv().unwrap()));
    /// });
    /// ```
    pub fn is_self_join(&self) -> bool {
        matches!(self.0.why, Why::JoinsItself)
    }

    /// The panic's payload, for [`std::panic::resume_unwind`] or a downcast.
    ///
    /// # Panics
    ///
    /// If the task did not panic: ask [`is_panic`](Self::is_panic) first, or use
    /// [`try_into_panic`](Self::try_into_panic).
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     let error = filch::spawn(async { panic!("oh no") }).await.unwrap_err();
    ///     assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "oh no");
    /// });
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!(
                "`JoinError::into_panic` was called on \"{error}\", which is not a panic: ask `is_panic` first"
            ),
        }
    }

    /// The panic's payload, or the error back if the task did not panic.
    ///
    /// # Errors
    ///
    /// The error itself, if it is not a panic.
    ///
    /// # Examples
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::spawn(std::future::pending::<()>());
    ///     handle.abort();
    ///     let error = handle.await.unwrap_err().try_into_panic().unwrap_err();
    ///     assert!(error.is_cancelled());
    /// });
    /// ```
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match *self.0 {
            Inner {
                why: Why::Panicked(payload),
                ..
            } => Ok(payload.into_inner()),
            inner => Err(Self(Box::new(inner))),
        }
    }

    /// The id of the task.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::spawn(async { panic!("oh no") });
    ///     let id = handle.id();
    ///     assert_eq!(handle.await.unwrap_err().id(), id);
    /// });
    /// ```
    pub fn id(&self) -> Id {
        self.0.id
    }
}

/// The text of a panic, where it has one.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> Option<&str> {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0.id;
        match &self.0.why {
            Why::Cancelled => write!(f, "task {id} was cancelled"),
            Why::JoinsItself => write!(f, "task {id} awaits its own handle, which cannot end"),
            Why::Panicked(payload) => match panic_text(payload.lock().as_ref()) {
                Some(text) => write!(f, "task {id} panicked: {text}"),
                None => write!(f, "task {id} panicked"),
            },
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for std::io::Error {
    fn from(error: JoinError) -> Self {
        Self::other(error)
    }
}

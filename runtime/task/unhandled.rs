//! Ends that nobody will ever see: a panic or an `Err` of a task whose handle was dropped, and IO that failed behind its
//! user's back.
//! It owns the report; where it goes is the runtime's affair.

use super::error::panic_text;
use super::header::Header;
use super::id::Id;
use core::any::{Any, type_name};
use core::fmt;
use core::hash::{Hash, Hasher};
use core::panic::Location;
use std::io;

/// A task ended in a panic or an `Err`, and its handle was dropped before or without being awaited; or IO failed after
/// everyone who could have been told was gone, such as the write of what a dropped [`File`](crate::fs::File) still had in
/// its buffer.
///
/// Given to the hook of [`Builder::on_unhandled`](crate::runtime::Builder::on_unhandled), as asyncio gives "Task
/// exception was never retrieved" to its exception handler. Its `Display` is the line that the default hook prints.
///
/// ```
/// let (tell, told) = std::sync::mpsc::channel();
/// let runtime = filch::runtime::Builder::new()
///     .workers(1)
///     .on_unhandled(move |end| tell.send(end.to_string().contains("panicked: oh no; nobody awaited it")).unwrap())
///     .build()?;
/// runtime.spawn(async { panic!("oh no") }).detach();
/// assert!(told.recv().unwrap());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Unhandled {
    id: Option<Id>,
    runtime: u16,
    name: Option<String>,
    type_name: &'static str,
    location: &'static Location<'static>,
    end: End,
}

#[derive(Debug)]
enum End {
    Panicked(Option<String>),
    Failed(&'static str),
    /// Not a task's end: what was being done, and the error.
    Io(String, io::Error),
}

impl Unhandled {
    pub(super) fn panicked(task: &Header, payload: &(dyn Any + Send)) -> Self {
        Self::new(
            task,
            End::Panicked(panic_text(payload).map(ToString::to_string)),
        )
    }

    pub(super) fn failed(task: &Header, error: &'static str) -> Self {
        Self::new(task, End::Failed(error))
    }

    /// IO of something of that type, which was made at that place, failed while it was doing `what`.
    pub(crate) fn io(
        runtime: u16,
        type_name: &'static str,
        location: &'static Location<'static>,
        what: String,
        error: io::Error,
    ) -> Self {
        Self {
            id: None,
            runtime,
            name: None,
            type_name,
            location,
            end: End::Io(what, error),
        }
    }

    fn new(task: &Header, end: End) -> Self {
        Self {
            id: Some(task.id()),
            runtime: task.runtime,
            name: task.name(),
            type_name: task.type_name(),
            location: task.location,
            end,
        }
    }

    pub(crate) fn runtime(&self) -> u16 {
        self.runtime
    }

    /// The task's id; `None` if it was not a task that failed.
    ///
    /// ```
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_unhandled(move |end| tell.send(end.id().is_some_and(|id| end.to_string().contains(&id.to_string()))).unwrap())
    ///     .build()?;
    /// runtime.spawn(async { panic!("oh no") }).detach();
    /// assert!(told.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn id(&self) -> Option<Id> {
        self.id
    }

    /// The task's name, if it was given one.
    ///
    /// ```
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_unhandled(move |end| tell.send(end.name() == Some("reader")).unwrap())
    ///     .build()?;
    /// let _guard = runtime.enter();
    /// filch::task::Builder::new().name("reader").spawn(async { panic!("oh no") }).detach();
    /// assert!(told.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The type of the task's future, or of what did the IO.
    ///
    /// ```
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_unhandled(move |end| tell.send(!end.type_name().is_empty()).unwrap())
    ///     .build()?;
    /// runtime.spawn(async { panic!("oh no") }).detach();
    /// assert!(told.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Where the task was spawned, or what did the IO was made.
    ///
    /// ```
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_unhandled(move |end| tell.send(end.location().line() > 0).unwrap())
    ///     .build()?;
    /// runtime.spawn(async { panic!("oh no") }).detach();
    /// assert!(told.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// The panic's text, for a panic that has one.
    ///
    /// ```
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_unhandled(move |end| tell.send(end.panic_message() == Some("oh no")).unwrap())
    ///     .build()?;
    /// runtime.spawn(async { panic!("oh no") }).detach();
    /// assert!(told.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn panic_message(&self) -> Option<&str> {
        match &self.end {
            End::Panicked(text) => text.as_deref(),
            End::Failed(_) | End::Io(..) => None,
        }
    }

    /// Whether a task panicked; otherwise it returned an `Err`, or IO failed.
    ///
    /// ```
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_unhandled(move |end| tell.send(end.is_panic()).unwrap())
    ///     .build()?;
    /// runtime.spawn(async { panic!("oh no") }).detach();
    /// assert!(told.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.end, End::Panicked(_))
    }

    /// The type of a task's output that was an `Err`; `None` for a panic, and for IO.
    ///
    /// ```
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_unhandled(move |end| tell.send(end.error_type().is_some_and(|name| name.contains("ParseIntError"))).unwrap())
    ///     .build()?;
    /// runtime.spawn(async { "x".parse::<u8>() }).detach();
    /// assert!(told.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn error_type(&self) -> Option<&'static str> {
        match self.end {
            End::Failed(error) => Some(error),
            End::Panicked(_) | End::Io(..) => None,
        }
    }

    /// The error of IO that failed; `None` if this is a task's end.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use filch::{fs::OpenOptions, runtime::Builder};
    /// use futures_lite::AsyncWriteExt;
    ///
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let runtime = Builder::new()
    ///     .workers(1)
    ///     .on_unhandled(move |end| tell.send(end.io_error().map(|error| error.kind())).unwrap())
    ///     .build()?;
    /// runtime.block_on(async {
    ///     let mut full = OpenOptions::new().write(true).open("/dev/full").await?;
    ///     full.write_all(b"taken into the buffer, and never flushed").await
    /// })?;
    /// assert_eq!(told.recv().unwrap(), Some(std::io::ErrorKind::StorageFull));
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.end {
            End::Io(_, error) => Some(error),
            End::Panicked(_) | End::Failed(_) => None,
        }
    }
}

impl fmt::Display for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let End::Io(what, error) = &self.end {
            return write!(
                f,
                "filch: {what}: {error}; it was made at {}",
                self.location
            );
        }
        f.write_str("filch: task ")?;
        match (&self.name, self.id) {
            (Some(name), Some(id)) => write!(f, "'{name}' ({id})")?,
            (Some(name), None) => write!(f, "'{name}'")?,
            (None, Some(id)) => write!(f, "{id}")?,
            (None, None) => f.write_str("of no id")?,
        }
        match &self.end {
            End::Panicked(Some(text)) => write!(f, " panicked: {text}")?,
            End::Panicked(None) => write!(f, " panicked")?,
            End::Failed(error) => write!(f, " returned an Err of {error}")?,
            End::Io(..) => {}
        }
        write!(
            f,
            "; nobody awaited it. It was spawned at {}",
            self.location
        )
    }
}

/// If `output` is a `Result` that holds an `Err`: the name of its type.
///
/// There is no specialisation in stable Rust, so the type is recognised by its name and the variant by its
/// discriminant. If a compiler should name types otherwise, an error goes unreported; nothing worse happens.
pub(super) fn error_type<T>(output: &T) -> Option<&'static str> {
    if size_of::<T>() == 0 || !type_name::<T>().starts_with("core::result::Result<") {
        return None;
    }
    let mut variant = Variant(0);
    core::mem::discriminant(output).hash(&mut variant);
    (variant.0 == 1).then(type_name::<T>)
}

/// A hasher that remembers the one number it is given.
struct Variant(u64);

impl Hasher for Variant {
    fn write(&mut self, bytes: &[u8]) {
        for (at, byte) in bytes.iter().take(8).enumerate() {
            self.0 |= u64::from(*byte) << (8 * at);
        }
    }
    fn write_isize(&mut self, variant: isize) {
        self.0 = variant as u64;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::error_type;

    #[test]
    fn an_err_is_told_from_an_ok_and_from_all_else() {
        assert!(error_type(&Err::<u8, String>("no".into())).is_some());
        assert!(error_type(&Err::<(), std::io::Error>(std::io::ErrorKind::Other.into())).is_some());
        assert!(error_type(&Ok::<u8, String>(1)).is_none());
        assert!(error_type(&Some(1)).is_none());
        assert!(error_type(&None::<u8>).is_none());
        assert!(error_type(&1_u64).is_none());
    }
}

//! Ends that nobody will ever see: a panic or an `Err` of a task whose handle was dropped.
//! It owns the report; where it goes is the runtime's affair.

use super::error::panic_text;
use super::header::Header;
use super::id::Id;
use core::any::{Any, type_name};
use core::fmt;
use core::hash::{Hash, Hasher};
use core::panic::Location;

/// A task ended in a panic or an `Err`, and its handle was dropped before or without being awaited.
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
    id: Id,
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

    fn new(task: &Header, end: End) -> Self {
        Self {
            id: task.id(),
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

    /// The task's id.
    ///
    /// ```
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let runtime = filch::runtime::Builder::new()
    ///     .workers(1)
    ///     .on_unhandled(move |end| tell.send(format!("{end}").contains(&end.id().to_string())).unwrap())
    ///     .build()?;
    /// runtime.spawn(async { panic!("oh no") }).detach();
    /// assert!(told.recv().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn id(&self) -> Id {
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

    /// The type of the task's future.
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

    /// Where the task was spawned.
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
            End::Failed(_) => None,
        }
    }

    /// Whether the task panicked; otherwise it returned an `Err`.
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

    /// The type of the output that was an `Err`; `None` for a panic.
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
            End::Panicked(_) => None,
        }
    }
}

impl fmt::Display for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "filch: task '{name}' ({})", self.id)?,
            None => write!(f, "filch: task {}", self.id)?,
        }
        match &self.end {
            End::Panicked(Some(text)) => write!(f, " panicked: {text}")?,
            End::Panicked(None) => write!(f, " panicked")?,
            End::Failed(error) => write!(f, " returned an Err of {error}")?,
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

//! What can be said of a task from outside, and of the one that is running.

use super::arena::walk;
use super::header::Header;
use super::id::Id;
use super::runnable;
use super::state::Snapshot;
use super::waker::drop_ref;
use core::panic::Location;
use core::ptr::NonNull;

/// What a task was doing when it was looked at.
///
/// ```
/// use filch::task::{self, TaskState};
/// filch::block_on(async {
///     let state = filch::spawn(async { task::current().state() });
///     assert_eq!(state.await.unwrap(), TaskState::Running);
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It waits for a wake-up.
    Idle,
    /// It stands in a queue.
    Scheduled,
    /// It is being polled, or has yielded.
    Running,
    /// It has ended.
    Finished,
}

impl From<Snapshot> for TaskState {
    fn from(state: Snapshot) -> Self {
        if state.is_done() {
            Self::Finished
        } else if state.is_running() {
            Self::Running
        } else if state.is_scheduled() {
            Self::Scheduled
        } else {
            Self::Idle
        }
    }
}

/// A task as it was at one moment.
///
/// ```
/// filch::block_on(async {
///     filch::spawn(std::future::pending::<()>()).detach();
///     for task in filch::task::all_tasks() {
///         println!("{} {:?}, spawned at {}", task.id(), task.state(), task.location());
///     }
/// });
/// ```
#[derive(Clone, Debug)]
pub struct TaskInfo {
    id: Id,
    name: Option<String>,
    type_name: &'static str,
    location: &'static Location<'static>,
    state: TaskState,
}

impl TaskInfo {
    /// # Safety
    /// The caller holds a reference to the task, or is inside its poll.
    unsafe fn of(task: NonNull<Header>) -> Self {
        // SAFETY: the caller keeps the header.
        let header = unsafe { task.as_ref() };
        Self {
            id: header.id(),
            name: header.name(),
            type_name: header.type_name(),
            location: header.location,
            state: header.snapshot().into(),
        }
    }

    /// All tasks of the runtime with this number.
    pub(crate) fn all(runtime: u16) -> Vec<Self> {
        let mut tasks = Vec::new();
        walk(
            |header| header.runtime == runtime,
            // SAFETY: the walk gives a reference, which is given up after the look.
            |task| unsafe {
                tasks.push(Self::of(task));
                drop_ref(task);
            },
        );
        tasks
    }

    /// The task's id.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let handle = filch::spawn(async { filch::task::current().id() });
    ///     let id = handle.id();
    ///     assert_eq!(handle.await.unwrap(), id);
    /// });
    /// ```
    pub fn id(&self) -> Id {
        self.id
    }

    /// The name given with [`task::Builder::name`](crate::task::Builder::name).
    ///
    /// ```
    /// filch::block_on(async {
    ///     let name = filch::spawn(async { filch::task::current().name().map(String::from) });
    ///     assert_eq!(name.await.unwrap(), None);
    /// });
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The type of the task's future.
    ///
    /// ```
    /// filch::block_on(async {
    ///     filch::spawn(std::future::pending::<u8>()).detach();
    ///     assert!(filch::task::all_tasks()[0].type_name().contains("Pending<u8>"));
    /// });
    /// ```
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Where the task was spawned.
    ///
    /// ```
    /// filch::block_on(async {
    ///     let line = line!() + 1;
    ///     filch::spawn(std::future::pending::<()>()).detach();
    ///     assert_eq!(filch::task::all_tasks()[0].location().line(), line);
    /// });
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// What it was doing.
    ///
    /// ```
    /// use filch::task::{self, TaskState};
    /// filch::block_on(async {
    ///     let state = filch::spawn(async { task::current().state() });
    ///     assert_eq!(state.await.unwrap(), TaskState::Running);
    /// });
    /// ```
    pub fn state(&self) -> TaskState {
        self.state
    }
}

/// The task that is running: asyncio's `current_task`.
///
/// # Panics
///
/// Outside a task, `block_on` included; [`try_current`] gives `None` there.
///
/// ```
/// filch::block_on(async {
///     let task = filch::task::Builder::new().name("me");
///     let name = task.spawn(async { filch::task::current().name().map(String::from) });
///     assert_eq!(name.await.unwrap().as_deref(), Some("me"));
/// });
/// ```
#[track_caller]
pub fn current() -> TaskInfo {
    match try_current() {
        Some(task) => task,
        None => panic!(
            "`task::current` was called outside a task: call it in a future that was given to `spawn`"
        ),
    }
}

/// The task that is running, if there is one.
///
/// ```
/// filch::block_on(async {
///     assert!(filch::task::try_current().is_none());
///     let inside = filch::spawn(async { filch::task::try_current().is_some() });
///     assert!(inside.await.unwrap());
/// });
/// ```
pub fn try_current() -> Option<TaskInfo> {
    // SAFETY: the task that is being polled is alive.
    runnable::current().map(|task| unsafe { TaskInfo::of(task) })
}

/// The id of the task that is running.
///
/// # Panics
///
/// Outside a task, `block_on` included; [`try_id`] gives `None` there.
///
/// # Examples
///
/// ```
/// filch::block_on(async {
///     let handle = filch::spawn(async { filch::task::id() });
///     let id = handle.id();
///     assert_eq!(handle.await.unwrap(), id);
/// });
/// ```
#[track_caller]
pub fn id() -> Id {
    match try_id() {
        Some(id) => id,
        None => panic!(
            "`task::id` was called outside a task: call it in a future that was given to `spawn`"
        ),
    }
}

/// The id of the task that is running, if there is one.
///
/// ```
/// filch::block_on(async {
///     assert!(filch::task::try_id().is_none());
///     assert!(filch::spawn(async { filch::task::try_id() }).await.unwrap().is_some());
/// });
/// ```
pub fn try_id() -> Option<Id> {
    // SAFETY: the task that is being polled is alive.
    runnable::current().map(|task| unsafe { task.as_ref() }.id())
}

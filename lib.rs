//! filch is a multithreaded work-stealing async runtime: tasks, timers, sockets, files and a pool for blocking
//! calls, with the breadth of Python's asyncio as its aim.
//!
//! ```
//! filch::block_on(async {
//!     println!("hello");
//! });
//! ```
//!
//! It is the tool for programs that have very many things to wait for, and a few cores to do them on. It is not a
//! thread pool for computing: a loop without an `await` keeps its worker.
//!
//! # A tour
//!
//! **Start.** [`block_on`] makes a runtime with one worker per core, runs a future on it, and ends it.
//! [`#[filch::main]`](macro@main) does the same to an `async fn main`. A runtime that is to be configured, or kept, is
//! made by [`runtime::Builder`].
//!
//! **Spawn.** A future does nothing until it is awaited, and then it runs as a part of whoever awaits it.
//! [`spawn`] makes a task of it, which runs at once and beside its spawner, on whichever worker is free.
//!
//! **Join.** The [`JoinHandle`](task::JoinHandle) is a future, too. It gives the task's output, or says why there is
//! none: the task was aborted, or panicked.
//!
//! ```
//! filch::block_on(async {
//!     let tasks: Vec<_> = (1..=10_u64).map(|n| filch::spawn(async move { n * n })).collect();
//!     let mut sum = 0;
//!     for task in tasks {
//!         sum += task.await.unwrap();
//!     }
//!     assert_eq!(sum, 385);
//!
//!     let error = filch::spawn(async { panic!("oh no") }).await.unwrap_err();
//!     assert!(error.is_panic());
//! });
//! ```
//!
//! Dropping the handle detaches the task; it is not cancelled. [`abort`](task::JoinHandle::abort) cancels: the future
//! is dropped where it waits. What a detached task fails with is not lost in silence: it is printed, or given to
//! [`on_unhandled`](runtime::Builder::on_unhandled).
//!
//! **Wait, but not for ever.** Any future can be given a deadline. When that passes, the future is dropped.
//!
//! ```
//! use filch::time::{sleep, timeout};
//! use std::time::Duration;
//!
//! filch::block_on(async {
//!     let slow = sleep(Duration::from_secs(3600));
//!     assert!(timeout(Duration::from_millis(5), slow).await.is_err());
//! });
//! ```
//!
//! **Serve.** Sockets wait as timers do. They are watched by the runtime from the first time that they have to wait, and
//! read and written through the traits of [`io`].
//!
//! ```
//! use filch::io::{AsyncReadExt, AsyncWriteExt};
//! use filch::net::{TcpListener, TcpStream};
//!
//! # fn main() -> std::io::Result<()> {
//! filch::block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let address = listener.local_addr()?;
//!     filch::spawn(async move {
//!         let (stream, _) = listener.accept().await?;
//!         filch::io::copy(&stream, &stream).await
//!     })
//!     .detach();
//!
//!     let mut stream = TcpStream::connect(address).await?;
//!     stream.write_all(b"ping").await?;
//!     let mut answer = [0; 4];
//!     stream.read_exact(&mut answer).await?;
//!     assert_eq!(&answer, b"ping");
//!     Ok(())
//! })
//! # }
//! ```
//!
//! **Block elsewhere.** A call that blocks its thread, such as [`std::thread::sleep`], would block all the tasks that are
//! queued behind it. [`run_in_executor`] gives it a thread of the blocking pool, and a handle to await.
//! [`block_in_place`] is for a call that borrows from the task.
//!
//! ```
//! filch::block_on(async {
//!     let manifest = filch::run_in_executor(None, || std::fs::read_to_string("Cargo.toml"));
//!     assert!(manifest.await.unwrap().unwrap().contains("filch"));
//! });
//! ```
//!
//! **Stop.** When a runtime ends, each future that is left is dropped, once, and the threads are joined.
//! [`shutdown_timeout`](runtime::Runtime::shutdown_timeout) waits only so long, and tells what became of everything.
//!
//! ```
//! use std::{future::pending, time::Duration};
//!
//! let runtime = filch::runtime::Runtime::new()?;
//! runtime.spawn(pending::<()>()).detach();
//! let report = runtime.shutdown_timeout(Duration::from_secs(5));
//! assert!(report.complete);
//! assert_eq!(report.tasks_dropped, 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Where things are
//!
//! | module | what is there |
//! |---|---|
//! | [`task`] | spawning, handles, names, yielding, task-local values, tasks that are not `Send` |
//! | [`time`] | sleeps, timeouts, intervals, [`Instant`](time::Instant); a clock that tests move by hand |
//! | [`net`] | TCP, UDP and Unix sockets; names and their addresses |
//! | [`io`] | reading and writing: the traits, buffers, [`copy`](io::copy()), streams in memory, standard input and output, pipes, any other descriptor; how crates for tokio and hyper run on filch |
//! | [`fs`] | files and directories, on the blocking pool |
//! | [`runtime`] | [`Builder`](runtime::Builder), [`Runtime`](runtime::Runtime), [`Handle`](runtime::Handle), [`Executor`](runtime::Executor), [`Metrics`](runtime::Metrics) |
//!
//! # Features
//!
//! | feature | default | what it gives | adds crates |
//! |---|---|---|---|
//! | `macros` | yes | [`#[filch::main]`](macro@main) and [`#[filch::test]`](macro@test) | `filch-macros`, which depends on nothing |
//! | `hyper` | no | hyper's traits on the streams, without adapters, and [its timer and executor](io::tokio_ecosystem) | hyper |
//! | `tokio` | no | tokio's IO traits [on the streams](io::tokio_ecosystem), so that tokio-rustls, codecs and the like take them | tokio, without a runtime |
//! | `test-util` | no | `time::pause`, `advance`, `resume`; `Builder::start_paused` | none |
//!
//! The environment variable `FILCH_WORKERS` sets the number of workers where the program does not. Three `--cfg` flags
//! are for those who test filch itself: `filch_system_alloc` takes every task from the system's allocator, for the
//! sanitizers' sake, `filch_tsan` makes of each fence what the thread sanitizer understands, and `filch_generic_poll`
//! waits on Linux the way it does on other systems.
//!
//! # Foreign futures
//!
//! filch polls any [`Future`], wakers of other runtimes are as good as its own, and its futures run
//! on other executors as long as a filch runtime is entered ([`Handle::enter`](runtime::Handle::enter)) where they are
//! made. Futures that need another runtime's reactor need that runtime.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod timer;

pub mod io;
pub mod runtime;

pub mod fs {
    //! Files and directories: [`std::fs`], with its calls on the runtime's blocking pool.
    //!
    //! No system waits for files as it does for sockets, so each call here is a job of the pool of
    //! [`spawn_blocking`](crate::spawn_blocking), and an [`Operation`] to await.
    //!
    //! # What it costs, and what is buffered
    //!
    //! A job costs about 2 µs of processor time beside the system call when many are under way. One that is alone, and is
    //! awaited before the next, wakes a thread of the pool and then the task: 40 µs on a virtual machine with two cores.
    //! So [`read`] of a whole file is one job; a [`File`] reads 64 KiB ahead and gathers what is written, and most small
    //! reads and writes are a copy of bytes; and [`read_dir`] reads 64 entries in a job.
    //! Many calls in a row that need no other task in between are cheapest as one closure, with `std::fs`, in one
    //! [`spawn_blocking`](crate::spawn_blocking).
    //!
    //! # A pool that is full
    //!
    //! The jobs share the pool with those of `spawn_blocking`. When all its threads are occupied
    //! ([`max_blocking_threads`](crate::runtime::Builder::max_blocking_threads)), files wait until one is free:
    //! [`Metrics::blocking_queue`](crate::runtime::Metrics) shows it. Jobs that may wait long for one another belong into an
    //! [`Executor`](crate::runtime::Executor) of their own. Where the pool's queue is bounded and full, an `Operation` gives an
    //! error, and a write to a `File` is done on the spot, on the thread that asked.
    //!
    //! # Examples
    //!
    //! ```
    //! use filch::fs;
    //!
    //! filch::block_on(async {
    //!     let dir = std::env::temp_dir().join(format!("filch-doc-fs-{}", std::process::id()));
    //!     fs::create_dir_all(&dir).await?;
    //!     fs::write(dir.join("greeting"), "hello").await?;
    //!     assert_eq!(fs::read_to_string(dir.join("greeting")).await?, "hello");
    //!     fs::remove_dir_all(&dir).await
    //! })?;
    //! # Ok::<(), std::io::Error>(())
    //! ```

    #[doc(inline)]
    pub use crate::io::fs::*;
}

/// Tasks: spawning, joining, cancelling, yielding, and looking at them.
pub mod task {
    #[doc(inline)]
    pub use crate::runtime::spawn::{spawn, spawn_local, spawn_pinned};
    #[doc(inline)]
    pub use crate::runtime::task::{
        AbortHandle, Id, JoinError, JoinHandle, LocalKey, Scoped, TaskInfo, TaskState,
        Unconstrained, Unhandled, YieldNow, consume_budget, current, id, try_current, try_id,
        unconstrained, yield_now,
    };
    #[doc(inline)]
    pub use crate::runtime::tasks::{Builder, all_tasks};
    #[doc(inline)]
    pub use crate::runtime::threads::block_in_place;
    #[doc(inline)]
    pub use crate::runtime::{LocalSet, RunUntil, run_in_executor, spawn_blocking};
}

/// Sockets: TCP, UDP and those of Unix, and the addresses behind a name.
///
/// They need no runtime to be made, only to wait. A socket is watched by the runtime in which it first has to wait, and
/// goes on in any other. Reading and writing is in the traits of [`io`], for a socket and for a reference to
/// it; any number of tasks may wait for one.
///
/// For Unix only.
#[cfg(all(unix, not(any(loom, shuttle))))]
pub mod net {
    #[doc(inline)]
    pub use crate::io::net::*;
}

/// Time: sleeps, timeouts, intervals and the clock they go by.
pub mod time {
    #[doc(inline)]
    #[cfg(feature = "test-util")]
    pub use crate::runtime::paused::advance;
    #[doc(inline)]
    pub use crate::timer::*;
}

#[doc(inline)]
pub use runtime::block_on;
#[doc(inline)]
pub use task::{block_in_place, run_in_executor, spawn, spawn_blocking, spawn_local, spawn_pinned};

#[cfg(feature = "macros")]
#[doc(inline)]
pub use filch_macros::{main, test};

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("README.md")]
mod readme {}

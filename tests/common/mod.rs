//! What the integration tests share: limits on time, events, tallies, child processes, both flavours of runtime.
//! It must not know what any one test is about.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test program uses a part of this"
)]

mod allocator;
mod child;
mod event;
mod imports;
#[cfg(all(unix, not(any(loom, shuttle))))]
pub(crate) mod net;
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
mod peers;
mod source;
mod tally;
mod wakers;

pub(crate) use allocator::{PerThread, held};
pub(crate) use child::{Beside, Child, is_child, run_child, run_child_through, run_child_with};
pub(crate) use event::Event;
pub(crate) use imports::{File, imports};
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
pub(crate) use peers::{
    MEMORY_TELLS, descriptors, listener, processor_time, reset, tcp_pair, tcp_pair_with_std,
};
pub(crate) use source::{library_files, root};
pub(crate) use tally::{Tally, Token};
pub(crate) use wakers::{CountingWaker, poll_once};

use filch::runtime::{Builder, Handle, Runtime};
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long anything may take before a test says that it hangs. Under the thread sanitizer all is ten times slower.
pub(crate) const LIMIT: Duration = Duration::from_secs(if cfg!(filch_tsan) { 200 } else { 20 });

/// Runs `f` on a thread of its own and fails if it has not ended within the limit, so that a hang is a failure.
#[track_caller]
pub(crate) fn within<R: Send + 'static>(
    limit: Duration,
    f: impl FnOnce() -> R + Send + 'static,
) -> R {
    let (running, ended) = mpsc::channel::<()>();
    let thread = thread::Builder::new()
        .name("test".into())
        .spawn(move || {
            let _running = running;
            f()
        })
        .expect("a thread for the test");
    if ended.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("it hangs: not done after {limit:?}");
    }
    match thread.join() {
        Ok(result) => result,
        Err(payload) => resume_unwind(payload),
    }
}

/// [`within`] the usual limit.
#[track_caller]
pub(crate) fn guarded<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    within(LIMIT, f)
}

/// A multi-threaded runtime with so many workers.
pub(crate) fn workers(count: usize) -> Runtime {
    Builder::new().workers(count).build().expect("a runtime")
}

/// A current-thread runtime.
pub(crate) fn current_thread() -> Runtime {
    Builder::current_thread().build().expect("a runtime")
}

/// Runs `f` with a multi-threaded runtime of one and of two workers, and with a current-thread one.
#[track_caller]
pub(crate) fn on_each_flavor(f: impl Fn(Runtime) + Send + Clone + 'static) {
    for make in [current_thread, || workers(1), || workers(2)] {
        let f = f.clone();
        guarded(move || f(make()));
    }
}

/// Waits until `condition` holds, giving the core away meanwhile; for what no channel reports.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "it never came true: {what}");
        thread::yield_now();
    }
}

/// A panic without the hook's output.
pub(crate) fn panic_quietly(text: &'static str) -> ! {
    resume_unwind(Box::new(text))
}

/// What the process has in memory.
pub(crate) fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("a Linux system");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second number counts pages") * 4096
}

/// The text of a panic's payload.
pub(crate) fn text(payload: &(dyn std::any::Any + Send)) -> String {
    match payload.downcast_ref::<&str>() {
        Some(text) => (*text).to_string(),
        None => payload
            .downcast_ref::<String>()
            .cloned()
            .unwrap_or_default(),
    }
}

/// Small random numbers from a seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Occupies the only worker of a multi-threaded runtime until dropped.
pub(crate) struct Held {
    release: mpsc::Sender<()>,
}

impl Held {
    pub(crate) fn hold(handle: &Handle) -> Self {
        let (on, is_on) = mpsc::channel();
        let (release, released) = mpsc::channel();
        handle
            .spawn(async move {
                on.send(()).expect("the holder listens");
                // An error says that the holder was dropped, which is the signal.
                let _ = released.recv();
            })
            .detach();
        is_on
            .recv_timeout(LIMIT)
            .expect("the worker takes the task");
        Self { release }
    }

    pub(crate) fn release(self) {
        let _ = self.release.send(());
    }
}

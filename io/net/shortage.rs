//! What a listener does while the process has no descriptor, or the system no memory, for another connection. It owns the
//! pauses between the attempts, and that it is said once; it must not know how one accepts.
//!
//! The connections wait in the listener's queue meanwhile. A pause is 5 ms at first, and each next one twice as long, up to a
//! second, until an accept succeeds. A task sleeps through it and wakes who waits for the listener, so that any number may
//! poll, and come and go.

use crate::runtime::home::Home;
use crate::runtime::quietly::quietly;
use crate::runtime::spawn;
use crate::timer::sleep;
use core::any::type_name;
use core::panic::{Location, RefUnwindSafe, UnwindSafe};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;

const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(1);

pub(super) struct Shortage {
    /// Whether the last accept has failed so. Only a hint for those who look without the lock.
    is_on: AtomicBool,
    state: Mutex<State>,
    home: Home,
    listener: &'static str,
}

struct State {
    pause: Arc<Pause>,
    /// How long the last pause was; zero if there is no shortage.
    length: Duration,
}

// A listener is unwind safe, as the standard library's. No panic leaves the state half changed: no foreign code runs while it
// is.
impl UnwindSafe for Shortage {}
impl RefUnwindSafe for Shortage {}

/// A pause, and who waits for its end; `None` if it has ended.
struct Pause(Mutex<Option<Vec<Waker>>>);

impl Shortage {
    /// That of a listener of type `L`.
    pub(super) fn new<L>(location: &'static Location<'static>) -> Self {
        Self {
            is_on: AtomicBool::new(false),
            state: Mutex::new(State {
                pause: Arc::new(Pause(Mutex::new(None))),
                length: Duration::ZERO,
            }),
            home: Home::at(location),
            listener: type_name::<L>(),
        }
    }

    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Relaxed)
    }

    /// Ready when there is no pause.
    #[cold]
    pub(super) fn poll_pause(&self, cx: &Context<'_>) -> Poll<()> {
        let pause = self.state.lock().pause.clone();
        pause.poll(cx)
    }

    /// An accept has failed for want of something: there is a pause, and the caller is woken at its end.
    #[cold]
    pub(super) fn refused(&self, cx: &Context<'_>, error: io::Error) {
        self.begin_pause(error);
        if self.poll_pause(cx).is_ready() {
            // The runtime ends, and takes no task more. This one is given back the core, and perhaps dropped.
            cx.waker().wake_by_ref();
        }
    }

    fn begin_pause(&self, error: io::Error) {
        let mut state = self.state.lock();
        if !state.pause.is_over() {
            return;
        }
        let is_first = state.length.is_zero();
        let length = (state.length * 2).clamp(SHORTEST, LONGEST);
        let pause = Arc::new(Pause(Mutex::new(Some(Vec::new()))));
        state.length = length;
        let old = core::mem::replace(&mut state.pause, pause.clone());
        self.is_on.store(true, Relaxed);
        drop(state);
        drop(old);
        // Also if there is no runtime to spawn in, or it ends.
        let end = End(pause);
        let over = async move {
            let _end = end;
            sleep(length).await;
        };
        spawn::spawn(over).detach();
        if is_first {
            let what = "a listener cannot accept for want of descriptors or memory, and tries again until it can";
            self.home.report(self.listener, what.into(), error);
        }
    }

    /// An accept has succeeded.
    #[cold]
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        if state.pause.is_over() {
            state.length = Duration::ZERO;
            self.is_on.store(false, Relaxed);
        }
    }
}

impl Pause {
    fn is_over(&self) -> bool {
        self.0.lock().is_none()
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        // Cloned, and dropped if it is not needed, without the lock.
        let mut mine = Some(cx.waker().clone());
        let mut waiting = self.0.lock();
        let Some(wakers) = &mut *waiting else {
            return Poll::Ready(());
        };
        if !wakers.iter().any(|other| other.will_wake(cx.waker())) {
            wakers.extend(mine.take());
        }
        drop(waiting);
        Poll::Pending
    }
}

/// Ends a pause when it is dropped.
struct End(Arc<Pause>);

impl Drop for End {
    fn drop(&mut self) {
        let waiting = self.0.0.lock().take();
        for waker in waiting.into_iter().flatten() {
            quietly(|| waker.wake());
        }
    }
}

//! Shuttle's threads, but for their parking: shuttle lets a parked thread wake at any time, which would hide a lost
//! wake-up, and goes on for ever where a thread that wakes early makes others look again.

use shuttle::sync::{Condvar, Mutex};
use std::sync::{Arc, PoisonError};

#[cfg(test)]
pub(crate) use shuttle::thread::spawn;
pub(crate) use shuttle::thread::{Builder, JoinHandle, LocalKey, ThreadId, sleep, yield_now};

/// Whether the thread may go on, and where it waits.
#[derive(Default)]
struct Token {
    given: Mutex<bool>,
    changed: Condvar,
}

shuttle::thread_local! {
    static TOKEN: Arc<Token> = Arc::default();
}

/// A handle to a thread.
#[derive(Clone)]
pub(crate) struct Thread {
    id: ThreadId,
    token: Arc<Token>,
}

impl Thread {
    pub(crate) fn id(&self) -> ThreadId {
        self.id
    }

    pub(crate) fn unpark(&self) {
        *self
            .token
            .given
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.token.changed.notify_one();
    }
}

pub(crate) fn current() -> Thread {
    Thread {
        id: shuttle::thread::current().id(),
        token: TOKEN.with(Arc::clone),
    }
}

/// Waits for the token, and takes it.
pub(crate) fn park() {
    let token = TOKEN.with(Arc::clone);
    let mut given = token.given.lock().unwrap_or_else(PoisonError::into_inner);
    while !*given {
        given = token
            .changed
            .wait(given)
            .unwrap_or_else(PoisonError::into_inner);
    }
    *given = false;
}

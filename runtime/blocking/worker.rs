//! The life of a pool thread: look, run, wait, leave. It must not know why it was woken.

use super::{
    Job,
    handover::{Look, Stir},
    roster::Id,
    runnable,
    shared::Shared,
};
use crate::runtime::quietly::quietly;
use crate::runtime::shim::{self, Arc};
use std::{cell::Cell, ptr, time::Duration};

shim::thread_local! {
    /// Which pool this thread belongs to, as an address to compare.
    static POOL: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

/// Whether the calling thread is one of this pool's.
pub(super) fn is_of<J: Job>(shared: &Arc<Shared<J>>) -> bool {
    POOL.try_with(|pool| ptr::eq(pool.get(), Arc::as_ptr(shared).cast()))
        .unwrap_or(false)
}

/// The body of the thread in seat `id`.
pub(super) fn work<J: Job>(shared: &Arc<Shared<J>>, id: Id) {
    POOL.set(Arc::as_ptr(shared).cast());
    let tid = runnable::current();
    shared.books.lock().arrive(id, tid);
    let mut started = false;
    while let Some(job) = next(shared, id) {
        // Only now, with a job in hand: a hook that blocks is then noticed like a job that does.
        if !started {
            started = true;
            if let Some(hook) = &shared.config.on_thread_start {
                quietly(|| hook());
            }
        }
        quietly(|| job.run());
    }
    if started {
        if let Some(hook) = &shared.config.on_thread_stop {
            quietly(|| hook());
        }
    }
    POOL.set(ptr::null());
    shared.depart(id);
}

/// The next job of the thread in seat `id`, or `None` if it is to end.
fn next<J: Job>(shared: &Arc<Shared<J>>, id: Id) -> Option<J> {
    let mut books = shared.books.lock();
    loop {
        let bell = match books.look(id) {
            Look::Job(job, errand) => {
                drop(books);
                shared.carry_out(errand);
                return Some(job);
            }
            Look::Leave => return None,
            Look::Idle(bell) => bell,
        };
        if let Some(hook) = &shared.config.on_thread_idle {
            drop(books);
            quietly(|| hook());
            books = shared.books.lock();
            if matches!(books.stir(id, false), Stir::Look) {
                continue;
            }
        }
        if shim::seeded("an_idle_thread_lets_go_before_it_waits") {
            drop(books);
            books = shared.books.lock();
        }
        loop {
            let timed_out = if shared.config.keep_alive == Duration::MAX {
                shim::wait(&bell, &mut books);
                false
            } else {
                shim::wait_for(&bell, &mut books, shared.config.keep_alive)
            };
            match books.stir(id, timed_out) {
                Stir::Look => break,
                Stir::Leave => return None,
                Stir::Wait => {}
            }
        }
    }
}

//! What the handles, threads and watcher of a pool have in common: the lock around the books, and everything that is done
//! after its release: ringing, creating, cancelling, joining. It must not decide who is woken or created, nor know what
//! a thread does.

use super::{
    Config, Job,
    handover::{Errand, Handover},
    roster::Id,
};
use crate::runtime::quietly::quietly;
use crate::runtime::shim::thread::{self, JoinHandle};
use crate::runtime::shim::{self, Arc, Condvar, Instant, Mutex};
use std::io;

/// What handles, threads and the watcher have in common.
pub(super) struct Shared<J: Job> {
    pub(super) config: Config,
    pub(super) books: Mutex<Handover<J>>,
    /// Rung for the watcher.
    pub(super) watch_bell: Condvar,
    /// Rung for those who wait for the end, whenever somebody leaves the roster.
    pub(super) gone: Condvar,
    pub(super) lives: Lives<J>,
}

/// What the threads do. Handed in, as those who do it stand above this file.
pub(super) struct Lives<J: Job> {
    /// A pool thread, in its seat.
    pub(super) work: fn(&Arc<Shared<J>>, Id),
    /// The watcher, in its seat.
    pub(super) watch: fn(&Arc<Shared<J>>, Id),
}

impl<J: Job> Shared<J> {
    /// Does what a step of the protocol left to do. The lock has been released.
    pub(super) fn carry_out(self: &Arc<Self>, errand: Errand) {
        match errand {
            Errand::Nothing => {}
            Errand::Wake(bell) => {
                bell.notify_one();
            }
            Errand::WakeWatcher => {
                self.watch_bell.notify_one();
            }
            Errand::Create(id) => match self.create(id) {
                Ok(handle) => self.deposit(id, handle),
                Err(_) => {
                    // Another thread lives, so that the job stays queued. What follows is no creation of a thread.
                    let errand = self.books.lock().creation_failed(id);
                    self.carry_out(errand);
                    self.gone.notify_all();
                }
            },
            Errand::StartWatcher(id) => {
                let shared = self.clone();
                let created = self.spawn("watch", move || (shared.lives.watch)(&shared, id));
                match created {
                    Ok(handle) => self.deposit(id, handle),
                    Err(_) => {
                        self.books.lock().watcher_failed(id);
                        self.gone.notify_all();
                    }
                }
            }
        }
    }

    /// Creates the pool thread of a reserved seat. The lock may be held: the thread waits for it.
    pub(super) fn create(self: &Arc<Self>, id: Id) -> io::Result<JoinHandle<()>> {
        let shared = self.clone();
        self.spawn(&id.to_string(), move || (shared.lives.work)(&shared, id))
    }

    fn spawn(
        &self,
        suffix: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        #[cfg(all(test, not(any(loom, shuttle))))]
        if let Some(refuse) = &self.config.refuse_thread {
            refuse()?;
        }
        let mut builder =
            thread::Builder::new().name(format!("{}-blocking-{suffix}", self.config.name));
        if let Some(size) = self.config.stack_size {
            builder = builder.stack_size(size);
        }
        builder.spawn(body)
    }

    fn deposit(&self, id: Id, handle: JoinHandle<()>) {
        self.books.lock().roster.deposit(id, handle);
        self.gone.notify_all();
    }

    /// The last act of a thread of the pool, and of the watcher.
    pub(super) fn depart(&self, id: Id) {
        let earlier = self.books.lock().roster.depart(id);
        self.gone.notify_all();
        join(earlier);
    }

    pub(super) fn close(&self) -> u64 {
        let (jobs, bells) = self.books.lock().close();
        for bell in bells {
            bell.notify_one();
        }
        self.watch_bell.notify_one();
        let count = jobs.len() as u64;
        for job in jobs {
            quietly(|| job.cancel());
        }
        count
    }

    /// Waits for the end. `inside` says that the caller is a job of this pool.
    pub(super) fn wait(&self, deadline: Option<Instant>, inside: bool) -> bool {
        let mut books = self.books.lock();
        if inside {
            books.inside += 1;
            self.gone.notify_all();
        }
        let complete = loop {
            if books.roster.len() <= books.inside {
                break true;
            }
            let Some(deadline) = deadline else {
                shim::wait(&self.gone, &mut books);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break false;
            }
            shim::wait_for(&self.gone, &mut books, left);
        };
        if inside {
            books.inside -= 1;
        }
        let ended = if complete {
            books.roster.finished()
        } else {
            Vec::new()
        };
        drop(books);
        join(ended);
        complete
    }
}

/// Joins threads that have left the roster: they run nothing any more but the destructors of their thread-locals.
fn join(handles: Vec<JoinHandle<()>>) {
    let this = thread::current().id();
    for handle in handles {
        if handle.thread().id() != this {
            // Every call that could unwind is shielded, and there is nobody to tell in any case.
            let _ = handle.join();
        }
    }
}

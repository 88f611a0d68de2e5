//! The pool as its users see it: submitting, closing, waiting, figures. It must not decide who is woken or created; the
//! books do.

use super::{
    Config, Job, SubmitError, growth,
    handover::{Handover, Limits, Refusal},
    shared::{Lives, Shared},
    worker,
};
use crate::runtime::shim::{Arc, Condvar, Instant, Mutex};

/// A handle to a blocking pool. The pool is closed with its last handle.
pub(crate) struct Pool<J: Job> {
    owner: Arc<Owner<J>>,
}

/// Closes the pool as it is dropped. The pool's own threads hold `Shared`, and do not keep it open.
struct Owner<J: Job> {
    shared: Arc<Shared<J>>,
}

impl<J: Job> Clone for Pool<J> {
    fn clone(&self) -> Self {
        Self {
            owner: self.owner.clone(),
        }
    }
}

impl<J: Job> Drop for Owner<J> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<J: Job> Pool<J> {
    /// A pool without threads: the first job creates the first one.
    pub(crate) fn new(config: Config) -> Self {
        let config = config.sanitised();
        let limits = Limits {
            core: config.core_threads,
            max: config.max_threads,
            bound: config.queue_bound.unwrap_or(usize::MAX),
        };
        let shared = Arc::new(Shared {
            config,
            books: Mutex::new(Handover::new(limits)),
            watch_bell: Condvar::new(),
            gone: Condvar::new(),
            lives: Lives {
                work: worker::work,
                watch: growth::watch,
            },
        });
        Self {
            owner: Arc::new(Owner { shared }),
        }
    }

    /// Queues a job; any thread may call this, those of the pool included. A job that is accepted is either run or
    /// cancelled, exactly once; one that is not comes back in the error.
    pub(crate) fn submit(&self, job: J) -> Result<(), SubmitError<J>> {
        let shared = &self.owner.shared;
        let mut books = shared.books.lock();
        match books.admit() {
            Ok(()) => {}
            Err(Refusal::Closed) => return Err(SubmitError::Closed(job)),
            Err(Refusal::Full) => return Err(SubmitError::Full(job)),
        }
        if books.is_deserted() {
            // Under the lock, so that nobody relies on this thread before it is known to exist. It happens once per
            // keep-alive at most.
            let id = books.reserve();
            match shared.create(id) {
                Ok(handle) => {
                    books.confirm(id);
                    books.roster.deposit(id, handle);
                }
                Err(error) => {
                    // The queue may hold nothing here (invariant A), so that there is nothing to summon for.
                    let errand = books.creation_failed(id);
                    drop(books);
                    shared.carry_out(errand);
                    return Err(SubmitError::NoThread(job, error));
                }
            }
        }
        let errand = books.push(job);
        drop(books);
        shared.carry_out(errand);
        Ok(())
    }

    /// Closes the pool: no job is accepted any more, those that are queued are cancelled and counted, idle threads
    /// leave. Jobs that are running go on. Closing again does nothing and returns 0.
    pub(crate) fn close(&self) -> u64 {
        self.owner.shared.close()
    }

    /// Waits until every thread of the pool has ended, and joins them; `false` if the deadline came first. To be called
    /// after [`close`](Self::close): an open pool ends only by its keep-alive.
    ///
    /// A job of this very pool may call it, too: then threads that wait in here themselves are not waited for.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        let shared = &self.owner.shared;
        shared.wait(deadline, worker::is_of(shared))
    }

    /// Descriptions of the jobs that are running.
    pub(crate) fn running(&self) -> Vec<String> {
        let tags = self.owner.shared.books.lock().tags();
        tags.into_iter().map(J::describe).collect()
    }

    /// Threads that serve jobs, idle ones included; the watcher is not one of them.
    pub(crate) fn threads(&self) -> usize {
        self.owner.shared.books.lock().threads()
    }

    /// Threads that wait for a job.
    pub(crate) fn idle(&self) -> usize {
        self.owner.shared.books.lock().idle()
    }

    /// Jobs that wait for a thread.
    pub(crate) fn queued(&self) -> usize {
        self.owner.shared.books.lock().queued()
    }

    /// The largest number of threads there have been at once.
    pub(crate) fn peak_threads(&self) -> usize {
        self.owner.shared.books.lock().peak()
    }

    /// What handles, threads and the watcher have in common.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn shared(&self) -> &Arc<Shared<J>> {
        &self.owner.shared
    }
}

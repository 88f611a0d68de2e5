//! The pool: the lock around the books, and everything that is done after its release: ringing, creating, cancelling,
//! joining. It must not decide who is woken or created; the books do.

use super::{
    Config, Job, SubmitError, growth,
    handover::{Errand, Handover, Limits, Refusal},
    roster::Id,
    worker,
};
use crate::runtime::quietly::quietly;
use crate::runtime::shim::thread::{self, JoinHandle};
use crate::runtime::shim::{self, Arc, Condvar, Instant, Mutex};
use std::io;

/// A handle to a blocking pool. The pool is closed with its last handle.
pub(crate) struct Pool<J: Job> {
    owner: Arc<Owner<J>>,
}

/// Closes the pool as it is dropped. The pool's own threads hold `Shared`, and do not keep it open.
struct Owner<J: Job> {
    shared: Arc<Shared<J>>,
}

/// What handles, threads and the watcher have in common.
pub(super) struct Shared<J: Job> {
    pub(super) config: Config,
    pub(super) books: Mutex<Handover<J>>,
    /// Rung for the watcher.
    pub(super) watch_bell: Condvar,
    /// Rung for those who wait for the end, whenever somebody leaves the roster.
    gone: Condvar,
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
        self.owner.shared.wait(deadline)
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
                let created = self.spawn("watch", move || growth::watch(&shared, id));
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
    fn create(self: &Arc<Self>, id: Id) -> io::Result<JoinHandle<()>> {
        let shared = self.clone();
        self.spawn(&id.to_string(), move || worker::work(&shared, id))
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

    fn close(&self) -> u64 {
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

    fn wait(self: &Arc<Self>, deadline: Option<Instant>) -> bool {
        let inside = worker::is_of(self);
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

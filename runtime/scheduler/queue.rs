//! The run queues: the only file that names crossbeam-deque, and under `cfg(loom)` its small locked twin.
//! To shuttle each operation on a queue is one step.
//! It owns the three kinds of queue and their rules of access; it must not know workers.

#[cfg(not(loom))]
mod inner {
    use crate::runtime::shim::step;
    use crate::runtime::task::Runnable;
    use crossbeam_deque::{Injector, Steal, Stealer, Worker};

    /// How often a thief that loses a race tries again before it goes on to the next victim.
    const RETRIES: usize = 3;

    /// A worker's own queue: first in, first out; only its worker pushes and pops.
    pub(crate) struct LocalQueue(Worker<Runnable>);

    /// The thieves' end of a worker's queue.
    pub(crate) struct Thief(Stealer<Runnable>);

    /// A queue that any thread may push to: one for each worker.
    pub(crate) struct Inbox(Injector<Runnable>);

    impl LocalQueue {
        pub(crate) fn new() -> Self {
            Self(Worker::new_fifo())
        }
        pub(crate) fn thief(&self) -> Thief {
            Thief(self.0.stealer())
        }
        #[inline]
        pub(crate) fn push(&self, task: Runnable) {
            step();
            self.0.push(task);
        }
        #[inline]
        pub(crate) fn pop(&self) -> Option<Runnable> {
            step();
            self.0.pop()
        }
        pub(crate) fn is_empty(&self) -> bool {
            step();
            self.0.is_empty()
        }
        pub(crate) fn len(&self) -> usize {
            step();
            self.0.len()
        }
    }

    impl Thief {
        /// Moves about half of the victim's tasks into `to`, and gives one of them.
        pub(crate) fn steal_into(&self, to: &LocalQueue) -> Option<Runnable> {
            step();
            retry(|| self.0.steal_batch_and_pop(&to.0))
        }
        pub(crate) fn len(&self) -> usize {
            step();
            self.0.len()
        }
    }

    impl Inbox {
        pub(crate) fn new() -> Self {
            Self(Injector::new())
        }
        pub(crate) fn push(&self, task: Runnable) {
            step();
            self.0.push(task);
        }
        pub(crate) fn is_empty(&self) -> bool {
            step();
            self.0.is_empty()
        }
        pub(crate) fn len(&self) -> usize {
            step();
            self.0.len()
        }
        /// Moves a batch into `to`, and gives one of it.
        pub(crate) fn take_into(&self, to: &LocalQueue) -> Option<Runnable> {
            step();
            retry(|| self.0.steal_batch_and_pop(&to.0))
        }
        /// One task.
        pub(crate) fn take(&self) -> Option<Runnable> {
            step();
            loop {
                match self.0.steal() {
                    Steal::Success(task) => return Some(task),
                    Steal::Empty => return None,
                    Steal::Retry => core::hint::spin_loop(),
                }
            }
        }
    }

    /// Frees the buffers that queues have outgrown. crossbeam does so after further pushes and steals, which may never
    /// come: a burst of a million tasks leaves 16 MB behind.
    pub(crate) fn free_outgrown() {
        // A buffer is freed two epochs after it was given up; each flush may begin one.
        for _ in 0..4 {
            crossbeam_epoch::pin().flush();
        }
    }

    fn retry(mut steal: impl FnMut() -> Steal<Runnable>) -> Option<Runnable> {
        for _ in 0..RETRIES {
            match steal() {
                Steal::Success(task) => return Some(task),
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
        None
    }
}

#[cfg(loom)]
mod inner {
    use crate::runtime::shim::{Arc, Mutex};
    use crate::runtime::task::Runnable;
    use std::collections::VecDeque;

    type Queue = Mutex<VecDeque<Runnable>>;

    pub(crate) struct LocalQueue(Arc<Queue>);
    pub(crate) struct Thief(Arc<Queue>);
    pub(crate) struct Inbox(Queue);

    impl LocalQueue {
        pub(crate) fn new() -> Self {
            Self(Arc::new(Mutex::new(VecDeque::new())))
        }
        pub(crate) fn thief(&self) -> Thief {
            Thief(self.0.clone())
        }
        pub(crate) fn push(&self, task: Runnable) {
            self.0.lock().push_back(task);
        }
        pub(crate) fn pop(&self) -> Option<Runnable> {
            self.0.lock().pop_front()
        }
        pub(crate) fn is_empty(&self) -> bool {
            self.0.lock().is_empty()
        }
        pub(crate) fn len(&self) -> usize {
            self.0.lock().len()
        }
    }

    impl Thief {
        pub(crate) fn steal_into(&self, _to: &LocalQueue) -> Option<Runnable> {
            self.steal()
        }
        pub(crate) fn steal(&self) -> Option<Runnable> {
            self.0.lock().pop_front()
        }
        pub(crate) fn len(&self) -> usize {
            self.0.lock().len()
        }
    }

    impl Inbox {
        pub(crate) fn new() -> Self {
            Self(Mutex::new(VecDeque::new()))
        }
        pub(crate) fn push(&self, task: Runnable) {
            self.0.lock().push_back(task);
        }
        pub(crate) fn is_empty(&self) -> bool {
            self.0.lock().is_empty()
        }
        pub(crate) fn len(&self) -> usize {
            self.0.lock().len()
        }
        pub(crate) fn take_into(&self, _to: &LocalQueue) -> Option<Runnable> {
            self.take()
        }
        pub(crate) fn take(&self) -> Option<Runnable> {
            self.0.lock().pop_front()
        }
    }
}

#[cfg(not(loom))]
pub(crate) use inner::free_outgrown;
pub(crate) use inner::{Inbox, LocalQueue, Thief};

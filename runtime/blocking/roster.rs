//! Who is on the pool's books: one seat for every thread, from the reservation until it has ended and its join handle
//! has arrived. It must not know the queue, nor decide who is woken.

use super::runnable::Tid;
use crate::runtime::shim::thread::JoinHandle;
use crate::runtime::shim::{Arc, Condvar};

/// The number of a seat; it is reused once the thread is gone.
pub(super) type Id = usize;

/// What the thread of a seat is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Created or notified, and yet to look at the queue.
    Waking,
    /// Running a job.
    Busy,
    /// On the stack of idle threads.
    Idle,
    /// On its way out; takes no more jobs.
    Leaving,
    /// Ended before its join handle arrived.
    Ended,
}

/// What is known of one thread.
pub(super) struct Seat<T> {
    /// Rung after the thread was taken off the idle stack.
    pub(super) bell: Arc<Condvar>,
    pub(super) stage: Stage,
    /// Whether the thread exists for certain, not just a reservation for it.
    pub(super) confirmed: bool,
    /// The job it is running.
    pub(super) tag: Option<T>,
    /// The number of its latest take, for "newest first".
    pub(super) took: u64,
    /// Its number in the operating system, where that is of use.
    pub(super) tid: Option<Tid>,
    handle: Option<JoinHandle<()>>,
}

/// All seats, and the handles of threads that have left.
pub(super) struct Roster<T> {
    seats: Vec<Option<Seat<T>>>,
    free: Vec<Id>,
    finished: Vec<JoinHandle<()>>,
}

impl<T> Roster<T> {
    pub(super) fn new() -> Self {
        Self {
            seats: Vec::new(),
            free: Vec::new(),
            finished: Vec::new(),
        }
    }

    /// How many threads have not ended, or have ended while their handle is still to come.
    pub(super) fn len(&self) -> usize {
        self.seats.len() - self.free.len()
    }

    /// Takes a seat for a thread that is about to be created.
    pub(super) fn reserve(&mut self) -> Id {
        let seat = Seat {
            bell: Arc::new(Condvar::new()),
            stage: Stage::Waking,
            confirmed: false,
            tag: None,
            took: 0,
            tid: None,
            handle: None,
        };
        match self.free.pop() {
            Some(id) => {
                self.seats[id] = Some(seat);
                id
            }
            None => {
                self.seats.push(Some(seat));
                self.seats.len() - 1
            }
        }
    }

    /// Gives a seat back whose thread could not be created.
    pub(super) fn release(&mut self, id: Id) {
        self.seats[id] = None;
        self.free.push(id);
    }

    /// The seat of a thread on the roster.
    pub(super) fn seat(&mut self, id: Id) -> &mut Seat<T> {
        match &mut self.seats[id] {
            Some(seat) => seat,
            None => unreachable!("seat {id} of the blocking pool belongs to nobody"),
        }
    }

    /// All seats that are taken.
    pub(super) fn seats(&self) -> impl Iterator<Item = &Seat<T>> {
        self.seats.iter().flatten()
    }

    /// Hands in the join handle of a thread that was created; the thread may have ended already.
    pub(super) fn deposit(&mut self, id: Id, handle: JoinHandle<()>) {
        let seat = self.seat(id);
        if seat.stage == Stage::Ended {
            self.release(id);
            self.finished.push(handle);
        } else {
            seat.handle = Some(handle);
        }
    }

    /// The last act of a thread. Returns the handles of those that left before; the caller joins them, unlocked.
    pub(super) fn depart(&mut self, id: Id) -> Vec<JoinHandle<()>> {
        let earlier = self.finished();
        let seat = self.seat(id);
        match seat.handle.take() {
            Some(handle) => {
                self.release(id);
                self.finished.push(handle);
            }
            None => seat.stage = Stage::Ended,
        }
        earlier
    }

    /// The handles of threads that have left and were not joined.
    pub(super) fn finished(&mut self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.finished)
    }
}

//! `block_on`: runs a future on the calling thread until it is ready.
//! It owns the waker of such a future; with the current-thread flavour it also drives the worker in between. It must
//! not know how a worker takes its tasks.

use super::context::{Asynchronous, Entered};
use super::coop;
use super::scheduler::Shared;
use super::scheduler::config::Flavor;
use super::scheduler::current::{Left, drive};
use super::scheduler::worker::Worker;
use super::shim::atomic::AtomicBool;
use super::shim::seeded;
use super::shim::thread::{self, Thread};
use core::future::Future;
use core::pin::{Pin, pin};
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::task::{Context, Poll, Waker};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Weak};
use std::task::Wake;

/// The waker of a future in `block_on`.
struct Signal {
    woken: AtomicBool,
    /// The thread sleeps and is not counted as awake. Whoever clears it counts the thread again, so that a root that was
    /// woken but has not run yet keeps a frozen clock from jumping.
    asleep: AtomicBool,
    thread: Thread,
    runtime: Weak<Shared>,
    /// With the current-thread flavour: the thread may be parked in the runtime's worker.
    driven: bool,
}

impl Signal {
    fn is_set(&self) -> bool {
        self.woken.load(Relaxed)
    }

    fn take(&self) -> bool {
        // ORDERING: Acquire pairs with the Release in `wake_by_ref`: the poll sees what the waker did before.
        self.is_set() && self.woken.swap(false, Acquire)
    }

    /// Whether the thread may sleep: if so it is counted as asleep until [`Self::rouse`].
    fn fall_asleep(&self, shared: &Shared) -> bool {
        // ORDERING: SeqCst with the two swaps of `wake_by_ref`: either the wake-up is seen here or the sleep there.
        self.asleep.store(true, SeqCst);
        if self.woken.load(SeqCst) && self.asleep.swap(false, SeqCst) {
            return false;
        }
        shared.shares.root_sleeps();
        true
    }

    /// Counts the thread as awake if it was asleep.
    fn rouse(&self) {
        // ORDERING: SeqCst, see `fall_asleep`.
        if self.asleep.load(SeqCst) && self.asleep.swap(false, SeqCst) {
            if let Some(shared) = self.runtime.upgrade() {
                shared.shares.root_wakes();
            }
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if seeded("the_root_is_unparked_first") {
            self.thread.unpark();
        }
        // ORDERING: Release, of SeqCst, pairs with `take`; the rest of it with `fall_asleep`.
        if self.woken.swap(true, SeqCst) {
            return;
        }
        self.rouse();
        if !seeded("the_root_is_unparked_first") {
            self.thread.unpark();
        }
        if let Some(shared) = self.driven.then(|| self.runtime.upgrade()).flatten() {
            shared.idle.push_fence();
            shared.unpark(shared.idle.claim(0));
        }
    }
}

/// A future in `block_on`, with its waker and, at the end, its output.
struct Root<'a, F: Future> {
    future: Pin<&'a mut F>,
    signal: Arc<Signal>,
    waker: Waker,
    output: Option<Result<F::Output, Box<dyn Any + Send>>>,
}

impl<'a, F: Future> Root<'a, F> {
    fn new(future: Pin<&'a mut F>, shared: &Arc<Shared>) -> Self {
        let signal = Arc::new(Signal {
            woken: AtomicBool::new(true),
            asleep: AtomicBool::new(false),
            thread: thread::current(),
            runtime: Arc::downgrade(shared),
            driven: shared.flavor == Flavor::CurrentThread,
        });
        Self {
            future,
            waker: signal.clone().into(),
            signal,
            output: None,
        }
    }

    /// Polls if the future was woken; whether there is an output now. A panic is kept until the worker is put back.
    fn poll(&mut self) -> bool {
        if self.output.is_none() && self.signal.take() {
            coop::refill();
            let mut cx = Context::from_waker(&self.waker);
            match catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(&mut cx))) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(output)) => self.output = Some(Ok(output)),
                Err(payload) => self.output = Some(Err(payload)),
            }
        }
        self.output.is_some()
    }

    fn finish(self) -> F::Output {
        match self.output.expect("the loop ends with an output") {
            Ok(output) => output,
            Err(payload) => resume_unwind(payload),
        }
    }
}

impl Shared {
    /// Runs `future` on this thread until it is ready.
    #[track_caller]
    pub(crate) fn block_on<F: Future>(self: &Arc<Self>, future: F, called: &str) -> F::Output {
        let _asynchronous = Asynchronous::enter(called);
        let _budget = coop::Unlimited::enter();
        let _entered = Entered::new(self);
        let future = pin!(future);
        match self.flavor {
            Flavor::MultiThread => {
                let mut root = Root::new(future, self);
                let awake = self.shares.root_awake();
                while !root.poll() {
                    self.sleep_as_root(&root.signal);
                }
                drop(awake);
                self.let_time_jump();
                root.finish()
            }
            Flavor::CurrentThread => self.block_on_and_drive(Root::new(future, self)),
        }
    }

    /// The last one that falls asleep or leaves lets a frozen clock jump. The workers may have fallen asleep before, so
    /// one of them is made to look again.
    pub(crate) fn let_time_jump(&self) {
        if self.timers.clock().is_frozen() {
            // ORDERING: SeqCst with the looks of `auto_advance`.
            self.shares.rests.fetch_add(1, SeqCst);
            self.kick();
        }
    }

    fn sleep_as_root(&self, signal: &Signal) {
        if !signal.fall_asleep(self) {
            return;
        }
        if !seeded("a_root_falls_asleep_silently") {
            self.let_time_jump();
        }
        if !signal.is_set() {
            thread::park();
        }
        signal.rouse();
    }

    /// Leaves the worker to the next thread in `block_on`. If the runtime was stopped meanwhile, this is its end.
    fn put_back(&self, worker: Box<Worker>) {
        self.seats.put(worker);
        // Who stops the runtime sets the flag and then asks for the worker, under the same lock: one of the two has it.
        if self.gate.is_stopping() && !seeded("a_worker_that_is_put_back_is_forgotten") {
            if let Some(worker) = self.seats.try_take() {
                self.hand_in(worker);
            }
        }
    }

    #[track_caller]
    fn block_on_and_drive<F: Future>(self: &Arc<Self>, mut root: Root<'_, F>) -> F::Output {
        let signal = root.signal.clone();
        let awake = self.shares.root_awake();
        while root.output.is_none() {
            // The worker first: even the first poll of the future may spawn tasks that are bound to it.
            let mut worker = self.seats.try_take();
            if worker.is_none() && !root.poll() {
                // Another thread drives; it un-parks this one when it is done.
                worker = self.seats.take();
            }
            let Some(worker) = worker else {
                if root.output.is_none() {
                    self.sleep_as_root(&signal);
                }
                continue;
            };
            if self.seats.is_bound_elsewhere() {
                self.put_back(worker);
                panic!(
                    "`block_on` was called on another thread than the one that this current-thread runtime is bound \
                     to since `spawn_local` was called in it: call it there, or spawn with `spawn`"
                );
            }
            let _wheel = Entered::with_wheel(self, Some(0));
            // While this thread drives, it is the worker that sleeps, not the root.
            let asleep = self.shares.root_asleep();
            match drive(worker, || root.poll(), || signal.is_set()) {
                Left::Done(worker) => self.put_back(worker),
                Left::Stopped(worker) => self.hand_in(worker),
                Left::Lost(_) => unreachable!("the worker of this flavour is never given away"),
            }
            drop(asleep);
        }
        drop(awake);
        self.let_time_jump();
        root.finish()
    }
}

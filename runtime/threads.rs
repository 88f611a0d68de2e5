//! The threads of the multi-threaded flavour: how a worker gets one, and how it changes over to another one for
//! `block_in_place`. It must not know what the worker does on it.

use super::context::{self, Asynchronous, Blocking, Entered};
use super::scheduler::Shared;
use super::scheduler::current::{Left, drive};
use super::scheduler::on_runtime::OnRuntime;
use super::scheduler::worker::Worker;
use super::shim::{self, Mutex, seeded, thread};
use super::task::{Ran, Schedule};
use crate::timer;
use core::sync::atomic::Ordering::Relaxed;
use std::io;
use std::sync::Arc;

/// Gives each worker a thread.
///
/// # Errors
/// If the system gives no thread; the workers that have one are stopped then, and have ended when this returns.
pub(crate) fn start(shared: &Arc<Shared>, workers: Vec<Worker>) -> io::Result<()> {
    let mut failed = None;
    for worker in workers {
        let worker = Box::new(worker);
        if failed.is_none() {
            match spawn(shared, worker) {
                Ok(()) => continue,
                Err((error, worker)) => {
                    failed = Some(error);
                    shared.stop();
                    shared.hand_in(worker);
                }
            }
        } else {
            shared.hand_in(worker);
        }
    }
    let Some(error) = failed else { return Ok(()) };
    shared.gate.wait(None);
    join(shared);
    Err(io::Error::new(
        error.kind(),
        format!("the system gave no thread for a worker: {error}"),
    ))
}

/// Starts a thread that runs the worker, or gives the worker back.
fn spawn(shared: &Arc<Shared>, worker: Box<Worker>) -> Result<(), (io::Error, Box<Worker>)> {
    let index = worker.index();
    // The closure is lost when the thread cannot be made; the worker must not be.
    let place = Arc::new(Mutex::new(Some(worker)));
    let mut builder = thread::Builder::new().name(format!("{}-{index}", shared.config.thread_name));
    if let Some(bytes) = shared.config.stack_size {
        builder = builder.stack_size(bytes);
    }
    let (place_there, shared_there) = (place.clone(), shared.clone());
    let spawned = builder.spawn(move || {
        if let Some(worker) = place_there.lock().take() {
            run(&shared_there, worker);
        }
    });
    match spawned {
        Ok(thread) => {
            let mut threads = shared.threads.lock();
            // Threads that gave their worker away end before the runtime does.
            threads.retain(|thread| !shim::is_finished(thread));
            threads.push(thread);
            Ok(())
        }
        Err(error) => {
            let worker = place
                .lock()
                .take()
                .expect("only the new thread takes the worker");
            Err((error, worker))
        }
    }
}

/// The life of a worker thread.
fn run(shared: &Arc<Shared>, worker: Box<Worker>) {
    shared.config.hooks.start();
    let entered = Entered::with_wheel(shared, Some(worker.index()));
    let asynchronous = Asynchronous::force();
    sharpen_timers();
    match drive(worker, || false, || false) {
        Left::Done(worker) | Left::Stopped(worker) => shared.hand_in(worker),
        Left::Lost(Ran::Idle) => {}
        Left::Lost(Ran::Done) if seeded("a_lost_end_is_not_counted") => {}
        Left::Lost(Ran::Done) => {
            shared.shares.done.fetch_add(1, Relaxed);
        }
        Left::Lost(Ran::Again(task)) => OnRuntime::schedule(task),
    }
    drop(asynchronous);
    drop(entered);
    shared.config.hooks.stop();
}

/// Asks the kernel to wake this thread on time: by default it may be 50 µs late to save wake-ups, which the wheel's
/// tick does already.
fn sharpen_timers() {
    #[cfg(all(target_os = "linux", not(shuttle)))]
    // A kernel that refuses leaves the default.
    let _ = rustix::thread::set_current_timer_slack(core::num::NonZeroU64::new(1));
}

/// Waits for the threads to end, except for the one that calls.
pub(crate) fn join(shared: &Shared) {
    loop {
        let threads = core::mem::take(&mut *shared.threads.lock());
        if threads.is_empty() {
            return;
        }
        for thread in threads {
            if thread.thread().id() != thread::current().id() {
                // A worker thread catches what tasks and hooks throw.
                let _ = thread.join();
            }
        }
    }
}

/// Runs a closure that blocks in the middle of a task, while another thread goes on with the tasks of this worker.
///
/// The rest of the present poll runs on this thread after `f`, without a worker: its wake-ups and spawns take the way of
/// those from outside. For a call that is not tied to the task's borrows,
/// [`spawn_blocking`](crate::spawn_blocking) is cheaper: this one moves the worker to a new thread each time.
///
/// Outside a runtime, on a thread that may block anyway, `f` is just called. So it is where the worker cannot move: on
/// a current-thread runtime, on a worker that has hosted tasks of [`spawn_pinned`](crate::spawn_pinned) or
/// [`spawn_local`](crate::spawn_local), and if the system gives no thread; there the worker's other tasks wait.
///
/// Inside `f`, `block_on` is allowed.
///
/// ```
/// filch::block_on(async {
///     let text = String::from("borrowed");
///     let handle = filch::spawn(async move {
///         let borrowed = &text;
///         filch::block_in_place(|| std::thread::sleep(std::time::Duration::from_millis(1)));
///         borrowed.len()
///     });
///     assert_eq!(handle.await.unwrap(), 8);
/// });
/// ```
pub fn block_in_place<R>(f: impl FnOnce() -> R) -> R {
    if let Some(worker) = context::worker() {
        if !worker.is_rooted() {
            move_worker(worker.shared().clone());
        }
    }
    let _blocking = Blocking::enter();
    f()
}

fn move_worker(shared: Arc<Shared>) {
    let worker = context::give_worker_away().cast_mut();
    // SAFETY: the pointer came from the box that `drive` took apart; that function and all below it on this stack touch
    // it no more, as their guard does not hold it now.
    let worker = unsafe { Box::from_raw(worker) };
    // This thread owns the wheel no more: the timers it sets must be told to others.
    timer::context::leave_wheel();
    if let Err((_no_thread, worker)) = spawn(&shared, worker) {
        timer::context::return_to_wheel(&shared.timers, worker.index());
        context::take_worker_back(Box::into_raw(worker));
    }
}

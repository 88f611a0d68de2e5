//! Loom models of the task protocol, each named after its race. `stand.rs` says what all of them check.

mod stand;

pub(crate) use self::stand::{Bell, Stand, run_all, turn};
use self::stand::{assert_cancelled, output, poll, queue};
use super::abort_owned;
use super::header::Header;
use super::waker::ThinWaker;
use crate::runtime::model::check;
use core::future::Future;
use core::pin::Pin;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;
use core::task::{Context, Poll};
use loom::sync::atomic::AtomicU32;
use loom::thread;
use std::sync::Arc;

/// A wake-up during a poll, against the end of that poll: the next poll sees what the waker did.
#[test]
fn wake_against_pend() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(0));
        let (handle, waker) = stand.waiting(&data, false);
        waker.wake_by_ref();
        let other = thread::spawn(move || {
            data.store(1, Relaxed);
            waker.wake_by_ref();
        });
        run_all();
        other.join().unwrap();
        run_all();
        assert!(handle.is_finished(), "a wake-up was lost");
        drop(handle);
        assert_eq!(output(0, &stand), 1);
        stand.end();
    });
}

/// Two wake-ups of an idle task: one entry.
#[test]
fn wake_against_wake() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(0));
        let (handle, waker) = stand.waiting(&data, false);
        let (first, second) = (waker.clone(), data.clone());
        let other = thread::spawn(move || {
            second.fetch_add(1, Relaxed);
            first.wake();
        });
        data.fetch_add(1, Relaxed);
        waker.wake();
        other.join().unwrap();
        assert_eq!(queue().lock().len(), 1, "one entry");
        run_all();
        assert!(handle.is_finished());
        handle.detach();
        stand.end();
    });
}

/// Each thread polls what it has woken: the polls follow one upon the other.
#[test]
fn poll_here_against_poll_there() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(0));
        let (handle, waker) = stand.waiting(&data, false);
        waker.wake_by_ref();
        let other = thread::spawn(move || {
            data.store(1, Relaxed);
            waker.wake();
            run_all();
        });
        run_all();
        other.join().unwrap();
        run_all();
        assert!(handle.is_finished(), "a wake-up was lost");
        handle.detach();
        stand.end();
    });
}

/// A wake-up by value against the last poll of a task without a handle: one of them frees.
#[test]
fn wake_against_complete_and_free() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(1));
        let (handle, waker) = stand.waiting(&data, false);
        handle.detach();
        waker.wake_by_ref();
        let other = thread::spawn(move || waker.wake());
        run_all();
        other.join().unwrap();
        run_all();
        assert_eq!(output(0, &stand), 1);
        stand.end();
    });
}

/// Two wakers dropped, and the completion: the last one frees, after everything that the others did.
#[test]
fn waker_dropped_last_frees() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(1));
        let (handle, waker) = stand.waiting(&data, false);
        handle.detach();
        let thin = ThinWaker::new(&waker);
        waker.wake_by_ref();
        let first = thread::spawn(move || drop(waker));
        let second = thread::spawn(move || drop(thin));
        run_all();
        first.join().unwrap();
        second.join().unwrap();
        stand.end();
    });
}

/// An abort against a poll that leaves the task waiting: it comes before, during or after, and ends the task.
#[test]
fn abort_against_run() {
    check(|| {
        let stand = Stand::new();
        let handle = stand.spawn(|_, _| Poll::Pending);
        let abort = handle.abort_handle();
        let other = thread::spawn(move || abort.abort());
        run_all();
        other.join().unwrap();
        run_all();
        assert_cancelled(handle);
        stand.end();
    });
}

/// An abort against a poll that completes: the task ends one way or the other.
#[test]
fn abort_against_complete() {
    check(|| {
        let stand = Stand::new();
        let mut handle = stand.spawn(|_, _| Poll::Ready(()));
        let abort = handle.abort_handle();
        let other = thread::spawn(move || abort.abort());
        run_all();
        other.join().unwrap();
        run_all();
        let Poll::Ready(ended) = poll(&mut handle, &Arc::default()) else {
            panic!("the task did not end")
        };
        let outputs = u32::from(ended.is_ok());
        drop(ended);
        assert_eq!(output(0, &stand), outputs);
        stand.end();
    });
}

/// An abort while a queue entry carries the right to run.
#[test]
fn abort_against_yield() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(0));
        let (handle, waker) = stand.waiting(&data, true);
        drop(waker);
        let abort = handle.abort_handle();
        let other = thread::spawn(move || abort.abort());
        run_all();
        other.join().unwrap();
        run_all();
        assert_cancelled(handle);
        stand.end();
    });
}

/// An abort and a wake-up of an idle task: one entry.
#[test]
fn abort_against_wake() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(1));
        let (handle, waker) = stand.waiting(&data, false);
        let other = thread::spawn(move || waker.wake());
        handle.abort();
        other.join().unwrap();
        assert_eq!(queue().lock().len(), 1, "one entry");
        run_all();
        assert_cancelled(handle);
        stand.end();
    });
}

/// The first poll of a handle against the completion: ready, or woken.
#[test]
fn join_registers_against_complete() {
    check(|| {
        let stand = Stand::new();
        let mut handle = stand.spawn(|_, _| Poll::Ready(()));
        let bell = Arc::new(Bell::default());
        let rung = bell.clone();
        let other = thread::spawn(move || match poll(&mut handle, &bell) {
            Poll::Ready(ended) => {
                drop(ended.unwrap());
                None
            }
            Poll::Pending => Some(handle),
        });
        run_all();
        if let Some(mut handle) = other.join().unwrap() {
            assert_eq!(rung.rings(), 1, "the joiner was not woken");
            assert!(poll(&mut handle, &rung).is_ready());
        }
        assert_eq!((output(0, &stand), Arc::strong_count(&rung)), (1, 1));
        stand.end();
    });
}

/// A handle that is polled with another waker, against the completion: the new one is woken, and none is left.
#[test]
fn joiner_replaced_against_complete() {
    check(|| {
        let stand = Stand::new();
        let mut handle = stand.spawn(|_, _| Poll::Ready(()));
        let (old, new) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        assert!(poll(&mut handle, &old).is_pending());
        let bell = new.clone();
        let other = thread::spawn(move || (poll(&mut handle, &bell).is_pending(), handle));
        run_all();
        let (pending, handle) = other.join().unwrap();
        assert!(!pending || new.rings() == 1, "the joiner was not woken");
        drop(handle);
        assert_eq!(output(0, &stand), 1);
        assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 1));
        stand.end();
    });
}

/// A handle dropped against the completion: the output is dropped once, by one of them.
#[test]
fn handle_dropped_against_complete() {
    check(|| {
        let stand = Stand::new();
        let handle = stand.spawn(|_, _| Poll::Ready(()));
        let other = thread::spawn(move || drop(handle));
        run_all();
        other.join().unwrap();
        assert_eq!(output(0, &stand), 1, "the output is dropped once");
        stand.end();
    });
}

/// The same with a waker in the joiner's word.
#[test]
fn joined_handle_dropped_against_complete() {
    check(|| {
        let stand = Stand::new();
        let mut handle = stand.spawn(|_, _| Poll::Ready(()));
        let bell = Arc::new(Bell::default());
        assert!(poll(&mut handle, &bell).is_pending());
        let other = thread::spawn(move || drop(handle));
        run_all();
        other.join().unwrap();
        assert_eq!(output(0, &stand), 1, "the output is dropped once");
        assert_eq!(Arc::strong_count(&bell), 1, "the waker is dropped once");
        stand.end();
    });
}

/// A wake-up while a queue entry carries the right to run: the polls that follow see what the waker did.
#[test]
fn yield_against_wake() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(0));
        let (handle, waker) = stand.waiting(&data, true);
        let other = thread::spawn(move || {
            data.store(1, Relaxed);
            waker.wake();
        });
        run_all();
        other.join().unwrap();
        run_all();
        assert!(handle.is_finished(), "a wake-up was lost");
        handle.detach();
        stand.end();
    });
}

/// A task that awaits another's handle, both running at once.
#[test]
fn task_joins_task() {
    check(|| {
        let stand = Stand::new();
        let (first, mut joined) = stand.make(|_, _| Poll::Ready(()));
        let handle = stand.spawn(move |cx, _| {
            let mut cx = Context::from_waker(cx.waker());
            Pin::new(&mut joined).poll(&mut cx).map(drop)
        });
        let other = thread::spawn(move || drop(first.run(0)));
        run_all();
        other.join().unwrap();
        run_all();
        assert!(handle.is_finished(), "the joiner was not woken");
        handle.detach();
        assert_eq!((output(0, &stand), output(1, &stand)), (1, 1));
        stand.end();
    });
}

/// The end of the runtime against a wake-up of a task that waits: Drain takes it from the queue or from the registry, and
/// comes again while the waker is about to push it.
#[test]
fn drain_against_wake() {
    check(|| {
        let stand = Stand::new();
        let data = Arc::new(AtomicU32::new(1));
        let (handle, waker) = stand.waiting(&data, false);
        let task = NonNull::new(waker.data().cast_mut())
            .unwrap()
            .cast::<Header>();
        let other = thread::spawn(move || waker.wake());
        while !handle.is_finished() {
            let queued = queue().lock().pop_front();
            // SAFETY: the handle keeps the task, and the reference that is made is given up.
            let found = queued.or_else(|| unsafe {
                task.as_ref().state.ref_inc();
                abort_owned(task)
            });
            match found {
                Some(entry) => entry.cancel(),
                None => thread::yield_now(),
            }
        }
        other.join().unwrap();
        assert_cancelled(handle);
        stand.end();
    });
}

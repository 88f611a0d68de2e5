//! Loom models of readiness: events against attempts, waits, several that wait, and the end.
//!
//! The kernel is a count of what there is to read, a relaxed one, so that nothing but the word orders what the word is to
//! order. A task that is lost is not dropped at the end of an execution, which the stand checks, as it checks that a waker
//! is given up once.

use super::readiness::{Begin, Direction, Readiness, Wait};
use crate::runtime::model::check;
use crate::runtime::task::waker::ThinWaker;
use crate::runtime::task::{Bell, Stand, run_all, turn};
use core::sync::atomic::Ordering::Relaxed;
use core::task::{Context, Poll, Waker};
use loom::sync::atomic::AtomicU32;
use loom::thread;
use std::sync::Arc;

const READ: Direction = Direction::Read;

/// A source of a kernel that is modelled.
struct Source {
    readiness: Readiness,
    there: AtomicU32,
}

impl Source {
    fn armed() -> Arc<Self> {
        let readiness = Readiness::new();
        readiness.arm(READ);
        Arc::new(Self {
            readiness,
            there: AtomicU32::new(0),
        })
    }

    /// Takes one, if there is any.
    fn take(&self) -> bool {
        self.there
            .fetch_update(Relaxed, Relaxed, |there| there.checked_sub(1))
            .is_ok()
    }

    /// Something comes, and the poller says so.
    fn happen(&self, count: u32, hung: bool) {
        self.there.fetch_add(count, Relaxed);
        self.report(hung);
    }

    fn report(&self, hung: bool) {
        let mut crowd = Vec::new();
        let one = self.readiness.report(READ, hung, &mut crowd);
        one.into_iter().chain(crowd).for_each(ThinWaker::wake);
    }

    /// As `Source::poll_io`: one is taken, or waited for. What is not watched is ready.
    fn poll(&self, waker: &Waker, empties: bool) -> Poll<()> {
        loop {
            let begin = self.readiness.begin(READ, false);
            if begin != Begin::NotReady {
                let took = self.take();
                match begin {
                    Begin::Cleared if took && !empties => self.readiness.restore(READ, false),
                    Begin::Hung if !took => {
                        self.readiness.refused(READ);
                        continue;
                    }
                    _ => {}
                }
                if took {
                    return Poll::Ready(());
                }
            }
            match self.readiness.wait(READ, waker) {
                Wait::Waiting => return Poll::Pending,
                Wait::Ready => {}
                Wait::Unarmed => return Poll::Ready(()),
            }
        }
    }

    /// A task that takes one, and says that it has left nothing if it `empties`.
    fn reader(self: &Arc<Self>, stand: &Stand, empties: bool) -> impl Sized + use<> {
        let source = self.clone();
        stand.spawn(move |cx: &Context<'_>, _| source.poll(cx.waker(), empties))
    }
}

/// So many tasks that each take one: `waiting` of them wait when `meanwhile` begins on another thread, and as many polls
/// are made beside it as are queued then. In the end each task has ended.
fn readers_against(readers: usize, waiting: usize, before: fn(&Source), meanwhile: fn(&Source)) {
    check(move || {
        let (stand, source) = (Stand::new(), Source::armed());
        before(&source);
        let empties = readers == 1;
        let tasks: Vec<_> = (0..readers)
            .map(|_| source.reader(&stand, empties))
            .collect();
        for _ in 0..waiting {
            turn();
        }
        let there = source.clone();
        let other = thread::spawn(move || meanwhile(&there));
        for _ in 0..readers {
            turn();
        }
        other.join().unwrap();
        run_all();
        drop(tasks);
        stand.end();
    });
}

/// An event against an attempt that an older event allowed, and against the wait after it.
#[test]
fn event_against_attempt() {
    readers_against(
        1,
        0,
        |source| source.report(false),
        |source| source.happen(1, false),
    );
}

/// An event against a wait in the word.
#[test]
fn event_against_wait() {
    readers_against(1, 0, |_| (), |source| source.happen(1, false));
}

/// One event against two tasks that wait for it, as there is something for both.
#[test]
fn event_against_two_waiters() {
    readers_against(2, 0, |_| (), |source| source.happen(2, false));
}

/// An event against one that joins a crowd: it is taken with the list, or sees the event.
#[test]
fn event_against_joining_the_crowd() {
    readers_against(3, 2, |_| (), |source| source.happen(3, false));
}

/// Two events against a crowd that forms anew between them: the list may be behind the word.
#[test]
fn events_against_crowd() {
    let twice = |source: &Source| {
        source.happen(1, false);
        source.happen(1, false);
    };
    readers_against(2, 2, |_| (), twice);
}

/// The peer has said its last word, and an attempt is refused all the same, against an event.
#[test]
fn event_against_refusal_after_the_end() {
    readers_against(
        1,
        0,
        |source| source.report(true),
        |source| source.happen(1, true),
    );
}

/// The end of the runtime against a task of another one that is about to wait.
#[test]
fn close_against_wait() {
    let close = |source: &Source| {
        let waiting = source.readiness.disarm();
        waiting.into_iter().for_each(ThinWaker::wake);
    };
    readers_against(1, 0, |_| (), close);
}

/// A foreign waker, which waits in the crowd, against an event.
#[test]
fn event_against_foreign_wait() {
    check(|| {
        let (source, bell) = (Source::armed(), Arc::<Bell>::default());
        let poller = source.clone();
        let other = thread::spawn(move || poller.happen(1, false));
        let waker = Waker::from(bell.clone());
        let got = source.poll(&waker, true).is_ready();
        other.join().unwrap();
        assert!(got || bell.rings() == 1);
        drop(source.readiness.disarm());
    });
}

/// A task that leaves something behind, against one that waits.
#[test]
fn restore_against_wait() {
    check(|| {
        let (stand, source) = (Stand::new(), Source::armed());
        source.happen(2, false);
        let readers = [source.reader(&stand, false), source.reader(&stand, false)];
        let other = thread::spawn(|| {
            turn();
        });
        turn();
        other.join().unwrap();
        run_all();
        drop(readers);
        stand.end();
    });
}

/// An event in flight against the end of the source: the waker is given up once, and the slot stays unarmed.
#[test]
fn event_against_drop() {
    check(|| {
        let (stand, source) = (Stand::new(), Source::armed());
        let data = Arc::new(AtomicU32::new(1));
        let (handle, waker) = stand.waiting(&data, false);
        assert_eq!(source.readiness.wait(READ, &waker), Wait::Waiting);
        let poller = source.clone();
        let other = thread::spawn(move || poller.report(false));
        drop(source.readiness.disarm());
        other.join().unwrap();
        assert_eq!(source.readiness.wait(READ, &waker), Wait::Unarmed);
        waker.wake();
        run_all();
        drop(handle);
        stand.end();
    });
}

/// The end of the runtime against an attempt that leaves something behind: the next wait must not rely on the poller.
#[test]
fn close_against_restore() {
    check(|| {
        let source = Source::armed();
        source.happen(2, false);
        let closer = source.clone();
        let other = thread::spawn(move || drop(closer.readiness.disarm()));
        if source.readiness.begin(READ, false) == Begin::Cleared {
            assert!(source.take());
            source.readiness.restore(READ, false);
        }
        other.join().unwrap();
        let bell = Waker::from(Arc::<Bell>::default());
        assert_eq!(source.readiness.wait(READ, &bell), Wait::Unarmed);
    });
}

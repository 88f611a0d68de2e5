//! Loom models of the scheduler: idle and park, the inbox, the `next` slot, the gate.
//!
//! Where a fence is what is checked, the work is a relaxed atomic: loom's locks order like fences, and would hide that
//! one is missing.

use super::close::Gate;
use super::idle::{Claimed, Idle};
use super::park::Parking;
use super::queue::{Inbox, LocalQueue};
use super::remote::Remote;
use crate::io::driver::{Driver, Events};
use crate::runtime::model::check;
use crate::runtime::shim::atomic::{AtomicBool, AtomicUsize};
use crate::runtime::task::{Runnable, Stand};
use core::sync::atomic::Ordering::Relaxed;
use core::task::Poll;
use core::time::Duration;
use loom::thread;
use std::sync::Arc;

fn parking(workers: usize) -> Parking {
    Parking::new(workers, Driver::new).unwrap()
}

/// Sleeps for ever, or until a token comes.
fn sleep(parking: &Parking, worker: usize) {
    parking.park(worker, &mut Events::new(), || None, || (), || None);
}

/// A token against a worker that sits down in the driver.
#[test]
fn token_against_sit_in_driver() {
    check(|| {
        let parking = Arc::new(parking(1));
        let sleeper = parking.clone();
        let other = thread::spawn(move || sleep(&sleeper, 0));
        parking.unpark(0);
        other.join().unwrap();
    });
}

/// Tokens against two workers that sit down: one in the driver, one on its condition variable, or one after the other.
#[test]
fn token_against_sit_on_condvar() {
    check(|| {
        let parking = Arc::new(parking(2));
        let sleepers = [0, 1].map(|worker| {
            let parking = parking.clone();
            thread::spawn(move || sleep(&parking, worker))
        });
        parking.unpark(0);
        parking.unpark(1);
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
    });
}

/// Tokens against two workers of different groups: both sit in their drivers, and one of them waits for the timers.
#[test]
fn token_against_sit_in_other_group() {
    check(|| {
        let parking = Arc::new(Parking::in_groups(2, 1, Driver::new).unwrap());
        let sleepers = [0, 1].map(|worker| {
            let parking = parking.clone();
            thread::spawn(move || sleep(&parking, worker))
        });
        parking.unpark(0);
        parking.unpark(1);
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
    });
}

/// The leader wakes and wakes the other one, which sits down meanwhile: as a follower, or as the next leader.
#[test]
fn hand_over_against_sit() {
    check(|| {
        let parking = Arc::new(parking(2));
        let leader = parking.clone();
        let other = thread::spawn(move || {
            sleep(&leader, 0);
            leader.unpark(1);
        });
        parking.unpark(0);
        sleep(&parking, 1);
        other.join().unwrap();
    });
}

/// Two workers that both want to lead: never both do, also after one of them was refused.
#[test]
fn lead_against_lead() {
    check(|| {
        let parking = Arc::new(parking(2));
        let leading = Arc::new(AtomicUsize::new(0));
        let contend = |parking: Arc<Parking>, leading: Arc<AtomicUsize>| {
            for _ in 0..2 {
                if let Some(lead) = parking.lead(0) {
                    assert_eq!(leading.fetch_add(1, Relaxed), 0, "two workers lead");
                    leading.fetch_sub(1, Relaxed);
                    drop(lead);
                }
            }
        };
        let (there, count) = (parking.clone(), leading.clone());
        let other = thread::spawn(move || contend(there, count));
        contend(parking, leading);
        other.join().unwrap();
    });
}

/// Two tokens against two naps: the second nap is not slept through for want of a token.
#[test]
fn token_against_stand_up() {
    check(|| {
        let parking = Arc::new(parking(1));
        let woken = Arc::new(AtomicUsize::new(0));
        let (sleeper, seen) = (parking.clone(), woken.clone());
        let other = thread::spawn(move || {
            while seen.load(Relaxed) < 2 {
                sleep(&sleeper, 0);
            }
        });
        for _ in 0..2 {
            woken.store(woken.load(Relaxed) + 1, Relaxed);
            parking.unpark(0);
        }
        other.join().unwrap();
    });
}

/// Something changes for the leader (a timer, the clock) while one is about to sleep: it is seen sitting, or it sees.
#[test]
fn kick_against_question() {
    check(|| {
        let (parking, idle) = (Arc::new(parking(1)), Arc::new(Idle::new(1)));
        let changed = Arc::new(AtomicBool::new(false));
        let (sleeper, idler, question) = (parking.clone(), idle.clone(), changed.clone());
        let leader = thread::spawn(move || {
            let as_leader = || {
                idler.push_fence();
                question.load(Relaxed).then_some(Duration::ZERO)
            };
            sleeper.park(0, &mut Events::new(), as_leader, || (), || None);
        });
        changed.store(true, Relaxed);
        idle.push_fence();
        parking.wake_leader();
        leader.join().unwrap();
    });
}

/// What pushers and workers of the idle models share.
struct Field {
    idle: Idle,
    work: [AtomicBool; 3],
}

impl Field {
    fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            idle: Idle::new(workers),
            work: [false; 3].map(AtomicBool::new),
        })
    }

    /// Push and PushFence.
    fn push(&self, at: usize) {
        self.work[at].store(true, Relaxed);
        self.idle.push_fence();
    }

    fn has_work(&self) -> bool {
        self.work.iter().any(|work| work.load(Relaxed))
    }

    /// A searcher's catch: one piece of work, whichever it sees first.
    fn take(&self) {
        for work in &self.work {
            if work.load(Relaxed) {
                return work.store(false, Relaxed);
            }
        }
    }

    /// Announce, SleepFence and Recheck; whether the worker sleeps now.
    fn sleeps(&self, worker: usize, searching: bool) -> bool {
        self.idle.announce(worker, searching);
        !self.has_work()
    }
}

fn claims(claimed: Option<Claimed>, worker: usize) -> bool {
    matches!(claimed, Some(Claimed(of)) if of == worker)
}

/// A push against a worker that goes to sleep: it sees the work, or is claimed.
#[test]
fn push_against_announce() {
    check(|| {
        let field = Field::new(1);
        let sleeper = field.clone();
        let other = thread::spawn(move || sleeper.sleeps(0, false));
        field.push(0);
        let claimed = claims(field.idle.claim_any(), 0);
        let sleeps = other.join().unwrap();
        assert!(!sleeps || claimed, "a push was slept over");
    });
}

/// The same against the last searcher that goes to sleep: the pusher may have left its Look undone because of it.
#[test]
fn push_against_announce_of_searcher() {
    check(|| {
        let field = Field::new(2);
        assert!(field.idle.start_searching());
        let sleeper = field.clone();
        let other = thread::spawn(move || sleeper.sleeps(0, true));
        field.push(0);
        let claimed = claims(field.idle.claim_any(), 0);
        let sleeps = other.join().unwrap();
        assert!(!sleeps || claimed, "a push was slept over");
    });
}

/// A push against a searcher that stops because it found other work: if the pusher relied on it, it calls the sleeper.
#[test]
fn push_against_stop_searching() {
    check(|| {
        let field = Field::new(2);
        field.idle.announce(1, false);
        assert!(field.idle.start_searching());
        let finder = field.clone();
        let other = thread::spawn(move || {
            finder.idle.stop_searching() && finder.has_work() && claims(finder.idle.claim_any(), 1)
        });
        field.push(0);
        let claimed = claims(field.idle.claim_any(), 1);
        let passed_on = other.join().unwrap();
        assert!(claimed != passed_on, "one of them claims the sleeper");
    });
}

/// Two pushers race for one sleeper, which takes one piece of work and goes to sleep again, while a third pusher relies
/// on the loser of the race, which counts as a searcher for a moment: the loser looks again on its behalf.
#[test]
fn push_against_raced_claim() {
    check(|| {
        let field = Field::new(2);
        // Worker 1 is in the middle of a long poll; worker 0 sleeps.
        field.idle.announce(0, false);
        let (loser, third) = (field.clone(), field.clone());
        let loser = thread::spawn(move || {
            loser.push(1);
            loser.idle.claim(0).is_some()
        });
        let third = thread::spawn(move || {
            third.push(2);
            third.idle.claim_any().is_some()
        });
        let first = field.idle.claim(0).is_some();
        let mut sleeps = true;
        if first {
            assert!(!field.idle.retract(0));
            sleeps = false;
            if !field.has_work() {
                sleeps = field.sleeps(0, true);
            } else {
                field.take();
                if field.idle.stop_searching() && field.has_work() {
                    // It would call another, but there is none; it comes to the work itself.
                } else {
                    sleeps = field.sleeps(0, false);
                }
            }
        }
        let (second, third) = (loser.join().unwrap(), third.join().unwrap());
        let claims = usize::from(first) + usize::from(second) + usize::from(third);
        assert!(
            claims > usize::from(first) || !sleeps || !field.has_work(),
            "a push was slept over"
        );
    });
}

/// A task for the queues, which ends as cancelled.
fn task(stand: &Stand) -> Runnable {
    let (entry, handle) = stand.make(|_, _| Poll::Pending);
    handle.detach();
    entry
}

/// A push into a worker's inbox against that worker's way to sleep, all of it: announcement, seat and driver.
#[test]
fn inbox_push_against_park_of_home() {
    check(|| {
        let stand = Stand::new();
        let shared = Arc::new((Inbox::new(), Idle::new(1), parking(1)));
        let home = shared.clone();
        let worker = thread::spawn(move || {
            let (inbox, idle, parking) = &*home;
            loop {
                if let Some(task) = inbox.take() {
                    return task.cancel();
                }
                idle.announce(0, false);
                if inbox.is_empty() {
                    sleep(parking, 0);
                }
                let _ = idle.retract(0);
            }
        });
        let (inbox, idle, parking) = &*shared;
        inbox.push(task(&stand));
        idle.push_fence();
        if let Some(Claimed(worker)) = idle.claim(0) {
            parking.unpark(worker);
        }
        worker.join().unwrap();
        stand.end();
    });
}

/// The worker takes and displaces its `next` task while a thief takes it: each task comes out once.
#[test]
fn take_next_against_displace() {
    check(|| {
        let stand = Stand::new();
        let remote = Arc::new(Remote::new(LocalQueue::new().thief()));
        let thief = remote.clone();
        assert!(remote.fill_next(task(&stand)).is_ok());
        let other = thread::spawn(move || thief.take_next().map(Runnable::cancel).is_some());
        let displaced = remote.displace_next(task(&stand)).map(Runnable::cancel);
        let own = remote.take_next().map(Runnable::cancel);
        let stolen = other.join().unwrap();
        let out =
            usize::from(stolen) + usize::from(displaced.is_some()) + usize::from(own.is_some());
        assert_eq!(out, 2, "each task comes out once");
        assert!(!remote.has_next());
        stand.end();
    });
}

/// A spawn from outside against the end of the runtime: Drain drops the task, or the spawner.
#[test]
fn spawn_against_close() {
    check(|| {
        let stand = Stand::new();
        let shared = Arc::new((Gate::new(1), Inbox::new()));
        let (spawner, task) = (shared.clone(), task(&stand));
        let other = thread::spawn(move || {
            let (gate, inbox) = &*spawner;
            match gate.enter() {
                Some(_pass) => inbox.push(task),
                None => task.cancel(),
            }
        });
        let (gate, inbox) = &*shared;
        gate.close();
        while let Some(task) = inbox.take() {
            task.cancel();
        }
        other.join().unwrap();
        assert!(inbox.is_empty(), "a task was left behind");
        stand.end();
    });
}

/// Two spawns at once against the end.
#[test]
fn spawns_against_close() {
    check(|| {
        let (gate, work) = (Arc::new(Gate::new(1)), Arc::new(AtomicUsize::new(0)));
        let spawners = [(); 2].map(|()| {
            let (gate, work) = (gate.clone(), work.clone());
            thread::spawn(move || {
                if let Some(_pass) = gate.enter() {
                    work.fetch_add(1, Relaxed);
                    return 1;
                }
                0
            })
        });
        gate.close();
        let drained = work.load(Relaxed);
        let spawned: usize = spawners.map(|spawner| spawner.join().unwrap()).iter().sum();
        assert_eq!(drained, spawned, "what passed the gate is drained");
    });
}

/// Who waits for the end, against the end.
#[test]
fn wait_against_finish() {
    check(|| {
        let gate = Arc::new(Gate::new(1));
        let waiter = gate.clone();
        let other = thread::spawn(move || waiter.wait(None));
        gate.finish();
        assert!(other.join().unwrap());
    });
}

/// A stop against a busy worker that sets the time of its next look: that time has come.
#[test]
fn stop_against_look_after() {
    check(|| {
        let gate = Arc::new(Gate::new(1));
        let remote = Arc::new(Remote::new(LocalQueue::new().thief()));
        let (stopped, counting) = (gate.clone(), remote.clone());
        let worker = thread::spawn(move || counting.look_after(61, || stopped.is_stopping()));
        gate.stop();
        remote.look_at_once();
        worker.join().unwrap();
        assert!(remote.is_time_to_look(), "the worker polls on");
    });
}

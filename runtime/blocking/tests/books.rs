//! Random walks through the protocol: threads, watcher and submitters are played by one loop that makes their steps in
//! any order, with time-outs and failed creations in between, and checks the invariants after every step.

use super::super::{
    Job,
    handover::{Errand, Handover, Limits, Look, Stir},
    roster::Id,
};
use crate::runtime::shim::{Arc, Condvar};

/// A job that is a number.
struct Number(usize);

impl Job for Number {
    type Tag = usize;
    fn run(self) {}
    fn cancel(self) {}
    fn tag(&self) -> usize {
        self.0
    }
    fn describe(tag: usize) -> String {
        tag.to_string()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Born,
    Busy,
    Idle,
    Rung,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Watcher {
    None,
    Awake(Id),
    Asleep(Id),
}

struct Walk {
    books: Handover<Number>,
    limits: Limits,
    threads: Vec<(Id, Phase, Arc<Condvar>)>,
    watcher: Watcher,
    errands: Vec<Errand>,
    /// How often each job was taken.
    taken: Vec<u32>,
    random: u64,
    /// Whether creations may fail.
    failing: bool,
}

impl Walk {
    fn new(seed: u64, failing: bool) -> Self {
        let limits = Limits {
            core: 1 + (seed % 3) as usize,
            max: 3 + (seed % 4) as usize,
            bound: 99,
        };
        Self {
            books: Handover::new(limits),
            limits,
            threads: Vec::new(),
            watcher: Watcher::None,
            errands: Vec::new(),
            taken: Vec::new(),
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            failing,
        }
    }

    /// A number below `limit`.
    fn pick(&mut self, limit: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % limit as u64) as usize
    }

    fn fails(&mut self) -> bool {
        self.failing && self.pick(3) == 0
    }

    fn owe(&mut self, errand: Errand) {
        if !matches!(errand, Errand::Nothing) {
            self.errands.push(errand);
        }
    }

    fn is_born(&mut self, id: Id) {
        let bell = self.books.roster.seat(id).bell.clone();
        self.threads.push((id, Phase::Born, bell));
    }

    fn submit(&mut self) {
        if self.books.admit().is_err() {
            return;
        }
        if self.books.is_deserted() {
            let id = self.books.reserve();
            if self.fails() {
                let errand = self.books.creation_failed(id);
                return self.owe(errand);
            }
            self.books.confirm(id);
            self.is_born(id);
        }
        self.taken.push(0);
        let errand = self.books.push(Number(self.taken.len() - 1));
        self.owe(errand);
    }

    fn carry_out(&mut self) {
        let place = self.pick(self.errands.len());
        match self.errands.swap_remove(place) {
            Errand::Nothing => {}
            Errand::Wake(bell) => {
                let thread = self
                    .threads
                    .iter_mut()
                    .find(|(_, _, own)| Arc::ptr_eq(own, &bell));
                // A thread that came to the lock by its time-out first does not hear the bell any more.
                if let Some((_, phase @ Phase::Idle, _)) = thread {
                    *phase = Phase::Rung;
                }
            }
            Errand::Create(id) if self.fails() => {
                let errand = self.books.creation_failed(id);
                assert!(
                    !matches!(errand, Errand::Create(_)),
                    "a failure is no reason to create"
                );
                self.owe(errand);
            }
            Errand::Create(id) => self.is_born(id),
            Errand::StartWatcher(id) => {
                assert_eq!(self.watcher, Watcher::None, "one watcher at a time");
                if self.fails() {
                    self.books.watcher_failed(id);
                } else {
                    self.watcher = Watcher::Awake(id);
                }
            }
            Errand::WakeWatcher => {
                if let Watcher::Asleep(id) = self.watcher {
                    self.watcher = Watcher::Awake(id);
                }
            }
        }
    }

    fn thread(&mut self, place: usize, timed_out: bool) {
        let (id, phase, _) = self.threads[place];
        match phase {
            Phase::Born => self.books.arrive(id, None),
            Phase::Busy => {}
            Phase::Idle | Phase::Rung => match self.books.stir(id, timed_out) {
                Stir::Look => {}
                Stir::Wait => {
                    self.threads[place].1 = Phase::Idle;
                    return;
                }
                Stir::Leave => return self.depart(place),
            },
        }
        match self.books.look(id) {
            Look::Job(Number(number), errand) => {
                self.taken[number] += 1;
                self.threads[place].1 = Phase::Busy;
                self.owe(errand);
            }
            Look::Idle(_) => self.threads[place].1 = Phase::Idle,
            Look::Leave => self.depart(place),
        }
    }

    fn depart(&mut self, place: usize) {
        let (id, ..) = self.threads.swap_remove(place);
        assert!(self.books.roster.depart(id).is_empty());
        // No handle was ever deposited, so that the seat is still taken.
        self.books.roster.release(id);
    }

    fn watch(&mut self) {
        let Watcher::Awake(id) = self.watcher else {
            return;
        };
        if self.books.needs_watching() {
            let count = 1 + self.pick(3);
            let lot = self.books.grow(count);
            self.errands.extend(lot);
        } else {
            self.books.watcher_sleeps();
            self.watcher = Watcher::Asleep(id);
        }
    }

    /// The watcher's keep-alive passes.
    fn watcher_expires(&mut self) {
        if let Watcher::Asleep(id) = self.watcher {
            if self.books.is_watcher_asleep() {
                self.books.watcher_gone();
                self.books.roster.release(id);
                self.watcher = Watcher::None;
            }
        }
    }

    fn check(&self) {
        let busy = self
            .threads
            .iter()
            .filter(|(_, phase, _)| *phase == Phase::Busy)
            .count();
        assert!(
            self.taken.iter().all(|&times| times <= 1),
            "a job was taken twice"
        );
        assert!(
            self.books.threads() <= self.limits.max,
            "more threads than allowed"
        );
        if self.books.queued() == 0 {
            return;
        }
        assert!(
            !self.threads.is_empty(),
            "invariant A: jobs wait and no thread lives"
        );
        let watcher_is_called = matches!(self.watcher, Watcher::Awake(_))
            || self
                .errands
                .iter()
                .any(|e| matches!(e, Errand::WakeWatcher | Errand::StartWatcher(_)));
        assert!(
            self.failing || self.books.is_waking() || watcher_is_called || busy == self.limits.max,
            "invariant B: jobs wait and nobody is about to look: {:?}",
            self.threads
                .iter()
                .map(|(id, phase, _)| (id, phase))
                .collect::<Vec<_>>()
        );
    }

    fn step(&mut self) {
        match self.pick(10) {
            0..3 => self.submit(),
            3..5 if !self.errands.is_empty() => self.carry_out(),
            5..8 if !self.threads.is_empty() => {
                let place = self.pick(self.threads.len());
                let timed_out = self.pick(4) == 0;
                if self.threads[place].1 != Phase::Idle || timed_out {
                    self.thread(place, timed_out);
                }
            }
            8 => self.watch(),
            9 => self.watcher_expires(),
            _ => {}
        }
        self.check();
    }

    /// Makes every step that does not need a job to end or time to pass, until there is none.
    fn settle(&mut self) {
        loop {
            let ready = |(_, phase, _): &_| matches!(phase, Phase::Born | Phase::Rung);
            if !self.errands.is_empty() {
                self.carry_out();
            } else if let Some(place) = self.threads.iter().position(ready) {
                self.thread(place, false);
            } else if matches!(self.watcher, Watcher::Awake(_)) {
                self.watch();
            } else {
                return;
            }
            self.check();
        }
    }
}

#[test]
fn in_every_order_of_steps_waiting_jobs_have_somebody_who_will_look() {
    for seed in 1..=4_000 {
        let mut walk = Walk::new(seed, false);
        for _ in 0..200 {
            walk.step();
        }
        // From here on no running job ends: the others must get threads nevertheless, up to the maximum.
        walk.settle();
        let busy = walk
            .threads
            .iter()
            .filter(|(_, phase, _)| *phase == Phase::Busy)
            .count();
        assert!(
            walk.books.queued() == 0 || busy == walk.limits.max,
            "seed {seed}: {busy} busy"
        );
    }
}

#[test]
fn failed_creations_lose_no_job() {
    for seed in 1..=4_000 {
        let mut walk = Walk::new(seed, true);
        for _ in 0..200 {
            walk.step();
        }
        // Whoever still lives must be able to run everything that was accepted, without further threads.
        while walk.books.queued() > 0 {
            walk.settle();
            let busy = walk
                .threads
                .iter()
                .position(|(_, phase, _)| *phase == Phase::Busy);
            match busy {
                Some(place) => walk.thread(place, false),
                None => assert_eq!(
                    walk.books.queued(),
                    0,
                    "seed {seed}: jobs wait, all are idle"
                ),
            }
            walk.check();
        }
        assert!(walk.taken.iter().all(|&times| times == 1), "seed {seed}");
    }
}

#[test]
fn closing_empties_the_queue_and_sends_everybody_home() {
    for seed in 1..=4_000 {
        let mut walk = Walk::new(seed, seed % 2 == 0);
        for _ in 0..100 {
            walk.step();
        }
        let (jobs, bells) = walk.books.close();
        for Number(number) in jobs {
            walk.taken[number] += 1;
        }
        for bell in bells {
            walk.owe(Errand::Wake(bell));
        }
        while walk.books.threads() > 0 {
            walk.settle();
            if let Some(place) = walk.threads.iter().position(|(_, p, _)| *p == Phase::Busy) {
                walk.thread(place, false);
            } else {
                assert_eq!(
                    walk.books.threads(),
                    0,
                    "seed {seed}: somebody sleeps in a closed pool"
                );
            }
        }
        assert!(walk.books.admit().is_err());
        assert!(
            walk.taken.iter().all(|&times| times == 1),
            "seed {seed}: every job exactly once"
        );
    }
}

#[test]
fn the_newest_idle_thread_is_woken_first() {
    let mut walk = Walk::new(3, false);
    walk.limits = Limits {
        core: 2,
        max: 2,
        bound: 99,
    };
    walk.books = Handover::new(walk.limits);
    walk.submit();
    walk.submit();
    walk.settle();
    assert_eq!(walk.threads.len(), 2, "two jobs, two cores, two threads");
    walk.thread(0, false);
    walk.thread(1, false);
    let newest = walk.threads[1].2.clone();
    // Waking up for no reason is no reason to leave.
    assert_eq!(walk.books.stir(walk.threads[0].0, false), Stir::Wait);
    walk.submit();
    match walk.errands.pop() {
        Some(Errand::Wake(bell)) => assert!(Arc::ptr_eq(&bell, &newest)),
        _ => panic!("an idle thread is to be woken"),
    }
    // The wake-up is in flight: a second job wakes nobody.
    walk.submit();
    assert!(walk.errands.is_empty());
    // Who was woken passes it on.
    walk.thread(1, false);
    assert!(matches!(walk.errands[..], [Errand::Wake(_)]));
}

#[test]
fn a_burst_leaves_no_memory_in_the_queue() {
    let mut walk = Walk::new(3, false);
    walk.limits = Limits {
        core: 1,
        max: 1,
        bound: usize::MAX,
    };
    walk.books = Handover::new(walk.limits);
    for _ in 0..100_000 {
        walk.submit();
    }
    assert!(walk.books.queue_capacity() >= 100_000);
    walk.settle();
    while walk.threads[0].1 == Phase::Busy {
        walk.thread(0, false);
    }
    assert_eq!(walk.taken.iter().sum::<u32>(), 100_000);
    assert!(
        walk.books.queue_capacity() <= 1024,
        "{}",
        walk.books.queue_capacity()
    );
}

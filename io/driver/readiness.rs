//! Who waits for one source of events, and what is known of its state: a word for each direction.
//! It owns the words and the crowd that waits where one word is not enough; it must not know descriptors or pollers.
//!
//! # The word
//!
//! | value | meaning |
//! |---|---|
//! | `UNARMED` | no poller reports this direction: try, and if the system refuses, arm before waiting |
//! | `EMPTY` | nothing is known since an attempt began, or found nothing more; nobody waits |
//! | `READY` | the poller has reported an event since the last attempt began |
//! | `HUNG` | the same, and the peer will send nothing more |
//! | `CROWD` | nothing is known; who waits is in the crowd |
//! | a task | nothing is known; this task waits. The word owns its waker |
//!
//! # An attempt against an event
//!
//! An attempt on `READY` does *Clear* (exchange it for `EMPTY`), *Try* (the system call), and if there may be more,
//! *Restore* (exchange `EMPTY` for `READY`, or, if somebody waits by now, do what an event does). An event is *Happen*
//! (in the kernel), *Report* (swap `READY` in, wake whom the swap found). Wait is an exchange of `EMPTY` for the task.
//!
//! *Nothing is missed.* Say that Try found nothing. If Happen came before Try, Try would have found it; so it comes
//! after, the kernel reports it, and Report comes after Clear: its `READY` stands, or wakes. Report reads what Wait wrote
//! or Wait fails: both are exchanges on one word.
//! This is why an attempt clears first and asks afterwards. To clear after a refusal would wipe what came in between, and
//! would need a count of events to tell.
//!
//! `HUNG` is not cleared by an attempt: after the peer's last word each read is to be tried, and no event will come.
//! A refusal makes it `READY`, from which there is another attempt before the wait. So is each event of writing told:
//! a write is refused seldom, and two refusals then cost less than two exchanges at every write.
//!
//! `UNARMED` is left by arming alone, so that nobody waits for what no poller reports: an event, a restored attempt and
//! a wait leave it as it is. Where each event disarms, an attempt clears to `UNARMED`, and restores that, too.
//!
//! # The crowd
//!
//! A second task that waits, or a foreign waker, which is no word, takes the lock, exchanges what the word has for
//! `CROWD`, and stands in the list. An event that swaps `CROWD` out takes the whole list, and wakes all: whichever of
//! them tries, one of them finds what came, and one that is gone takes nothing with it.
//! The list may be behind the word: a waiter that comes between an event's swap and its lock is taken from the list and
//! woken for nothing, and leaves a `CROWD` without a list. It tries again, waits again, and stands in it again.
//!
//! A waker does not say that nobody waits for it any more. When the list is full, tasks that have ended are sorted out; if
//! these were few, all others are woken and forgotten. Who still waits comes again, at once, and needs more room: so each
//! time within a second there is twice as much. So the list is no longer than those that wait and twice as many as come
//! within a second, and each that comes costs a few wake-ups at most.

use crate::runtime::shim::atomic::AtomicUsize;
use crate::runtime::shim::{Mutex, seeded};
use crate::runtime::task::waker::ThinWaker;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::task::Waker;
use core::time::Duration;
use std::time::Instant;

// A task's address is a multiple of eight, and foreign wakers do not stand in a word.
const EMPTY: usize = 0;
const READY: usize = 1;
const HUNG: usize = 2;
const CROWD: usize = 3;
const UNARMED: usize = 4;
const LAST_NAME: usize = UNARMED;

/// A crowd of so many is looked through for those that are gone.
const MANY: usize = 32;
/// Who is woken to see whether he still waits has come again by then.
const SOON: Duration = Duration::from_secs(1);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read = 0,
    Write = 1,
}

/// Both directions of one source.
pub(crate) struct Readiness {
    words: [AtomicUsize; 2],
    crowds: Mutex<Option<Box<[Crowd; 2]>>>,
}

#[derive(Default)]
struct Crowd {
    wakers: Vec<ThinWaker>,
    /// How many there may be before those that are gone are sorted out.
    limit: usize,
    /// When all were last woken to see who still waits.
    shaken: Option<Instant>,
}

/// How an attempt begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Begin {
    /// The word was cleared: if the attempt leaves anything, [`Readiness::restore`] is to be called.
    Cleared,
    /// The attempt may be made, and changes nothing.
    Free,
    /// The peer will send nothing more: the attempt may be made, and a refusal is to be told.
    Hung,
    /// Nothing can be expected.
    NotReady,
}

/// How a wait begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Wait {
    /// The waker will be woken.
    Waiting,
    /// Something has come: try again.
    Ready,
    /// No poller reports this direction.
    Unarmed,
}

impl Readiness {
    /// Reported by no poller.
    pub(crate) fn new() -> Self {
        Self {
            words: [AtomicUsize::new(UNARMED), AtomicUsize::new(UNARMED)],
            crowds: Mutex::new(None),
        }
    }

    fn word(&self, direction: Direction) -> &AtomicUsize {
        &self.words[direction as usize]
    }

    /// Begins an attempt. `rearms` says that each event disarms, so that a cleared word is an unarmed one.
    #[inline]
    pub(crate) fn begin(&self, direction: Direction, rearms: bool) -> Begin {
        let word = self.word(direction);
        let cleared = if rearms { UNARMED } else { EMPTY };
        loop {
            // ORDERING: Acquire pairs with the Release of `report`, for `HUNG`.
            match word.load(Acquire) {
                READY if seeded("the_word_is_cleared_late") => return Begin::Hung,
                READY => {
                    // ORDERING: Acquire pairs with the Release of `report`: the attempt sees what was reported.
                    if word
                        .compare_exchange(READY, cleared, Acquire, Relaxed)
                        .is_ok()
                    {
                        return Begin::Cleared;
                    }
                }
                HUNG => return Begin::Hung,
                UNARMED => return Begin::Free,
                _ => return Begin::NotReady,
            }
        }
    }

    /// The system refused an attempt on a direction that hung: one more is made, and then an event waited for.
    pub(crate) fn refused(&self, direction: Direction) {
        let word = self.word(direction);
        if seeded("the_word_is_cleared_late") {
            return word.store(EMPTY, Relaxed);
        }
        let next = if seeded("a_refusal_after_the_end_is_final") {
            EMPTY
        } else {
            READY
        };
        // ORDERING: Acquire as in `begin`.
        let _ = word.compare_exchange(HUNG, next, Acquire, Relaxed);
    }

    /// An attempt that had cleared the word has left something, or may have.
    #[inline(never)]
    pub(crate) fn restore(&self, direction: Direction, rearms: bool) {
        let cleared = if rearms { UNARMED } else { EMPTY };
        let word = self.word(direction);
        let mut now = word.load(Relaxed);
        let ends = seeded("a_restore_ignores_the_end");
        while now == EMPTY || now == cleared || ends && now == UNARMED {
            // ORDERING: Release pairs with the Acquire of `begin`: the next attempt follows this one.
            match word.compare_exchange(now, READY, Release, Relaxed) {
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
        if !seeded("who_waits_is_not_told_of_more") {
            let mut crowd = Vec::new();
            let one = self.report(direction, now == HUNG, &mut crowd);
            one.into_iter()
                .chain(crowd)
                .for_each(ThinWaker::wake_quietly);
        }
    }

    /// Makes a task wait where nobody else does. If that is not so, or something has come, it gives what is to be dropped
    /// where there is room for it: on the stack of whoever goes on.
    #[inline]
    pub(crate) fn wait_alone(
        &self,
        direction: Direction,
        waker: &Waker,
    ) -> Result<(), Option<ThinWaker>> {
        let word = self.word(direction);
        if word.load(Relaxed) != EMPTY {
            return Err(None);
        }
        let Some(thin) = ThinWaker::of_task(waker) else {
            return Err(None);
        };
        let raw = thin.into_raw();
        // ORDERING: Release pairs with the Acquire of `report` and of `wait_in_crowd`, which take the waker.
        match word.compare_exchange(EMPTY, raw, Release, Relaxed) {
            Ok(_) => Ok(()),
            // SAFETY: the word did not take it.
            Err(_) => Err(Some(unsafe { ThinWaker::from_raw(raw) })),
        }
    }

    /// Waits for the next event, unless one has come.
    pub(crate) fn wait(&self, direction: Direction, waker: &Waker) -> Wait {
        loop {
            match self.word(direction).load(Relaxed) {
                READY | HUNG => return Wait::Ready,
                UNARMED => return Wait::Unarmed,
                EMPTY if self.wait_alone(direction, waker).is_ok() => return Wait::Waiting,
                EMPTY if ThinWaker::is_thin(waker) => {}
                // The word owns a reference, so the address means the same task, and it still waits.
                raw if raw > LAST_NAME && ThinWaker::raw_is_of(raw, waker) => return Wait::Waiting,
                _ => return self.wait_in_crowd(direction, waker),
            }
        }
    }

    #[cold]
    fn wait_in_crowd(&self, direction: Direction, waker: &Waker) -> Wait {
        // Cloned, and what is not needed dropped, without the lock: that may be foreign code.
        let mut mine = Some(ThinWaker::new(waker));
        let mut gone = Vec::new();
        let mut shaken = Vec::new();
        let word = self.word(direction);
        let mut crowds = self.crowds.lock();
        let wait = loop {
            let now = word.load(Relaxed);
            match now {
                READY | HUNG => break Wait::Ready,
                UNARMED => break Wait::Unarmed,
                CROWD => {}
                // ORDERING: Acquire pairs with the Release of `wait`, if it is a waker that is taken out; Release with the
                // Acquire of `report`.
                _ => match word.compare_exchange(now, CROWD, AcqRel, Relaxed) {
                    Ok(EMPTY) => {}
                    Ok(raw) => {
                        let crowd =
                            &mut crowds.get_or_insert_with(Box::default)[direction as usize];
                        if !seeded("the_first_is_not_in_the_crowd") {
                            // SAFETY: the exchange gave the waker that the word owned.
                            crowd.wakers.push(unsafe { ThinWaker::from_raw(raw) });
                        }
                    }
                    Err(_) => continue,
                },
            }
            let crowd = &mut crowds.get_or_insert_with(Box::default)[direction as usize];
            if !crowd.wakers.iter().any(|other| other.will_wake(waker)) {
                crowd.make_room(Instant::now, &mut gone, &mut shaken);
                crowd.wakers.extend(mine.take());
            }
            break Wait::Waiting;
        };
        drop(crowds);
        drop((mine, gone));
        shaken.into_iter().for_each(ThinWaker::wake_quietly);
        wait
    }

    /// An event. Who waits is given back to be woken: the one, or all into `crowd`.
    #[inline(always)]
    pub(crate) fn report(
        &self,
        direction: Direction,
        hung: bool,
        crowd: &mut Vec<ThinWaker>,
    ) -> Option<ThinWaker> {
        let word = self.word(direction);
        let now = if hung { HUNG } else { READY };
        let mut before = word.load(Relaxed);
        if before == CROWD && seeded("the_crowd_is_taken_first") {
            self.take_crowd(direction, crowd);
            word.store(now, Release);
            return None;
        }
        loop {
            // An event of before the arming is of no use after it: arming asks the system again.
            if before == UNARMED {
                return None;
            }
            if seeded("an_event_overwrites") {
                word.store(now, Release);
                break;
            }
            // ORDERING: Release pairs with the Acquire of `begin`, Acquire with the Release of `wait_alone` and
            // `wait_in_crowd`.
            match word.compare_exchange(before, now, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(other) => before = other,
            }
        }
        self.waiting(direction, before, crowd)
    }

    /// Whom `word` held.
    #[inline(always)]
    fn waiting(
        &self,
        direction: Direction,
        word: usize,
        crowd: &mut Vec<ThinWaker>,
    ) -> Option<ThinWaker> {
        if word > LAST_NAME {
            // SAFETY: the caller's exchange took the waker out of the word.
            return Some(unsafe { ThinWaker::from_raw(word) });
        }
        if word == CROWD {
            self.take_crowd(direction, crowd);
        }
        None
    }

    #[cold]
    fn take_crowd(&self, direction: Direction, into: &mut Vec<ThinWaker>) {
        let mut crowds = self.crowds.lock();
        if let Some(crowds) = crowds.as_deref_mut() {
            into.append(&mut core::mem::take(&mut crowds[direction as usize]).wakers);
        }
    }

    /// A poller will report from now on; to be called before it is told to.
    pub(crate) fn arm(&self, direction: Direction) {
        // An attempt may have been restored meanwhile.
        let _ = self
            .word(direction)
            .compare_exchange(UNARMED, EMPTY, Relaxed, Relaxed);
    }

    /// Whether events of this direction are wanted.
    pub(crate) fn is_armed(&self, direction: Direction) -> bool {
        !matches!(self.word(direction).load(Relaxed), UNARMED | READY | HUNG)
    }

    /// No poller reports any more. Whoever waits is given back, to be woken or forgotten.
    pub(crate) fn disarm(&self) -> Vec<ThinWaker> {
        let mut all = Vec::new();
        for direction in [Direction::Read, Direction::Write] {
            let none = if seeded("an_end_leaves_the_word_empty") {
                EMPTY
            } else {
                UNARMED
            };
            // ORDERING: as in `report`.
            let before = self.word(direction).swap(none, AcqRel);
            let one = self.waiting(direction, before, &mut all);
            all.extend(one);
        }
        all
    }
}

impl Crowd {
    /// Sorts out the tasks that have ended; and if that does not help, lets all come again, so that those who have lost
    /// interest stay away.
    fn make_room(
        &mut self,
        now: impl FnOnce() -> Instant,
        gone: &mut Vec<ThinWaker>,
        shaken: &mut Vec<ThinWaker>,
    ) {
        let limit = self.limit.max(MANY);
        if self.wakers.len() < limit {
            return;
        }
        let all = core::mem::take(&mut self.wakers).into_iter();
        let (dead, alive) = all.partition::<Vec<_>, _>(ThinWaker::is_of_the_dead);
        gone.extend(dead);
        self.wakers = alive;
        if self.wakers.len() * 2 >= limit {
            let now = now();
            let last = self.shaken.replace(now);
            // These may be the same again, and then there must be room for as many others.
            let again = last.is_some_and(|last| now.saturating_duration_since(last) < SOON);
            self.limit = if again { limit * 2 } else { MANY };
            shaken.append(&mut self.wakers);
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::{Crowd, MANY, ThinWaker};
    use core::task::Waker;
    use core::time::Duration;
    use std::sync::Arc;
    use std::task::Wake;
    use std::time::Instant;

    struct Foreign;
    impl Wake for Foreign {
        fn wake(self: Arc<Self>) {}
    }

    /// So many join, one after the other, in so many microseconds each; how many are in the list at most, and how many were
    /// shaken.
    fn join(crowd: &mut Crowd, count: usize, micros: u64) -> (usize, usize) {
        let start = Instant::now();
        let (mut most, mut all) = (0, 0);
        for at in 0..count {
            let (mut gone, mut shaken) = (Vec::new(), Vec::new());
            let now = || start + Duration::from_micros(micros * at as u64);
            crowd.make_room(now, &mut gone, &mut shaken);
            all += shaken.len();
            assert!(gone.is_empty());
            let waker = Waker::from(Arc::new(Foreign));
            crowd.wakers.push(ThinWaker::new(&waker));
            most = most.max(crowd.wakers.len());
        }
        (most, all)
    }

    /// Row 79 of the table of faults.
    #[test]
    fn wakers_that_come_and_go_are_bounded_by_their_rate() {
        let (most, shaken) = join(&mut Crowd::default(), 100_000, 1000);
        assert!((1000..=2048).contains(&most), "{most}");
        assert!(shaken <= 100_000);
        let (most, _) = join(&mut Crowd::default(), 100_000, 100_000);
        assert_eq!(most, MANY);
    }

    #[test]
    fn crowd_that_comes_again_at_once_gets_room() {
        const STAY: usize = 1000;
        let (mut crowd, mut woken) = (Crowd::default(), STAY);
        let mut shaken = 0;
        while woken > 0 {
            let (_, again) = join(&mut crowd, woken, 1);
            woken = again;
            shaken += again;
        }
        assert_eq!(crowd.wakers.len(), STAY);
        assert!(shaken <= 3 * STAY, "{shaken}");
    }
}

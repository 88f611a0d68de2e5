//! Fault D53: cancel, reset and close on one thread while another fires.

use super::super::entry::State;
use super::super::wheel::{Inserted, Wheel};
use super::{Counter, TICK, Timer, turn};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

const ROUNDS: u64 = if cfg!(miri) { 20 } else { 2_000 };
const TIMERS: usize = if cfg!(miri) { 20 } else { 100 };

/// Every timer is either cancelled or woken, never both and never neither.
#[test]
fn drop_while_another_thread_fires_has_one_outcome() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    let barrier = Barrier::new(2);
    let mut cancelled = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=ROUNDS {
                barrier.wait();
                turn(&wheel, round * TICK);
                barrier.wait();
            }
        });
        for round in 1..=ROUNDS {
            let timers: Vec<_> = (0..TIMERS)
                .map(|_| Timer::new(&wheel, round * TICK))
                .collect();
            for timer in &timers {
                assert_eq!(
                    timer.insert((round - 1) * TICK, &waker),
                    Inserted::Standing(round * TICK)
                );
            }
            barrier.wait();
            for timer in timers.iter().rev() {
                wheel.cancel(&timer.entry);
                cancelled += usize::from(timer.state() == State::Idle);
            }
            drop(timers);
            barrier.wait();
        }
    });
    assert_eq!(counter.wakes() + cancelled, ROUNDS as usize * TIMERS);
    assert_eq!((wheel.len(), wheel.memory().0), (0, 0));
    assert_eq!(wheel.fired(), counter.wakes() as u64);
}

/// A timer that is moved later while it fires either fires late or is found marked as moved.
#[test]
fn reset_later_while_another_thread_fires_is_noticed() {
    let wheel = Wheel::new(0);
    let (_, waker) = Counter::new();
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=ROUNDS {
                barrier.wait();
                turn(&wheel, round * TICK);
                barrier.wait();
            }
        });
        for round in 1..=ROUNDS {
            let later = (round + 1_000_000) * TICK;
            let timers: Vec<_> = (0..TIMERS)
                .map(|_| Timer::new(&wheel, round * TICK))
                .collect();
            for timer in &timers {
                assert_eq!(
                    timer.insert((round - 1) * TICK, &waker),
                    Inserted::Standing(round * TICK)
                );
            }
            barrier.wait();
            for timer in timers.iter().rev() {
                if timer.state() == State::Registered {
                    timer.entry.set_moved();
                    timer.entry.set_deadline(later);
                }
            }
            barrier.wait();
            for timer in &timers {
                match timer.state() {
                    State::Registered => assert_eq!(timer.entry.deadline(), later),
                    State::Fired => {
                        assert_eq!(timer.entry.is_moved(), timer.entry.deadline() == later);
                    }
                    state => panic!("{state:?}"),
                }
            }
        }
    });
    assert_eq!((wheel.len(), wheel.memory().0), (0, 0));
}

/// Two threads turn, four create and drop: the counts add up and no block is lost.
#[test]
fn many_threads_insert_cancel_and_turn_one_wheel() {
    let wheel = Wheel::new(0);
    let (counter, waker) = Counter::new();
    let done = AtomicBool::new(false);
    let cancelled: usize = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut now = 0;
                while !done.load(SeqCst) {
                    now += TICK / 4;
                    wheel.try_advance(now, &mut |waker| waker.wake());
                }
            });
        }
        let users: Vec<_> = (0..4u64)
            .map(|seed| {
                let (wheel, waker) = (&wheel, waker.clone());
                scope.spawn(move || {
                    let mut random = seed + 1;
                    let mut cancelled = 0;
                    let mut kept = Vec::new();
                    for _ in 0..ROUNDS * 10 {
                        random = random
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1);
                        let span = (random >> 33) % (5000 * TICK);
                        let timer = Timer::new(wheel, span);
                        if timer.insert(0, &waker) == Inserted::Elapsed {
                            cancelled += 1;
                            continue;
                        }
                        kept.push(timer);
                        if kept.len() > 50 {
                            let timer = kept.swap_remove((random >> 40) as usize % 50);
                            wheel.cancel(&timer.entry);
                            cancelled += usize::from(timer.state() == State::Idle);
                        }
                    }
                    for timer in kept {
                        wheel.cancel(&timer.entry);
                        cancelled += usize::from(timer.state() == State::Idle);
                    }
                    cancelled
                })
            })
            .collect();
        let cancelled = users.into_iter().map(|user| user.join().unwrap()).sum();
        done.store(true, SeqCst);
        cancelled
    });
    assert_eq!(counter.wakes() + cancelled, 4 * ROUNDS as usize * 10);
    assert_eq!((wheel.len(), wheel.memory().0), (0, 0));
}

/// Whatever is inserted while a wheel closes is refused, or woken as closed.
#[test]
fn close_while_another_thread_inserts_leaves_nothing_behind() {
    for _ in 0..ROUNDS / 20 {
        let wheel = Wheel::new(0);
        let (counter, waker) = Counter::new();
        let barrier = Barrier::new(2);
        let (refused, closed) = thread::scope(|scope| {
            let user = scope.spawn(|| {
                let timers: Vec<_> = (0..300).map(|n| Timer::new(&wheel, n * TICK + 1)).collect();
                barrier.wait();
                let refused = timers
                    .iter()
                    .filter(|timer| timer.insert(0, &waker) == Inserted::Closed);
                let refused = refused.count();
                barrier.wait();
                let closed = timers.iter().filter(|timer| timer.state() == State::Closed);
                (refused, closed.count())
            });
            barrier.wait();
            wheel.close();
            barrier.wait();
            user.join().unwrap()
        });
        assert_eq!(refused + closed, 300);
        assert_eq!(counter.wakes(), closed);
        assert_eq!(
            (wheel.len(), wheel.memory().0, wheel.next_expiry()),
            (0, 0, u64::MAX)
        );
    }
}

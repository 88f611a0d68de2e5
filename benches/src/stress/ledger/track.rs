//! Tasks that count their own fate: each is counted at its spawn, at its end and at the drop of
//! its future. It must not know what the tasks do.

use std::future::Future;
use std::sync::atomic::Ordering;

use filch::task::JoinHandle;
use filch_bench::rng::mix;

use super::{Count, SHARD, add, tick};

/// A guard without a size that counts the drop of what captures it.
#[derive(Debug)]
pub(crate) struct CountDrop(());

impl CountDrop {
    /// Counts a spawn; the drop counts itself.
    pub(crate) fn spawned() -> CountDrop {
        tick(Count::Spawned);
        CountDrop(())
    }
}

impl Drop for CountDrop {
    fn drop(&mut self) {
        tick(Count::Dropped);
    }
}

/// A guard with an identity that also counts how its task ended.
#[derive(Debug)]
pub(crate) struct Fate {
    identity: u64,
    done: bool,
}

impl Fate {
    pub(crate) fn spawned() -> Fate {
        let identity = SHARD.with(|shard| {
            let serial = shard.counts[Count::Spawned as usize].load(Ordering::Relaxed);
            (shard.number << 40) | serial
        });
        tick(Count::Spawned);
        add(Count::Identities, mix(identity));
        Fate {
            identity,
            done: false,
        }
    }

    pub(crate) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Fate {
    fn drop(&mut self) {
        tick(if self.done {
            Count::Completed
        } else if std::thread::panicking() {
            Count::Panicked
        } else {
            Count::Cancelled
        });
        add(Count::Identities, mix(self.identity).wrapping_neg());
        tick(Count::Dropped);
    }
}

/// Spawns a task that counts its fate.
pub(crate) fn spawn<F>(body: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let fate = Fate::spawned();
    filch::spawn(async move {
        let value = body.await;
        fate.done();
        value
    })
}

/// Spawns a task that counts its fate and that nobody joins.
pub(crate) fn detach<F>(body: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    tick(Count::Detached);
    spawn(body).detach();
}

/// Joins a task that [`spawn`] spawned and counts what came of it.
pub(crate) async fn join<T>(handle: JoinHandle<T>) -> Joined<T> {
    match handle.await {
        Ok(value) => {
            tick(Count::JoinedValue);
            Joined::Value(value)
        }
        Err(error) if error.is_panic() => {
            tick(Count::JoinedPanicked);
            Joined::Panicked
        }
        Err(_) => {
            tick(Count::JoinedCancelled);
            Joined::Cancelled
        }
    }
}

/// What came of a task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joined<T> {
    /// It returned a value.
    Value(T),
    /// It was aborted before its end.
    Cancelled,
    /// It panicked.
    Panicked,
}

impl<T> Joined<T> {
    /// Counts a wrong result unless this is what it has to be.
    pub(crate) fn expect(&self, right: impl FnOnce(&Joined<T>) -> bool) {
        if !right(self) {
            tick(Count::Wrong);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Tally;

    #[test]
    fn a_sleeping_task_pays_nothing_for_its_guard() {
        assert_eq!(size_of::<CountDrop>(), 0);
    }

    #[test]
    fn each_fate_is_counted_once() {
        // A thread of its own makes a shard of its own, which other tests do not write.
        let counts = std::thread::spawn(|| {
            Fate::spawned().done();
            drop(Fate::spawned());
            let fate = Fate::spawned();
            let unwound = std::panic::catch_unwind(move || {
                let _fate = fate;
                std::panic::resume_unwind(Box::new("planned"));
            });
            assert!(unwound.is_err());
            let mut tally = Tally::default();
            SHARD.with(|shard| {
                for (sum, count) in tally.0.iter_mut().zip(&shard.counts) {
                    *sum = count.load(Ordering::Relaxed);
                }
            });
            tally
        })
        .join()
        .unwrap();
        let expected = [
            (Count::Spawned, 3),
            (Count::Dropped, 3),
            (Count::Completed, 1),
            (Count::Cancelled, 1),
            (Count::Panicked, 1),
        ];
        assert_eq!(counts, Tally::of(&expected));
    }
}

//! Many tasks, each asleep once for a random time: a fifth of `--for`, but at most a second, up to
//! `--for`. It owns the future whose size is the headline; it must not make it bigger than a
//! user's: a task captures its number and a guard without a size.

use std::sync::OnceLock;
use std::time::Duration;

use filch::runtime::Runtime;
use filch_bench::rng::{below, mix};

use super::{Load, spawn_all};
use crate::ledger::record;
use crate::ledger::track::CountDrop;

/// How long tasks sleep. It is static, so that no task carries it.
#[derive(Debug)]
struct Range {
    seed: u64,
    shortest: Duration,
    nanos: u64,
}

static RANGE: OnceLock<Range> = OnceLock::new();

impl Range {
    fn new(load: Load) -> Range {
        let shortest = (load.length / 5).min(Duration::from_secs(1));
        let nanos = (load.length - shortest)
            .as_nanos()
            .try_into()
            .unwrap_or(u64::MAX);
        Range {
            seed: mix(load.seed),
            shortest,
            nanos,
        }
    }

    fn duration(&self, index: u32) -> Duration {
        let bits = mix(self.seed.wrapping_add(u64::from(index)));
        self.shortest + Duration::from_nanos(below(bits, self.nanos.saturating_add(1)))
    }
}

pub(super) fn start(runtime: &Runtime, load: Load) {
    RANGE.get_or_init(|| Range::new(load));
    spawn_all(runtime, load.tasks, |index| {
        let dropped = CountDrop::spawned();
        filch::spawn(nap(index, dropped)).detach();
    });
}

/// The task that is measured.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` holds each argument twice"
)]
fn nap(index: u32, dropped: CountDrop) -> impl Future<Output = ()> + Send + 'static {
    async move {
        let _ = &dropped;
        let sleep = {
            let range = RANGE
                .get()
                .expect("the range is set before the first task is spawned");
            let duration = range.duration(index);
            record::asleep(index, duration);
            filch::time::sleep(duration)
        };
        sleep.await;
        record::woken(index);
    }
}

/// The size of the future of one task.
pub(super) fn future_bytes() -> usize {
    fn size_of_output<A, B, F>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }
    size_of_output(nap)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(length: Duration) -> Range {
        Range::new(Load {
            tasks: 1,
            length,
            seed: 1,
            size: 64,
            waves: 1,
        })
    }

    #[test]
    fn sleeps_stay_in_their_range_and_fill_it() {
        let range = range(Duration::from_secs(5));
        let durations: Vec<_> = (0..10_000).map(|i| range.duration(i).as_millis()).collect();
        let (least, most) = (
            *durations.iter().min().unwrap(),
            *durations.iter().max().unwrap(),
        );
        assert!((1_000..1_010).contains(&least), "{least}");
        assert!((4_990..=5_000).contains(&most), "{most}");
    }

    #[test]
    fn short_runs_sleep_at_least_a_fifth() {
        assert_eq!(
            range(Duration::from_millis(300)).shortest,
            Duration::from_millis(60)
        );
        assert_eq!(
            range(Duration::from_secs(60)).shortest,
            Duration::from_secs(1)
        );
    }

    #[test]
    fn the_future_holds_little_more_than_the_sleep() {
        let sleep = {
            fn size<F>(_: impl Fn(Duration) -> F) -> usize {
                size_of::<F>()
            }
            size(filch::time::sleep)
        };
        assert!(
            future_bytes() <= sleep + 16,
            "{} for a sleep of {sleep}",
            future_bytes()
        );
    }
}

//! The scenarios: what each runs, its defaults, and how its tasks are counted. They know the
//! runtime's public face and the ledger; they must not know how a result is judged or shown.

mod blocking;
#[cfg(unix)]
mod echo;
mod mixed;
mod sleep;
mod spawn;
mod yields;

use std::time::{Duration, Instant};

use filch::runtime::Runtime;

use crate::interrupt::stopping;
use crate::ledger::{Count, Tally, add, tick, wake_main};
use crate::outcome::Level;

/// What a scenario needs to know of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How many tasks, or chains of tasks.
    pub(crate) tasks: u32,
    /// How long the run is, or the longest sleep.
    pub(crate) length: Duration,
    /// What fixes the random choices.
    pub(crate) seed: u64,
    /// The bytes of a request.
    pub(crate) size: u32,
    /// How often connections are opened and closed.
    pub(crate) waves: u32,
}

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Many tasks that sleep once.
    Sleep,
    /// Tasks that do nothing but yield.
    Yield,
    /// Chains of tasks that spawn tasks.
    Spawn,
    /// Tasks that await jobs of the blocking pool.
    Blocking,
    /// Everything at random.
    Mixed,
    /// Connections with servers that echo.
    Echo,
}

impl Scenario {
    pub(crate) const ALL: &[Scenario] = &[
        Scenario::Sleep,
        Scenario::Yield,
        Scenario::Spawn,
        Scenario::Blocking,
        Scenario::Mixed,
        #[cfg(unix)]
        Scenario::Echo,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Scenario::Sleep => "sleep",
            Scenario::Yield => "yield",
            Scenario::Spawn => "spawn",
            Scenario::Blocking => "blocking",
            Scenario::Mixed => "mixed",
            Scenario::Echo => "echo",
        }
    }

    pub(crate) fn about(self) -> &'static str {
        match self {
            Scenario::Sleep => "each task sleeps once, for a random time up to --for",
            Scenario::Yield => "each task yields in a loop; shows rate and fairness",
            Scenario::Spawn => "chains of tasks that spawn and join batches of tasks",
            Scenario::Blocking => "each task awaits jobs of the blocking pool, one by one",
            Scenario::Mixed => "sleeps, yields, spawns, aborts, panics, timeouts, jobs at random",
            Scenario::Echo => "TCP connections that echo requests; checks every byte",
        }
    }

    /// The number of tasks, or of connections, of a run that was given none.
    pub(crate) fn default_tasks(self) -> u32 {
        match self {
            Scenario::Sleep => 1_000_000,
            Scenario::Yield => 10_000,
            Scenario::Spawn | Scenario::Mixed | Scenario::Echo => 1_000,
            Scenario::Blocking => 256,
        }
    }

    /// The memory one task may take at most, for the decision whether a run fits the machine.
    pub(crate) fn bytes_per_task(self) -> u64 {
        match self {
            Scenario::Sleep => 120,
            Scenario::Yield => 160,
            Scenario::Blocking => 1_024,
            Scenario::Spawn | Scenario::Mixed => 4_096,
            // Most of it the kernel's.
            Scenario::Echo => 10_000,
        }
    }

    /// What one operation of the scenario is called.
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Scenario::Sleep => "wakes",
            Scenario::Yield => "yields",
            Scenario::Spawn => "spawns",
            Scenario::Blocking => "jobs",
            Scenario::Mixed => "steps",
            Scenario::Echo => "requests",
        }
    }

    /// The count of its operations.
    pub(crate) fn operations(self, tally: &Tally) -> u64 {
        tally[match self {
            Scenario::Sleep => Count::Woken,
            Scenario::Yield => Count::Yields,
            Scenario::Spawn => Count::Spawned,
            Scenario::Blocking => Count::JobsJoined,
            Scenario::Mixed => Count::Steps,
            Scenario::Echo => Count::Answered,
        }]
    }

    /// How many tasks are alive: in the scenario `sleep`, asleep; in `echo`, how many connections are open.
    pub(crate) fn live(self, tally: &Tally) -> u64 {
        match self {
            Scenario::Sleep => tally.sleeping(),
            Scenario::Echo => tally.connected(),
            _ => tally.alive(),
        }
    }

    /// Whether all tasks are alive at one time, so that memory per task can be told.
    pub(crate) fn holds_all_at_once(self) -> bool {
        matches!(self, Scenario::Sleep | Scenario::Yield | Scenario::Echo)
    }

    /// What [`live`](Self::live) counts, as one and as many.
    pub(crate) fn of_what(self) -> (&'static str, &'static str) {
        match self {
            Scenario::Echo => ("connection", "connections"),
            _ => ("task", "tasks"),
        }
    }

    /// Whether the run ends by the clock rather than when each task has had its turn.
    pub(crate) fn ends_by_the_clock(self) -> bool {
        self != Scenario::Sleep
    }

    /// The size in bytes of the future of one task, where each task runs the same one.
    pub(crate) fn future_bytes(self) -> Option<u64> {
        (self == Scenario::Sleep).then(|| sleep::future_bytes() as u64)
    }

    /// Starts the scenario on a runtime and returns at once.
    pub(crate) fn start(self, runtime: &Runtime, load: Load) {
        match self {
            Scenario::Sleep => sleep::start(runtime, load),
            Scenario::Yield => yields::start(runtime, load),
            Scenario::Spawn => spawn::start(runtime, load),
            Scenario::Blocking => blocking::start(runtime, load),
            Scenario::Mixed => mixed::start(runtime, load),
            #[cfg(unix)]
            Scenario::Echo => echo::start(runtime, load),
            #[cfg(not(unix))]
            Scenario::Echo => unreachable!("it is not among the scenarios here"),
        }
    }

    /// What there was before the first wave of connections and after each.
    pub(crate) fn levels(self) -> Vec<Level> {
        match self {
            #[cfg(unix)]
            Scenario::Echo => echo::levels(),
            _ => Vec::new(),
        }
    }
}

/// How many tasks are spawned between two yields of the spawner. Without the yields, all tasks
/// would wait in one queue for their first poll, as no server lets them.
const BURST: u32 = 1_024;

/// Spawns all tasks of a scenario from a task of the runtime, and counts the time it takes.
fn spawn_all(runtime: &Runtime, tasks: u32, spawn_one: impl Fn(u32) + Send + 'static) {
    let spawner = async move {
        let begin = Instant::now();
        let mut bursts = Duration::ZERO;
        let mut next = 0;
        while next < tasks && !stopping() {
            let burst = Instant::now();
            let end = tasks.min(next.saturating_add(BURST));
            (next..end).for_each(&spawn_one);
            next = end;
            bursts += burst.elapsed();
            filch::task::yield_now().await;
        }
        add(Count::LoopNanos, begin.elapsed().as_nanos() as u64);
        add(Count::BurstNanos, bursts.as_nanos() as u64);
        tick(Count::SpawnerDone);
        wake_main();
    };
    runtime.spawn(spawner).detach();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_short() {
        let mut names: Vec<_> = Scenario::ALL.iter().map(|s| s.name()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(
            names
                .iter()
                .all(|name| name.chars().all(|c| c.is_ascii_lowercase()))
        );
    }
}

//! What a run gave, as plain values, and its JSON. It must not know how it was measured.

use std::time::Duration;

use filch_bench::json::Value;
use filch_bench::machine::Machine;
use hdrhistogram::Histogram;

use crate::check::Check;
use crate::ledger::{Count, Tally};
use crate::scenario::Scenario;

/// What one run gave.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) scenario: Scenario,
    pub(crate) seed: u64,
    pub(crate) workers: u64,
    /// How many tasks were asked for.
    pub(crate) tasks: u64,
    /// Of the scenario `echo`: the bytes of a request, how many waves there were to be, and what there was before the
    /// first and after each.
    pub(crate) request_bytes: u64,
    pub(crate) waves: u64,
    pub(crate) levels: Vec<Level>,
    /// How long the run was to be, and how long it was until its last task had ended.
    pub(crate) length: Duration,
    pub(crate) elapsed: Duration,
    /// Whether Ctrl-C cut it short: then nothing is claimed of its balances.
    pub(crate) interrupted: bool,
    pub(crate) tally: Tally,
    /// The lateness of wakes; in the scenario `echo`, the time from a request to the end of its answer.
    pub(crate) late: Histogram<u64>,
    /// The memory at the moment with most tasks alive.
    pub(crate) memory: Option<Memory>,
    pub(crate) rss_peak: Option<u64>,
    pub(crate) cpu: Option<Duration>,
    pub(crate) future_bytes: Option<u64>,
    /// The least and greatest number of yields of a task, and how many tasks had none.
    pub(crate) yields: Option<(u64, u64, u64)>,
    pub(crate) blocking_threads_peak: u64,
    /// Tasks that never woke or never ended.
    pub(crate) lost: u64,
    /// Tasks the runtime counts as alive after the last has ended.
    pub(crate) leaked: u64,
    /// Threads that stayed after the runtime was dropped, where they can be counted.
    pub(crate) threads_left: Option<u64>,
    pub(crate) samples: Vec<Sample>,
}

/// What the process and the runtime hold at a moment without connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) descriptors: Option<u64>,
    /// Descriptors that the runtime watches.
    pub(crate) slots: u64,
    pub(crate) rss: Option<u64>,
}

/// With fewer waves than this to look at, memory that goes up and down is not told from memory that only goes up.
const ENOUGH_WAVES: usize = 3;

/// The memory of a number of tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) before: u64,
    pub(crate) with_tasks: u64,
    pub(crate) tasks: u64,
}

impl Memory {
    pub(crate) fn per_task(self) -> f64 {
        self.with_tasks.saturating_sub(self.before) as f64 / self.tasks.max(1) as f64
    }
}

/// The state of a run at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    pub(crate) rss: Option<u64>,
    pub(crate) live: u64,
    pub(crate) operations: u64,
    /// Median, 99th percentile and greatest lateness since the sample before, in microseconds.
    pub(crate) late: Option<[u64; 3]>,
}

/// The keys of the JSON object and what they say, in their order.
pub(crate) const KEYS: &[(&str, &str)] = &[
    ("scenario", "which scenario"),
    ("version", "version of filch"),
    ("profile", "debug or release"),
    ("machine", "cpu, cores, system, kernel, rustc, commit"),
    ("seed", "what fixed the random choices"),
    ("workers", "worker threads"),
    (
        "tasks",
        "tasks, chains of tasks, or connections, that were asked for",
    ),
    ("request_bytes", "echo: bytes of a request"),
    ("waves", "echo: how often all connections were opened"),
    ("for_seconds", "length of the run, or the longest sleep"),
    (
        "elapsed_seconds",
        "from the first spawn to the end of the last task",
    ),
    ("interrupted", "whether Ctrl-C cut the run short"),
    (
        "operations",
        "wakes, yields, spawns, jobs, steps or requests, by scenario",
    ),
    ("operations_per_second", "the same by elapsed_seconds"),
    (
        "spawn_per_second",
        "sleep, yield: tasks by wall time of the spawn loop; else spawns by time",
    ),
    (
        "spawn_ns",
        "mean time of one spawn() in that loop, first polls left out",
    ),
    ("future_bytes", "sleep: size of the future of one task"),
    (
        "rss_bytes_per_task",
        "growth of resident memory by task alive, or connection, at their peak",
    ),
    ("rss_bytes_peak", "greatest resident memory of the process"),
    ("cpu_seconds", "CPU time of the process during the run"),
    (
        "cpu_us_per_request",
        "echo: the same by request, both ends, in microseconds",
    ),
    ("late_p50_us", "median lateness of wakes in microseconds"),
    ("late_p99_us", "its 99th percentile"),
    ("late_p999_us", "its 99.9th percentile"),
    ("late_max_us", "the greatest lateness"),
    (
        "latency_p50_us",
        "echo: median time from request to answer in microseconds",
    ),
    ("latency_p90_us", "its 90th percentile"),
    ("latency_p99_us", "its 99th percentile"),
    ("latency_max_us", "the longest"),
    ("yields_min", "yield: fewest yields of a task"),
    ("yields_max", "yield: most yields of a task"),
    ("blocking_threads_peak", "most threads of the blocking pool"),
    ("spawned", "tasks spawned"),
    ("woken", "sleep: tasks that slept and woke"),
    ("completed", "tasks that ran to their end"),
    ("cancelled", "tasks dropped before their end"),
    ("panicked", "tasks that panicked, all on purpose"),
    ("dropped", "futures dropped; once each"),
    ("early", "wakes before their deadline"),
    ("lost", "tasks that never woke or never ended"),
    (
        "twice",
        "tasks that began, woke or were dropped more than once",
    ),
    ("leaked", "tasks alive in the runtime's count after the end"),
    ("threads_left", "threads alive after the runtime is dropped"),
    (
        "descriptors_left",
        "echo: most descriptors left open after a wave",
    ),
    (
        "slots_left",
        "echo: most descriptors still watched after a wave",
    ),
    (
        "rss_growth_bytes",
        "echo: growth of resident memory after the first of five or more waves",
    ),
    (
        "checks",
        "each check: its name, whether it passed, what was found",
    ),
    ("pass", "whether all checks passed; null if interrupted"),
];

impl Outcome {
    pub(crate) fn operations(&self) -> u64 {
        self.scenario.operations(&self.tally)
    }

    pub(crate) fn operations_per_second(&self) -> f64 {
        per_second(self.operations(), self.elapsed)
    }

    /// Spawns by second: in the spawn loop where there is one loop that spawns all.
    pub(crate) fn spawn_per_second(&self) -> Option<f64> {
        let rate = match self.scenario {
            Scenario::Sleep | Scenario::Yield => {
                per_second(self.tally[Count::Spawned], self.nanos(Count::LoopNanos))
            }
            Scenario::Spawn | Scenario::Mixed => {
                per_second(self.tally[Count::Spawned], self.elapsed)
            }
            Scenario::Blocking | Scenario::Echo => 0.0,
        };
        (rate > 0.0).then_some(rate)
    }

    /// The mean time of one spawn in the spawn loop, in nanoseconds.
    pub(crate) fn spawn_ns(&self) -> Option<f64> {
        let bursts = self.nanos(Count::BurstNanos);
        let mean = bursts.as_nanos() as f64 / self.tally[Count::Spawned].max(1) as f64;
        let is_loop = matches!(self.scenario, Scenario::Sleep | Scenario::Yield);
        (is_loop && mean > 0.0).then_some(mean)
    }

    fn nanos(&self, count: Count) -> Duration {
        Duration::from_nanos(self.tally[count])
    }

    /// A quantile of lateness, or of latency in the scenario `echo`, in microseconds, if there was any.
    pub(crate) fn late(&self, quantile: f64) -> Option<u64> {
        (!self.late.is_empty()).then(|| self.late.value_at_quantile(quantile))
    }

    pub(crate) fn is_echo(&self) -> bool {
        self.scenario == Scenario::Echo
    }

    /// The CPU time of a request and its answer, in microseconds.
    pub(crate) fn cpu_us_per_request(&self) -> Option<f64> {
        let micros = self.cpu?.as_secs_f64() * 1e6;
        let is_known = self.is_echo() && self.operations() > 0;
        is_known.then(|| micros / self.operations() as f64)
    }

    /// The most by which something was more after a wave than before the first.
    fn left(&self, of: impl Fn(&Level) -> Option<u64>) -> Option<u64> {
        let (first, waves) = self.levels.split_first()?;
        let before = of(first)?;
        let after = waves.iter().filter_map(of).max()?;
        Some(after.saturating_sub(before))
    }

    pub(crate) fn descriptors_left(&self) -> Option<u64> {
        self.left(|level| level.descriptors)
    }

    pub(crate) fn slots_left(&self) -> Option<u64> {
        self.left(|level| Some(level.slots))
    }

    /// By how many bytes resident memory is more after the later half of the waves than after the first. It goes up and
    /// down by some megabytes, so the least of that half is taken, and there must be some waves in it.
    pub(crate) fn rss_growth(&self) -> Option<u64> {
        let (_, waves) = self.levels.split_first()?;
        let later = &waves[waves.len() / 2..];
        let least = later.iter().map(|level| level.rss).min()??;
        let growth = least.saturating_sub(waves.first()?.rss?);
        (later.len() >= ENOUGH_WAVES).then_some(growth)
    }

    /// How many tasks were dropped more than once, or began or woke more than once.
    pub(crate) fn twice(&self) -> u64 {
        let drops = self.tally[Count::Dropped].saturating_sub(self.tally[Count::Spawned]);
        self.tally[Count::Twice].saturating_add(drops)
    }

    /// The object that `--json` prints, with exactly the keys of [`KEYS`].
    pub(crate) fn json(&self, machine: &Machine, checks: &[Check]) -> Value {
        Value::Map(
            KEYS.iter()
                .map(|(key, _)| (*key, self.value(key, machine, checks)))
                .collect(),
        )
    }

    fn value(&self, key: &str, machine: &Machine, checks: &[Check]) -> Value {
        let is_sleep = self.scenario == Scenario::Sleep;
        let late = |quantile| self.late(quantile).filter(|_| !self.is_echo());
        let latency = |quantile| self.late(quantile).filter(|_| self.is_echo());
        match key {
            "scenario" => self.scenario.name().into(),
            "version" => machine.version.into(),
            "profile" => Machine::profile().into(),
            "machine" => machine.json(),
            "seed" => self.seed.into(),
            "workers" => self.workers.into(),
            "tasks" => self.tasks.into(),
            "request_bytes" => self.is_echo().then_some(self.request_bytes).into(),
            "waves" => self.is_echo().then_some(self.waves).into(),
            "for_seconds" => self.length.as_secs_f64().into(),
            "elapsed_seconds" => rounded(self.elapsed.as_secs_f64(), 6),
            "interrupted" => self.interrupted.into(),
            "operations" => self.operations().into(),
            "operations_per_second" => rounded(self.operations_per_second(), 1),
            "spawn_per_second" => self.spawn_per_second().map(|rate| rounded(rate, 1)).into(),
            "spawn_ns" => self.spawn_ns().map(|mean| rounded(mean, 1)).into(),
            "future_bytes" => self.future_bytes.into(),
            "rss_bytes_per_task" => self
                .memory
                .map(|memory| rounded(memory.per_task(), 2))
                .into(),
            "rss_bytes_peak" => self.rss_peak.into(),
            "cpu_seconds" => self.cpu.map(|cpu| rounded(cpu.as_secs_f64(), 6)).into(),
            "cpu_us_per_request" => self.cpu_us_per_request().map(|us| rounded(us, 3)).into(),
            "late_p50_us" => late(0.5).into(),
            "late_p99_us" => late(0.99).into(),
            "late_p999_us" => late(0.999).into(),
            "late_max_us" => late(1.0).into(),
            "latency_p50_us" => latency(0.5).into(),
            "latency_p90_us" => latency(0.9).into(),
            "latency_p99_us" => latency(0.99).into(),
            "latency_max_us" => latency(1.0).into(),
            "yields_min" => self.yields.map(|(least, _, _)| least).into(),
            "yields_max" => self.yields.map(|(_, most, _)| most).into(),
            "blocking_threads_peak" => self.blocking_threads_peak.into(),
            "spawned" => self.tally[Count::Spawned].into(),
            "woken" => is_sleep.then_some(self.tally[Count::Woken]).into(),
            "completed" => self.completed().into(),
            "cancelled" => self.tally[Count::Cancelled].into(),
            "panicked" => self.tally[Count::Panicked].into(),
            "dropped" => self.tally[Count::Dropped].into(),
            "early" => self.tally[Count::Early].into(),
            "lost" => self.lost.into(),
            "twice" => self.twice().into(),
            "leaked" => self.leaked.into(),
            "threads_left" => self.threads_left.into(),
            "descriptors_left" => self.descriptors_left().into(),
            "slots_left" => self.slots_left().into(),
            "rss_growth_bytes" => self.rss_growth().into(),
            "checks" => Value::List(checks.iter().map(Check::json).collect()),
            "pass" => (!self.interrupted)
                .then(|| checks.iter().all(|check| check.pass))
                .into(),
            _ => unreachable!("`{key}` is a key without a value"),
        }
    }

    /// A sleeping task carries no fate: it has run to its end if it woke.
    fn completed(&self) -> u64 {
        let is_sleep = self.scenario == Scenario::Sleep;
        self.tally[if is_sleep {
            Count::Woken
        } else {
            Count::Completed
        }]
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() {
        0.0
    } else {
        count as f64 / time.as_secs_f64()
    }
}

/// A measure without digits that mean nothing.
fn rounded(number: f64, places: i32) -> Value {
    let scale = 10f64.powi(places);
    Value::Float((number * scale).round() / scale)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ledger::lateness;

    pub(crate) const LEVEL: Level = Level {
        descriptors: Some(8),
        slots: 1,
        rss: Some(1_000),
    };

    /// An outcome of a scenario in which everything is right.
    pub(crate) fn right(scenario: Scenario) -> Outcome {
        use Count::*;
        let tally = match scenario {
            Scenario::Sleep => Tally::of(&[(Spawned, 9), (Asleep, 9), (Woken, 9), (Dropped, 9)]),
            Scenario::Yield => Tally::of(&[
                (Spawned, 9),
                (Completed, 9),
                (Dropped, 9),
                (Detached, 9),
                (Yields, 900),
            ]),
            Scenario::Spawn => Tally::of(&[
                (Spawned, 9),
                (Completed, 9),
                (Dropped, 9),
                (Detached, 1),
                (JoinedValue, 8),
            ]),
            Scenario::Blocking => Tally::of(&[
                (Spawned, 9),
                (Completed, 9),
                (Dropped, 9),
                (Detached, 9),
                (JobsSent, 50),
                (JobsRun, 50),
                (JobsJoined, 50),
            ]),
            Scenario::Mixed => Tally::of(&[
                (Spawned, 9),
                (Completed, 5),
                (Cancelled, 3),
                (Panicked, 1),
                (Dropped, 9),
                (Detached, 2),
                (JoinedValue, 3),
                (JoinedCancelled, 3),
                (JoinedPanicked, 1),
                (JobsSent, 5),
                (JobsRun, 5),
                (JobsJoined, 5),
            ]),
            Scenario::Echo => Tally::of(&[
                (Spawned, 37),
                (Completed, 37),
                (Dropped, 37),
                (JoinedValue, 37),
                (Opened, 45),
                (Accepted, 45),
                (Closed, 45),
                (Asked, 90),
                (EchoedBytes, 90 * 64),
                (Answered, 90),
            ]),
        };
        let mut late = lateness();
        late.record_n(1_000, 9).unwrap();
        Outcome {
            scenario,
            seed: 1,
            workers: 2,
            tasks: 9,
            request_bytes: 64,
            waves: 5,
            levels: match scenario {
                Scenario::Echo => vec![LEVEL; 6],
                _ => Vec::new(),
            },
            length: Duration::from_secs(5),
            elapsed: Duration::from_secs(6),
            interrupted: false,
            tally,
            late,
            memory: Some(Memory {
                before: 1_000,
                with_tasks: 1_900,
                tasks: 9,
            }),
            rss_peak: Some(2_000),
            cpu: Some(Duration::from_millis(1_500)),
            future_bytes: Some(40),
            yields: (scenario == Scenario::Yield).then_some((90, 110, 0)),
            blocking_threads_peak: 3,
            lost: 0,
            leaked: 0,
            threads_left: Some(0),
            samples: Vec::new(),
        }
    }

    #[test]
    fn every_key_has_a_value() {
        for &scenario in Scenario::ALL {
            let json = right(scenario).json(&Machine::read(), &[]).to_string();
            for (key, _) in KEYS {
                assert!(
                    json.contains(&format!("\"{key}\":")),
                    "{key} is missing in {json}"
                );
            }
        }
    }

    #[test]
    fn values_are_what_they_are_called() {
        let json = right(Scenario::Sleep)
            .json(&Machine::read(), &[])
            .to_string();
        for part in [
            r#""rss_bytes_per_task":100,"#,
            r#""operations_per_second":1.5,"#,
            r#""cpu_seconds":1.5,"#,
            r#""woken":9,"#,
            r#""yields_min":null,"#,
            r#""pass":true"#,
        ] {
            assert!(json.contains(part), "{part} is missing in {json}");
        }
    }

    #[test]
    fn an_interrupted_run_claims_nothing() {
        let outcome = Outcome {
            interrupted: true,
            ..right(Scenario::Mixed)
        };
        let json = outcome.json(&Machine::read(), &[]).to_string();
        assert!(json.ends_with(r#""checks":[],"pass":null}"#), "{json}");
    }
}

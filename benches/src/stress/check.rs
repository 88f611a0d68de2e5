//! What must hold of every run, judged from its outcome alone. It must not know how the outcome
//! came about.

use filch_bench::json::Value;
use filch_bench::text::{bytes, grouped};

use crate::ledger::Count;
use crate::outcome::Outcome;
use crate::scenario::Scenario;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) pass: bool,
    /// The numbers that were compared.
    pub(crate) found: String,
}

impl Check {
    /// All numbers must be equal.
    fn equal(name: &'static str, numbers: &[u64]) -> Check {
        let pass = numbers.windows(2).all(|pair| pair[0] == pair[1]);
        let found: Vec<_> = numbers.iter().map(|number| grouped(*number)).collect();
        Check {
            name,
            pass,
            found: found.join(if pass { " = " } else { " / " }),
        }
    }

    /// The number must be zero.
    fn none(name: &'static str, number: u64) -> Check {
        Check {
            name,
            pass: number == 0,
            found: grouped(number),
        }
    }

    pub(crate) fn json(&self) -> Value {
        Value::Map(vec![
            ("name", self.name.into()),
            ("pass", self.pass.into()),
            ("found", self.found.as_str().into()),
        ])
    }
}

/// A task that never had a turn starved if the others had this many on average.
const MANY_TURNS: u64 = 16;

/// All checks of a finished run; none of an interrupted one.
pub(crate) fn all(outcome: &Outcome) -> Vec<Check> {
    if outcome.interrupted {
        return Vec::new();
    }
    let mut checks = balances(outcome);
    checks.extend(after_waves(outcome));
    checks.push(Check::none("early", outcome.tally[Count::Early]));
    checks.push(Check::none("lost", outcome.lost));
    checks.push(Check::none("twice", outcome.twice()));
    checks.push(Check::none("leaked tasks", outcome.leaked));
    checks.extend(
        outcome
            .threads_left
            .map(|left| Check::none("threads left", left)),
    );
    checks
}

/// Resident memory may grow by this much after the first wave of connections, and by so much for each connection of a
/// wave: a slot for each that is not used again would be more.
const GROWTH: u64 = 2 << 20;
const GROWTH_PER_CONNECTION: u64 = 16;

/// Nothing of a connection may be left when all of a wave are closed.
fn after_waves(outcome: &Outcome) -> Vec<Check> {
    let mut checks = Vec::new();
    if outcome.is_echo() {
        let done = outcome.levels.len().saturating_sub(1) as u64;
        checks.push(Check::equal(
            "waves asked for = done",
            &[outcome.waves, done],
        ));
    }
    let left = outcome.descriptors_left();
    checks.extend(left.map(|left| Check::none("descriptors left", left)));
    checks.extend(
        outcome
            .slots_left()
            .map(|left| Check::none("slots left", left)),
    );
    checks.extend(outcome.rss_growth().map(|growth| {
        let most = GROWTH + GROWTH_PER_CONNECTION * outcome.tasks;
        Check {
            name: "memory flat",
            pass: growth <= most,
            found: format!("{} of at most {} more", bytes(growth), bytes(most)),
        }
    }));
    checks
}

/// What must be equal to what, by scenario.
fn balances(outcome: &Outcome) -> Vec<Check> {
    let of = |count: Count| outcome.tally[count];
    let [spawned, dropped, completed] =
        [of(Count::Spawned), of(Count::Dropped), of(Count::Completed)];
    if outcome.scenario == Scenario::Sleep {
        return vec![
            Check::equal("tasks = spawned", &[outcome.tasks, spawned]),
            Check::equal(
                "spawned = woken = dropped",
                &[spawned, of(Count::Woken), dropped],
            ),
        ];
    }
    let joined = of(Count::JoinedValue) + of(Count::Detached);
    let mut checks = Vec::new();
    if outcome.scenario == Scenario::Mixed {
        let ended = completed + of(Count::Cancelled) + of(Count::Panicked);
        checks.push(Check::equal(
            "spawned = ended = dropped",
            &[spawned, ended, dropped],
        ));
        checks.push(Check::equal(
            "cancelled = joined as such",
            &[of(Count::Cancelled), of(Count::JoinedCancelled)],
        ));
        checks.push(Check::equal(
            "panicked = joined as such",
            &[of(Count::Panicked), of(Count::JoinedPanicked)],
        ));
    } else {
        checks.push(Check::equal(
            "spawned = finished = dropped",
            &[spawned, completed, dropped],
        ));
    }
    checks.push(Check::equal(
        "finished = joined + detached",
        &[completed, joined],
    ));
    checks.push(Check {
        name: "each dropped once",
        pass: of(Count::Identities) == 0,
        found: format!("identities sum to {:#x}", of(Count::Identities)),
    });
    if matches!(outcome.scenario, Scenario::Blocking | Scenario::Mixed) {
        let jobs = [
            of(Count::JobsSent),
            of(Count::JobsRun),
            of(Count::JobsJoined),
        ];
        checks.push(Check::equal("jobs sent = run = joined", &jobs));
    }
    if outcome.is_echo() {
        let ends = [of(Count::Opened), of(Count::Accepted), of(Count::Closed)];
        checks.push(Check::equal("opened = accepted = closed", &ends));
        let opened = outcome.tasks.saturating_mul(outcome.waves);
        checks.push(Check::equal("connections = opened", &[opened, ends[0]]));
        let requests = [of(Count::Asked), of(Count::Answered)];
        checks.push(Check::equal("requests = right answers", &requests));
        let sent = requests[0].saturating_mul(outcome.request_bytes);
        let echoed = of(Count::EchoedBytes);
        checks.push(Check::equal("bytes sent = echoed", &[sent, echoed]));
    }
    if let Some((_, _, starved)) = outcome.yields {
        let many = of(Count::Yields) / outcome.tasks.max(1) >= MANY_TURNS;
        checks.push(Check::none("starved", if many { starved } else { 0 }));
    }
    checks.push(Check::none("wrong results", of(Count::Wrong)));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Tally;
    #[cfg(unix)]
    use crate::outcome::Level;
    #[cfg(unix)]
    use crate::outcome::tests::LEVEL;
    use crate::outcome::tests::right;

    fn failing(outcome: &Outcome) -> Vec<&'static str> {
        all(outcome)
            .into_iter()
            .filter(|check| !check.pass)
            .map(|check| check.name)
            .collect()
    }

    /// An outcome that is right but for one count.
    fn with(scenario: Scenario, count: Count, number: u64) -> Outcome {
        let mut outcome = right(scenario);
        outcome.tally = outcome.tally.with(count, number);
        outcome
    }

    #[test]
    fn what_is_right_passes() {
        for &scenario in Scenario::ALL {
            assert_eq!(failing(&right(scenario)), [""; 0], "{scenario:?}");
            assert!(all(&right(scenario)).len() >= 7);
        }
    }

    #[test]
    fn each_broken_promise_fails_its_own_check() {
        for &scenario in Scenario::ALL {
            let broken = [
                (
                    Outcome {
                        lost: 1,
                        ..right(scenario)
                    },
                    "lost",
                ),
                (
                    Outcome {
                        leaked: 1,
                        ..right(scenario)
                    },
                    "leaked tasks",
                ),
                (
                    Outcome {
                        threads_left: Some(1),
                        ..right(scenario)
                    },
                    "threads left",
                ),
                (with(scenario, Count::Early, 1), "early"),
                (with(scenario, Count::Twice, 1), "twice"),
            ];
            for (outcome, name) in broken {
                assert_eq!(failing(&outcome), [name], "{scenario:?}");
            }
        }
    }

    #[test]
    fn each_broken_balance_fails_its_check() {
        let (finished, joined) = (
            "spawned = finished = dropped",
            "finished = joined + detached",
        );
        for (scenario, count, number, expected) in [
            (
                Scenario::Sleep,
                Count::Woken,
                8,
                &["spawned = woken = dropped"][..],
            ),
            (
                Scenario::Sleep,
                Count::Dropped,
                8,
                &["spawned = woken = dropped"],
            ),
            (
                Scenario::Sleep,
                Count::Dropped,
                10,
                &["spawned = woken = dropped", "twice"],
            ),
            (Scenario::Yield, Count::Completed, 8, &[finished, joined]),
            (Scenario::Yield, Count::Dropped, 8, &[finished]),
            (Scenario::Spawn, Count::JoinedValue, 7, &[joined]),
            (Scenario::Spawn, Count::Wrong, 1, &["wrong results"]),
            (
                Scenario::Spawn,
                Count::Identities,
                1,
                &["each dropped once"],
            ),
            (
                Scenario::Blocking,
                Count::JobsRun,
                49,
                &["jobs sent = run = joined"],
            ),
            (
                Scenario::Blocking,
                Count::JobsJoined,
                51,
                &["jobs sent = run = joined"],
            ),
            (
                Scenario::Mixed,
                Count::JobsRun,
                6,
                &["jobs sent = run = joined"],
            ),
            (
                Scenario::Mixed,
                Count::JoinedCancelled,
                2,
                &["cancelled = joined as such"],
            ),
            (
                Scenario::Mixed,
                Count::JoinedPanicked,
                2,
                &["panicked = joined as such"],
            ),
            (
                Scenario::Mixed,
                Count::Dropped,
                8,
                &["spawned = ended = dropped"],
            ),
            (Scenario::Mixed, Count::Wrong, 2, &["wrong results"]),
        ] {
            assert_eq!(
                failing(&with(scenario, count, number)),
                expected,
                "{scenario:?} {count:?}"
            );
        }
    }

    #[test]
    #[cfg(unix)]
    fn each_fault_of_connections_fails_its_check() {
        for (count, number, expected) in [
            (Count::Answered, 89, &["requests = right answers"][..]),
            (Count::EchoedBytes, 90 * 64 - 1, &["bytes sent = echoed"]),
            (Count::Closed, 44, &["opened = accepted = closed"]),
            (Count::Accepted, 46, &["opened = accepted = closed"]),
            (
                Count::Opened,
                44,
                &["opened = accepted = closed", "connections = opened"],
            ),
            (Count::Wrong, 1, &["wrong results"]),
        ] {
            let outcome = with(Scenario::Echo, count, number);
            assert_eq!(failing(&outcome), expected, "{count:?}");
        }
        let more = 1_000 + GROWTH + 9 * GROWTH_PER_CONNECTION;
        for (descriptors, slots, rss, expected) in [
            (9, 1, 1_000, &["descriptors left"][..]),
            (8, 2, 1_000, &["slots left"]),
            (8, 1, more, &[]),
            (8, 1, more + 1, &["memory flat"]),
        ] {
            let mut outcome = right(Scenario::Echo);
            outcome.levels[3..].fill(Level {
                descriptors: Some(descriptors),
                slots,
                rss: Some(rss),
            });
            assert_eq!(failing(&outcome), expected);
            outcome.levels[5] = LEVEL;
            let went_down = !failing(&outcome).contains(&"memory flat");
            assert!(went_down, "{rss}");
        }
        let mut outcome = right(Scenario::Echo);
        outcome.levels.pop();
        assert_eq!(failing(&outcome), ["waves asked for = done"]);
    }

    #[test]
    fn a_run_that_did_not_spawn_all_fails() {
        let tally = Tally::of(&[(Count::Spawned, 8), (Count::Woken, 8), (Count::Dropped, 8)]);
        let outcome = Outcome {
            tally,
            ..right(Scenario::Sleep)
        };
        assert_eq!(failing(&outcome), ["tasks = spawned"]);
    }

    #[test]
    fn starvation_is_told_from_a_short_run() {
        let starved = Outcome {
            yields: Some((0, 110, 1)),
            ..right(Scenario::Yield)
        };
        assert_eq!(failing(&starved), ["starved"]);
        let short = Outcome {
            yields: Some((0, 3, 1)),
            ..with(Scenario::Yield, Count::Yields, 9 * MANY_TURNS - 1)
        };
        assert_eq!(failing(&short), [""; 0]);
    }

    #[test]
    fn unknown_threads_and_interrupted_runs_are_not_judged() {
        let outcome = Outcome {
            threads_left: None,
            ..right(Scenario::Sleep)
        };
        assert!(
            all(&outcome)
                .iter()
                .all(|check| check.name != "threads left")
        );
        assert_eq!(
            all(&Outcome {
                interrupted: true,
                lost: 9,
                ..right(Scenario::Sleep)
            }),
            []
        );
    }
}

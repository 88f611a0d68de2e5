//! The result as people read it. It must not know how it was measured, nor judge it.

use std::fmt::Write as _;

use filch_bench::machine::Machine;
use filch_bench::text::{bytes, duration, grouped, micros, short};

use crate::check::Check;
use crate::ledger::Count;
use crate::options::Options;
use crate::outcome::Outcome;
use crate::scenario::Scenario;

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn faint(self, text: &str) -> String {
        self.with("2", text)
    }
}

/// What a debug build is shouted at with.
pub(crate) const DEBUG_BUILD: &str =
    "THIS IS A DEBUG BUILD: its checks hold, its numbers mean nothing. Run it with `--release`.";

/// The head of the output: what runs, where, from which seed.
pub(crate) fn head(options: &Options, machine: &Machine, paint: Paint) -> String {
    let workers = options
        .workers
        .map(|n| format!("  --workers {n}"))
        .unwrap_or_default();
    let number = match options.scenario {
        Scenario::Echo => format!(
            "--connections {}  --size {}  --waves {}",
            options.tasks, options.size, options.waves
        ),
        _ => format!("--tasks {}", options.tasks),
    };
    let mut head = format!(
        "filch {}, {}\n{}  {number}  --for {}{workers}  --seed {:#x}\n",
        machine.version,
        machine.line(),
        options.scenario.name(),
        for_argument(options),
        options.seed
    );
    if cfg!(debug_assertions) {
        head.push_str(&paint.bad(DEBUG_BUILD));
        head.push('\n');
    }
    for warning in options.notes.iter().cloned().chain(machine.warnings()) {
        let _ = writeln!(head, "warning: {warning}");
    }
    head
}

/// The length as it can be typed again.
fn for_argument(options: &Options) -> String {
    format!("{}s", options.length.as_secs_f64())
}

/// For fewer tasks than this the memory per task is mostly that of the runtime.
const ENOUGH: u64 = 1_000;

/// The numbers and the checks, without the verdict.
pub(crate) fn body(outcome: &Outcome, checks: &[Check], paint: Paint) -> String {
    let mut text = String::new();
    let mut row = |name: &str, facts: Vec<Option<String>>| {
        let facts: Vec<_> = facts.into_iter().flatten().collect();
        if !facts.is_empty() {
            let _ = writeln!(
                text,
                " {} {}",
                paint.faint(&format!("{name:<9}")),
                facts.join("   ")
            );
        }
    };
    let tally = &outcome.tally;
    let per_spawn = outcome
        .spawn_ns()
        .map(|mean| format!("{mean:.0} ns per spawn()"));
    row(
        "spawned",
        vec![
            Some(format!("{} tasks", grouped(tally[Count::Spawned]))),
            outcome
                .spawn_per_second()
                .map(|rate| format!("{}/s", short(rate))),
            per_spawn,
        ],
    );
    row(
        outcome.scenario.operation(),
        vec![
            Some(grouped(outcome.operations())),
            Some(format!("{}/s", short(outcome.operations_per_second()))),
            outcome.yields.map(|(least, most, _)| {
                format!(
                    "fewest {}, most {} of a task",
                    grouped(least),
                    grouped(most)
                )
            }),
        ],
    );
    row(
        "memory",
        vec![
            outcome
                .memory
                .filter(|memory| memory.tasks >= ENOUGH)
                .map(|memory| {
                    format!(
                        "{:.1} B/{} with {} alive",
                        memory.per_task(),
                        outcome.scenario.of_what().0,
                        grouped(memory.tasks)
                    )
                }),
            outcome
                .rss_peak
                .map(|peak| format!("rss at most {}", bytes(peak))),
            outcome
                .future_bytes
                .map(|size| format!("the future {size} B")),
        ],
    );
    let late = |name, quantile| {
        outcome
            .late(quantile)
            .map(|late| format!("{name} {}", micros(late)))
    };
    row(
        if outcome.is_echo() { "latency" } else { "late" },
        vec![
            late("p50", 0.5),
            late("p90", 0.9).filter(|_| outcome.is_echo()),
            late("p99", 0.99),
            late("p99.9", 0.999),
            late("max", 1.0),
        ],
    );
    row(
        "cpu",
        vec![
            outcome.cpu.map(duration),
            outcome.cpu.map(|cpu| {
                let share = cpu.as_secs_f64() / outcome.elapsed.as_secs_f64().max(1e-9);
                format!(
                    "{:.1} % of one core over {}",
                    share * 100.0,
                    duration(outcome.elapsed)
                )
            }),
            outcome
                .cpu_us_per_request()
                .map(|micros| format!("{micros:.2} µs per request, both ends")),
            Some(format!("{} workers", outcome.workers)),
        ],
    );
    if outcome.blocking_threads_peak > 0 {
        row(
            "blocking",
            vec![Some(format!(
                "at most {} threads",
                outcome.blocking_threads_peak
            ))],
        );
    }
    for check in checks {
        let mark = if check.pass {
            paint.good("✓")
        } else {
            paint.bad("✗ FAILED")
        };
        row(
            "check",
            vec![Some(format!("{:<28} {mark} {}", check.name, check.found))],
        );
    }
    text
}

/// The last line: PASS, FAIL or how far an interrupted run came.
pub(crate) fn verdict(outcome: &Outcome, checks: &[Check], paint: Paint) -> String {
    let after = duration(outcome.elapsed);
    let failed = checks.iter().filter(|check| !check.pass).count();
    match (outcome.interrupted, failed) {
        (true, _) => {
            format!(
                "{} after {after}: these are partial results",
                paint.bad("INTERRUPTED")
            )
        }
        (false, 0) => format!("{} in {after}", paint.good("PASS")),
        (false, failed) => format!(
            "{} after {after}: {failed} of {} checks; repeat with --seed {:#x}",
            paint.bad("FAIL"),
            checks.len(),
            outcome.seed
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;
    use crate::outcome::tests::right;

    #[test]
    fn a_pass_says_so_without_colour() {
        let outcome = right(Scenario::Sleep);
        let checks = check::all(&outcome);
        let text = body(&outcome, &checks, Paint(false));
        for part in ["9 tasks", "rss at most", "late      p50 1.00 ms", "early"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains('\x1b') && !text.contains("FAILED"));
        assert_eq!(verdict(&outcome, &checks, Paint(false)), "PASS in 6.00 s");
    }

    #[test]
    fn a_failure_names_the_check_and_the_seed() {
        let outcome = Outcome {
            lost: 3,
            ..right(Scenario::Mixed)
        };
        let checks = check::all(&outcome);
        let text = body(&outcome, &checks, Paint(true));
        let line = text.lines().find(|line| line.contains("lost")).unwrap();
        assert!(
            line.contains("FAILED") && line.contains('3') && line.contains('\x1b'),
            "{line}"
        );
        let verdict = verdict(&outcome, &checks, Paint(false));
        assert!(verdict.starts_with("FAIL after 6.00 s: 1 of "), "{verdict}");
        assert!(verdict.ends_with("--seed 0x1"), "{verdict}");
    }

    #[test]
    fn an_interrupted_run_neither_passes_nor_fails() {
        let outcome = Outcome {
            interrupted: true,
            lost: 3,
            ..right(Scenario::Sleep)
        };
        let text = verdict(&outcome, &check::all(&outcome), Paint(false));
        assert!(
            text.starts_with("INTERRUPTED") && text.contains("partial"),
            "{text}"
        );
    }
}

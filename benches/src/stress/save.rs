//! The report of a run in a folder of its own: `report.json`, `lateness.svg` or `latency.svg`, and `rss.svg`. It
//! must not know how the result is shown elsewhere.

use std::error::Error;
use std::path::PathBuf;

use filch_bench::json::Value;
use filch_bench::machine::Machine;
use filch_bench::plot::{Plot, Series};
use filch_bench::report;
use filch_bench::text::{grouped, micros};

use crate::check::Check;
use crate::outcome::{Outcome, Sample};

/// Writes the report and names its folder.
///
/// # Errors
///
/// What the file system or the plotter says, if something cannot be written.
pub(crate) fn save(
    outcome: &Outcome,
    machine: &Machine,
    checks: &[Check],
) -> Result<PathBuf, Box<dyn Error>> {
    let folder = report::new_folder(outcome.scenario.name())?;
    let mut json = outcome.json(machine, checks);
    if let Value::Map(entries) = &mut json {
        entries.push((
            "samples",
            Value::List(outcome.samples.iter().map(sample).collect()),
        ));
    }
    std::fs::write(folder.join("report.json"), format!("{json}\n"))?;
    if !outcome.late.is_empty() {
        let name = if outcome.is_echo() {
            "latency.svg"
        } else {
            "lateness.svg"
        };
        lateness(outcome, machine).write(&folder.join(name))?;
    }
    if outcome.samples.iter().any(|sample| sample.rss.is_some()) {
        memory(outcome, machine).write(&folder.join("rss.svg"))?;
    }
    Ok(folder)
}

fn sample(sample: &Sample) -> Value {
    let [p50, p99, max] = match sample.late {
        Some(late) => late.map(Value::from),
        None => [Value::Null, Value::Null, Value::Null],
    };
    Value::Map(vec![
        ("seconds", sample.at.as_secs_f64().into()),
        ("rss_bytes", sample.rss.into()),
        ("live", sample.live.into()),
        ("operations", sample.operations.into()),
        ("late_p50_us", p50),
        ("late_p99_us", p99),
        ("late_max_us", max),
    ])
}

fn lateness(outcome: &Outcome, machine: &Machine) -> Plot {
    let series = |name: &str, at: usize, quantile: f64| Series {
        name: format!(
            "{name}  ({} overall)",
            micros(outcome.late(quantile).unwrap_or(0))
        ),
        points: outcome
            .samples
            .iter()
            .filter_map(|sample| {
                // On a logarithmic axis zero has no place: it is shown as one microsecond.
                Some((sample.at.as_secs_f64(), sample.late?[at].max(1) as f64))
            })
            .collect(),
    };
    let (what, subtitle, y) = if outcome.is_echo() {
        (
            "Latency of requests",
            "time from a request to the end of its answer, in each interval; lower is better",
            "latency (µs)",
        )
    } else {
        (
            "Lateness of wakes",
            "time from a deadline to the poll that sees it, in each interval; lower is better",
            "lateness (µs)",
        )
    };
    Plot {
        title: format!("{what}: {}", subject(outcome)),
        subtitle: subtitle.into(),
        x: "time since the start (s)",
        y,
        logarithmic: true,
        series: vec![
            series("max", 2, 1.0),
            series("p99", 1, 0.99),
            series("p50", 0, 0.5),
        ],
        footer: footer(outcome, machine),
    }
}

fn memory(outcome: &Outcome, machine: &Machine) -> Plot {
    let mebi = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let start = outcome.memory.map(|memory| (0.0, mebi(memory.before)));
    let samples = outcome.samples.iter();
    let points = samples.filter_map(|sample| Some((sample.at.as_secs_f64(), mebi(sample.rss?))));
    let points = start.into_iter().chain(points).collect();
    let each = outcome.memory.map(|memory| {
        format!(
            "{:.1} B per {} with {} alive; ",
            memory.per_task(),
            outcome.scenario.of_what().0,
            grouped(memory.tasks)
        )
    });
    let name = "process".to_owned();
    let mut series = vec![Series { name, points }];
    if let (Some(memory), Some(last)) = (outcome.memory, outcome.samples.last()) {
        let before = mebi(memory.before);
        series.push(Series {
            name: "before the first task".to_owned(),
            points: vec![(0.0, before), (last.at.as_secs_f64(), before)],
        });
    }
    Plot {
        title: format!("Resident memory: {}", subject(outcome)),
        subtitle: format!("{}lower is better", each.unwrap_or_default()),
        x: "time since the start (s)",
        y: "resident set (MiB)",
        logarithmic: false,
        series,
        footer: footer(outcome, machine),
    }
}

fn subject(outcome: &Outcome) -> String {
    let tasks = grouped(outcome.tasks);
    let name = outcome.scenario.name();
    let partial = if outcome.interrupted {
        ", interrupted"
    } else {
        ""
    };
    let (_, what) = outcome.scenario.of_what();
    format!("{tasks} {what}, {name}{partial}")
}

fn footer(outcome: &Outcome, machine: &Machine) -> String {
    format!(
        "filch {}, {} workers, seed {:#x}, {}",
        machine.version,
        outcome.workers,
        outcome.seed,
        machine.line()
    )
}

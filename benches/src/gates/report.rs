//! The report, as a table for people and as JSON for programs.
//!
//! This file owns both layouts. It must not know how a reading was taken or judged.

use std::fmt::Write as _;

use filch_bench::json::Value;
use filch_bench::machine::Machine;

use crate::judge::{Row, Spread, Verdict};
use crate::runner::Run;
use crate::scenario::{self, Bound, Quantity, Scenario, Unit};

/// One scenario's part of the report.
#[derive(Debug)]
pub(crate) struct Section {
    scenario: &'static Scenario,
    runs: Vec<Run>,
    rows: Vec<Row>,
    skipped: Option<String>,
}

impl Section {
    pub(crate) fn new(scenario: &'static Scenario, runs: Vec<Run>, rows: Vec<Row>) -> Section {
        Section {
            scenario,
            runs,
            rows,
            skipped: None,
        }
    }

    pub(crate) fn skipped(scenario: &'static Scenario, why: String) -> Section {
        Section {
            scenario,
            runs: Vec::new(),
            rows: Vec::new(),
            skipped: Some(why),
        }
    }

    /// Whether a bound is exceeded.
    pub(crate) fn exceeded(&self) -> bool {
        self.rows.iter().any(Row::is_exceeded)
    }

    fn json(&self) -> Value {
        let runs = self.runs.iter().map(|run| self.run_json(run));
        Value::Map(vec![
            ("scenario", self.scenario.name.into()),
            ("skipped", self.skipped.as_deref().into()),
            ("pass", (!self.exceeded()).into()),
            (
                "quantities",
                Value::List(self.rows.iter().map(row_json).collect()),
            ),
            ("runs", Value::List(runs.collect())),
        ])
    }

    fn run_json(&self, run: &Run) -> Value {
        let mut entries = vec![
            ("runtime", run.runtime.name().into()),
            ("round", run.round.into()),
        ];
        for quantity in self.scenario.quantities {
            entries.push((quantity.key, run.value(quantity.key).into()));
        }
        Value::Map(entries)
    }
}

fn row_json(row: &Row) -> Value {
    let (verdict, why) = match row.verdict {
        Verdict::Met => ("met", None),
        Verdict::Exceeded => ("exceeded", None),
        Verdict::Shown => ("no bound", None),
        Verdict::NotChecked(why) => ("not checked", Some(why)),
    };
    let (most, share) = match row.quantity.bound {
        Bound::None => (None, None),
        Bound::AtMost(most) | Bound::Always(most) => (Some(most), None),
        Bound::Share(share) | Bound::LeastShare(share) => (None, Some(share)),
    };
    Value::Map(vec![
        ("quantity", row.quantity.key.into()),
        ("filch", row.ours.map(spread_json).into()),
        ("peer", row.peer.map(|(runtime, _)| runtime.name()).into()),
        (
            "peer_spread",
            row.peer.map(|(_, spread)| spread_json(spread)).into(),
        ),
        ("share", row.share().into()),
        ("bound", most.into()),
        ("bound_share", share.into()),
        ("second_round", row.is_second.into()),
        ("verdict", verdict.into()),
        ("why", why.into()),
    ])
}

fn spread_json(spread: Spread) -> Value {
    Value::Map(vec![
        ("median", spread.median.into()),
        ("least", spread.least.into()),
        ("greatest", spread.greatest.into()),
    ])
}

/// The whole report for programs.
pub(crate) fn json(machine: &Machine, notes: &[String], sections: &[Section]) -> Value {
    let notes = notes.iter().map(|note| note.as_str().into());
    Value::Map(vec![
        ("machine", machine.json()),
        ("notes", Value::List(notes.collect())),
        ("pass", (!sections.iter().any(Section::exceeded)).into()),
        (
            "scenarios",
            Value::List(sections.iter().map(Section::json).collect()),
        ),
    ])
}

/// What stands above the table.
pub(crate) fn head(machine: &Machine, notes: &[String]) -> String {
    let mut text = format!("gates on {}\n", machine.line());
    for note in notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

/// The scenarios with their bounds.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for scenario in scenario::ALL {
        let _ = writeln!(text, "{:<16}{}", scenario.name, scenario.about);
        for quantity in scenario.quantities {
            let _ = writeln!(text, "  {:<20}{}", quantity.key, bound_text(quantity));
        }
    }
    text
}

/// An aligned table with a line for each quantity, and a last line with the verdict on all.
pub(crate) fn table(sections: &[Section]) -> String {
    let head = [
        "scenario", "quantity", "filch", "tokio", "ratio", "bound", "verdict",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for section in sections {
        if let Some(why) = &section.skipped {
            let mut line = vec![String::new(); head.len()];
            line[0] = section.scenario.name.to_owned();
            line[head.len() - 1] = format!("skipped: {why}");
            lines.push(line);
        }
        for row in &section.rows {
            lines.push(line(section.scenario.name, row));
        }
    }
    let widths: Vec<usize> = (0..head.len() - 1)
        .map(|column| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for line in &lines {
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(text, "{cell:<width$}  ");
        }
        let _ = writeln!(text, "{}", line[head.len() - 1]);
    }
    let exceeded: Vec<_> = sections
        .iter()
        .flat_map(|section| section.rows.iter().map(move |row| (section, row)))
        .filter(|(_, row)| row.is_exceeded())
        .map(|(section, row)| format!("{} {}", section.scenario.name, row.quantity.key))
        .collect();
    let is_judged = |row: &Row| matches!(row.verdict, Verdict::Met | Verdict::Exceeded);
    if !sections
        .iter()
        .flat_map(|section| &section.rows)
        .any(is_judged)
    {
        text.push_str("nothing is judged\n");
    } else if exceeded.is_empty() {
        text.push_str("no bound is exceeded\n");
    } else {
        let _ = writeln!(text, "EXCEEDED: {}", exceeded.join(", "));
    }
    text
}

fn line(scenario: &str, row: &Row) -> Vec<String> {
    let unit = row.quantity.unit;
    let verdict = match row.verdict {
        Verdict::Met => "ok".to_owned(),
        Verdict::Exceeded => "EXCEEDED".to_owned(),
        Verdict::Shown => "-".to_owned(),
        Verdict::NotChecked(why) => format!("not checked: {why}"),
    };
    let again = if row.is_second {
        ", measured once more after it was exceeded"
    } else {
        ""
    };
    vec![
        scenario.to_owned(),
        row.quantity.key.to_owned(),
        row.ours
            .map_or("-".to_owned(), |ours| spread_text(ours, unit)),
        row.peer.map_or("-".to_owned(), |(runtime, peer)| {
            format!("{} [{}]", spread_text(peer, unit), runtime.name())
        }),
        row.share()
            .map_or("-".to_owned(), |share| format!("{share:.2}")),
        bound_text(row.quantity),
        verdict + again,
    ]
}

fn spread_text(spread: Spread, unit: Unit) -> String {
    let Spread {
        median,
        least,
        greatest,
    } = spread;
    format!(
        "{} ({}–{}){}",
        number(median),
        number(least),
        number(greatest),
        suffix(unit)
    )
}

fn bound_text(quantity: &Quantity) -> String {
    match quantity.bound {
        Bound::None => "-".to_owned(),
        Bound::AtMost(most) => format!("≤ {most}{}", suffix(quantity.unit)),
        Bound::Always(most) => format!("always ≤ {most}{}", suffix(quantity.unit)),
        Bound::Share(share) => format!("≤ {share} × tokio"),
        Bound::LeastShare(share) => format!("≥ {share} × tokio"),
    }
}

/// Three significant digits or more; whole numbers as they are.
fn number(number: f64) -> String {
    if number.fract() == 0.0 || number.abs() >= 1000.0 {
        format!("{number:.0}")
    } else if number.abs() >= 10.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.3}")
    }
}

fn suffix(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => " s",
        Unit::Millis => " ms",
        Unit::Micros => " µs",
        Unit::Nanos => " ns",
        Unit::Bytes => " B",
        Unit::Megabytes => " MB",
        Unit::Count => "",
        Unit::PerSecond => "/s",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge;
    use crate::scenario::Runtime;

    fn section(jobs: &[(Runtime, f64, f64)]) -> Section {
        let scenario = scenario::named("blocking_noop").unwrap();
        let runs: Vec<_> = jobs
            .iter()
            .map(|&(runtime, wall, threads)| {
                Run::of(runtime, 1, &[("wall_s", wall), ("pool_threads", threads)])
            })
            .collect();
        let rows = judge::all(scenario, &runs, true);
        Section::new(scenario, runs, rows)
    }

    #[test]
    fn the_table_names_what_is_exceeded() {
        let sections = [section(&[
            (Runtime::Filch, 0.5, 3.0),
            (Runtime::Filch, 0.25, 5.0),
            (Runtime::Tokio, 2.0, 515.0),
        ])];
        let text = table(&sections);
        assert!(text.contains("0.375 (0.250–0.500) s"), "{text}");
        assert!(text.contains("≤ 0.25 × tokio  ok"), "{text}");
        assert!(
            text.ends_with("EXCEEDED: blocking_noop pool_threads\n"),
            "{text}"
        );
        let json = json(&Machine::read(), &[], &sections).to_string();
        assert!(json.contains(r#""pass":false"#), "{json}");
        assert!(json.contains(r#""verdict":"met""#) && json.contains(r#""round":1"#));
    }

    #[test]
    fn what_is_skipped_says_why() {
        let scenario = scenario::named("sleeping_10m").unwrap();
        let sections = [Section::skipped(scenario, "no room".to_owned())];
        let text = table(&sections);
        assert!(text.contains("skipped: no room") && text.contains("nothing is judged"));
        assert!(!sections[0].exceeded());
    }

    #[test]
    fn the_list_shows_every_bound() {
        let text = list();
        assert!(
            text.contains("≤ 0.5 × tokio") && text.contains("always ≤ 4"),
            "{text}"
        );
        assert_eq!(text.matches("≤ 112 B").count(), 2, "{text}");
    }
}

//! The report, as a table for people and as JSON for programs.
//!
//! This file owns both layouts. It must not know how a reading was taken or judged.

use crate::bounds::{Bounds, Verdict};
use crate::quantity::{Quantity, Reading, Readings};
use std::fmt::Write as _;

/// One operation's part of the report.
pub(crate) struct Row {
    name: &'static str,
    cells: Vec<Cell>,
}

struct Cell {
    quantity: Quantity,
    reading: Reading,
    bound: Option<f64>,
    verdict: Verdict,
}

impl Row {
    /// Judges the readings of the operation `name`.
    pub(crate) fn new(
        name: &'static str,
        readings: Readings,
        bounds: &Bounds,
        debug_build: bool,
    ) -> Row {
        let cells = Quantity::ALL
            .into_iter()
            .zip(readings)
            .map(|(quantity, reading)| {
                let bound = bounds.bound(name, quantity);
                let verdict = Verdict::of(quantity, &reading, bound, debug_build);
                Cell {
                    quantity,
                    reading,
                    bound,
                    verdict,
                }
            });
        Row {
            name,
            cells: cells.collect(),
        }
    }

    /// Whether a reading is above its bound.
    pub(crate) fn exceeded(&self) -> bool {
        self.cells
            .iter()
            .any(|cell| cell.verdict == Verdict::Exceeded)
    }

    /// Whether a bound has no reading to hold against it.
    pub(crate) fn unchecked(&self) -> bool {
        self.cells
            .iter()
            .any(|cell| matches!(cell.verdict, Verdict::NotChecked(_)))
    }

    fn exceeded_names(&self) -> Vec<&'static str> {
        let exceeded = self
            .cells
            .iter()
            .filter(|cell| cell.verdict == Verdict::Exceeded);
        exceeded.map(|cell| cell.quantity.name()).collect()
    }

    /// The reasons for what was not checked, each with the quantities it holds for.
    fn reasons(&self) -> Vec<(&str, Vec<&'static str>)> {
        let mut reasons: Vec<(&str, Vec<&'static str>)> = Vec::new();
        for cell in &self.cells {
            let why = match (&cell.reading, &cell.verdict) {
                (Reading::Missing(why), _) | (_, Verdict::NotChecked(why)) => why,
                _ => continue,
            };
            match reasons.iter_mut().find(|(reason, _)| reason == why) {
                Some((_, names)) => names.push(cell.quantity.name()),
                None => reasons.push((why, vec![cell.quantity.name()])),
            }
        }
        reasons
    }

    fn judgement(&self) -> String {
        let mut parts = Vec::new();
        let exceeded = self.exceeded_names();
        if !exceeded.is_empty() {
            parts.push(format!("EXCEEDED: {}", exceeded.join(", ")));
        }
        for (why, names) in self.reasons() {
            parts.push(format!("not checked: {why} ({})", names.join(", ")));
        }
        if parts.is_empty() {
            let judged = self.cells.iter().any(|cell| cell.verdict == Verdict::Met);
            parts.push(if judged { "ok" } else { "no bounds" }.to_owned());
        }
        parts.join("; ")
    }
}

/// An aligned table; a cell reads `measured/bound`.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut lines = vec![vec!["operation".to_owned()]];
    lines[0].extend(Quantity::ALL.map(|quantity| quantity.name().to_owned()));
    lines[0].push("verdict".to_owned());
    for row in rows {
        let mut line = vec![row.name.to_owned()];
        line.extend(row.cells.iter().map(cell_text));
        line.push(row.judgement());
        lines.push(line);
    }
    let last = lines[0].len() - 1;
    let widths: Vec<usize> = (0..last)
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].len())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for line in &lines {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{:<width$}", line[0], width = widths[0]);
        for column in 1..last {
            let _ = write!(text, "  {:>width$}", line[column], width = widths[column]);
        }
        let _ = writeln!(text, "  {}", line[last]);
    }
    text
}

fn cell_text(cell: &Cell) -> String {
    let value = match cell.reading {
        Reading::PerOperation(value) => number(value, cell.quantity.decimals()),
        Reading::Missing(_) => "-".to_owned(),
    };
    match cell.bound {
        Some(bound) => format!("{value}/{bound}"),
        None => value,
    }
}

/// An object with one member per operation, in which a missing reading is `null`.
pub(crate) fn json(rows: &[Row]) -> String {
    let operations: Vec<String> = rows
        .iter()
        .map(|row| format!("{}: {}", quoted(row.name), members(row)))
        .collect();
    format!("{{{}}}", operations.join(",\n "))
}

fn members(row: &Row) -> String {
    let mut members: Vec<String> = Vec::new();
    for cell in &row.cells {
        let value = match cell.reading {
            Reading::PerOperation(value) => number(value, 3),
            Reading::Missing(_) => "null".to_owned(),
        };
        members.push(format!("{}: {value}", quoted(cell.quantity.name())));
    }
    let exceeded: Vec<String> = row.exceeded_names().into_iter().map(quoted).collect();
    members.push(format!("\"exceeded\": [{}]", exceeded.join(", ")));
    let reasons = row.reasons();
    let unchecked: Vec<String> = reasons
        .iter()
        .flat_map(|(why, names)| {
            names
                .iter()
                .map(move |name| format!("{}: {}", quoted(name), quoted(why)))
        })
        .collect();
    members.push(format!("\"not_checked\": {{{}}}", unchecked.join(", ")));
    format!("{{{}}}", members.join(", "))
}

/// A decimal number; a tiny negative slope is noise around zero and loses its sign.
fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(positive) if positive.bytes().all(|byte| matches!(byte, b'0' | b'.')) => {
            positive.to_owned()
        }
        _ => text,
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character.is_control() => {
                // Writing to a `String` cannot fail.
                let _ = write!(quoted, "\\u{:04x}", character as u32);
            }
            character => quoted.push(character),
        }
    }
    quoted + "\""
}

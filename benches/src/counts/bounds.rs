//! The bounds file and the judgement by it.
//!
//! This file owns the format and the tolerance. It must not know how a reading was taken.
//!
//! The format is a table separated by blanks: `#` starts a comment, the first row names the columns (`operation`, then
//! quantities in any order), each further row bounds one operation, and `-` leaves a quantity unbounded.

use crate::quantity::{Quantity, Reading};

/// The part of a bound by which a reading may pass it, since a slope repeats to about 1 %.
const RELATIVE_SLACK: f64 = 0.01;
/// What a reading may pass its bound by besides, so that work done once per hundred operations does not break a bound of 0.
const ABSOLUTE_SLACK: f64 = 0.05;

type Line = [Option<f64>; Quantity::ALL.len()];

/// The upper bounds of some operations.
#[derive(Debug, PartialEq)]
pub(crate) struct Bounds {
    lines: Vec<(String, Line)>,
}

/// How a reading stands to its bound.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// There is no bound.
    Unbounded,
    /// At or below the bound.
    Met,
    /// Above the bound.
    Exceeded,
    /// There is a bound but no reading to hold against it; the reason.
    NotChecked(String),
}

impl Bounds {
    /// No bounds at all.
    pub(crate) fn none() -> Bounds {
        Bounds { lines: Vec::new() }
    }

    /// Reads a bounds file; the error names the line.
    pub(crate) fn parse(text: &str) -> Result<Bounds, String> {
        let mut columns: Option<Vec<Quantity>> = None;
        let mut lines: Vec<(String, Line)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let fail = |why: String| Err(format!("line {}: {why}", index + 1));
            let mut words = line
                .split('#')
                .next()
                .unwrap_or_default()
                .split_whitespace();
            let Some(first) = words.next() else { continue };
            let words: Vec<&str> = words.collect();
            let Some(columns) = &columns else {
                match header(first, &words) {
                    Ok(found) => columns = Some(found),
                    Err(why) => return fail(why),
                }
                continue;
            };
            if words.len() != columns.len() {
                return fail(format!(
                    "`{first}` has {} bounds for {} columns",
                    words.len(),
                    columns.len()
                ));
            }
            if lines.iter().any(|(name, _)| name == first) {
                return fail(format!("`{first}` is bounded twice"));
            }
            let mut bounds = Line::default();
            for (quantity, word) in columns.iter().zip(&words) {
                bounds[*quantity as usize] = match (*word, word.parse::<f64>()) {
                    ("-", _) => None,
                    (_, Ok(bound)) if bound.is_finite() && bound >= 0.0 => Some(bound),
                    _ => return fail(format!("`{word}` is neither `-` nor a bound of at least 0")),
                };
            }
            lines.push((first.to_owned(), bounds));
        }
        match columns {
            Some(_) => Ok(Bounds { lines }),
            None => Err("there is no row that names the columns".to_owned()),
        }
    }

    /// The operations that have a row.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|(name, _)| name.as_str())
    }

    /// The bound on one quantity of one operation.
    pub(crate) fn bound(&self, operation: &str, quantity: Quantity) -> Option<f64> {
        let (_, line) = self.lines.iter().find(|(name, _)| name == operation)?;
        line[quantity as usize]
    }
}

/// The columns that a header row names.
fn header(first: &str, names: &[&str]) -> Result<Vec<Quantity>, String> {
    if first != "operation" {
        return Err(format!(
            "the first row starts with `operation`, not `{first}`"
        ));
    }
    let mut columns = Vec::new();
    for name in names {
        match Quantity::from_name(name) {
            Some(quantity) if columns.contains(&quantity) => {
                return Err(format!("`{name}` is named twice"));
            }
            Some(quantity) => columns.push(quantity),
            None => return Err(format!("there is no quantity `{name}`")),
        }
    }
    Ok(columns)
}

impl Verdict {
    /// Holds a reading against its bound. A debug build's instructions say nothing about the code, so they are not judged.
    pub(crate) fn of(
        quantity: Quantity,
        reading: &Reading,
        bound: Option<f64>,
        debug_build: bool,
    ) -> Verdict {
        let Some(bound) = bound else {
            return Verdict::Unbounded;
        };
        match reading {
            Reading::Missing(why) => Verdict::NotChecked(why.clone()),
            Reading::PerOperation(_) if debug_build && quantity == Quantity::Instructions => {
                Verdict::NotChecked("debug build".to_owned())
            }
            Reading::PerOperation(value)
                if *value <= bound * (1.0 + RELATIVE_SLACK) + ABSOLUTE_SLACK =>
            {
                Verdict::Met
            }
            Reading::PerOperation(_) => Verdict::Exceeded,
        }
    }
}

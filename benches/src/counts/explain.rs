//! The attribution of an operation's cost to functions.
//!
//! This file owns that table. It must not know about bounds. What was inlined counts for the function it was inlined into.

use crate::measure::Pair;
use std::collections::HashMap;
use std::fmt::Write as _;

/// Functions that execute fewer instructions than this per operation are left out.
const NEGLIGIBLE: f64 = 0.05;

/// One line per function: instructions and locked read-modify-writes per operation, the most expensive first.
pub(crate) fn by_function(pair: &Pair<'_>) -> String {
    let locked = |profile| match &pair.disassembly {
        Ok(disassembly) => disassembly.locked_by_function(profile),
        Err(why) => Err(why.clone()),
    };
    let (locked_at_n, locked_at_2n) = (locked(&pair.at_n), locked(&pair.at_2n));
    let at_n: HashMap<&str, u64> = pair.at_n.functions().collect();
    let slope = |at_n: u64, at_2n: u64| (at_2n as f64 - at_n as f64) / pair.n as f64;
    let mut rows: Vec<(f64, &str)> = pair
        .at_2n
        .functions()
        .map(|(name, executed)| (slope(at_n.get(name).copied().unwrap_or(0), executed), name))
        .filter(|(instructions, _)| instructions.abs() >= NEGLIGIBLE)
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let mut text = format!("{:>12} {:>7}  function\n", "instructions", "rmw");
    for (instructions, name) in rows {
        let rmw = match (&locked_at_n, &locked_at_2n) {
            (Ok(few), Ok(many)) => {
                let of = |map: &HashMap<&str, u64>| map.get(name).copied().unwrap_or(0);
                format!("{:.2}", slope(of(few), of(many)))
            }
            _ => "-".to_owned(),
        };
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{instructions:>12.1} {rmw:>7}  {name}");
    }
    if let Err(why) = locked_at_n.and(locked_at_2n) {
        let _ = writeln!(text, "rmw not checked: {why}");
    }
    text
}

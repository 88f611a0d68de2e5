//! Reading what `strace -c` writes.
//!
//! This file owns the format: a table with one row per system call, of which the fourth column is the number of calls and
//! the last its name, the column before the name being left blank when no call failed. It must not know which calls are
//! expected.

/// The options that make strace write what [`calls`] reads, but for the name of the file.
pub(crate) const OPTIONS: &[&str] = &["-c", "-f"];

/// The sum of the calls.
pub(crate) fn calls(text: &str) -> Result<u64, String> {
    let mut rules = 0;
    let mut sum = 0;
    for line in text.lines() {
        if line.starts_with("------") {
            rules += 1;
            continue;
        }
        if rules != 1 || line.trim().is_empty() {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.len(), words.get(3).map(|calls| calls.parse::<u64>())) {
            (5 | 6, Some(Ok(calls))) => sum += calls,
            _ => return Err(format!("strace wrote `{line}`")),
        }
    }
    if rules == 2 {
        Ok(sum)
    } else {
        Err("strace wrote no table".to_owned())
    }
}

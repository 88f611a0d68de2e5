//! Reading what `perf stat` writes about system calls.
//!
//! This file owns the event and the format: one line per event, its count in the first of fields that are separated by
//! commas, its name in the third. It must not know which calls are expected.

/// The options that make perf write what [`calls`] reads, but for the name of the file.
pub(crate) const OPTIONS: &[&str] = &["stat", "-x", ",", "-e", EVENT];

/// The beginning of a system call, on any thread.
const EVENT: &str = "raw_syscalls:sys_enter";

/// How many calls there were.
pub(crate) fn calls(text: &str) -> Result<u64, String> {
    let fields = |line: &str| -> Option<String> {
        let mut fields = line.split(',');
        let count = fields.next()?;
        (fields.nth(1)? == EVENT).then(|| count.to_owned())
    };
    let Some(count) = text.lines().find_map(fields) else {
        return Err("perf wrote no count".to_owned());
    };
    count
        .parse()
        .map_err(|_| format!("perf wrote `{count}` for the number of system calls"))
}

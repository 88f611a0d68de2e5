//! Reading what objdump writes, and knowing which instructions lock the memory bus.
//!
//! This file owns the list of such instructions of x86-64. It must not know how often one is executed.

use crate::callgrind::Profile;
use std::collections::{HashMap, HashSet};

/// The options that make objdump write what [`Disassembly::parse`] reads, but for the name of the file.
pub(crate) const OPTIONS: &[&str] = &["--disassemble", "--no-show-raw-insn", "--wide"];

/// The part of the executed addresses that must be found again. The few others are in sections that are data to objdump.
const FOUND: f64 = 0.99;

/// The instructions of an object file.
#[derive(Debug)]
pub(crate) struct Disassembly {
    addresses: HashSet<u64>,
    locked: HashSet<u64>,
}

impl Disassembly {
    /// Reads a listing.
    pub(crate) fn parse(text: &str) -> Result<Disassembly, String> {
        let (mut addresses, mut locked) = (HashSet::new(), HashSet::new());
        for line in text.lines() {
            let Some((address, instruction)) = line.split_once(":\t") else {
                continue;
            };
            let Ok(address) = u64::from_str_radix(address.trim(), 16) else {
                continue;
            };
            addresses.insert(address);
            if is_locked(instruction) {
                locked.insert(address);
            }
        }
        if addresses.is_empty() {
            return Err("objdump listed no instructions".to_owned());
        }
        Ok(Disassembly { addresses, locked })
    }

    /// The locked instructions that `profile` executed, by function. The error says that the two do not belong together.
    pub(crate) fn locked_by_function<'a>(
        &self,
        profile: &'a Profile,
    ) -> Result<HashMap<&'a str, u64>, String> {
        let (mut executed, mut found) = (0_u64, 0_u64);
        let mut functions = HashMap::new();
        for (address, function, times) in profile.addresses() {
            executed += 1;
            found += u64::from(self.addresses.contains(&address));
            if self.locked.contains(&address) {
                *functions.entry(function).or_insert(0) += times;
            }
        }
        if executed == 0 || (found as f64) < FOUND * executed as f64 {
            return Err(format!(
                "objdump lists {found} of the {executed} addresses that callgrind saw"
            ));
        }
        Ok(functions)
    }
}

/// Whether an instruction, in AT&T syntax, is an atomic read-modify-write or a full fence: one with a `lock` prefix, an
/// `xchg` with memory, which locks without a prefix, or an `mfence`.
pub(crate) fn is_locked(instruction: &str) -> bool {
    let code = instruction.split(['#', '<']).next().unwrap_or_default();
    let mut words = code.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "lock" | "mfence" => return true,
            "xchg" | "xchgb" | "xchgw" | "xchgl" | "xchgq" => {
                let operands: String = words.collect();
                return operands
                    .split(',')
                    .any(|operand| !operand.starts_with('%') || operand.contains(':'));
            }
            // Other prefixes may stand before these words.
            "xacquire" | "xrelease" | "repz" | "repnz" | "data16" | "addr32" | "cs" | "ds"
            | "es" | "fs" | "gs" | "ss" => {}
            word if word.starts_with("rex") => {}
            _ => return false,
        }
    }
    false
}

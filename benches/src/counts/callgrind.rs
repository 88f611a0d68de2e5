//! Reading what callgrind writes.
//!
//! This file owns the format, as written with `--dump-instr=yes --dump-line=no` and without compression. It must not know
//! which instructions are of interest. Of the format it uses: `ob=` and `fn=` name the object and function of the lines
//! below; a line of an address and a number says how often the instruction there was executed; the one such line after
//! `calls=` is what the callee cost, which the callee's own lines say again. Addresses are those of the object file, also
//! when it was loaded elsewhere.

use std::collections::HashMap;

/// The options that make callgrind write what [`Profile::parse`] reads, but for the name of the file.
pub(crate) const OPTIONS: &[&str] = &[
    "--tool=callgrind",
    "--dump-instr=yes",
    "--dump-line=no",
    "--compress-strings=no",
    "--compress-pos=no",
    // Threads take turns in the order in which they ask, so that two runs interleave alike.
    "--fair-sched=yes",
];

/// The executed instructions of one run.
#[derive(Debug)]
pub(crate) struct Profile {
    /// How many there were, in all objects.
    pub(crate) total: u64,
    functions: HashMap<String, u64>,
    own: HashMap<u64, (u64, String)>,
}

impl Profile {
    /// Reads a dump. The addresses of the object file `object` are kept, those of the others only counted.
    pub(crate) fn parse(text: &str, object: &str) -> Result<Profile, String> {
        let mut profile = Profile {
            total: 0,
            functions: HashMap::new(),
            own: HashMap::new(),
        };
        let (mut in_object, mut function, mut of_callee) = (false, "", false);
        let (mut positions, mut totals) = (None, None);
        for line in text.lines() {
            if let Some(cost) = line.strip_prefix("0x") {
                if !std::mem::take(&mut of_callee) {
                    profile
                        .add(cost, function, in_object)
                        .ok_or_else(|| format!("callgrind wrote `{line}`"))?;
                }
            } else if let Some(name) = line.strip_prefix("ob=") {
                in_object = name == object;
            } else if let Some(name) = line.strip_prefix("fn=") {
                function = name;
            } else if line.starts_with("calls=") {
                of_callee = true;
            } else if let Some(kind) = line.strip_prefix("positions:") {
                positions = Some(kind.trim());
            } else if let Some(total) = line.strip_prefix("totals:") {
                totals = total.trim().parse::<u64>().ok();
            }
        }
        if positions != Some("instr") {
            return Err("callgrind wrote no instruction addresses".to_owned());
        }
        match totals {
            Some(totals) if totals == profile.total => Ok(profile),
            Some(totals) => Err(format!(
                "callgrind's lines add up to {}, not to {totals}",
                profile.total
            )),
            None => Err("callgrind wrote no totals".to_owned()),
        }
    }

    fn add(&mut self, cost: &str, function: &str, in_object: bool) -> Option<()> {
        let mut words = cost.split_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        // A line without a number says that nothing was counted there.
        let executed = words.next().map_or(Some(0), |word| word.parse().ok())?;
        self.total += executed;
        match self.functions.get_mut(function) {
            Some(sum) => *sum += executed,
            None => {
                self.functions.insert(function.to_owned(), executed);
            }
        }
        if in_object {
            self.own
                .entry(address)
                .or_insert_with(|| (0, function.to_owned()))
                .0 += executed;
        }
        Some(())
    }

    /// Each function with the instructions executed in it, its callees left out.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (&str, u64)> {
        self.functions
            .iter()
            .map(|(name, executed)| (name.as_str(), *executed))
    }

    /// Each address of the object with its function and how often it was executed.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (u64, &str, u64)> {
        self.own
            .iter()
            .map(|(address, (executed, function))| (*address, function.as_str(), *executed))
    }
}

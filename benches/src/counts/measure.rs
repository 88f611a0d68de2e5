//! Taking the readings of an operation: runs of `n` and of `2n` under each tool, and their differences.
//!
//! This file owns which tool answers for which quantity. It must not know what a reading should be.

use crate::callgrind::{self, Profile};
use crate::objdump::{self, Disassembly};
use crate::other_end::OtherEnd;
use crate::perf;
use crate::quantity::{Quantity, Reading, Readings};
use crate::strace;
use crate::subject::{Operation, Subject, Work};
use crate::tool::{self, Scratch};
use std::path::PathBuf;
use std::process::Command;

/// The program under measurement, which is this one.
pub(crate) struct Bench {
    subject: &'static Subject,
    program: PathBuf,
    /// The same for every operation, so it is made once.
    disassembly: Result<Disassembly, String>,
}

/// The profiles of a run of `n` operations and of one of `2n`.
pub(crate) struct Pair<'a> {
    pub(crate) n: u64,
    pub(crate) at_n: Profile,
    pub(crate) at_2n: Profile,
    /// Which instructions are locked, or why that is unknown.
    pub(crate) disassembly: Result<&'a Disassembly, String>,
}

impl Bench {
    /// Finds and disassembles the program.
    pub(crate) fn new(subject: &'static Subject) -> Result<Bench, String> {
        // Callgrind names objects by their real path.
        let program = std::env::current_exe()
            .and_then(|path| path.canonicalize())
            .map_err(|error| format!("cannot find this program: {error}"))?;
        let disassembly = if cfg!(target_arch = "x86_64") {
            tool::output(Command::new("objdump").args(objdump::OPTIONS).arg(&program))
                .and_then(|listing| Disassembly::parse(&listing))
        } else {
            Err("locked instructions are known for x86-64 only".to_owned())
        };
        Ok(Bench {
            subject,
            program,
            disassembly,
        })
    }

    /// Reads every quantity. The error is that the operation itself could not be performed.
    pub(crate) fn measure(&self, operation: &Operation) -> Result<Readings, String> {
        let n = operation.size;
        let failed = |why| format!("{} {}: {why}", self.subject.name, operation.name);
        let (allocations_at_n, bytes_at_n) = self.allocated(operation, n).map_err(failed)?;
        let (allocations_at_2n, bytes_at_2n) = self.allocated(operation, 2 * n).map_err(failed)?;
        let mut readings: Readings = std::array::from_fn(|_| Reading::Missing(String::new()));
        let mut put = |quantity: Quantity, reading| readings[quantity as usize] = reading;
        put(
            Quantity::Allocations,
            Reading::slope(allocations_at_n, allocations_at_2n, n),
        );
        put(Quantity::Bytes, Reading::slope(bytes_at_n, bytes_at_2n, n));
        match self.profiles(operation) {
            Ok(pair) => {
                put(
                    Quantity::Instructions,
                    Reading::slope(pair.at_n.total, pair.at_2n.total, n),
                );
                put(Quantity::Rmw, pair.rmw().unwrap_or_else(Reading::Missing));
            }
            Err(why) => {
                put(Quantity::Instructions, Reading::Missing(why.clone()));
                put(Quantity::Rmw, Reading::Missing(why));
            }
        }
        put(
            Quantity::Syscalls,
            self.syscalls(operation).unwrap_or_else(Reading::Missing),
        );
        Ok(readings)
    }

    /// Profiles both runs. The error is why there are no profiles.
    pub(crate) fn profiles(&self, operation: &Operation) -> Result<Pair<'_>, String> {
        let n = operation.size;
        Ok(Pair {
            n,
            at_n: self.profile(operation, n)?,
            at_2n: self.profile(operation, 2 * n)?,
            disassembly: self.disassembly.as_ref().map_err(Clone::clone),
        })
    }

    fn profile(&self, operation: &Operation, n: u64) -> Result<Profile, String> {
        let dump = Scratch::new("callgrind");
        let mut command = Command::new("valgrind");
        command
            .args(callgrind::OPTIONS)
            .arg(format!("--callgrind-out-file={}", dump.path().display()));
        command.arg(&self.program);
        self.perform(&mut command, operation, n, &[])?;
        Profile::parse(&dump.read()?, &self.program.to_string_lossy())
    }

    /// `strace` makes each call so slow that what a runtime does by the clock, such as looking for events between the
    /// tasks, comes between all of them; where that shows, in IO, only `perf` is asked.
    fn syscalls(&self, operation: &Operation) -> Result<Reading, String> {
        if let Work::Connected { .. } = operation.work {
            return self.syscalls_by_perf(operation);
        }
        let calls = |n| {
            let table = Scratch::new("strace");
            let mut command = Command::new("strace");
            command.args(strace::OPTIONS).arg("-o").arg(table.path());
            command.arg(&self.program);
            self.perform(&mut command, operation, n, &[])?;
            strace::calls(&table.read()?)
        };
        let n = operation.size;
        Ok(Reading::slope(calls(n)?, calls(2 * n)?, n))
    }

    fn syscalls_by_perf(&self, operation: &Operation) -> Result<Reading, String> {
        let calls = |n| {
            let table = Scratch::new("perf");
            let mut command = Command::new("perf");
            command.args(perf::OPTIONS).arg("-o").arg(table.path());
            command.arg(&self.program);
            self.perform(&mut command, operation, n, &[])?;
            perf::calls(&table.read()?)
        };
        let n = operation.size;
        Ok(Reading::slope(calls(n)?, calls(2 * n)?, n))
    }

    /// Allocations and requested bytes of one run, which needs no tool.
    fn allocated(&self, operation: &Operation, n: u64) -> Result<(u64, u64), String> {
        let mut command = Command::new(&self.program);
        let printed = self.perform(&mut command, operation, n, &["--allocations"])?;
        let mut words = printed.split_whitespace().map(str::parse);
        match (words.next(), words.next()) {
            (Some(Ok(allocations)), Some(Ok(bytes))) => Ok((allocations, bytes)),
            _ => Err(format!(
                "it printed `{}` for its allocations",
                printed.trim()
            )),
        }
    }

    /// Completes the command line of a child, runs it, and is the other end of its connections meanwhile.
    fn perform(
        &self,
        command: &mut Command,
        operation: &Operation,
        n: u64,
        options: &[&str],
    ) -> Result<String, String> {
        command
            .args(["--subject", self.subject.name])
            .args(["--child", operation.name, "--n", &n.to_string()])
            .args(options);
        let Work::Connected { other, .. } = operation.work else {
            return tool::output(command);
        };
        let other_end = OtherEnd::start(other, n)?;
        command.args(["--other-end", &other_end.address().to_string()]);
        let printed = tool::output(command);
        // Where the child has failed, the other end has too, and the child knows why.
        let finished = other_end.finish();
        printed.and_then(|printed| finished.map(|()| printed))
    }
}

impl Pair<'_> {
    fn rmw(&self) -> Result<Reading, String> {
        let disassembly = self.disassembly.clone()?;
        let sum = |profile| {
            Ok::<u64, String>(disassembly.locked_by_function(profile)?.into_values().sum())
        };
        Ok(Reading::slope(sum(&self.at_n)?, sum(&self.at_2n)?, self.n))
    }
}

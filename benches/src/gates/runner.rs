//! Runs the scenarios in processes of their own and keeps what each printed.
//!
//! This file owns the processes and their order. It must not know what a number means.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use filch_bench::process;

use crate::scenario::{Runtime, Scenario};

/// A child that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// The descriptors of a process beside those that its scenario needs.
const FILES_BESIDES: u64 = 64;

/// How often the end of a child is looked for.
const TICK: Duration = Duration::from_millis(50);

/// One run of a scenario on a runtime.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) runtime: Runtime,
    /// 1, or 2 when the scenario was measured once more.
    pub(crate) round: u64,
    values: Vec<(String, f64)>,
}

impl Run {
    /// What was measured under this key.
    pub(crate) fn value(&self, key: &str) -> Option<f64> {
        let (_, value) = self.values.iter().find(|(name, _)| name == key)?;
        Some(*value)
    }

    /// A run of given readings, for the tests of what is made of it.
    #[cfg(test)]
    pub(crate) fn of(runtime: Runtime, round: u64, values: &[(&str, f64)]) -> Run {
        let values = values.iter().map(|(key, value)| (key.to_string(), *value));
        Run {
            runtime,
            round,
            values: values.collect(),
        }
    }
}

/// What came of a scenario.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It ran so often.
    Runs(Vec<Run>),
    /// It did not run, for this reason.
    Skipped(String),
}

/// Starts this program anew for each run.
#[derive(Debug)]
pub(crate) struct Bench {
    program: PathBuf,
    scale: f64,
}

impl Bench {
    pub(crate) fn new(scale: f64) -> io::Result<Bench> {
        Ok(Bench {
            program: std::env::current_exe()?,
            scale,
        })
    }

    /// Runs a scenario `reps` times on each of its runtimes, in turns.
    ///
    /// # Errors
    ///
    /// A sentence that says what went wrong, if a run fails.
    pub(crate) fn measure(
        &self,
        scenario: &Scenario,
        reps: u32,
        round: u64,
    ) -> Result<Outcome, String> {
        if let Some(why) = self.unmet(scenario) {
            return Ok(Outcome::Skipped(why));
        }
        let peers = scenario.peers.iter().copied();
        let runtimes: Vec<_> = std::iter::once(Runtime::Filch)
            .chain(peers.filter(|peer| peer.is_built_in()))
            .collect();
        let mut runs = Vec::new();
        for rep in 1..=reps {
            for &runtime in &runtimes {
                eprintln!(
                    "gates: {} on {}, {rep} of {reps}",
                    scenario.name,
                    runtime.name()
                );
                let values = self.run(scenario, runtime).map_err(|why| {
                    format!("{} on {} failed: {why}", scenario.name, runtime.name())
                })?;
                runs.push(Run {
                    runtime,
                    round,
                    values,
                });
            }
        }
        Ok(Outcome::Runs(runs))
    }

    /// Why a scenario cannot run here, if it cannot.
    fn unmet(&self, scenario: &Scenario) -> Option<String> {
        let needs = &scenario.needs;
        let memory = (needs.memory as f64 * self.scale) as u64;
        if let Some(left) = process::available_memory().filter(|left| *left < memory) {
            return Some(format!(
                "{} MiB of memory are available, it needs {}",
                left >> 20,
                memory >> 20
            ));
        }
        let files = (needs.files as f64 * self.scale) as u64 + FILES_BESIDES;
        // The limit is inherited by the child.
        if let Err(most) = process::allow_descriptors(files) {
            return Some(format!(
                "a process may have {most} descriptors open, it needs {files}; see `ulimit -n`"
            ));
        }
        if needs.peers && !cfg!(feature = "peers") {
            return Some("built without the feature peers".to_owned());
        }
        let program = needs.program.filter(|program| !is_installed(program))?;
        Some(format!("{program} is not installed"))
    }

    fn run(&self, scenario: &Scenario, runtime: Runtime) -> Result<Vec<(String, f64)>, String> {
        let mut child = Command::new(&self.program)
            .args(["--child", scenario.name, "--runtime", runtime.name()])
            .args(["--scale", &self.scale.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let start = Instant::now();
        // What a child prints fits in the pipe, so it can end before anything is read.
        let status = loop {
            match child.try_wait().map_err(|error| error.to_string())? {
                Some(status) => break status,
                None if start.elapsed() > PATIENCE => {
                    // It may end by itself just now; what matters is that it is gone.
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("no end after {} s", PATIENCE.as_secs()));
                }
                None => thread::sleep(TICK),
            }
        };
        let mut text = String::new();
        if let Some(mut stdout) = child.stdout.take() {
            stdout
                .read_to_string(&mut text)
                .map_err(|error| error.to_string())?;
        }
        if !status.success() {
            return Err(status.to_string());
        }
        parse(&text).ok_or_else(|| format!("it printed `{text}`"))
    }
}

/// Whether there is such a program. What it says to being called without arguments is its affair.
fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok()
}

/// Reads lines of `key=number`.
fn parse(text: &str) -> Option<Vec<(String, f64)>> {
    text.lines()
        .map(|line| {
            let (key, number) = line.split_once('=')?;
            Some((key.to_owned(), number.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_or_not() {
        assert!(!is_installed("there-is-no-such-program"));
        assert!(is_installed("true"));
    }

    #[test]
    fn what_a_child_prints_is_read() {
        let values = parse("cpu_s=0.25\nearly=0\n").unwrap();
        assert_eq!(
            values,
            [("cpu_s".to_owned(), 0.25), ("early".to_owned(), 0.0)]
        );
        assert_eq!(parse("cpu_s: 1"), None);
        assert_eq!(parse("cpu_s=fast"), None);
    }
}

//! The command line of `gates`.
//!
//! This file owns the spelling of the options. It must not know what a scenario does.

use crate::scenario::{self, Runtime, Scenario};
use std::net::SocketAddr;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
usage: gates [options]
  --only NAME     run this scenario only (may be repeated)
  --reps N        run each scenario N times for each runtime (3)
  --scale X       multiply all sizes by X; unless X is 1, nothing is judged
  --no-check      measure without judging
  --json          print one JSON object instead of a table
  --list          print the scenarios, their quantities and bounds
exit status: 0 no bound exceeded, 1 a bound exceeded or a scenario failed, 2 misuse
Bounds against tokio need the cargo feature `peers`. A bound on time that is exceeded is
measured once more with 2 N repetitions before it counts.
";

/// What the program was asked to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Role {
    /// Measure and judge.
    Report,
    /// Run one scenario on one runtime and print what was measured; used by the program on itself.
    Child(&'static Scenario, Runtime),
    /// Be this many clients of a server; used by a child.
    Visitors(SocketAddr, u64),
    /// Print the scenarios.
    List,
    /// Print the options.
    Help,
}

/// A parsed command line.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) role: Role,
    only: Vec<&'static Scenario>,
    pub(crate) reps: u32,
    pub(crate) scale: f64,
    no_check: bool,
    pub(crate) json: bool,
}

impl Args {
    /// Reads the options; the error is one sentence for the user.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
        let mut args = Args {
            role: Role::Report,
            only: Vec::new(),
            reps: 3,
            scale: 1.0,
            no_check: false,
            json: false,
        };
        let (mut child, mut runtime) = (None, None);
        let (mut server, mut clients) = (None, None);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--only" => args.only.push(named(&value()?)?),
                "--reps" => args.reps = count(&value()?)?,
                "--scale" => args.scale = factor(&value()?)?,
                "--no-check" => args.no_check = true,
                "--json" => args.json = true,
                "--list" => args.role = Role::List,
                "--help" | "-h" => args.role = Role::Help,
                "--child" => child = Some(named(&value()?)?),
                "--runtime" => {
                    let name = value()?;
                    let known = Runtime::named(&name);
                    runtime = Some(known.ok_or_else(|| format!("there is no runtime `{name}`"))?);
                }
                "--visit" => {
                    let text = value()?;
                    let address = text.parse::<SocketAddr>();
                    server = Some(address.map_err(|_| {
                        format!("--visit needs an address and a port, not `{text}`")
                    })?);
                }
                "--clients" => {
                    let text = value()?;
                    let count = text.parse::<u64>();
                    clients =
                        Some(count.map_err(|_| format!("--clients needs a number, not `{text}`"))?);
                }
                other => return Err(format!("unknown option `{other}`")),
            }
        }
        args.role = match (child, runtime, server, clients) {
            (Some(scenario), Some(runtime), None, None) => Role::Child(scenario, runtime),
            (None, None, Some(server), Some(clients)) => Role::Visitors(server, clients),
            (None, None, None, None) => args.role,
            _ => {
                return Err(
                    "--child and --runtime are used together, --visit and --clients, too"
                        .to_owned(),
                );
            }
        };
        Ok(args)
    }

    /// The chosen scenarios in the order of the list, each once.
    pub(crate) fn scenarios(&self) -> impl Iterator<Item = &'static Scenario> {
        scenario::ALL
            .iter()
            .filter(|scenario| self.only.is_empty() || self.only.contains(scenario))
    }

    /// Whether the readings may be held against the bounds, which are meant for a release build
    /// and for the full sizes.
    pub(crate) fn judges(&self) -> bool {
        !self.no_check && self.scale == 1.0 && !cfg!(debug_assertions)
    }
}

fn named(name: &str) -> Result<&'static Scenario, String> {
    scenario::named(name).ok_or_else(|| format!("there is no scenario `{name}`; see --list"))
}

fn count(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| (1..=1000).contains(count));
    count.ok_or_else(|| format!("--reps needs a whole number from 1 to 1000, not `{text}`"))
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text
        .parse()
        .ok()
        .filter(|factor| (1e-6..=10.0).contains(factor));
    factor.ok_or_else(|| format!("--scale needs a number from 0.000001 to 10, not `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_child_has_a_scenario_and_a_runtime() {
        let args = parse("--child parked --runtime tokio-ct --scale 0.5").unwrap();
        let parked = scenario::named("parked").unwrap();
        assert_eq!(args.role, Role::Child(parked, Runtime::TokioCurrentThread));
        assert_eq!(args.scale, 0.5);
        assert!(parse("--child parked").is_err() && parse("--runtime filch").is_err());
    }

    #[test]
    fn the_chosen_scenarios_come_once_and_in_order() {
        let args = parse("--only burst --only sleepers --only burst").unwrap();
        let names: Vec<_> = args.scenarios().map(|scenario| scenario.name).collect();
        assert_eq!(names, ["sleepers", "burst"]);
        assert_eq!(parse("").unwrap().scenarios().count(), scenario::ALL.len());
    }

    #[test]
    fn nothing_is_judged_at_another_size() {
        assert!(!parse("--scale 0.1").unwrap().judges());
        assert!(!parse("--no-check").unwrap().judges());
        assert_eq!(parse("").unwrap().judges(), !cfg!(debug_assertions));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--quiet",
            "--only nothing",
            "--only",
            "--reps 0",
            "--reps many",
            "--scale 0",
            "--scale NaN",
            "--child parked --runtime smol",
            "--visit 127.0.0.1:1",
            "--visit nobody --clients 1",
            "--visit 127.0.0.1:1 --clients many",
        ] {
            assert!(parse(line).is_err(), "accepted `{line}`");
        }
    }
}

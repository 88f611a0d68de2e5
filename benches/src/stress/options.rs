//! The command line: reads it and refuses what makes no sense. It must not know how a scenario
//! runs.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command};
use filch_bench::{process, rng, text};

use crate::outcome::KEYS;
use crate::scenario::Scenario;

/// More workers than this are a mistake in typing.
const MOST_WORKERS: usize = 1_024;
/// A run longer than this is one too.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Each task has a record of this many bytes beside it.
const RECORD_BYTES: u64 = 8;

const EXAMPLES: &str = "\
Examples:
  stress                                      a million tasks sleeping 1 to 5 s
  stress mixed --for 1m --seed 0x5eed         everything at random, repeatable
  stress yield --tasks 1000 --workers 2 --json --quiet | jq .operations_per_second";

/// What to run and how to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) scenario: Scenario,
    pub(crate) tasks: u32,
    pub(crate) length: Duration,
    /// The number of workers, if it is not the runtime's choice.
    pub(crate) workers: Option<usize>,
    pub(crate) seed: u64,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// What to print, and whether it is a fault or a call for help.
    pub(crate) fn parse(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Options, clap::Error> {
        Options::parse_with(arguments, process::available_memory())
    }

    fn parse_with(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
        memory: Option<u64>,
    ) -> Result<Options, clap::Error> {
        let mut command = command();
        let matches = command.try_get_matches_from_mut(arguments)?;
        let named = matches.get_one::<String>("scenario").map(String::as_str);
        let scenario = Scenario::ALL
            .into_iter()
            .find(|scenario| Some(scenario.name()) == named);
        let scenario = scenario.unwrap_or(Scenario::Sleep);
        let options = Options {
            scenario,
            tasks: *matches
                .get_one("tasks")
                .unwrap_or(&scenario.default_tasks()),
            length: *matches.get_one("for").unwrap_or(&Duration::from_secs(5)),
            workers: matches.get_one("workers").copied(),
            seed: matches
                .get_one("seed")
                .copied()
                .unwrap_or_else(rng::fresh_seed),
            json: matches.get_flag("json"),
            quiet: matches.get_flag("quiet"),
        };
        match options.too_big_for(memory) {
            None => Ok(options),
            Some(refusal) => Err(command.error(ErrorKind::ValueValidation, refusal)),
        }
    }

    /// Why the run does not fit the memory, if it does not.
    fn too_big_for(&self, memory: Option<u64>) -> Option<String> {
        let memory = memory?;
        let each = self.scenario.bytes_per_task() + RECORD_BYTES;
        let need = u64::from(self.tasks).saturating_mul(each);
        (need > memory).then(|| {
            format!(
                "{} tasks need about {} ({each} bytes each), but {} of memory is available; \
                 try --tasks {}",
                text::grouped(self.tasks.into()),
                text::bytes(need),
                text::bytes(memory),
                memory / 2 / each
            )
        })
    }
}

fn command() -> Command {
    let names = Scenario::ALL.map(Scenario::name);
    let abouts = Scenario::ALL.map(|s| format!("  {:<9} {}", s.name(), s.about()));
    let keys: Vec<_> = KEYS
        .iter()
        .map(|(key, about)| format!("  {key:<22} {about}"))
        .collect();
    let scenarios = format!("Scenarios:\n{}", abouts.join("\n"));
    Command::new("stress")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Runs very many tasks on filch and checks that none is lost, early or doubled.")
        .after_help(format!("{scenarios}\n\n{EXAMPLES}"))
        .after_long_help(format!(
            "{scenarios}\n\n{EXAMPLES}\n\n\
             Keys of the object that --json prints on one line (null: unknown or not of this \
             scenario):\n{}\n\n\
             Exit status: 0 if all checks pass, 1 if one fails, 2 if the command line is refused, \
             130 after Ctrl-C.\n\
             Environment: NO_COLOR turns colours off; FILCH_WORKERS sets the default of \
             --workers.",
            keys.join("\n")
        ))
        .arg(
            Arg::new("scenario")
                .value_parser(PossibleValuesParser::new(names))
                .help("What to run [default: sleep]")
                .hide_possible_values(true),
        )
        .arg(
            Arg::new("tasks")
                .long("tasks")
                .value_name("N")
                .value_parser(tasks)
                .help("How many tasks [default: sleep 1000000, others less]"),
        )
        .arg(
            Arg::new("for")
                .long("for")
                .value_name("TIME")
                .value_parser(length)
                .help("How long, or the longest sleep: 300ms, 1.5s, 2m [default: 5s]"),
        )
        .arg(
            Arg::new("workers")
                .long("workers")
                .value_name("N")
                .value_parser(workers)
                .help("How many worker threads [default: the runtime's]"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("SEED")
                .value_parser(seed)
                .help("What fixes the random choices, decimal or 0x.. [default: a new one]"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print one JSON object on stdout, and nothing else there"),
        )
        .arg(
            Arg::new("quiet")
                .long("quiet")
                .short('q')
                .action(ArgAction::SetTrue)
                .help("Print nothing but the result"),
        )
}

/// Reads a number of tasks; `_` and `,` may group its digits.
fn tasks(text: &str) -> Result<u32, String> {
    let digits = text.replace(['_', ','], "");
    match digits.parse::<u128>() {
        Ok(0) => Err("a run without tasks shows nothing; give at least 1".into()),
        Ok(number) => u32::try_from(number)
            .map_err(|_| format!("at most {} tasks", text::grouped(u32::MAX.into()))),
        Err(_) => Err("not a number of tasks".into()),
    }
}

fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("without workers nothing runs; give at least 1".into()),
        Ok(number) if number <= MOST_WORKERS => Ok(number),
        Ok(_) => Err(format!("at most {MOST_WORKERS} workers")),
        Err(_) => Err("not a number of workers".into()),
    }
}

fn length(text: &str) -> Result<Duration, String> {
    match text::parse_duration(text)? {
        length if length < Duration::from_millis(1) => {
            Err("a run of no time shows nothing; give at least 1ms".into())
        }
        length if length > LONGEST => Err("at most 24h".into()),
        length => Ok(length),
    }
}

fn seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "not a number of 64 bits, decimal or 0x..".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, clap::Error> {
        Options::parse_with(line.split_whitespace(), Some(1 << 30))
    }

    fn refusal(line: &str) -> String {
        let error = parse(line).expect_err("the line is refused");
        assert_eq!(error.exit_code(), 2, "{line}");
        error.to_string()
    }

    #[test]
    fn nothing_means_a_million_sleepers() {
        let options = parse("stress").unwrap();
        assert_eq!(options.scenario, Scenario::Sleep);
        assert_eq!(options.tasks, 1_000_000);
        assert_eq!(options.length, Duration::from_secs(5));
        assert_eq!(
            (options.workers, options.json, options.quiet),
            (None, false, false)
        );
    }

    #[test]
    fn everything_is_read() {
        let line = "stress mixed --tasks 2_000 --for 300ms --workers 3 --seed 0x5eed --json -q";
        let expected = Options {
            scenario: Scenario::Mixed,
            tasks: 2_000,
            length: Duration::from_millis(300),
            workers: Some(3),
            seed: 0x5eed,
            json: true,
            quiet: true,
        };
        assert_eq!(parse(line).unwrap(), expected);
    }

    #[test]
    fn every_scenario_has_its_name() {
        for scenario in Scenario::ALL {
            let options = parse(&format!("stress {}", scenario.name())).unwrap();
            assert_eq!(
                (options.scenario, options.tasks),
                (scenario, scenario.default_tasks())
            );
        }
        assert!(refusal("stress snooze").contains("snooze"));
    }

    #[test]
    fn absurd_options_are_refused_with_a_reason() {
        for (line, reason) in [
            ("stress --tasks 0", "without tasks"),
            ("stress --tasks -4", "-4"),
            ("stress --tasks many", "not a number of tasks"),
            ("stress --tasks 99999999999", "at most 4,294,967,295 tasks"),
            ("stress --workers 0", "without workers"),
            ("stress --workers 1025", "at most 1024 workers"),
            ("stress --for 0", "no time"),
            ("stress --for 25h", "at most 24h"),
            ("stress --for soon", "no duration"),
            ("stress --seed lucky", "64 bits"),
        ] {
            let text = refusal(line);
            assert!(text.contains(reason), "`{line}` is refused with: {text}");
        }
    }

    #[test]
    fn a_run_that_does_not_fit_is_refused_with_the_figure() {
        let text = refusal("stress --tasks 100000000");
        assert!(
            text.contains("11.9 GiB") && text.contains("1.00 GiB"),
            "{text}"
        );
        assert!(text.contains("--tasks 4194304"), "{text}");
        let unknown = Options::parse_with(["stress", "--tasks", "100000000"], None);
        assert_eq!(unknown.unwrap().tasks, 100_000_000);
    }

    #[test]
    fn the_help_lists_every_key_and_three_examples() {
        let help = command().render_long_help().to_string();
        for (key, _) in KEYS {
            assert!(help.contains(key), "{key} is missing in the help");
        }
        assert!(help.matches("\n  stress").count() >= 3);
    }
}

//! The command line: reads it and refuses what makes no sense. It must not know how a scenario
//! runs.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, value_parser};
use filch_bench::{process, rng, text};

use crate::outcome::KEYS;
use crate::scenario::Scenario;

/// More workers than this are a mistake in typing.
const MOST_WORKERS: usize = 1_024;
/// A run longer than this is one too.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Each task has a record of this many bytes beside it.
const RECORD_BYTES: u64 = 8;
/// So often a request is in memory at most: at both ends, and in their sockets.
const BUFFERS: u64 = 4;
/// The descriptors of the process beside those of connections.
const DESCRIPTORS_BESIDES: u64 = 64;
/// The options that the scenario `echo` has alone.
const OF_ECHO: [&str; 3] = ["connections", "size", "waves"];
/// A request longer than this is no request.
const LONGEST_REQUEST: u32 = 64 << 20;
/// More waves than this are a mistake in typing.
const MOST_WAVES: u32 = 10_000;

const EXAMPLES: &str = "\
Examples:
  stress                                      a million tasks sleeping 1 to 5 s
  stress mixed --for 1m --seed 0x5eed         everything at random, repeatable
  stress yield --tasks 1000 --workers 2 --json --quiet | jq .operations_per_second
  stress echo --connections 5000 --waves 5    connections opened, used and closed";

/// What to run and how to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) scenario: Scenario,
    /// How many tasks, or connections.
    pub(crate) tasks: u32,
    /// The bytes of a request, and how often connections are opened, in the scenario `echo`.
    pub(crate) size: u32,
    pub(crate) waves: u32,
    pub(crate) length: Duration,
    /// The number of workers, if it is not the runtime's choice.
    pub(crate) workers: Option<usize>,
    pub(crate) seed: u64,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    /// What is not as one may expect, one sentence each.
    pub(crate) notes: Vec<String>,
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
        let memory = process::available_memory();
        Options::parse_with(arguments, memory, process::allow_descriptors)
    }

    fn parse_with(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
        memory: Option<u64>,
        allow_descriptors: impl Fn(u64) -> Result<(), u64>,
    ) -> Result<Options, clap::Error> {
        let mut command = command();
        let matches = command.try_get_matches_from_mut(arguments)?;
        let named = matches.get_one::<String>("scenario").map(String::as_str);
        let scenario = Scenario::ALL
            .iter()
            .find(|scenario| Some(scenario.name()) == named);
        let scenario = *scenario.unwrap_or(&Scenario::Sleep);
        let is_echo = scenario == Scenario::Echo;
        let others = if is_echo { &["tasks"][..] } else { &OF_ECHO };
        if let Some(other) = others.iter().find(|name| matches.contains_id(name)) {
            let refusal = match is_echo {
                true => "echo has no --tasks but --connections, with a task at each end".to_owned(),
                false => format!("--{other} is for echo alone"),
            };
            return Err(command.error(ErrorKind::ArgumentConflict, refusal));
        }
        let number = matches.get_one(if is_echo { "connections" } else { "tasks" });
        let mut options = Options {
            scenario,
            tasks: *number.unwrap_or(&scenario.default_tasks()),
            size: *matches.get_one("size").unwrap_or(&64),
            waves: *matches.get_one("waves").unwrap_or(&1),
            length: *matches.get_one("for").unwrap_or(&Duration::from_secs(5)),
            workers: matches.get_one("workers").copied(),
            seed: matches
                .get_one("seed")
                .copied()
                .unwrap_or_else(rng::fresh_seed),
            json: matches.get_flag("json"),
            quiet: matches.get_flag("quiet"),
            notes: Vec::new(),
        };
        let fitted = options.fit_descriptors(number.is_some(), allow_descriptors);
        match fitted.err().or_else(|| options.too_big_for(memory)) {
            None => Ok(options),
            Some(refusal) => Err(command.error(ErrorKind::ValueValidation, refusal)),
        }
    }

    /// Sees to it that there may be as many descriptors as connections need. If there may not, it takes fewer connections
    /// and notes that.
    ///
    /// # Errors
    ///
    /// That there may not, if the number is the user's choice, or if there may not be any.
    fn fit_descriptors(
        &mut self,
        is_chosen: bool,
        allow: impl Fn(u64) -> Result<(), u64>,
    ) -> Result<(), String> {
        if self.scenario != Scenario::Echo {
            return Ok(());
        }
        let need = 2 * u64::from(self.tasks) + DESCRIPTORS_BESIDES;
        let Err(most) = allow(need) else {
            return Ok(());
        };
        let room = most.saturating_sub(DESCRIPTORS_BESIDES) / 2;
        let why = format!(
            "{} connections need {need} descriptors, but this process may have {most}: raise that \
             with `ulimit -n {need}`",
            text::grouped(self.tasks.into()),
        );
        if is_chosen || room == 0 {
            return Err(format!("{why}, or try --connections {room}"));
        }
        self.notes
            .push(format!("{why}; it is {room} connections for now"));
        self.tasks = room as u32;
        allow(2 * room + DESCRIPTORS_BESIDES).map_err(|_| why)
    }

    /// Why the run does not fit the memory, if it does not.
    fn too_big_for(&self, memory: Option<u64>) -> Option<String> {
        let memory = memory?;
        let buffers = match self.scenario {
            Scenario::Echo => BUFFERS * u64::from(self.size),
            _ => 0,
        };
        let each = self.scenario.bytes_per_task() + RECORD_BYTES + buffers;
        let need = u64::from(self.tasks).saturating_mul(each);
        let (_, name) = self.scenario.of_what();
        (need > memory).then(|| {
            format!(
                "{} {name} need about {} ({each} bytes each), but {} of memory is available; \
                 try --{name} {}",
                text::grouped(self.tasks.into()),
                text::bytes(need),
                text::bytes(memory),
                memory / 2 / each
            )
        })
    }
}

fn command() -> Command {
    let names: Vec<_> = Scenario::ALL.iter().map(|s| s.name()).collect();
    let about = |s: &Scenario| format!("  {:<9} {}", s.name(), s.about());
    let abouts: Vec<_> = Scenario::ALL.iter().map(about).collect();
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
            Arg::new("connections")
                .long("connections")
                .value_name("N")
                .value_parser(tasks)
                .help("echo: how many connections [default: 1000]"),
        )
        .arg(
            Arg::new("size")
                .long("size")
                .value_name("BYTES")
                .value_parser(value_parser!(u32).range(1..=i64::from(LONGEST_REQUEST)))
                .help("echo: how long a request is [default: 64]"),
        )
        .arg(
            Arg::new("waves")
                .long("waves")
                .value_name("K")
                .value_parser(value_parser!(u32).range(1..=i64::from(MOST_WAVES)))
                .help("echo: how often the connections are opened and closed [default: 1]"),
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
        Options::parse_with(line.split_whitespace(), Some(1 << 30), |_| Ok(()))
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
            size: 64,
            waves: 1,
            length: Duration::from_millis(300),
            workers: Some(3),
            seed: 0x5eed,
            json: true,
            quiet: true,
            notes: Vec::new(),
        };
        assert_eq!(parse(line).unwrap(), expected);
    }

    #[test]
    fn every_scenario_has_its_name() {
        for &scenario in Scenario::ALL {
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
            ("stress --waves 2", "--waves is for echo alone"),
            ("stress mixed --size 2", "--size is for echo alone"),
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
        let unknown = Options::parse_with(["stress", "--tasks", "100000000"], None, |_| Ok(()));
        assert_eq!(unknown.unwrap().tasks, 100_000_000);
    }

    #[test]
    #[cfg(unix)]
    fn connections_are_read() {
        let options = parse("stress echo --connections 2000 --size 1024 --waves 3").unwrap();
        assert_eq!(
            (options.tasks, options.size, options.waves),
            (2_000, 1_024, 3)
        );
        for (line, reason) in [
            ("stress echo --tasks 9", "--connections"),
            ("stress echo --connections 0", "without tasks"),
            ("stress echo --size 0", "0 is not in"),
            ("stress echo --waves 0", "0 is not in"),
            ("stress echo --size 64000000", "--connections 2"),
        ] {
            let text = refusal(line);
            assert!(text.contains(reason), "`{line}` is refused with: {text}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn few_descriptors_are_said_and_make_few_connections() {
        let parse = |line: &str, most: u64| {
            Options::parse_with(line.split_whitespace(), None, move |need| {
                if need <= most { Ok(()) } else { Err(most) }
            })
        };
        let enough = parse("stress echo", 2_064).unwrap();
        assert_eq!((enough.tasks, enough.notes.len()), (1_000, 0));
        let fewer = parse("stress echo", 1_024).unwrap();
        assert_eq!(fewer.tasks, 480);
        assert!(fewer.notes[0].contains("`ulimit -n 2064`; it is 480"));
        for line in ["stress echo --connections 1000", "stress echo"] {
            let most = if line.ends_with("echo") { 64 } else { 1_024 };
            let text = parse(line, most).unwrap_err().to_string();
            assert!(text.contains("`ulimit -n 2064`"), "{text}");
        }
        assert!(parse("stress", 0).is_ok());
    }

    #[test]
    fn the_help_lists_every_key_and_three_examples() {
        let help = command().render_long_help().to_string();
        for (key, _) in KEYS {
            assert!(help.contains(key), "{key} is missing in the help");
        }
        assert!(help.matches("\n  stress").count() >= 4);
    }
}

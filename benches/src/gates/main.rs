//! `gates`: whether filch keeps the bounds on time and memory that it promises.
//!
//! Each scenario runs in a process of its own, so that no run inherits the memory or the threads of
//! another. Where a bound is a share of what tokio takes, the runs of the runtimes alternate within
//! one run of the program, every run is kept, and medians are compared. What has no clock in it is
//! the business of `counts`.
//!
//! This file owns the order of things and the exit status. It must not know what a scenario does,
//! nor how a reading is judged or shown.

mod args;
mod child;
mod judge;
mod report;
mod runner;
mod scenario;

use std::io::{self, Write};
use std::process::ExitCode;

use args::{Args, Role};
use filch_bench::machine::{self, Machine};
use judge::Row;
use report::Section;
use runner::{Bench, Outcome};
use scenario::Scenario;

/// A bound is exceeded, or a scenario could not be run at all.
const FAILED: u8 = 1;
/// The command line makes no sense.
const MISUSE: u8 = 2;

/// With more threads than this that want to run already, times say little on a small machine.
const CROWDED: f64 = 1.5;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("gates: {why}\n\n{}", args::HELP);
            return ExitCode::from(MISUSE);
        }
    };
    match args.role {
        Role::Help => {
            print(args::HELP);
            ExitCode::SUCCESS
        }
        Role::List => {
            print(&report::list());
            ExitCode::SUCCESS
        }
        Role::Child(scenario, runtime) => match child::run(scenario, runtime, args.scale) {
            Ok(text) => {
                print(&text);
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("the scenario cannot be run: {error}");
                ExitCode::from(FAILED)
            }
        },
        #[cfg(unix)]
        Role::Visitors(server, clients) => match child::visitors::visit(server, clients) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the clients fail: {error}");
                ExitCode::from(FAILED)
            }
        },
        #[cfg(not(unix))]
        Role::Visitors(..) => ExitCode::from(MISUSE),
        Role::Report => reported(&args),
    }
}

/// Measures the chosen scenarios, judges and prints them.
fn reported(args: &Args) -> ExitCode {
    let machine = Machine::read();
    let notes = notes(args, &machine);
    if !args.json {
        print(&report::head(&machine, &notes));
    }
    let bench = match Bench::new(args.scale) {
        Ok(bench) => bench,
        Err(error) => {
            eprintln!("gates: this program cannot find itself: {error}");
            return ExitCode::from(FAILED);
        }
    };
    let mut sections = Vec::new();
    for scenario in args.scenarios() {
        match section(&bench, scenario, args) {
            Ok(section) => sections.push(section),
            Err(why) => {
                eprintln!("gates: {why}");
                return ExitCode::from(FAILED);
            }
        }
    }
    print(&if args.json {
        format!("{}\n", report::json(&machine, &notes, &sections))
    } else {
        report::table(&sections)
    });
    if sections.iter().any(Section::exceeded) {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    }
}

/// Measures and judges one scenario; measures it once more if it seems to exceed a bound on time.
fn section(bench: &Bench, scenario: &'static Scenario, args: &Args) -> Result<Section, String> {
    let mut runs = match bench.measure(scenario, args.reps, 1)? {
        Outcome::Runs(runs) => runs,
        Outcome::Skipped(why) => return Ok(Section::skipped(scenario, why)),
    };
    let judges = args.judges();
    let mut rows = judge::all(scenario, &runs, judges);
    if rows.iter().any(Row::deserves_another_chance) {
        eprintln!(
            "gates: {}: a bound on time is exceeded; measuring once more with {} repetitions",
            scenario.name,
            2 * args.reps
        );
        if let Outcome::Runs(again) = bench.measure(scenario, 2 * args.reps, 2)? {
            for row in &mut rows {
                row.judge_again(&again, judges);
            }
            runs.extend(again);
        }
    }
    Ok(Section::new(scenario, runs, rows))
}

/// What makes the results doubtful, or why they are not judged.
fn notes(args: &Args, machine: &Machine) -> Vec<String> {
    let mut notes = machine.warnings();
    if let Some(load) = machine::load().filter(|load| *load > CROWDED) {
        notes.push(format!(
            "the load of the last minute was {load:.1} before the start: the times are doubtful"
        ));
    }
    if cfg!(debug_assertions) {
        notes.push("a debug build: nothing is judged, build with --release".to_owned());
    }
    if args.scale != 1.0 {
        notes.push(format!(
            "the sizes are scaled by {}: nothing is judged",
            args.scale
        ));
    }
    if !cfg!(feature = "peers") {
        notes.push("built without the feature peers: nothing to compare with".to_owned());
    }
    notes
}

/// Prints on stdout. A reader that went away is no fault of the run: the exit status still tells.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

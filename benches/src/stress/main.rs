//! `stress`: runs very many tasks on filch, measures them, and checks that every one was spawned,
//! woken and dropped exactly once, none early, none lost, and that nothing stays behind.
//!
//! `stress --help` tells the scenarios, the options and the keys of its JSON. This file owns the
//! order of things and the exit status; it must not know how anything is measured or judged.

mod check;
mod interrupt;
mod ledger;
mod options;
mod outcome;
mod save;
mod scenario;
mod stage;
mod summary;
mod view;

use std::io::{self, Write};
use std::process::ExitCode;

use filch_bench::machine::Machine;

use crate::check::Check;
use crate::options::Options;
use crate::outcome::Outcome;
use crate::summary::Paint;
use crate::view::View;

/// What a shell reports for a program that SIGINT ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args_os()) {
        Ok(options) => options,
        // Prints to stdout and exits with 0 for `--help`, to stderr and with 2 for a fault.
        Err(refusal) => refusal.exit(),
    };
    let machine = Machine::read();
    if let Err(error) = interrupt::listen() {
        eprintln!("warning: Ctrl-C will give no partial results: {error}");
    }
    let head = |paint| summary::head(&options, &machine, paint);
    if !options.quiet && options.json {
        eprint!("{}", head(Paint(view::may_colour(&io::stderr()))));
    } else if !options.json {
        print(&head(Paint(view::may_colour(&io::stdout()))));
    }
    let mut view = View::new(options.quiet, options.scenario);
    match stage::run(&options, &mut view) {
        Ok(outcome) => {
            let checks = check::all(&outcome);
            show(&options, &machine, &outcome, &checks);
            match checks.iter().all(|check| check.pass) {
                _ if outcome.interrupted => ExitCode::from(INTERRUPTED),
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            view.close();
            eprintln!("error: the runtime does not start: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the report, then prints the result.
fn show(options: &Options, machine: &Machine, outcome: &Outcome, checks: &[Check]) {
    let report = match save::save(outcome, machine, checks) {
        Ok(folder) => format!("   report: {}", folder.display()),
        Err(error) => {
            eprintln!("warning: the report is not written: {error}");
            String::new()
        }
    };
    if options.json {
        print(&format!("{}\n", outcome.json(machine, checks)));
        return;
    }
    let paint = Paint(view::may_colour(&io::stdout()));
    let mut text = summary::body(outcome, checks, paint);
    text.push_str(&summary::verdict(outcome, checks, paint));
    text.push_str(&report);
    text.push('\n');
    if cfg!(debug_assertions) {
        text.push_str(&paint.bad(summary::DEBUG_BUILD));
        text.push('\n');
    }
    print(&text);
}

/// Prints on stdout. A reader that went away is no fault of the run: the exit status still tells.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

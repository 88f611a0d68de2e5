//! `counts`: what one operation of the runtime costs, in numbers that do not depend on the machine's load.
//!
//! For each operation it reports instructions, locked read-modify-writes, allocations, requested bytes and system calls,
//! each as the slope between a run of `n` operations and one of `2n`, so that start and shutdown cancel out. A reading
//! above its line in `counts.bounds` makes the exit status 1.
//!
//! This file owns the choice between the two roles of the program: the parent, which runs copies of itself under the
//! tools, and the child, which performs operations. It must not know how a tool's output reads.

mod alloc;
mod args;
mod bounds;
mod calibration;
mod callgrind;
mod explain;
mod filch_subject;
mod measure;
#[cfg(unix)]
mod net_operations;
mod objdump;
mod other_end;
mod perf;
mod quantity;
mod report;
mod strace;
mod subject;
mod tool;

use args::{Args, Role};
use bounds::Bounds;
use measure::Bench;
use other_end::OtherEnd;
use std::net::SocketAddr;
use std::process::ExitCode;
use subject::{Operation, Subject, Work};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

/// The bounds that hold unless `--bounds` names another file.
const BOUNDS: &str = include_str!("../../counts.bounds");

/// A bound was exceeded, or an operation could not be run at all.
const FAILED: u8 = 1;
/// The command line or the bounds file makes no sense.
const MISUSE: u8 = 2;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(why) => return misuse(&why),
    };
    let Some(subject) = subject::find(&args.subject) else {
        return misuse(&format!(
            "there is no subject `{}`; see --list",
            args.subject
        ));
    };
    match &args.role {
        Role::Help => {
            print!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Role::List => {
            list();
            ExitCode::SUCCESS
        }
        Role::Child {
            operation,
            n,
            other_end,
            count_allocations,
        } => child(subject, operation, *n, *other_end, *count_allocations),
        Role::Explain(operation) => explained(subject, operation),
        Role::Report => reported(subject, &args),
    }
}

/// Measures the chosen operations, prints them and judges them.
fn reported(subject: &'static Subject, args: &Args) -> ExitCode {
    if let Some(name) = args
        .only
        .iter()
        .find(|name| subject.operation(name).is_none())
    {
        return misuse(&format!(
            "{} has no operation `{name}`; see --list",
            subject.name
        ));
    }
    let bounds = match bounds_for(subject, args) {
        Ok(bounds) => bounds,
        Err(why) => return misuse(&why),
    };
    if cfg!(debug_assertions) {
        eprintln!(
            "counts: warning: a debug build; its instructions are not checked, build with --release"
        );
    }
    let bench = match Bench::new(subject) {
        Ok(bench) => bench,
        Err(why) => return failed(&why),
    };
    let mut rows = Vec::new();
    for operation in subject.operations {
        if !args.only.is_empty() && !args.only.iter().any(|name| name == operation.name) {
            continue;
        }
        match bench.measure(operation) {
            Ok(readings) => rows.push(report::Row::new(
                operation.name,
                readings,
                &bounds,
                cfg!(debug_assertions),
            )),
            Err(why) => return failed(&why),
        }
    }
    if args.json {
        println!("{}", report::json(&rows));
    } else {
        print!("{}", report::table(&rows));
    }
    let unmet = rows
        .iter()
        .any(|row| row.exceeded() || (args.strict && row.unchecked()));
    if unmet {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    }
}

/// The bounds to judge by: none under `--no-check`, else the named file, else the built-in ones where they apply.
fn bounds_for(subject: &Subject, args: &Args) -> Result<Bounds, String> {
    if args.no_check {
        return Ok(Bounds::none());
    }
    let (text, source) = match &args.bounds {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            (text, path.display().to_string())
        }
        None if subject.name == args::DEFAULT_SUBJECT => {
            (BOUNDS.to_owned(), "counts.bounds".to_owned())
        }
        None => return Ok(Bounds::none()),
    };
    let bounds = Bounds::parse(&text).map_err(|why| format!("{source}: {why}"))?;
    let unknown = bounds
        .operations()
        .find(|name| subject.operation(name).is_none());
    if let Some(name) = unknown {
        return Err(format!(
            "{source}: {} has no operation `{name}`; see --list",
            subject.name
        ));
    }
    Ok(bounds)
}

/// Prints which functions one operation spends its instructions and read-modify-writes in.
fn explained(subject: &'static Subject, name: &str) -> ExitCode {
    let Some(operation) = subject.operation(name) else {
        return misuse(&format!(
            "{} has no operation `{name}`; see --list",
            subject.name
        ));
    };
    let bench = match Bench::new(subject) {
        Ok(bench) => bench,
        Err(why) => return failed(&why),
    };
    match bench.profiles(operation) {
        Ok(pair) => print!("{}", explain::by_function(&pair)),
        Err(why) => println!("not checked: {why}"),
    }
    ExitCode::SUCCESS
}

/// Performs `n` operations; this is what runs under the tools.
fn child(
    subject: &Subject,
    name: &str,
    n: u64,
    other_end: Option<SocketAddr>,
    count_allocations: bool,
) -> ExitCode {
    let Some(operation) = subject.operation(name) else {
        return misuse(&format!(
            "{} has no operation `{name}`; see --list",
            subject.name
        ));
    };
    if count_allocations {
        alloc::start();
    }
    if let Err(why) = perform(operation, n, other_end) {
        return failed(&format!("{name}: {why}"));
    }
    if count_allocations {
        let (allocations, bytes) = alloc::totals();
        println!("{allocations} {bytes}");
    }
    ExitCode::SUCCESS
}

/// Performs `n` operations, and is the other end itself if there must be one and there is none.
fn perform(operation: &Operation, n: u64, other_end: Option<SocketAddr>) -> Result<(), String> {
    match (operation.work, other_end) {
        (Work::Alone(run), _) => run(n),
        (Work::Connected { measured, .. }, Some(address)) => measured(n, address),
        (Work::Connected { measured, other }, None) => {
            let other_end = OtherEnd::start(other, n)?;
            measured(n, other_end.address());
            other_end.finish()?;
        }
    }
    Ok(())
}

fn list() {
    for subject in subject::ALL {
        println!("{}", subject.name);
        for operation in subject.operations {
            println!("  {:<14} {}", operation.name, operation.what);
        }
    }
}

fn misuse(why: &str) -> ExitCode {
    eprintln!("counts: {why}\n\n{}", args::HELP);
    ExitCode::from(MISUSE)
}

fn failed(why: &str) -> ExitCode {
    eprintln!("counts: {why}");
    ExitCode::from(FAILED)
}

//! The shape of the library: which file may name which, no circles, no file too long.
//!
//! From bottom to top, each layer naming its own files and those below:
//!
//! 1. the shim over atomics and locks, the cooperative budget, and what contains panics;
//! 2. tasks: cell, state, wakers, handles, arena;
//! 3. beside each other: timers, the IO driver, the blocking pool, the table of runtimes. Of tasks they may name the waker
//!    alone, and of each other nothing;
//! 4. the scheduler, with the words of the thread and the numbers that it keeps;
//! 5. the runtime: building, spawning, blocking on, ending;
//! 6. the upper half of `io/`, which is all of it but the driver: sockets, files and the like may use the runtime;
//! 7. `lib.rs`.
//!
//! What a `mod.rs` takes from its own folder is not counted: it is the folder's face. Links in comments are not either.
#![cfg(not(loom))]

mod common;

use common::{File, imports, library_files, root};
use std::collections::{BTreeMap, BTreeSet};

const MOST_LINES: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Base,
    Task,
    Timer,
    Io,
    Blocking,
    Table,
    Scheduler,
    Runtime,
    IoUpper,
    Library,
}

impl Layer {
    fn of(file: &str) -> Self {
        let in_folder = |folder: &str| file.starts_with(&format!("runtime/{folder}"));
        match file {
            "lib.rs" => Self::Library,
            "runtime/coop.rs" | "runtime/quietly.rs" | "runtime/shim.rs" => Self::Base,
            "runtime/table.rs" => Self::Table,
            "runtime/context.rs" | "runtime/metrics.rs" | "runtime/report.rs" => Self::Scheduler,
            _ if file.starts_with("timer/") => Self::Timer,
            _ if file.starts_with("io/driver/") => Self::Io,
            _ if file.starts_with("io/") => Self::IoUpper,
            _ if in_folder("task/") => Self::Task,
            _ if in_folder("blocking/") => Self::Blocking,
            _ if in_folder("scheduler/") => Self::Scheduler,
            _ => Self::Runtime,
        }
    }

    /// Whether files of this layer may name `file`.
    fn may_name(self, file: &str) -> bool {
        let other = Self::of(file);
        match self {
            _ if self == other => true,
            Self::Timer | Self::Io | Self::Blocking | Self::Table => {
                other == Self::Base || file == "runtime/task/waker.rs"
            }
            _ => other < self,
        }
    }
}

#[test]
fn imports_run_downwards() {
    let imports = imports();
    assert!(imports.len() > 60, "the files were found");
    let found: BTreeSet<(&str, &str)> = imports
        .iter()
        .flat_map(|(file, targets)| {
            targets
                .iter()
                .map(move |target| (file.as_str(), target.as_str()))
        })
        .filter(|(file, target)| !Layer::of(file).may_name(target))
        .collect();
    assert!(
        found.is_empty(),
        "these run against the direction: {found:#?}"
    );
}

/// The files that can be reached from `file`.
fn reach<'a>(imports: &'a BTreeMap<File, BTreeSet<File>>, file: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        for target in imports.get(file).into_iter().flatten() {
            if reached.insert(target.as_str()) {
                open.push(target);
            }
        }
    }
    reached
}

#[test]
fn imports_make_no_circle() {
    let imports = imports();
    let reached: BTreeMap<&str, _> = imports
        .keys()
        .map(|file| (file.as_str(), reach(&imports, file)))
        .collect();
    let circles: BTreeSet<BTreeSet<&str>> = reached
        .iter()
        .filter(|(file, reached)| reached.contains(*file))
        .map(|(file, there)| {
            let back = |other: &&&str| reached.get(*other).is_some_and(|back| back.contains(file));
            there.iter().filter(back).copied().collect()
        })
        .collect();
    assert!(
        circles.is_empty(),
        "these files name each other in a circle: {circles:#?}"
    );
}

#[test]
fn timers_and_io_meet_in_the_scheduler_alone() {
    let imports = imports();
    assert!(
        imports["timer/sleep.rs"].contains("runtime/task/waker.rs"),
        "the reader finds what is there"
    );
    let names =
        |targets: &BTreeSet<File>, folder| targets.iter().any(|target| target.starts_with(folder));
    let naming_io: Vec<_> = imports
        .iter()
        .filter(|(file, targets)| !file.starts_with("io/") && names(targets, "io/driver/"))
        .map(|(file, _)| file.as_str())
        .collect();
    assert_eq!(
        naming_io,
        [
            // Where a source finds its driver.
            "runtime/context.rs",
            "runtime/scheduler/mod.rs",
            "runtime/scheduler/park.rs"
        ]
    );
}

/// So that the models and the thread sanitizer see them all.
#[test]
fn fences_come_from_the_shim() {
    let others: Vec<_> = library_files()
        .into_iter()
        .filter(|path| {
            !path.starts_with(root().join("runtime/shim")) && !path.ends_with("runtime/shim.rs")
        })
        .filter(|path| {
            let text = std::fs::read_to_string(path).expect("a source file");
            let mut uses = text.split("sync::atomic::").skip(1);
            uses.any(|names| {
                names
                    .split(';')
                    .next()
                    .is_some_and(|names| names.contains("fence"))
            })
        })
        .collect();
    assert!(
        others.is_empty(),
        "these take it from elsewhere: {others:?}"
    );
}

#[test]
fn no_file_of_the_library_is_too_long() {
    let long: Vec<_> = library_files()
        .into_iter()
        .filter_map(|path| {
            let lines = std::fs::read_to_string(&path)
                .expect("a source file")
                .lines()
                .count();
            let name = path
                .strip_prefix(root())
                .expect("in the package")
                .display()
                .to_string();
            (lines > MOST_LINES).then_some((name, lines))
        })
        .collect();
    assert!(long.is_empty(), "more than {MOST_LINES} lines: {long:?}");
}

#[test]
fn every_file_of_the_library_says_what_it_is() {
    let silent: Vec<_> = library_files()
        .into_iter()
        .filter(|path| {
            !std::fs::read_to_string(path)
                .expect("a source file")
                .starts_with("//!")
        })
        .collect();
    assert!(silent.is_empty(), "no description at the top: {silent:?}");
}

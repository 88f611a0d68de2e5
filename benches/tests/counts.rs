//! Tests of the `counts` program as a whole, mostly on the operations whose counts are known beforehand.
//!
//! This file must not depend on what filch costs, nor on the tools being installed.
#![cfg(unix)]

// A program has no library to import from, so its modules are compiled in here; this file uses a part of them.
#[allow(dead_code)]
#[path = "../src/counts/bounds.rs"]
mod bounds;
#[allow(dead_code)]
#[path = "../src/counts/quantity.rs"]
mod quantity;

use bounds::Bounds;
use quantity::Quantity;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of this test's own, empty at first.
fn directory(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("counts-{test}-{}", std::process::id()));
    fs::create_dir_all(&path).expect("the directory can be made");
    path
}

/// Runs the program with the tools that `path` holds, or with those of the machine.
fn counts(arguments: &[&str], path: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counts"));
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn without_tools_allocations_are_judged_and_the_rest_is_not_checked() {
    let place = directory("without-tools");
    let file = place.join("bounds");
    let row = "operation instructions rmw allocations bytes syscalls\nboxes 1000 0 2 80 0\n";
    fs::write(&file, row).expect("the file can be written");
    let file = file.to_str().expect("the path is text");
    let no_tools = place.join("no-tools");
    fs::create_dir_all(&no_tools).expect("the directory can be made");
    let arguments = [
        "--subject",
        "calibration",
        "--only",
        "boxes",
        "--bounds",
        file,
    ];
    let lenient = counts(&arguments, Some(&no_tools));
    let text = stdout(&lenient);
    assert_eq!(lenient.status.code(), Some(0), "{text}");
    assert!(
        text.contains(" 2.00/2 ") && text.contains(" 80.0/80 "),
        "{text}"
    );
    assert!(
        text.contains("not checked: no valgrind (instructions, rmw)"),
        "{text}"
    );
    assert!(text.contains("not checked: no strace (syscalls)"), "{text}");
    let strict = counts(&[&arguments[..], &["--strict"]].concat(), Some(&no_tools));
    assert_eq!(strict.status.code(), Some(1), "{}", stdout(&strict));
    fs::remove_dir_all(place).expect("the directory can be removed");
}

#[test]
fn a_tool_that_fails_is_reported_with_its_own_words() {
    let tools = directory("failing-tool");
    let script = tools.join("strace");
    fs::write(
        &script,
        "#!/bin/sh\necho 'strace: ptrace: Operation not permitted' >&2\nexit 1\n",
    )
    .expect("it is written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
        .expect("it can be made executable");
    let output = counts(
        &["--subject", "calibration", "--only", "nothing", "--json"],
        Some(&tools),
    );
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("strace failed: exit status: 1: strace: ptrace: Operation not permitted"),
        "{text}"
    );
    fs::remove_dir_all(tools).expect("the directory can be removed");
}

#[test]
fn an_exceeded_bound_is_exit_status_1() {
    let place = directory("exceeded");
    let file = place.join("bounds");
    fs::write(&file, "operation allocations bytes\nboxes 1 80\n").expect("the file can be written");
    let file = file.to_str().expect("the path is text");
    let arguments = ["--subject", "calibration", "--only", "boxes"];
    let judged = counts(
        &[&arguments[..], &["--bounds", file]].concat(),
        Some(&place),
    );
    assert_eq!(judged.status.code(), Some(1));
    assert!(
        stdout(&judged).contains("EXCEEDED: allocations"),
        "{}",
        stdout(&judged)
    );
    let unjudged = counts(&[&arguments[..], &["--no-check"]].concat(), Some(&place));
    assert_eq!(unjudged.status.code(), Some(0));
    fs::remove_dir_all(place).expect("the directory can be removed");
}

#[test]
fn misuse_is_exit_status_2() {
    let place = directory("misuse");
    let file = place.join("bounds");
    fs::write(&file, "operation rmw\nspwan 1\n").expect("the file can be written");
    let file = file.to_str().expect("the path is text");
    for (arguments, why) in [
        (&["--quiet"][..], "unknown option `--quiet`"),
        (&["--only", "spwan"], "filch has no operation `spwan`"),
        (&["--explain", "spwan"], "filch has no operation `spwan`"),
        (
            &["--child", "spwan", "--n", "1"],
            "filch has no operation `spwan`",
        ),
        (&["--subject", "none"], "there is no subject `none`"),
        (&["--bounds", file], "filch has no operation `spwan`"),
        (&["--bounds", "/nonexistent"], "cannot read /nonexistent"),
    ] {
        let output = counts(arguments, Some(&place));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(why), "{arguments:?}: {text}");
    }
    fs::remove_dir_all(place).expect("the directory can be removed");
}

/// The number, or `null`, after `"name": ` in the first object after `"operation": `.
fn member(json: &str, operation: &str, name: &str) -> Option<f64> {
    let (_, object) = json
        .split_once(&format!("\"{operation}\": "))
        .expect("the operation is there");
    let (_, value) = object
        .split_once(&format!("\"{name}\": "))
        .expect("the quantity is there");
    value[..value.find(',').expect("members follow")]
        .parse()
        .ok()
}

#[test]
fn the_tools_count_what_is_known_beforehand() {
    let output = counts(&["--subject", "calibration", "--json"], None);
    let json = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{json}");
    for (operation, known) in [
        ("nothing", [0.0, 0.0, 0.0, 0.0]),
        ("locked", [3.0, 0.0, 0.0, 0.0]),
        ("boxes", [0.0, 2.0, 80.0, 0.0]),
        ("syscall", [0.0, 0.0, 0.0, 1.0]),
    ] {
        for (quantity, known) in Quantity::ALL[1..].iter().zip(known) {
            match member(&json, operation, quantity.name()) {
                Some(value) => assert!(
                    (value - known).abs() < 0.02,
                    "{operation} {}: {value}",
                    quantity.name()
                ),
                None => assert!(
                    json.contains(&format!("\"{}\": \"", quantity.name())),
                    "a reason is given: {json}"
                ),
            }
        }
    }
}

#[test]
fn every_operation_of_filch_runs_and_is_bounded() {
    let listed = stdout(&counts(&["--list"], None));
    let names = listed
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with(' '));
    let names: Vec<&str> = names
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() >= 7, "{listed}");
    let bounds = Bounds::parse(include_str!("../counts.bounds"))
        .expect("the built-in bounds are well formed");
    for name in names {
        let output = counts(&["--child", name, "--n", "400", "--allocations"], None);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{name}: {errors}");
        assert_eq!(stdout(&output).split_whitespace().count(), 2, "{name}");
        assert!(
            bounds.bound(name, Quantity::Instructions).is_some(),
            "{name} has no bound"
        );
        assert!(
            bounds.bound(name, Quantity::Rmw).is_some(),
            "{name} has no bound"
        );
    }
}

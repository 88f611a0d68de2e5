//! Tests of the `gates` program as a whole, on sizes that take no time.
//!
//! This file must not depend on how fast the machine is: nothing is judged here.

use std::process::{Command, Output};

fn gates(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gates"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn all_scenarios_run_and_every_run_is_kept() {
    let output = gates(&["--scale", "0.001", "--reps", "2", "--no-check", "--json"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.starts_with(r#"{"machine":{"#) && text.ends_with("]}\n"),
        "{text}"
    );
    for scenario in [
        "sleepers",
        "sleep_tick",
        "blocking_noop",
        "blocking_sleep",
        "parked",
        "sleeping_10m",
        "burst",
    ] {
        assert!(
            text.contains(&format!(r#""scenario":"{scenario}","skipped":null"#)),
            "{scenario} is missing in {text}"
        );
    }
    assert_eq!(
        text.matches(r#"{"runtime":"filch","round":1"#).count(),
        14,
        "{text}"
    );
    let has_peers = text.contains(r#""runtime":"tokio-ct""#);
    assert_eq!(has_peers, cfg!(feature = "peers"), "{text}");
    assert!(text.contains("nothing is judged"), "{text}");
    assert!(!text.contains(r#""verdict":"met""#), "{text}");
}

#[test]
fn no_sleep_is_early() {
    let arguments = [
        "--scale", "0.001", "--reps", "1", "--only", "sleepers", "--json",
    ];
    let text = stdout(&gates(&arguments));
    let none = r#""quantity":"early","filch":{"median":0,"least":0,"greatest":0}"#;
    assert!(text.contains(none), "{text}");
}

#[test]
fn a_child_prints_keys_and_numbers() {
    let arguments = [
        "--child",
        "blocking_noop",
        "--runtime",
        "filch",
        "--scale",
        "0.001",
    ];
    let output = gates(&arguments);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for key in ["wall_s", "pool_threads"] {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let number = line
            .and_then(|rest| rest.strip_prefix('='))
            .map(str::parse::<f64>);
        assert!(matches!(number, Some(Ok(number)) if number > 0.0), "{text}");
    }
}

#[test]
fn the_table_and_the_list_are_for_people() {
    let arguments = [
        "--scale",
        "0.001",
        "--reps",
        "1",
        "--only",
        "blocking_sleep",
    ];
    let output = gates(&arguments);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("not checked") && text.contains("≤ 40 ms"),
        "{text}"
    );
    let list = stdout(&gates(&["--list"]));
    assert!(
        list.contains("sleeping_10m") && list.contains("≤ 0.25 × tokio"),
        "{list}"
    );
}

#[test]
fn misuse_is_exit_status_2() {
    for arguments in [
        &["--only", "nothing"][..],
        &["--reps", "0"],
        &["--child", "parked"],
        &["--frobnicate"],
    ] {
        let output = gates(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage: gates"));
    }
}

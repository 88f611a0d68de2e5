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
        #[cfg(unix)]
        "echo_64",
        #[cfg(unix)]
        "echo_1000",
        #[cfg(unix)]
        "idle_connections",
        #[cfg(unix)]
        "waves",
    ] {
        assert!(
            text.contains(&format!(r#""scenario":"{scenario}","skipped":null"#)),
            "{scenario} is missing in {text}"
        );
    }
    // Only the one that needs `wrk` and the feature peers may be left out.
    let ran = text.matches(r#""skipped":null"#).count();
    let skipped = text.matches(r#""skipped":""#).count();
    assert!(skipped == 0 || text.contains(r#""scenario":"http","skipped":""#) && skipped == 1);
    assert_eq!(
        text.matches(r#"{"runtime":"filch","round":1"#).count(),
        2 * ran,
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
#[cfg(unix)]
fn connections_echo_and_leave_nothing() {
    let arguments = [
        "--scale",
        "0.02",
        "--reps",
        "1",
        "--only",
        "echo_1000",
        "--only",
        "waves",
        "--json",
    ];
    let output = gates(&arguments);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for key in ["wrong", "files_left", "slots_left"] {
        let none = format!(r#""quantity":"{key}","filch":{{"median":0,"least":0,"greatest":0}}"#);
        assert!(text.contains(&none), "{key} in {text}");
    }
}

#[test]
#[cfg(unix)]
fn visitors_without_a_server_fail() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port is free");
    let mut child = Command::new(env!("CARGO_BIN_EXE_gates"))
        .args(["--visit", &free.to_string(), "--clients", "1"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut orders = child.stdin.take().expect("it is a pipe");
    std::io::Write::write_all(&mut orders, b"go\n").expect("it reads");
    drop(orders);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("the clients fail: "));
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
        &["--clients", "3"],
        &["--frobnicate"],
    ] {
        let output = gates(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage: gates"));
    }
}

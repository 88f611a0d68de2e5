//! Runs the built `stress` program, small, and checks what it prints and how it exits. It must not
//! know the program's insides: it reads what a user's script would read.

use std::io::Read;
use std::process::{Command, Output, Stdio};

const KEYS: [&str; 20] = [
    "scenario",
    "seed",
    "workers",
    "tasks",
    "elapsed_seconds",
    "operations_per_second",
    "rss_bytes_per_task",
    "cpu_seconds",
    "spawn_per_second",
    "late_p50_us",
    "late_p99_us",
    "late_max_us",
    "spawned",
    "dropped",
    "early",
    "lost",
    "twice",
    "leaked",
    "threads_left",
    "pass",
];

fn stress(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stress"));
    command
        .args(arguments.split_whitespace())
        .env_remove("FILCH_WORKERS");
    command
}

fn run(arguments: &str) -> Output {
    stress(arguments).output().expect("the program runs")
}

/// The text behind a key of the JSON object, up to the next comma or bracket: enough for numbers
/// and truth values.
fn value<'a>(json: &'a str, key: &str) -> &'a str {
    let name = format!("\"{key}\":");
    let start = json
        .find(&name)
        .unwrap_or_else(|| panic!("{key} is missing in {json}"));
    let rest = &json[start + name.len()..];
    &rest[..rest.find([',', '}']).unwrap()]
}

fn number(json: &str, key: &str) -> f64 {
    value(json, key)
        .parse()
        .unwrap_or_else(|_| panic!("{key} is no number in {json}"))
}

/// Runs a scenario for its JSON, which must be all that is printed, and must pass.
fn passing(arguments: &str) -> String {
    let output = run(&format!("{arguments} --json --quiet"));
    let json = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {json}{errors}");
    assert_eq!(errors, "", "quiet");
    assert_eq!(json.matches('\n').count(), 1, "one line: {json}");
    assert!(json.starts_with('{') && json.ends_with("}\n"), "{json}");
    for key in KEYS {
        value(&json, key);
    }
    for zero in ["early", "lost", "twice", "leaked"] {
        assert_eq!(value(&json, zero), "0", "{zero}: {json}");
    }
    assert!(
        ["0", "null"].contains(&value(&json, "threads_left")),
        "{json}"
    );
    assert_eq!(value(&json, "pass"), "true");
    assert_eq!(number(&json, "spawned"), number(&json, "dropped"));
    json
}

#[test]
fn sleepers_all_wake_in_time() {
    let json = passing("--tasks 2000 --for 300ms");
    assert_eq!(value(&json, "scenario"), "\"sleep\"");
    for key in ["tasks", "spawned", "woken", "operations"] {
        assert_eq!(value(&json, key), "2000", "{key}");
    }
    let (p50, p99, max) = (
        number(&json, "late_p50_us"),
        number(&json, "late_p99_us"),
        number(&json, "late_max_us"),
    );
    assert!(p50 <= p99 && p99 <= max, "{p50} {p99} {max}");
    assert!(number(&json, "elapsed_seconds") >= 0.25);
    assert!(number(&json, "spawn_per_second") > 0.0);
}

#[test]
fn yields_are_counted_by_task() {
    let json = passing("yield --tasks 50 --for 200ms --workers 2");
    assert_eq!(value(&json, "workers"), "2");
    assert_eq!(value(&json, "spawned"), "50");
    assert!(number(&json, "operations") > 50.0);
    assert!(number(&json, "yields_min") <= number(&json, "yields_max"));
}

#[test]
fn chains_of_spawns_end() {
    let json = passing("spawn --tasks 20 --for 200ms");
    assert!(number(&json, "spawned") >= 20.0 * 9.0);
    assert_eq!(value(&json, "spawned"), value(&json, "completed"));
}

#[test]
fn blocking_jobs_come_back() {
    let json = passing("blocking --tasks 16 --for 200ms");
    assert!(number(&json, "operations") > 16.0);
}

#[test]
fn a_mix_balances_and_keeps_its_seed() {
    let json = passing("mixed --tasks 50 --for 300ms --seed 0x5eed");
    assert_eq!(number(&json, "seed"), f64::from(0x5eed));
    let ended = ["completed", "cancelled", "panicked"].map(|key| number(&json, key));
    assert_eq!(number(&json, "spawned"), ended.iter().sum::<f64>());
    assert!(ended.iter().all(|count| *count > 0.0), "{json}");
}

#[test]
#[cfg(unix)]
fn connections_echo_every_byte_and_leave_nothing() {
    let json = passing("echo --connections 40 --size 100 --waves 3 --for 300ms --workers 2");
    assert_eq!(value(&json, "tasks"), "40");
    assert_eq!(value(&json, "request_bytes"), "100");
    // Each connection has a task at each end, and each wave one that opens them.
    assert_eq!(value(&json, "spawned"), "243");
    assert!(number(&json, "operations") >= 120.0);
    let latency = ["p50", "p90", "p99", "max"].map(|at| number(&json, &format!("latency_{at}_us")));
    assert!(latency.is_sorted() && latency[3] > 0.0, "{latency:?}");
    assert_eq!(value(&json, "late_p50_us"), "null");
    assert_eq!(value(&json, "slots_left"), "0");
    assert!(["0", "null"].contains(&value(&json, "descriptors_left")));
}

#[test]
#[cfg(unix)]
fn long_requests_do_not_block_each_other() {
    let json = passing("echo --connections 3 --size 5000000 --for 100ms --workers 1");
    assert!(number(&json, "operations") >= 3.0);
}

#[test]
#[cfg(unix)]
fn people_read_the_latency() {
    let output = run("echo --connections 5 --for 50ms --seed 7 --quiet");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for part in [
        "--connections 5  --size 64  --waves 1",
        "latency",
        "p90",
        "per request, both ends",
        "bytes sent = echoed",
        "descriptors left",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let folder = text
        .split("report: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let svg = std::fs::read_to_string(format!("{folder}/latency.svg")).unwrap();
    assert!(svg.contains("Latency of requests: 5 connections, echo"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn people_read_the_seed_the_checks_and_the_report() {
    let output = run("sleep --tasks 100 --for 50ms --seed 7 --quiet");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for part in [
        "PASS in",
        "report: ",
        "spawned = woken = dropped",
        "threads left",
        "lost",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains('\x1b'), "no colours in a pipe");
    assert_eq!(
        text.contains("DEBUG BUILD"),
        cfg!(debug_assertions),
        "{text}"
    );

    let folder = text
        .split("report: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
    assert!(read("report.json").contains("\"samples\":[{"));
    for file in ["lateness.svg", "rss.svg"] {
        let svg = read(file);
        assert!(
            svg.contains("lower is better") && svg.contains("seed 0x7"),
            "{file}"
        );
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn absurd_options_are_refused() {
    for arguments in [
        "--tasks 0",
        "--workers 0",
        "--workers 5000",
        "--for 0",
        "doze",
        "echo --tasks 3",
        "echo --size 0",
        "sleep --waves 2",
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(output.stdout.is_empty());
        assert!(
            String::from_utf8_lossy(&output.stderr).starts_with("error: "),
            "{arguments}"
        );
    }
}

#[test]
fn help_is_no_fault() {
    let output = run("--help");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for key in KEYS {
        assert!(text.contains(key), "{key} is missing in the help");
    }
}

/// Ctrl-C during a run that would take an hour.
#[test]
#[cfg(unix)]
fn ctrl_c_prints_what_there_is() {
    for json in ["", "--json"] {
        let mut child = stress(&format!("sleep --tasks 1000 --for 1h {json}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        // Its first progress line shows that it runs and has taken Ctrl-C over.
        let mut stderr = child.stderr.take().unwrap();
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("asleep 1,000") {
            let mut byte = [0];
            assert_eq!(stderr.read(&mut byte).unwrap(), 1, "it ended by itself");
            seen.push(byte[0]);
        }
        let kill = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(kill.expect("`kill` runs").success());
        let mut text = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
        if json.is_empty() {
            assert!(
                text.contains("INTERRUPTED") && text.contains("1,000 tasks"),
                "{text}"
            );
            assert!(!text.contains("PASS") && !text.contains("check "), "{text}");
        } else {
            assert_eq!(value(&text, "interrupted"), "true");
            assert_eq!(value(&text, "spawned"), "1000");
            assert_eq!(value(&text, "pass"), "null");
        }
    }
}

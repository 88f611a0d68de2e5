//! Tests that run in a child process: because it is expected to die, or because limits or the environment are set for it.
//! The child is this test program again, asked for the one test.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const VARIABLE: &str = "FILCH_TEST_CHILD";

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Child {
    #[track_caller]
    pub(crate) fn assert_success(&self) {
        assert!(self.status.success(), "{self:#?}");
    }
}

/// Whether this is the child, and for which role.
pub(crate) fn is_child() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Runs the test `name` of this program in a child, with more variables in its environment; fails at the limit.
#[track_caller]
pub(crate) fn run_child(name: &str, limit: Duration, environment: &[(&str, &str)]) -> Child {
    run(Command::new(program()), name, limit, environment)
}

/// Runs the test in a child under a limit of `prlimit`, the tool of util-linux.
#[track_caller]
pub(crate) fn run_child_with(name: &str, limit: &str) -> Child {
    let mut command = Command::new("prlimit");
    command.args([limit, "--"]).arg(program());
    run(command, name, super::LIMIT, &[])
}

/// Runs the test in a child of another program, which takes this program and its arguments as its own last ones.
#[track_caller]
pub(crate) fn run_child_through(
    mut through: Command,
    name: &str,
    limit: Duration,
    environment: &[(&str, &str)],
) -> Child {
    through.arg(program());
    run(through, name, limit, environment)
}

/// A child that plays a part beside the test; it is killed at the end.
pub(crate) struct Beside(std::process::Child);

impl Beside {
    /// Starts the test `name` of this program as such a child.
    pub(crate) fn start(name: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program());
        command.args(["--exact", name, "--nocapture", "--test-threads", "1"]);
        command.env(VARIABLE, "1").envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        Self(command.spawn().expect("a child process"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("the child can be killed");
        self.0.wait().expect("the child's status");
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program() -> PathBuf {
    std::env::current_exe().expect("the path of this program")
}

#[track_caller]
fn run(mut command: Command, name: &str, limit: Duration, environment: &[(&str, &str)]) -> Child {
    command
        .args(["--exact", name, "--nocapture", "--test-threads", "1"])
        .env(VARIABLE, "1")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("a child process");
    let mut out = child.stdout.take().expect("piped");
    let mut err = child.stderr.take().expect("piped");
    let read_out = thread::spawn(move || {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).expect("the child's output");
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let read_err = thread::spawn(move || {
        let mut bytes = Vec::new();
        err.read_to_end(&mut bytes).expect("the child's errors");
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child's status") {
            break Some(status);
        }
        if start.elapsed() > limit {
            break None;
        }
        // The child's end has no channel in the standard library; this is its polling interval.
        thread::sleep(Duration::from_millis(2));
    };
    if status.is_none() {
        child.kill().expect("the child can be killed");
        child.wait().expect("the child's status");
    }
    let ended = |status| Child {
        status,
        stdout: read_out.join().expect("a reader"),
        stderr: read_err.join().expect("a reader"),
    };
    match status {
        Some(status) => ended(status),
        None => panic!("the child `{name}` hangs: not done after {limit:?}"),
    }
}

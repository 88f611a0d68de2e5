//! Running a program to its end.
//!
//! This file owns the waiting, the deadline and the telling apart of a tool that is absent from one that failed. It must
//! not know what is run or what its output means.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long one run may take; ten times what the longest one takes on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(300);
/// How often a run is looked after.
const PATIENCE: Duration = Duration::from_millis(5);

/// Runs `command` and returns its standard output. The error is a reason such as `no strace` or `strace failed: …`.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // The tools' words are parsed, so they are asked for in English; a parent's options would change what is measured.
    command
        .env("LC_ALL", "C")
        .env_remove("VALGRIND_OPTS")
        .env_remove("FILCH_WORKERS");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(format!("no {name}")),
        Err(error) => return Err(format!("{name} failed: {error}")),
    };
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if started.elapsed() < DEADLINE => thread::sleep(PATIENCE),
            Ok(None) => break Err(format!("still running after {} s", DEADLINE.as_secs())),
            Err(error) => break Err(error.to_string()),
        }
    };
    let status = status.map_err(|why| {
        // It may have ended in the meantime, in which case there is nothing left to stop.
        let _ = child.kill();
        let _ = child.wait();
        format!("{name} failed: {why}")
    })?;
    let (stdout, stderr) = (
        stdout.join().unwrap_or_default(),
        stderr.join().unwrap_or_default(),
    );
    if status.success() {
        return Ok(stdout);
    }
    let last = stderr
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing");
    Err(format!("{name} failed: {status}: {}", last.trim()))
}

/// Reads a pipe to its end on a thread of its own, so that a talkative program is never blocked on a full pipe.
fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // A pipe that breaks halfway leaves what it delivered; the exit status tells the rest.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A file for a tool to write to, removed at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A name that no other run uses.
    pub(crate) fn new(purpose: &str) -> Scratch {
        Scratch(std::env::temp_dir().join(format!("filch-counts-{}-{purpose}", std::process::id())))
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What the tool wrote.
    pub(crate) fn read(&self) -> Result<String, String> {
        match std::fs::read(&self.0) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(format!("cannot read {}: {error}", self.0.display())),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It does not exist when the tool failed before it wrote anything.
        let _ = std::fs::remove_file(&self.0);
    }
}

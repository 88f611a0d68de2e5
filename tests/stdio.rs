//! The standard streams, in child processes of their own.
#![cfg(not(any(loom, shuttle)))]

mod common;

use common::{LIMIT, current_thread, guarded, is_child, poll_once, workers};
use filch::io::{stderr, stdin, stdout};
use futures_lite::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, StreamExt, future::block_on};
use std::fmt::Write as _;
use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::pin::pin;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::task::Poll;
use std::time::{Duration, Instant};

/// What a child's own lines begin with: its test harness writes others.
const MARK: &str = "| ";

/// A child with pipes, which runs one test of this program.
struct Peer {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Peer {
    fn start(name: &str) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut child = Command::new(program)
            .args(["--exact", name, "--nocapture", "--test-threads", "1"])
            .env("FILCH_TEST_CHILD", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a child");
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(BufReader::new),
            child,
        }
    }

    fn send(&mut self, bytes: &str) {
        let stdin = self.stdin.as_mut().expect("it is open");
        stdin.write_all(bytes.as_bytes()).expect("the child reads");
    }

    /// The rest of the next line that bears the mark.
    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        let stdout = self.stdout.as_mut().expect("it is open");
        loop {
            line.clear();
            let count = stdout.read_line(&mut line).expect("the child's output");
            assert!(count > 0, "the child said no more");
            if let Some((_, said)) = line.split_once(MARK) {
                return said.trim_end().to_string();
            }
        }
    }

    /// Waits for the child's end; what else it wrote, and its errors.
    #[track_caller]
    fn end(mut self) -> (String, String) {
        let mut out = String::new();
        if let Some(mut stdout) = self.stdout.take() {
            stdout.read_to_string(&mut out).expect("the child's output");
        }
        let mut err = String::new();
        let mut stderr = self.child.stderr.take().expect("piped");
        stderr.read_to_string(&mut err).expect("the child's errors");
        // Its pipes are closed: it is about to end, although its input is open.
        let start = Instant::now();
        let status = loop {
            match self.child.try_wait().expect("the child's status") {
                Some(status) => break status,
                None => assert!(start.elapsed() < LIMIT, "the child does not end"),
            }
            std::thread::yield_now();
        };
        assert!(status.success(), "{status}: {out}{err}");
        (out, err)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A test that failed leaves no child behind; after the end there is none.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `child` in a child process, and `parent` with that in this one.
#[track_caller]
fn with_child(
    name: &'static str,
    child: impl FnOnce(),
    parent: impl FnOnce(Peer) + Send + 'static,
) {
    if is_child() {
        child();
    } else {
        guarded(move || parent(Peer::start(name)));
    }
}

async fn say(line: &str) {
    let line = format!("{MARK}{line}\n");
    stdout().write_all(line.as_bytes()).await.unwrap();
    stdout().flush().await.unwrap();
}

fn poll_and_drop<F: Future>(future: F) -> Poll<F::Output> {
    poll_once(&mut pin!(future))
}

#[test]
fn lines_come_as_they_are_sent_and_end_with_the_input() {
    with_child(
        "lines_come_as_they_are_sent_and_end_with_the_input",
        || {
            workers(1).block_on(async {
                let mut lines = stdin().lines();
                while let Some(line) = lines.next().await {
                    say(&format!("got {}", line.unwrap())).await;
                }
                say("end").await;
            });
        },
        |mut peer| {
            for line in ["one", "two", "", "four"] {
                peer.send(&format!("{line}\n"));
                assert_eq!(peer.line(), format!("got {line}").trim_end());
            }
            peer.send("without an end");
            peer.stdin = None;
            assert_eq!(peer.line(), "got without an end");
            assert_eq!(peer.line(), "end");
            peer.end();
        },
    );
}

#[test]
fn cancelled_read_loses_no_bytes() {
    with_child(
        "cancelled_read_loses_no_bytes",
        || {
            workers(1).block_on(async {
                assert!(poll_and_drop(stdin().read(&mut [0; 100])).is_pending());
                say("gave up").await;
                let mut line = String::new();
                stdin().read_line(&mut line).await.unwrap();
                say(&line).await;
            });
        },
        |mut peer| {
            assert_eq!(peer.line(), "gave up");
            peer.send("kept\n");
            assert_eq!(peer.line(), "kept");
            peer.end();
        },
    );
}

#[test]
fn runtime_and_process_end_although_nobody_types() {
    with_child(
        "runtime_and_process_end_although_nobody_types",
        || {
            let runtime = workers(1);
            runtime
                .spawn(async { stdin().read(&mut [0]).await.unwrap() })
                .detach();
            runtime.block_on(async {
                let read = stdin();
                let mut read = pin!(read);
                let mut byte = [0];
                let late =
                    filch::time::timeout(Duration::from_millis(5), read.read(&mut byte)).await;
                assert!(late.is_err());
            });
            let report = runtime.shutdown_timeout(LIMIT);
            assert!(report.complete, "{report:?}");
            block_on(say("ended"));
        },
        |mut peer| {
            assert_eq!(peer.line(), "ended");
            // Its input is still open.
            assert!(peer.stdin.is_some());
            peer.end();
        },
    );
}

#[test]
fn unused_bytes_go_to_the_next_handle() {
    with_child(
        "unused_bytes_go_to_the_next_handle",
        || {
            block_on(async {
                let mut first = [0];
                {
                    let mut stdin = stdin();
                    stdin.read_exact(&mut first).await.unwrap();
                    let at_hand = stdin.fill_buf().await.unwrap().len();
                    assert!(at_hand > 0, "the line was read in one piece");
                    // futures-lite asks twice each time, and wants the same answer wherever the budget ends.
                    for _ in 0..1000 {
                        assert_eq!(stdin.fill_buf().await.unwrap().len(), at_hand);
                    }
                }
                let mut rest = String::new();
                stdin().read_line(&mut rest).await.unwrap();
                say(&format!("{} {}", first[0] as char, rest.trim_end())).await;
                assert_eq!(stdin().read(&mut []).await.unwrap(), 0);
                assert_eq!(stdin().read(&mut [0]).await.unwrap(), 0, "the end");
                assert_eq!(stdin().fill_buf().await.unwrap(), b"", "the end again");
            });
        },
        |mut peer| {
            peer.send("abc\n");
            assert_eq!(peer.line(), "a bc");
            peer.stdin = None;
            peer.end();
        },
    );
}

#[test]
fn several_readers_share_the_input_and_all_see_its_end() {
    with_child(
        "several_readers_share_the_input_and_all_see_its_end",
        || {
            let runtime = workers(2);
            let readers: Vec<_> = (0..4)
                .map(|_| {
                    runtime.spawn(async {
                        let mut all = Vec::new();
                        stdin().read_to_end(&mut all).await.unwrap();
                        all.len()
                    })
                })
                .collect();
            runtime.block_on(async {
                let mut sum = 0;
                for reader in readers {
                    sum += reader.await.unwrap();
                }
                say(&format!("{sum} bytes")).await;
            });
        },
        |mut peer| {
            for _ in 0..100 {
                peer.send(&"x".repeat(1000));
            }
            peer.stdin = None;
            assert_eq!(peer.line(), "100000 bytes");
            peer.end();
        },
    );
}

fn write_from_many_tasks(runtime: filch::runtime::Runtime) {
    runtime.block_on(async {
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                filch::spawn(async move {
                    for line in 0..500 {
                        let line = format!("{MARK}{task} {line} {}\n", "x".repeat(1 + line % 40));
                        // Handles come and go, and nobody flushes.
                        stdout().write_all(line.as_bytes()).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn check_lines_of_many_tasks(mut peer: Peer) {
    let mut next = [0; 8];
    for _ in 0..8 * 500 {
        let said = peer.line();
        let mut words = said.split(' ');
        let task: usize = words.next().unwrap().parse().unwrap();
        let line: usize = words.next().unwrap().parse().unwrap();
        assert_eq!(line, next[task], "task {task}");
        assert_eq!(words.next(), Some("x".repeat(1 + line % 40).as_str()));
        next[task] += 1;
    }
    peer.end();
}

#[test]
fn lines_of_many_tasks_are_whole_in_order_and_complete_at_the_end_of_the_runtime() {
    with_child(
        "lines_of_many_tasks_are_whole_in_order_and_complete_at_the_end_of_the_runtime",
        || write_from_many_tasks(workers(2)),
        check_lines_of_many_tasks,
    );
}

#[test]
fn lines_of_many_tasks_are_complete_on_the_current_thread_too() {
    with_child(
        "lines_of_many_tasks_are_complete_on_the_current_thread_too",
        || write_from_many_tasks(current_thread()),
        check_lines_of_many_tasks,
    );
}

#[test]
fn output_comes_after_what_std_has_buffered_and_needs_no_runtime() {
    with_child(
        "output_comes_after_what_std_has_buffered_and_needs_no_runtime",
        || {
            block_on(async {
                print!("{MARK}std, ");
                stdout().write_all(b"filch\n").await.unwrap();
                stderr().write_all(b"to the errors").await.unwrap();
                stderr().flush().await.unwrap();
                assert!(!stdin().is_terminal());
                assert!(!stdout().is_terminal());
                assert!(!stderr().is_terminal());
            });
        },
        |mut peer| {
            assert_eq!(peer.line(), "std, filch");
            let (_, err) = peer.end();
            assert!(err.contains("to the errors"), "{err}");
        },
    );
}

#[cfg(unix)]
#[test]
fn descriptors_are_those_of_the_process() {
    use std::os::fd::{AsFd, AsRawFd};
    assert_eq!(stdin().as_fd().as_raw_fd(), 0);
    assert_eq!(stdout().as_fd().as_raw_fd(), 1);
    assert_eq!(stderr().as_fd().as_raw_fd(), 2);
}

/// The other end is gone: the next call is told, and stderr if there is none.
#[test]
fn broken_pipe_is_an_error_and_kills_nobody() {
    with_child(
        "broken_pipe_is_an_error_and_kills_nobody",
        || {
            let runtime = workers(1);
            runtime.block_on(async {
                say("close it").await;
                stdin().read_line(&mut String::new()).await.unwrap();
                // Without a handle it would be reported at once.
                let mut stdout = stdout();
                stdout.write_all(b"in vain\n").await.unwrap();
                let error = stdout.flush().await.unwrap_err();
                assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
                stdout.flush().await.unwrap();
                stdout
                    .write_all(b"in vain, and nobody asks\n")
                    .await
                    .unwrap();
            });
            drop(runtime);
            // The harness would fail to write its result.
            std::process::exit(0);
        },
        |mut peer| {
            assert_eq!(peer.line(), "close it");
            peer.stdout = None;
            peer.send("closed\n");
            let (_, err) = peer.end();
            assert!(
                err.contains("filch: a buffered write to the standard output failed"),
                "{err}"
            );
            assert!(err.contains(file!()), "{err}");
        },
    );
}

/// Streams that are shared with a process which made them non-blocking.
#[cfg(target_os = "linux")]
#[test]
fn streams_may_be_non_blocking() {
    use rustix::fs::{OFlags, fcntl_setfl};
    use rustix::io::{Errno, read};
    const LINES: usize = 40_000;
    with_child(
        "streams_may_be_non_blocking",
        || {
            workers(1).block_on(async {
                fcntl_setfl(stdin(), OFlags::NONBLOCK).unwrap();
                fcntl_setfl(stdout(), OFlags::NONBLOCK).unwrap();
                assert_eq!(read(stdin(), &mut [0; 1]), Err(Errno::AGAIN));
                assert!(poll_and_drop(stdin().read(&mut [0])).is_pending());
                say("asked").await;
                stdin().read_line(&mut String::new()).await.unwrap();
                let mut bytes = String::new();
                for line in 0..LINES {
                    writeln!(bytes, "{line:09}").unwrap();
                }
                // Nobody reads: the pipe is full, and the buffers are.
                let (mut sent, mut waits) = (0, 0);
                while waits < 1000 {
                    let rest = &bytes.as_bytes()[sent..];
                    match poll_and_drop(stdout().write(rest)) {
                        Poll::Ready(count) => sent += count.unwrap(),
                        Poll::Pending => {
                            waits += 1;
                            filch::task::yield_now().await;
                        }
                    }
                }
                eprintln!("full");
                stdout().write_all(&bytes.as_bytes()[sent..]).await.unwrap();
                stdout().flush().await.unwrap();
                // For the harness.
                fcntl_setfl(stdout(), OFlags::empty()).unwrap();
            });
        },
        |mut peer| {
            assert_eq!(peer.line(), "asked");
            peer.send("go\n");
            let mut err = BufReader::new(peer.child.stderr.take().expect("piped"));
            let mut line = String::new();
            while !line.ends_with("full\n") {
                assert!(err.read_line(&mut line).unwrap() > 0, "{line}");
            }
            peer.child.stderr = Some(err.into_inner());
            let (out, _) = peer.end();
            let expected: Vec<_> = (0..LINES).map(|line| format!("{line:09}")).collect();
            let found: Vec<_> = out.lines().take(expected.len()).collect();
            assert_eq!(found, expected);
        },
    );
}

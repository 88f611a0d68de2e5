//! Faults that `strace` injects into a child: they reach every system call, whoever makes it. Without the tool, or the
//! right to trace, the tests say so and check nothing. The names bear the rows of the table of faults.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod common;

use common::{LIMIT, Tally, is_child, run_child_through, tcp_pair, workers};
use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::runtime::{Builder, Runtime};
use std::process::{Command, Stdio};

/// Whether this process may trace a child, and can.
fn can_trace() -> bool {
    let mut probe = Command::new("strace");
    probe.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=none", "true"]);
    let probed = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if probed.as_ref().is_ok_and(|status| status.success()) {
        return true;
    }
    println!("not checked: strace is missing, or not permitted: {probed:?}");
    false
}

/// Runs this test in a child into whose system calls errors are injected, each as `call:error=E:when=N+M`. The child must
/// succeed, and each error must have been injected. Whether this is the parent.
#[track_caller]
fn inject(name: &str, faults: &[&str]) -> bool {
    if is_child() {
        return false;
    }
    if !can_trace() {
        return true;
    }
    let log = std::env::temp_dir().join(format!("filch-{name}-{}.strace", std::process::id()));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&log);
    let calls: Vec<_> = faults
        .iter()
        .filter_map(|fault| fault.split(':').next())
        .collect();
    strace.arg("-e").arg(format!("trace={}", calls.join(",")));
    for fault in faults {
        strace.arg("-e").arg(format!("inject={fault}"));
    }
    // A sanitizer looks for leaks as a tracer, of which there can be one.
    let environment = [("ASAN_OPTIONS", "detect_leaks=0")];
    let child = run_child_through(strace, name, LIMIT * 3, &environment);
    let text = std::fs::read_to_string(&log).expect("strace's log");
    std::fs::remove_file(&log).expect("strace's log");
    child.assert_success();
    assert!(child.stdout.contains("went on"), "{child:#?}");
    for call in calls {
        let injected = |line: &str| line.contains("(INJECTED)") && line.contains(call);
        let count = text.lines().filter(|line| injected(line)).count();
        println!("{name}: {count} of {call} were injected");
        assert!(count > 0, "nothing was injected into {call}:\n{text}");
    }
    true
}

/// A few connections, one after the other, and some words on each.
async fn converse(listener: &TcpListener) {
    for _ in 0..12 {
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let echo = filch::spawn(async move {
            let mut word = [0; 4];
            while server.read_exact(&mut word).await.is_ok() {
                server.write_all(&word).await.unwrap();
            }
        });
        for round in 0..10_u32 {
            client.write_all(&round.to_le_bytes()).await.unwrap();
            let mut word = [0; 4];
            client.read_exact(&mut word).await.unwrap();
            assert_eq!(u32::from_le_bytes(word), round);
        }
        drop(client);
        echo.await.unwrap();
    }
}

fn talk(runtime: &Runtime) {
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        converse(&listener).await;
    });
    println!("went on");
}

/// Every way in which an accept may fail for the connection's sake, or for want of something.
#[test]
fn e64_e65_accepts_that_fail_are_made_again() {
    const NAME: &str = "e64_e65_accepts_that_fail_are_made_again";
    for errors in [
        "ECONNABORTED",
        "EPROTO",
        "EPERM",
        "ENFILE",
        "EMFILE",
        "ENOBUFS",
        "ENOMEM",
    ] {
        let fault = format!("accept4:error={errors}:when=2+5");
        if !inject(NAME, &[&fault]) {
            let mut builder = Builder::new();
            let reports = Tally::new();
            let count = reports.clone();
            builder.workers(2).on_unhandled(move |end| {
                assert!(end.io_error().is_some(), "{end}");
                count.count();
            });
            talk(&builder.build().unwrap());
            assert!(reports.counted() <= 12, "once each time");
            return;
        }
    }
}

#[test]
fn e66_interrupted_calls_are_made_again() {
    const NAME: &str = "e66_interrupted_calls_are_made_again";
    let wait = if cfg!(filch_generic_poll) {
        "epoll_pwait"
    } else {
        "epoll_pwait2"
    };
    let faults =
        ["recvfrom", "sendto", "accept4", wait].map(|call| format!("{call}:error=EINTR:when=1+3"));
    let faults = faults.each_ref().map(String::as_str);
    if inject(NAME, &faults) {
        return;
    }
    talk(&workers(2));
}

/// What comes before a descriptor is watched does not count, whatever a kernel says: the registration asks again.
#[test]
fn e67_refusal_for_nothing_before_the_registration_does_not_hang() {
    const NAME: &str = "e67_refusal_for_nothing_before_the_registration_does_not_hang";
    if inject(NAME, &["recvfrom:error=EAGAIN:when=1"]) {
        return;
    }
    workers(1).block_on(async {
        let (mut ours, mut theirs) = tcp_pair().await;
        theirs.write_all(b"there already").await.unwrap();
        let mut text = [0; 13];
        ours.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"there already");
    });
    println!("went on");
}

/// `polling`, which the generic wait is made with, changes registrations at each wait, and does not bear that this fails.
#[cfg(not(filch_generic_poll))]
#[test]
fn e69_registration_without_memory_is_an_error_that_passes() {
    const NAME: &str = "e69_registration_without_memory_is_an_error_that_passes";
    // The first ones are the runtime's own; then it hits, in turn, what adds and what takes out, which is no error.
    if inject(NAME, &["epoll_ctl:error=ENOMEM:when=4+3"]) {
        return;
    }
    workers(1).block_on(async {
        let mut failed = 0;
        for _ in 0..6 {
            let (mut ours, mut theirs) = loop {
                // The connection may be what has to wait.
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let theirs = std::net::TcpStream::connect(address).unwrap();
                match listener.accept().await {
                    Ok((ours, _)) => break (ours, theirs),
                    Err(_) => failed += 1,
                }
            };
            let mut byte = [0];
            let mut reads = Box::pin(ours.read(&mut byte));
            match futures_lite::future::poll_once(reads.as_mut()).await {
                None => {}
                Some(Err(error)) => {
                    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
                    failed += 1;
                    drop(reads);
                    reads = Box::pin(ours.read(&mut byte));
                    assert!(
                        futures_lite::future::poll_once(reads.as_mut())
                            .await
                            .is_none()
                    );
                }
                Some(Ok(_)) => panic!("nothing was sent"),
            }
            std::io::Write::write_all(&mut theirs, b"x").unwrap();
            assert_eq!(reads.await.unwrap(), 1);
        }
        assert!(failed > 0);
    });
    println!("went on");
}

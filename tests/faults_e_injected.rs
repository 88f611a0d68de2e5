//! Faults of the kernel by the hundred thousand: a shim that is preloaded into a child lets system calls fail now and then,
//! in ways in which a kernel may make them fail. Nothing is lost, nothing hangs, no descriptor leaks. The names bear the
//! rows of the table of faults.
//!
//! Only with `--cfg rustix_use_libc`: rustix calls the kernel past the C library otherwise, where no shim can be. The gate
//! runs it so.
#![cfg(all(target_os = "linux", rustix_use_libc, not(any(loom, shuttle))))]

mod common;

use common::{LIMIT, Random, Tally, descriptors, is_child, run_child, wait_until, workers};
use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::runtime::{Builder, Runtime};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// What the kernel may do to a call that moves bytes, or waits: it changes nothing for who uses a stream.
const INTERRUPTIONS: &str = "recv=EINTR:300,send=EINTR:300,recvmsg=EINTR:300,sendmsg=EINTR:300,\
     accept=EINTR:300,wait=EINTR:150,wait=NOTHING:150";

/// Compiles the shim, once.
fn shim() -> Option<&'static str> {
    static SHIM: OnceLock<Option<String>> = OnceLock::new();
    let shim = SHIM.get_or_init(|| {
        let folder = env!("CARGO_TARGET_TMPDIR");
        let library = format!("{folder}/filch-faults-{}.so", std::process::id());
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shim/faults.c");
        let mut compiler = Command::new("cc");
        compiler.args([
            "-std=gnu11",
            "-O2",
            "-Wall",
            "-Werror",
            "-shared",
            "-fPIC",
            "-o",
        ]);
        match compiler.args([&library, source, "-ldl"]).status() {
            Ok(status) => {
                assert!(status.success(), "the shim does not compile");
                Some(library)
            }
            Err(error) => {
                println!("not checked: no C compiler: {error}");
                None
            }
        }
    });
    shim.as_deref()
}

/// Runs this test in a child with so many faults of a thousand calls, and counts those that fired. `None` in the child.
#[track_caller]
fn inject(name: &str, faults: &str, at_least: u64) -> Option<()> {
    if is_child() {
        return None;
    }
    let Some(shim) = shim() else {
        return Some(());
    };
    let seed = std::env::var("FILCH_FAULT_SEED").unwrap_or_else(|_| "1".into());
    let environment = [
        ("LD_PRELOAD", shim),
        ("FAULTS", faults),
        ("FAULT_SEED", &seed),
    ];
    let child = run_child(name, LIMIT * 6, &environment);
    child.assert_success();
    assert!(child.stdout.contains("nothing lost"), "{child:#?}");
    let fired = child
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("fired "));
    let fired: Vec<_> = fired.collect();
    println!("{name}: {}", fired.join(", "));
    let (total, each) = fired.split_last().expect("the shim was loaded");
    assert!(
        each.iter().all(|kind| !kind.ends_with(" 0")),
        "each kind has fired: {fired:?}"
    );
    assert!(total.parse::<u64>().unwrap() >= at_least, "{fired:?}");
    Some(())
}

/// Each word goes there and back on so many connections, a part of them with vectored writes, and is checked. Calls are
/// made again as `again` says, a connection that fails is made again.
fn echo(runtime: &Runtime, connections: usize, rounds: u32, again: fn(&io::Error) -> bool) {
    let before = descriptors();
    runtime.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (served, tally) = (Tally::new(), Tally::new());
        let tokens = served.clone();
        let server = filch::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let (token, is_vectored) = (tokens.token(), tally.count() % 2 == 0);
                        let task = filch::spawn(async move {
                            serve(stream, is_vectored, again).await;
                            drop(token);
                        });
                        task.detach();
                    }
                    Err(error) => assert!(again(&error), "accept: {error}"),
                }
            }
        });
        let clients: Vec<_> = (0..connections)
            .map(|at| filch::spawn(client(address, at as u64, rounds, again)))
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
        while served.dropped() < served.made() {
            filch::task::yield_now().await;
        }
    });
    wait_until("all descriptors are closed", || descriptors() == before);
}

async fn serve(mut stream: TcpStream, is_vectored: bool, again: fn(&io::Error) -> bool) {
    let mut buffer = [0; 256];
    loop {
        let (one, other) = buffer.split_at_mut(100);
        let read = if is_vectored {
            let mut buffers = [IoSliceMut::new(one), IoSliceMut::new(other)];
            stream.read_vectored(&mut buffers).await
        } else {
            stream.read(&mut buffer).await
        };
        match read {
            Ok(0) => return,
            Ok(count) => {
                if !send(&mut stream, &buffer[..count], false, again).await {
                    return;
                }
            }
            Err(error) if again(&error) => {}
            Err(error) => panic!("the server's read: {error}"),
        }
    }
}

/// Whether all was sent; or the peer has gone.
async fn send(
    stream: &mut TcpStream,
    bytes: &[u8],
    is_vectored: bool,
    again: fn(&io::Error) -> bool,
) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = if is_vectored {
            let (one, other) = rest.split_at(rest.len() / 2);
            stream
                .write_vectored(&[IoSlice::new(one), IoSlice::new(other)])
                .await
        } else {
            stream.write(rest).await
        };
        match written {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return false,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return false,
            Err(error) => assert!(again(&error), "write: {error}"),
        }
    }
    true
}

async fn client(address: SocketAddr, seed: u64, rounds: u32, again: fn(&io::Error) -> bool) {
    let mut random = Random::new(seed);
    let mut done = 0;
    while done < rounds {
        let mut stream = match TcpStream::connect(address).await {
            Ok(stream) => stream,
            Err(error) => {
                assert!(again(&error), "connect: {error}");
                continue;
            }
        };
        stream.set_nodelay(true).unwrap();
        'connected: while done < rounds {
            let mut word = vec![0; 1 + random.below(200) as usize];
            word.fill_with(|| random.next() as u8);
            if !send(&mut stream, &word, random.below(4) == 0, again).await {
                break;
            }
            let (mut back, mut have) = ([0; 200], 0);
            while have < word.len() {
                match stream.read(&mut back[have..]).await {
                    // Aborted before it was accepted: nothing of it had come back.
                    Ok(0) if have == 0 => break 'connected,
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                        break 'connected;
                    }
                    Ok(0) => panic!("the connection ended in the middle of a word"),
                    Ok(count) => have += count,
                    Err(error) => assert!(again(&error), "the client's read: {error}"),
                }
            }
            assert_eq!(back[..have], word[..]);
            done += 1;
        }
    }
}

fn never(_: &io::Error) -> bool {
    false
}

#[test]
fn e66_interrupted_calls_and_waits_are_invisible() {
    const NAME: &str = "e66_interrupted_calls_and_waits_are_invisible";
    if inject(NAME, INTERRUPTIONS, 400_000).is_some() {
        return;
    }
    echo(&workers(2), 64, 3600, never);
    echo(&common::current_thread(), 4, 5000, never);
    println!("nothing lost");
}

/// A wait that ends at once with nothing, nine times of ten.
#[test]
fn e68_waits_that_end_for_nothing_cost_nothing_else() {
    const NAME: &str = "e68_waits_that_end_for_nothing_cost_nothing_else";
    if inject(NAME, "wait=NOTHING:900,wait=EINTR:500", 20_000).is_some() {
        return;
    }
    echo(&workers(2), 16, 1000, never);
    let start = std::time::Instant::now();
    workers(1).block_on(async {
        // A wait that is cut short must not make a timer early.
        filch::time::sleep(Duration::from_millis(50)).await;
    });
    assert!(start.elapsed() >= Duration::from_millis(50));
    println!("nothing lost");
}

/// Connections that fail before they are accepted are passed over, by a listener that goes on.
#[test]
fn e65_connections_that_fail_before_the_accept_do_not_stop_the_listener() {
    const NAME: &str = "e65_connections_that_fail_before_the_accept_do_not_stop_the_listener";
    let faults = "accept=ECONNABORTED:300,accept=EPROTO:300,accept=EPERM:300";
    if inject(NAME, faults, 3000).is_some() {
        return;
    }
    for _ in 0..30 {
        echo(&workers(2), 100, 1, never);
    }
    println!("nothing lost");
}

/// Without descriptors or memory the listener pauses, says so, and loses nobody.
#[test]
fn e64_e65_listeners_that_run_short_pause_and_go_on() {
    const NAME: &str = "e64_e65_listeners_that_run_short_pause_and_go_on";
    let faults = "accept=EMFILE:150,accept=ENFILE:150,accept=ENOBUFS:150,accept=ENOMEM:150";
    if inject(NAME, faults, 20).is_some() {
        return;
    }
    static SAID: AtomicUsize = AtomicUsize::new(0);
    let mut builder = Builder::new();
    let hook = |end: &filch::task::Unhandled| {
        assert!(end.io_error().is_some(), "{end}");
        SAID.fetch_add(1, SeqCst);
    };
    let runtime = builder.workers(2).on_unhandled(hook).build().unwrap();
    echo(&runtime, 40, 3, never);
    assert!(SAID.load(SeqCst) > 0);
    println!("nothing lost");
}

/// A descriptor that cannot be watched is an error of the operation that had to wait, which has done nothing.
#[test]
fn e69_registrations_that_fail_are_errors_and_can_be_tried_again() {
    const NAME: &str = "e69_registrations_that_fail_are_errors_and_can_be_tried_again";
    // No kernel refuses to change what is there, but filch would bear that, too; `polling`, which the generic wait is
    // made with, would not.
    let faults = if cfg!(filch_generic_poll) {
        "epoll_add=ENOMEM:300,epoll_add=ENOSPC:300"
    } else {
        "epoll_add=ENOMEM:300,epoll_add=ENOSPC:300,epoll_mod=ENOMEM:300"
    };
    if inject(NAME, faults, 1000).is_some() {
        return;
    }
    fn is_injected(error: &io::Error) -> bool {
        // Connecting puts the error into one that names the address.
        let attempts = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<filch::net::AddrError>());
        let error = attempts.map_or(error, |inner| &inner.attempts()[0].1);
        matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENOSPC))
    }
    let runtime = loop {
        // Its own eventfd is registered, too.
        match Builder::new().workers(2).build() {
            Ok(runtime) => break runtime,
            Err(error) => assert!(is_injected(&error), "{error}"),
        }
    };
    for _ in 0..20 {
        echo(&runtime, 50, 2, is_injected);
    }
    println!("nothing lost");
}

/// A runtime that cannot have its descriptors or threads is an error, and leaves nothing.
#[test]
fn e69_runtimes_that_cannot_be_made_leave_nothing() {
    const NAME: &str = "e69_runtimes_that_cannot_be_made_leave_nothing";
    let faults = "epoll_create=EMFILE:200,epoll_create=ENOMEM:100,eventfd=ENFILE:200,epoll_add=ENOSPC:100,\
         thread=EAGAIN:200";
    if inject(NAME, faults, 700).is_some() {
        return;
    }
    // The first driver looks how the poller behaves, and may take it for another one.
    let before = descriptors();
    let mut made = 0;
    for _ in 0..1000 {
        if let Ok(runtime) = Builder::new().workers(2).build() {
            let task = runtime.spawn(async { 5 });
            assert_eq!(runtime.block_on(task).unwrap(), 5);
            made += 1;
        }
    }
    assert!((50..950).contains(&made), "{made} runtimes were made");
    wait_until("all descriptors are closed", || descriptors() == before);
    println!("nothing lost");
}

/// What no kernel does: calls are refused though there is something, and give less than there is. Where every refusal asks
/// the poller anew, nothing hangs.
#[cfg(filch_generic_poll)]
#[test]
fn e67_refusals_for_nothing_and_short_calls_do_not_hang() {
    const NAME: &str = "e67_refusals_for_nothing_and_short_calls_do_not_hang";
    let faults = "recv=EAGAIN:200,recv=SHORT:200,send=EAGAIN:200,send=SHORT:200,sendmsg=EAGAIN:200,accept=EAGAIN:200";
    if inject(NAME, faults, 20_000).is_some() {
        return;
    }
    echo(&workers(2), 32, 300, never);
    println!("nothing lost");
}

/// What no kernel does, where events are edges: a short write with room left is no matter. A read that is refused though
/// there is something, or gives less than there is, waits for the next thing to come, and then nothing of what came before
/// is missing.
#[cfg(not(filch_generic_poll))]
#[test]
fn e67_short_writes_and_reads_that_miss_an_edge_go_on_with_the_next() {
    const NAME: &str = "e67_short_writes_and_reads_that_miss_an_edge_go_on_with_the_next";
    let faults = "recv=EAGAIN:200,recv=SHORT:200,send=SHORT:300";
    if inject(NAME, faults, 500).is_some() {
        return;
    }
    const BYTES: usize = 10_000;
    workers(2).block_on(async {
        let (mut ours, mut theirs) = common::tcp_pair().await;
        // Each write is an edge.
        theirs.set_nodelay(true).unwrap();
        let has_all = common::Event::new();
        let enough = has_all.clone();
        let writer = filch::spawn(async move {
            let mut sent = 0;
            // Something always comes later.
            while !enough.is_set() {
                let block: Vec<_> = (sent..sent + 50).map(|at| (at % 251) as u8).collect();
                theirs.write_all(&block).await.unwrap();
                sent += block.len();
                filch::time::sleep(Duration::from_micros(200)).await;
            }
        });
        let (mut received, mut buffer) = (0, [0; 30]);
        while received < BYTES {
            let count = ours.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0);
            for &byte in &buffer[..count] {
                assert_eq!(byte, (received % 251) as u8);
                received += 1;
            }
        }
        has_all.set();
        writer.await.unwrap();
    });
    println!("nothing lost");
}

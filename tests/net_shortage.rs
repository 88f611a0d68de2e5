//! Listeners when there are no descriptors left.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod common;

use common::{LIMIT, guarded, workers};
use filch::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use filch::runtime::Builder;
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt, StreamExt};
use std::collections::BTreeSet;
use std::fs::File;
use std::sync::{Arc, mpsc};

/// Takes all descriptors that are left.
fn take_all() -> Vec<File> {
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                assert_eq!(
                    error.raw_os_error(),
                    Some(rustix::io::Errno::MFILE.raw_os_error())
                );
                return files;
            }
        }
    }
}

/// Runs this test in a child that may have few descriptors; whether this is the parent.
fn with_few_descriptors(name: &str) -> bool {
    if common::is_child() {
        return false;
    }
    common::run_child_with(name, "--nofile=96").assert_success();
    true
}

#[test]
fn row_64_without_descriptors_the_listener_pauses_says_so_once_and_goes_on() {
    if with_few_descriptors(
        "row_64_without_descriptors_the_listener_pauses_says_so_once_and_goes_on",
    ) {
        return;
    }
    guarded(|| {
        let (tell, told) = mpsc::channel();
        let runtime = Builder::new()
            .workers(2)
            .on_unhandled(move |end| {
                tell.send((
                    end.to_string(),
                    end.io_error().and_then(|error| error.raw_os_error()),
                ))
                .unwrap();
            })
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let listener = Arc::new(listener);
            // Served from before.
            let served = TcpStream::connect(address).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            for spell in 0..2 {
                let mut clients = Vec::new();
                for _ in 0..8 {
                    clients.push(TcpStream::connect(address).await.unwrap());
                }
                let files = take_all();
                assert_eq!(
                    listener.try_accept().unwrap_err().raw_os_error(),
                    Some(rustix::io::Errno::MFILE.raw_os_error())
                );
                // Several wait, as tasks and by hand, and some go away.
                let tasks: Vec<_> = (0..8)
                    .map(|_| {
                        let listener = listener.clone();
                        filch::spawn(async move { listener.accept().await.unwrap() })
                    })
                    .collect();
                for _ in 0..3 {
                    assert!(poll_once(Box::pin(listener.accept())).await.is_none());
                }
                let (text, error) = told.recv_timeout(LIMIT).unwrap();
                assert!(
                    text.contains("listener") && text.contains("net_shortage.rs"),
                    "{text}"
                );
                assert_eq!(error, Some(rustix::io::Errno::MFILE.raw_os_error()));
                // Through several pauses others are served.
                for _ in 0..40 {
                    (&served).write_all(b"ping").await.unwrap();
                    assert_eq!((&server).read(&mut [0; 8]).await.unwrap(), 4);
                    filch::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                assert!(
                    told.try_recv().is_err(),
                    "it was said once, in spell {spell}"
                );
                drop(files);
                let mut accepted = BTreeSet::new();
                let mut held = Vec::new();
                for task in tasks {
                    let (stream, peer) = task.await.unwrap();
                    accepted.insert(peer);
                    held.push(stream);
                }
                let connected: BTreeSet<_> = clients
                    .iter()
                    .map(|client| client.local_addr().unwrap())
                    .collect();
                assert_eq!(accepted, connected, "none was lost");
            }
        });
    });
}

#[test]
fn row_64_a_pause_ends_with_its_runtime_and_unix_listeners_pause_too() {
    if with_few_descriptors("row_64_a_pause_ends_with_its_runtime_and_unix_listeners_pause_too") {
        return;
    }
    guarded(|| {
        let first = workers(1);
        let path = std::env::temp_dir().join(format!("filch-accept-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let client = first.block_on(UnixStream::connect(&path)).unwrap();
        // Made before the descriptors are gone.
        let second = workers(1);
        let files = take_all();
        first.block_on(async {
            for _ in 0..100 {
                assert!(poll_once(Box::pin(listener.accept())).await.is_none());
            }
        });
        let mut incoming = listener.into_incoming();
        let waits = second.block_on(async { poll_once(incoming.next()).await.is_none() });
        assert!(waits);
        drop((first, files));
        second.block_on(async move {
            let server = incoming.next().await.unwrap().unwrap();
            (&server).write_all(b"hello").await.unwrap();
            assert_eq!((&client).read(&mut [0; 8]).await.unwrap(), 5);
        });
        std::fs::remove_file(&path).unwrap();
    });
}

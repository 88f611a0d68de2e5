//! Files: what they hold after everything that can happen to their users, their runtimes and the pool.
#![cfg(not(any(loom, shuttle)))]

mod common;

use common::{Event, LIMIT, Tally, guarded, on_each_flavor, poll_once, text, wait_until, workers};
use filch::fs::{self, File, OpenOptions};
use filch::runtime::{Builder, Runtime};
use futures_lite::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, StreamExt};
use proptest::prelude::*;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::task::{Context, Poll};

/// A directory of the test's own, which goes with it.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "filch-fs-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a directory for the test");
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let removed = std::fs::remove_dir_all(&self.0);
        assert!(removed.is_ok() || std::thread::panicking(), "{removed:?}");
    }
}

/// A runtime whose pool has one thread, which is occupied until the event is set.
fn with_full_pool(builder: &mut Builder) -> (Runtime, Event) {
    let runtime = builder.workers(1).max_blocking_threads(1).build().unwrap();
    let (go, on) = (Event::new(), Tally::new());
    let (wait, count) = (go.clone(), on.clone());
    runtime
        .spawn_blocking(move || {
            count.count();
            wait.wait_on_thread();
        })
        .detach();
    wait_until("the pool is full", || on.counted() == 1);
    (runtime, go)
}

/// Polls a future once, and drops it.
fn poll_and_drop<F: Future>(future: F) -> Poll<F::Output> {
    poll_once(&mut pin!(future))
}

#[test]
fn whole_files_and_directories_do_as_in_std() {
    on_each_flavor(|runtime| {
        let dir = Dir::new();
        runtime.block_on(async {
            let (a, b) = (dir.path("a"), dir.path("b"));
            fs::write(&a, b"alpha").await.unwrap();
            assert_eq!(fs::read(&a).await.unwrap(), b"alpha");
            assert_eq!(fs::read_to_string(&a).await.unwrap(), "alpha");
            assert_eq!(fs::copy(&a, &b).await.unwrap(), 5);
            fs::rename(&b, dir.path("c")).await.unwrap();
            assert!(!fs::try_exists(&b).await.unwrap());
            fs::hard_link(&a, &b).await.unwrap();
            fs::remove_file(&a).await.unwrap();
            assert_eq!(fs::read(&b).await.unwrap(), b"alpha");
            let error = fs::read(&a).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.raw_os_error().is_some(), "it is the system's error");

            #[cfg(unix)]
            {
                fs::symlink(&b, dir.path("link")).await.unwrap();
                assert_eq!(fs::read_link(dir.path("link")).await.unwrap(), b);
                let link = fs::symlink_metadata(dir.path("link")).await.unwrap();
                assert!(link.is_symlink());
                let found = fs::canonicalize(dir.path("link")).await.unwrap();
                assert_eq!(found, std::fs::canonicalize(&b).unwrap());
            }
            let mut permissions = fs::metadata(&b).await.unwrap().permissions();
            permissions.set_readonly(true);
            fs::set_permissions(&b, permissions).await.unwrap();
            assert!(fs::metadata(&b).await.unwrap().permissions().readonly());

            fs::create_dir(dir.path("d")).await.unwrap();
            let again = fs::create_dir(dir.path("d")).await.unwrap_err();
            assert_eq!(again.kind(), ErrorKind::AlreadyExists);
            fs::remove_dir(dir.path("d")).await.unwrap();
            fs::create_dir_all(dir.path("d/e/f")).await.unwrap();
            let made = fs::DirBuilder::new()
                .recursive(true)
                .create(dir.path("d/e"))
                .await;
            made.unwrap();
            fs::remove_dir_all(dir.path("d")).await.unwrap();
        });
    });
}

#[cfg(unix)]
#[test]
fn modes_are_those_that_were_asked_for() {
    use std::os::unix::fs::PermissionsExt;
    guarded(|| {
        let dir = Dir::new();
        workers(1).block_on(async {
            let path = dir.path("secret");
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            let file = options.open(&path).await.unwrap();
            let mode = file.metadata().await.unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            fs::DirBuilder::new()
                .mode(0o700)
                .create(dir.path("d"))
                .await
                .unwrap();
            let mode = fs::metadata(dir.path("d"))
                .await
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o700);
        });
    });
}

#[test]
fn a_call_outside_a_runtime_says_what_to_do() {
    let open = std::panic::catch_unwind(|| drop(File::open("Cargo.toml")));
    let said = text(&*open.unwrap_err());
    assert!(said.starts_with("`File::open` was called"), "{said}");
    let read = std::panic::catch_unwind(|| drop(fs::read("Cargo.toml")));
    let said = text(&*read.unwrap_err());
    assert!(
        said.contains("`fs::read`") && said.contains("block_on"),
        "{said}"
    );
}

#[test]
fn a_call_begins_when_it_is_polled_and_not_at_all_if_it_is_dropped_before_its_turn() {
    guarded(|| {
        let dir = Dir::new();
        let (runtime, go) = with_full_pool(&mut Builder::new());
        let _guard = runtime.enter();
        drop(fs::write(dir.path("never"), "polled"));
        assert!(poll_and_drop(fs::write(dir.path("late"), "dropped in the queue")).is_pending());
        go.set();
        runtime.block_on(fs::write(dir.path("last"), "")).unwrap();
        assert!(!dir.path("never").exists());
        assert!(!dir.path("late").exists());
    });
}

#[test]
fn c45_files_wait_for_a_full_pool_visibly() {
    guarded(|| {
        let (runtime, go) = with_full_pool(&mut Builder::new());
        let read = runtime.spawn(async { fs::read("Cargo.toml").await });
        wait_until("the read is queued", || {
            runtime.metrics().blocking_queue == 1
        });
        assert!(!read.is_finished());
        go.set();
        assert!(!runtime.block_on(read).unwrap().unwrap().is_empty());
    });
}

#[test]
fn a_pool_that_refuses_is_an_error_for_calls_and_writes_on_the_spot() {
    guarded(|| {
        let dir = Dir::new();
        let path = dir.path("file");
        let std = std::fs::File::create(&path).unwrap();
        let (runtime, go) = with_full_pool(Builder::new().blocking_queue(1));
        runtime.spawn_blocking(|| ()).detach();
        runtime.block_on(async {
            let error = fs::read("Cargo.toml").await.unwrap_err();
            assert!(error.to_string().contains("blocking_queue"), "{error}");
            let mut file = File::from_std(std);
            file.write_all(b"on the spot").await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"on the spot");
            let error = file.metadata().await.unwrap_err();
            assert!(
                error.to_string().contains("`File::metadata` did not run"),
                "{error}"
            );
            file.flush().await.unwrap();
        });
        go.set();
    });
}

#[test]
fn reads_ahead_cost_no_job() {
    guarded(|| {
        let runtime = Builder::new()
            .workers(1)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut file = File::open("Cargo.toml").await.unwrap();
            let mut all = [0; 100];
            file.read_exact(&mut all[..1]).await.unwrap();
            let (go, on) = (Event::new(), Event::new());
            let (wait, is_on) = (go.clone(), on.clone());
            let job = filch::spawn_blocking(move || {
                is_on.set();
                wait.wait_on_thread();
            });
            on.wait().await;
            for at in 1..all.len() {
                file.read_exact(&mut all[at..=at]).await.unwrap();
            }
            assert_eq!(all, std::fs::read("Cargo.toml").unwrap()[..100]);
            go.set();
            job.await.unwrap();
        });
    });
}

#[test]
fn writes_gather_while_the_pool_is_busy_and_memory_is_bounded() {
    guarded(|| {
        let dir = Dir::new();
        let path = dir.path("file");
        let std = std::fs::File::create(&path).unwrap();
        let (runtime, go) = with_full_pool(&mut Builder::new());
        runtime.block_on(async {
            let mut file = File::from_std(std);
            file.set_max_buf_size(10);
            file.write_all(b"0123").await.unwrap();
            file.write_all(b"4567").await.unwrap();
            assert!(
                poll_and_drop(file.write(b"89A")).is_pending(),
                "ten bytes wait at most, and a piece is not split"
            );
            file.write_all(b"89").await.unwrap();
            assert!(poll_and_drop(file.write(b"A")).is_pending());
            assert!(poll_and_drop(file.flush()).is_pending());
            assert_eq!(std::fs::read(&path).unwrap(), b"");
            go.set();
            file.write_all(b"ABCDEF").await.unwrap();
            file.flush().await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"0123456789ABCDEF");
        });
    });
}

#[test]
fn large_writes_of_several_buffers_arrive_whole() {
    on_each_flavor(|runtime| {
        let dir = Dir::new();
        let path = dir.path("file");
        let bytes: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
        runtime.block_on(async {
            let mut file = File::create(&path).await.unwrap();
            let halves = [
                IoSlice::new(&bytes[..9]),
                IoSlice::new(&[]),
                IoSlice::new(&bytes[9..30]),
            ];
            assert_eq!(file.write_vectored(&halves).await.unwrap(), 30);
            file.write_all(&bytes[30..]).await.unwrap();
            file.close().await.unwrap();
            assert!(std::fs::read(&path).unwrap() == bytes);
            let mut read = Vec::new();
            File::open(&path)
                .await
                .unwrap()
                .read_to_end(&mut read)
                .await
                .unwrap();
            assert!(read == bytes);
        });
    });
}

/// What is written without a flush gets there by itself, as with `std`.
#[test]
fn writes_arrive_without_a_flush_while_the_file_stays_open() {
    guarded(|| {
        let dir = Dir::new();
        let path = dir.path("log");
        workers(1).block_on(async {
            let mut file = File::create(&path).await.unwrap();
            for _ in 0..100 {
                file.write_all(b"line\n").await.unwrap();
            }
            wait_until("all is in the file", || {
                std::fs::read(&path).unwrap().len() == 500
            });
            drop(file);
        });
    });
}

/// #4316: what a file had taken was lost when the runtime ended.
#[test]
fn regression_4316_writes_are_not_lost_at_shutdown() {
    guarded(|| {
        let dir = Dir::new();
        for (at, flush) in [(0, false), (1, true)] {
            let path = dir.path(&format!("{at}"));
            let runtime = workers(1);
            runtime.block_on(async {
                let mut file = File::create(&path).await.unwrap();
                file.write_all(b"in time").await.unwrap();
                if flush {
                    file.flush().await.unwrap();
                }
            });
            drop(runtime);
            assert_eq!(std::fs::read(&path).unwrap(), b"in time");
        }
    });
}

#[test]
fn writes_whose_job_is_cancelled_are_done_by_whoever_cancels_it() {
    guarded(|| {
        let dir = Dir::new();
        for drop_first in [true, false] {
            let path = dir.path(&format!("{drop_first}"));
            let std = std::fs::File::create(&path).unwrap();
            let (runtime, go) = with_full_pool(&mut Builder::new());
            let mut file = runtime.block_on(async {
                let mut file = File::from_std(std);
                file.write_all(b"taken").await.unwrap();
                Some(file)
            });
            if drop_first {
                file = None;
            }
            assert_eq!(std::fs::read(&path).unwrap(), b"");
            let handle = runtime.handle().clone();
            let end = std::thread::spawn(move || drop(runtime));
            wait_until("the pool is closed", || {
                handle.metrics().blocking_queue == 0
            });
            wait_until("it is written", || {
                std::fs::read(&path).unwrap() == b"taken"
            });
            go.set();
            end.join().unwrap();
            drop(file);
            assert_eq!(std::fs::read(&path).unwrap(), b"taken", "once");
        }
    });
}

#[test]
fn a_file_can_be_written_without_any_runtime_but_not_read() {
    guarded(|| {
        let dir = Dir::new();
        let path = dir.path("file");
        let mut file = File::from_std(std::fs::File::create(&path).unwrap());
        futures_lite::future::block_on(async {
            file.write_all(b"by hand").await.unwrap();
            file.flush().await.unwrap();
            let error = file.seek(SeekFrom::Start(0)).await.unwrap_err();
            assert!(error.to_string().contains("did not run"), "{error}");
        });
        drop(file);
        assert_eq!(std::fs::read(&path).unwrap(), b"by hand");
    });
}

#[test]
fn a_file_goes_with_its_user_to_other_executors_and_runtimes() {
    guarded(|| {
        let dir = Dir::new();
        let path = dir.path("file");
        let first = workers(1);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        let mut file = first.block_on(async { options.open(&path).await.unwrap() });
        futures_lite::future::block_on(async {
            file.write_all(b"one ").await.unwrap();
            file.flush().await.unwrap();
        });
        drop(first);
        workers(1).block_on(async {
            file.write_all(b"two").await.unwrap();
            file.seek(SeekFrom::Start(0)).await.unwrap();
            let mut all = String::new();
            file.read_to_string(&mut all).await.unwrap();
            assert_eq!(all, "one two");
        });
    });
}

#[cfg(feature = "test-util")]
#[test]
fn a_paused_clock_waits_for_files() {
    use std::time::Duration;
    guarded(|| {
        let runtime = Builder::current_thread()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let hour = Duration::from_secs(3600);
            let mut file = File::open("Cargo.toml").await.unwrap();
            let mut all = Vec::new();
            let read = filch::time::timeout(hour, file.read_to_end(&mut all)).await;
            assert!(read.unwrap().unwrap() > 0);
        });
    });
}

/// #7139: an empty read began a read in the background, which moved the position.
#[test]
fn regression_7139_an_empty_read_reads_nothing() {
    guarded(|| {
        let runtime = workers(1);
        runtime.block_on(async {
            let mut std = std::fs::File::open("Cargo.toml").unwrap();
            let mut file = File::from_std(std.try_clone().unwrap());
            assert!(matches!(
                poll_and_drop(file.read(&mut [])),
                Poll::Ready(Ok(0))
            ));
            filch::spawn_blocking(|| ()).await.unwrap();
            assert_eq!(std.stream_position().unwrap(), 0);
            assert!(matches!(poll_and_drop(file.write(&[])), Poll::Ready(Ok(0))));
        });
    });
}

/// #5803: a clone made while an operation was in flight.
#[test]
fn regression_5803_a_clone_beside_a_call_in_flight_begins_where_the_file_is() {
    guarded(|| {
        let dir = Dir::new();
        let path = dir.path("file");
        std::fs::write(&path, "0123456789").unwrap();
        let (runtime, go) = with_full_pool(&mut Builder::new());
        let std = std::fs::File::options()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        runtime.block_on(async {
            let mut file = File::from_std(std);
            let mut buffer = [0; 2];
            assert!(poll_and_drop(file.read(&mut buffer)).is_pending());
            let mut clone = pin!(file.try_clone());
            assert!(poll_once(&mut clone).is_pending());
            go.set();
            let mut clone = clone.await.unwrap();
            clone.read_exact(&mut buffer).await.unwrap();
            assert_eq!(&buffer, b"01");
        });
        drop(runtime);
    });
}

#[test]
fn into_std_comes_after_what_is_in_flight_with_the_position_of_the_user() {
    guarded(|| {
        let dir = Dir::new();
        let path = dir.path("file");
        std::fs::write(&path, "0123456789").unwrap();
        workers(1).block_on(async {
            let mut options = OpenOptions::new();
            options.read(true).write(true);
            let mut file = options.open(&path).await.unwrap();
            let mut three = [0; 3];
            file.read_exact(&mut three).await.unwrap();
            file.write_all(b"XX").await.unwrap();
            // It may or may not be pending; its bytes are unread in either case.
            let _ = poll_and_drop(file.read(&mut []));
            let mut std = file.into_std().await.unwrap();
            assert_eq!(std.stream_position().unwrap(), 5);
            let mut rest = String::new();
            std.read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "56789");

            std.seek(SeekFrom::Start(1)).unwrap();
            let mut file = File::from_std(std);
            let mut one = [0];
            let read = poll_and_drop(file.read(&mut one));
            let mut std = file.into_std().await.unwrap();
            let expected = 1 + u64::from(read.is_ready());
            assert_eq!(std.stream_position().unwrap(), expected);
        });
    });
}

#[test]
fn a_cancelled_seek_is_done_before_what_follows() {
    guarded(|| {
        let dir = Dir::new();
        let path = dir.path("file");
        std::fs::write(&path, "0123456789").unwrap();
        let (runtime, go) = with_full_pool(&mut Builder::new());
        let std = std::fs::File::options()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        runtime.block_on(async {
            let mut file = File::from_std(std);
            assert!(poll_and_drop(file.seek(SeekFrom::Start(4))).is_pending());
            assert!(poll_and_drop(file.seek(SeekFrom::Current(3))).is_pending());
            assert!(poll_and_drop(file.write(b"x")).is_pending());
            go.set();
            // The second one had not begun: it waited for the first.
            assert_eq!(file.write(b"x").await.unwrap(), 1);
            assert_eq!(file.stream_position().await.unwrap(), 5);
            file.flush().await.unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "0123x56789");
        });
    });
}

trait Position {
    fn stream_position(&mut self) -> impl Future<Output = io::Result<u64>>;
}

impl Position for File {
    fn stream_position(&mut self) -> impl Future<Output = io::Result<u64>> {
        self.seek(SeekFrom::Current(0))
    }
}

#[cfg(target_os = "linux")]
mod that_fails {
    use super::*;

    async fn full() -> File {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options.open("/dev/full").await.unwrap()
    }

    async fn failed() -> File {
        let mut file = full().await;
        file.write_all(b"in vain").await.unwrap();
        file
    }

    #[test]
    fn every_call_tells_of_the_write_before_it_and_only_once() {
        on_each_flavor(|runtime| {
            runtime.block_on(async {
                const FULL: Option<ErrorKind> = Some(ErrorKind::StorageFull);
                let kind = |result: io::Result<()>| result.err().map(|error| error.kind());
                assert_eq!(kind(failed().await.close().await), FULL);
                assert_eq!(kind(failed().await.into_std().await.map(drop)), FULL);
                let mut file = failed().await;
                assert_eq!(kind(file.flush().await), FULL);
                assert_eq!(kind(file.flush().await), None);
                file.write_all(b"again").await.unwrap();
                assert_eq!(kind(file.sync_all().await), FULL);
                file.write_all(b"again").await.unwrap();
                assert_eq!(kind(file.metadata().await.map(drop)), FULL);
                file.write_all(b"again").await.unwrap();
                assert_eq!(kind(file.read(&mut [0]).await.map(drop)), FULL);
                file.write_all(b"again").await.unwrap();
                assert_eq!(kind(file.seek(SeekFrom::Start(0)).await.map(drop)), FULL);
                file.write_all(b"again").await.unwrap();
                assert_eq!(kind(file.try_clone().await.map(drop)), FULL);
                assert_eq!(kind(file.metadata().await.map(drop)), None);
                assert_eq!(kind(file.close().await), None);
            });
        });
    }

    #[test]
    fn what_fails_after_the_drop_is_reported_to_the_hook() {
        guarded(|| {
            let (tell, told) = mpsc::channel();
            let runtime = Builder::new()
                .workers(1)
                .on_unhandled(move |end| {
                    assert!(end.id().is_none() && !end.is_panic() && end.error_type().is_none());
                    let kind = end.io_error().map(io::Error::kind);
                    tell.send((kind, end.to_string(), end.location().file()))
                        .unwrap();
                })
                .build()
                .unwrap();
            let check = || {
                let (kind, said, place) = told.recv_timeout(LIMIT).unwrap();
                assert_eq!(kind, Some(ErrorKind::StorageFull));
                assert!(
                    said.contains("a buffered write to /dev/full failed"),
                    "{said}"
                );
                assert_eq!(place, file!());
            };
            // Told while the file is dropped before its job, and after it.
            runtime.block_on(async { drop(failed().await) });
            check();
            runtime.block_on(async {
                let file = failed().await;
                filch::spawn_blocking(|| ()).await.unwrap();
                drop(file);
            });
            check();
            // By a job that never runs.
            let (full, go) = with_full_pool(&mut Builder::new());
            let file = std::fs::File::options()
                .write(true)
                .open("/dev/full")
                .unwrap();
            let file = runtime.block_on(async { File::from_std(file) });
            full.block_on(async move {
                let mut file = file;
                file.write_all(b"in vain").await.unwrap();
            });
            go.set();
            drop(full);
            let _ = told.try_recv();
            // Nothing to report: it was told.
            runtime.block_on(async { failed().await.close().await.unwrap_err() });
            drop(runtime);
            assert!(
                told.recv().is_err(),
                "the hook is gone, and had no more to say"
            );
        });
    }

    /// What is accepted between a failure and its telling would stand at the wrong place.
    #[test]
    fn nothing_is_written_after_a_gap() {
        guarded(|| {
            let dir = Dir::new();
            let path = dir.path("file");
            std::fs::write(&path, "").unwrap();
            let (runtime, go) = with_full_pool(&mut Builder::new());
            // Writing fails: it is open for reading only.
            let std = std::fs::File::open(&path).unwrap();
            runtime.block_on(async {
                let mut file = File::from_std(std);
                file.set_max_buf_size(4);
                file.write_all(b"lost").await.unwrap();
                assert!(poll_and_drop(file.write(b"more")).is_pending());
                go.set();
                let error = file.flush().await.unwrap_err();
                assert!(error.raw_os_error().is_some(), "{error}");
                file.close().await.unwrap();
            });
            assert_eq!(std::fs::read(&path).unwrap(), b"");
        });
    }
}

#[cfg(target_os = "linux")]
mod without_a_position {
    use super::*;

    fn fifo(dir: &Dir) -> (std::fs::File, std::fs::File) {
        let path = dir.path("fifo");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo").success());
        let mut options = std::fs::File::options();
        options.read(true).write(true);
        (options.open(&path).unwrap(), options.open(&path).unwrap())
    }

    #[test]
    fn a_cancelled_read_keeps_what_comes_for_the_next_one() {
        guarded(|| {
            let dir = Dir::new();
            let (mut near, far) = fifo(&dir);
            workers(1).block_on(async {
                let mut file = File::from_std(far);
                assert!(poll_and_drop(file.read(&mut [0; 4])).is_pending());
                near.write_all(b"kept").unwrap();
                let mut buffer = [0; 4];
                file.read_exact(&mut buffer).await.unwrap();
                assert_eq!(&buffer, b"kept");
            });
        });
    }

    #[test]
    fn a_write_does_not_disturb_what_was_read_ahead() {
        guarded(|| {
            let dir = Dir::new();
            let (mut near, far) = fifo(&dir);
            workers(1).block_on(async {
                let mut file = File::from_std(far);
                near.write_all(b"abcd").unwrap();
                let mut two = [0; 2];
                file.read_exact(&mut two).await.unwrap();
                file.write_all(b"efgh").await.unwrap();
                file.flush().await.unwrap();
                let mut rest = [0; 6];
                file.read_exact(&mut rest).await.unwrap();
                assert_eq!(&rest, b"cdefgh");
            });
        });
    }

    /// A reader that never reads: the writer waits, and holds no more than its two buffers.
    #[test]
    fn a_writer_to_a_full_pipe_waits_and_loses_nothing() {
        guarded(|| {
            let dir = Dir::new();
            let (mut near, far) = fifo(&dir);
            let runtime = workers(1);
            runtime.block_on(async {
                let mut file = File::from_std(far);
                file.set_max_buf_size(1000);
                let mut sent = 0_usize;
                let mut waits = 0;
                // The pipe holds 64 KiB; the rest is up to the file.
                while waits < 1000 {
                    match poll_and_drop(file.write(&[(sent % 251) as u8; 1])) {
                        Poll::Ready(count) => sent += count.unwrap(),
                        Poll::Pending => {
                            waits += 1;
                            filch::task::yield_now().await;
                        }
                    }
                    assert!(sent <= 65536 + 2000, "{sent} bytes were taken");
                }
                let read = filch::spawn_blocking(move || {
                    let mut all = vec![0; sent];
                    near.read_exact(&mut all).unwrap();
                    all
                });
                file.flush().await.unwrap();
                let all = read.await.unwrap();
                assert!(
                    all.iter()
                        .enumerate()
                        .all(|(at, byte)| *byte == (at % 251) as u8)
                );
            });
        });
    }
}

#[test]
fn entries_come_in_batches_and_each_once() {
    on_each_flavor(|runtime| {
        let dir = Dir::new();
        for at in 0..200 {
            std::fs::write(dir.path(&format!("{at:03}")), "").unwrap();
        }
        runtime.block_on(async {
            let mut entries = fs::read_dir(&dir.0).await.unwrap();
            let mut names = Vec::new();
            // Every second one is given up when it has to wait.
            loop {
                let given_up = poll_and_drop(entries.next_entry());
                let entry = match given_up {
                    Poll::Ready(entry) => entry,
                    Poll::Pending => entries.next_entry().await,
                };
                let Some(entry) = entry.unwrap() else { break };
                assert!(entry.file_type().await.unwrap().is_file());
                assert_eq!(entry.path(), dir.0.join(entry.file_name()));
                names.push(entry.file_name().into_string().unwrap());
            }
            assert!(entries.next_entry().await.unwrap().is_none());
            names.sort();
            let expected: Vec<_> = (0..200).map(|at| format!("{at:03}")).collect();
            assert_eq!(names, expected);

            let stream = fs::read_dir(&dir.0).await.unwrap();
            assert_eq!(stream.filter(|entry| entry.is_ok()).count().await, 200);
            assert!(fs::read_dir(dir.path("000")).await.is_err());
        });
    });
}

#[test]
fn a_batch_that_is_at_hand_needs_no_pool() {
    guarded(|| {
        let dir = Dir::new();
        for at in 0..50 {
            std::fs::write(dir.path(&format!("{at}")), "").unwrap();
        }
        let runtime = Builder::new()
            .workers(1)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let mut entries = runtime.block_on(async { fs::read_dir(&dir.0).await.unwrap() });
        drop(runtime);
        for _ in 0..50 {
            let Poll::Ready(Ok(Some(entry))) = poll_and_drop(entries.next_entry()) else {
                panic!("an entry was not at hand");
            };
            let Poll::Ready(Ok(kind)) = poll_and_drop(entry.file_type()) else {
                panic!("its type was not at hand");
            };
            assert!(kind.is_file());
        }
    });
}

/// A file and its tasks under the budget of a poll: a task whose reads are always ready gives way.
#[test]
fn reads_that_are_always_ready_give_way() {
    guarded(|| {
        let runtime = Builder::current_thread().build().unwrap();
        runtime.block_on(async {
            let mut file = File::open("Cargo.lock").await.unwrap();
            file.read_exact(&mut [0]).await.unwrap();
            let other = filch::spawn(async {});
            let mut turns = 0;
            for _ in 0..1000 {
                turns += usize::from(!other.is_finished());
                file.read_exact(&mut [0]).await.unwrap();
            }
            assert!(turns <= 200, "the other task waited for {turns} reads");
        });
    });
}

#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    GiveUpRead(usize),
    Write(usize),
    Flush,
    Start(u64),
    Current(i64),
    End(i64),
    SetLen(u64),
    Length,
    Clone,
    ThroughStd,
    BufSize(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..60_usize).prop_map(Step::Read),
        2 => (1..60_usize).prop_map(Step::GiveUpRead),
        4 => (0..60_usize).prop_map(Step::Write),
        1 => Just(Step::Flush),
        1 => (0..150_u64).prop_map(Step::Start),
        2 => (-60..60_i64).prop_map(Step::Current),
        1 => (-150..30_i64).prop_map(Step::End),
        1 => (0..150_u64).prop_map(Step::SetLen),
        1 => Just(Step::Length),
        1 => Just(Step::Clone),
        1 => Just(Step::ThroughStd),
        1 => (1..50_usize).prop_map(Step::BufSize),
    ];
    proptest::collection::vec(step, 0..40)
}

/// What both files say, as far as it can be compared.
type Said = Result<(u64, Vec<u8>), ErrorKind>;

fn said<T>(result: io::Result<T>, f: impl FnOnce(T) -> (u64, Vec<u8>)) -> Said {
    result.map(f).map_err(|error| error.kind())
}

fn std_step(file: &mut std::fs::File, step: &Step, byte: u8) -> Said {
    match *step {
        Step::Read(most) => {
            let mut bytes = Vec::new();
            let read = file.take(most as u64).read_to_end(&mut bytes);
            said(read, |_| (0, bytes))
        }
        Step::Write(count) => said(file.write_all(&vec![byte; count]), |()| (0, Vec::new())),
        Step::Start(to) => said(file.seek(SeekFrom::Start(to)), |at| (at, Vec::new())),
        Step::Current(by) => said(file.seek(SeekFrom::Current(by)), |at| (at, Vec::new())),
        Step::End(by) => said(file.seek(SeekFrom::End(by)), |at| (at, Vec::new())),
        Step::SetLen(len) => said(file.set_len(len), |()| (0, Vec::new())),
        Step::Length => said(file.metadata(), |data| (data.len(), Vec::new())),
        Step::Flush | Step::GiveUpRead(_) | Step::Clone | Step::ThroughStd | Step::BufSize(_) => {
            Ok((0, Vec::new()))
        }
    }
}

async fn filch_step(file: &mut File, model: &mut std::fs::File, step: &Step, byte: u8) -> Said {
    match *step {
        Step::Read(most) => {
            let mut bytes = Vec::new();
            let read = file.take(most as u64).read_to_end(&mut bytes).await;
            said(read, |_| (0, bytes))
        }
        Step::GiveUpRead(most) => {
            let mut buffer = vec![0; most];
            if let Poll::Ready(read) = poll_and_drop(file.read(&mut buffer)) {
                // It was read after all.
                let mut expected = vec![0; read.as_ref().copied().unwrap_or(0)];
                model.read_exact(&mut expected).unwrap();
                assert_eq!(buffer[..read.unwrap()], expected);
            }
            Ok((0, Vec::new()))
        }
        Step::Write(count) => said(file.write_all(&vec![byte; count]).await, |()| {
            (0, Vec::new())
        }),
        Step::Flush => said(file.flush().await, |()| (0, Vec::new())),
        Step::Start(to) => said(file.seek(SeekFrom::Start(to)).await, |at| (at, Vec::new())),
        Step::Current(by) => said(file.seek(SeekFrom::Current(by)).await, |at| {
            (at, Vec::new())
        }),
        Step::End(by) => said(file.seek(SeekFrom::End(by)).await, |at| (at, Vec::new())),
        Step::SetLen(len) => said(file.set_len(len).await, |()| (0, Vec::new())),
        Step::Length => said(file.metadata().await, |data| (data.len(), Vec::new())),
        Step::Clone => {
            *file = file.try_clone().await.unwrap();
            Ok((0, Vec::new()))
        }
        Step::ThroughStd => {
            let clone = file.try_clone().await.unwrap();
            let old = std::mem::replace(file, clone);
            *file = File::from_std(old.into_std().await.unwrap());
            Ok((0, Vec::new()))
        }
        Step::BufSize(bytes) => {
            file.set_max_buf_size(bytes);
            Ok((0, Vec::new()))
        }
    }
}

fn run_steps(runtime: &Runtime, dir: &Path, append: bool, steps: &[Step]) {
    let (ours, theirs) = (dir.join("ours"), dir.join("theirs"));
    let start: Vec<u8> = (b'a'..=b'z').cycle().take(80).collect();
    for path in [&ours, &theirs] {
        std::fs::write(path, &start).unwrap();
    }
    let mut options = std::fs::File::options();
    options.read(true).write(true).append(append);
    let mut model = options.open(&theirs).unwrap();
    runtime.block_on(async {
        let mut file = OpenOptions::from(options).open(&ours).await.unwrap();
        for (at, step) in steps.iter().enumerate() {
            let byte = b'A' + (at % 26) as u8;
            let found = filch_step(&mut file, &mut model, step, byte).await;
            let expected = std_step(&mut model, step, byte);
            assert_eq!(found, expected, "step {at}, {step:?}, of {steps:?}");
        }
        let position = file.stream_position().await.unwrap();
        assert_eq!(
            position,
            Seek::stream_position(&mut model).unwrap(),
            "after {steps:?}"
        );
        file.close().await.unwrap();
    });
    let (ours, theirs) = (std::fs::read(ours).unwrap(), std::fs::read(theirs).unwrap());
    assert_eq!(ours, theirs, "after {steps:?}");
}

#[test]
fn a_file_is_as_a_file_of_std_whatever_is_done_to_it() {
    // A runtime for all cases: what is under test is the file.
    let runtime = workers(2);
    let dir = Dir::new();
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(append in any::<bool>(), steps in steps())| {
        run_steps(&runtime, &dir.0, append, &steps);
    });
}

/// A waker that is woken on the thread that wakes it, and polls there.
#[test]
fn waiters_are_woken_without_a_lock() {
    guarded(|| {
        struct Polls(self_polled::Slot);
        impl std::task::Wake for Polls {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.poll();
            }
        }
        let dir = Dir::new();
        let path = dir.path("file");
        let std = std::fs::File::create(&path).unwrap();
        let (runtime, go) = with_full_pool(&mut Builder::new());
        let mut file = {
            let _guard = runtime.enter();
            File::from_std(std)
        };
        file.set_max_buf_size(1);
        let (done, is_done) = mpsc::channel();
        let future = Box::pin(async move {
            file.write_all(b"abc").await.unwrap();
            file.flush().await.unwrap();
            done.send(()).unwrap();
        });
        let slot = self_polled::Slot::new(future);
        let waker = std::task::Waker::from(std::sync::Arc::new(Polls(slot.clone())));
        slot.start(waker);
        go.set();
        is_done.recv_timeout(LIMIT).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
    });
}

/// A future that is polled by its own waker.
mod self_polled {
    use super::*;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};
    use std::task::Waker;

    type Future = Pin<Box<dyn std::future::Future<Output = ()> + Send>>;

    #[derive(Clone)]
    pub(super) struct Slot(Arc<Mutex<(Option<Future>, Option<Waker>)>>);

    impl Slot {
        pub(super) fn new(future: Future) -> Self {
            Self(Arc::new(Mutex::new((Some(future), None))))
        }

        pub(super) fn start(&self, waker: Waker) {
            self.0.lock().unwrap().1 = Some(waker);
            self.poll();
        }

        pub(super) fn poll(&self) {
            let mut slot = self.0.lock().unwrap();
            let waker = slot.1.clone().expect("it was started");
            if let Some(future) = &mut slot.0 {
                if future
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_ready()
                {
                    // The waker, which holds the slot, too.
                    *slot = (None, None);
                }
            }
        }
    }
}

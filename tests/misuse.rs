//! What a wrong use is told: what was called, what is wrong, and what to write instead; and that the panic points at the
//! caller.
#![cfg(not(loom))]
#![allow(
    clippy::redundant_closure,
    reason = "a function that is passed by its name is called from the standard library"
)]

mod common;

use common::{LIMIT, guarded, is_child, run_child, workers};
use filch::runtime::{Builder, Executor, Handle, LocalSet};
use std::cell::RefCell;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::time::Duration;

thread_local! {
    static WHERE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// The text of the panic that `f` ends in. It must point at this file, at most a few lines below `here`.
#[track_caller]
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            let place = info
                .location()
                .map(|place| (place.file().to_string(), place.line()));
            let is_mine = place.as_ref().is_some_and(|(file, _)| file == file!());
            WHERE.set(place);
            if !is_mine {
                before(info);
            }
        }));
    });
    WHERE.set(None);
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else {
        panic!("it did not panic");
    };
    let here = Location::caller();
    let (file, line) = WHERE.take().expect("the hook saw the panic");
    assert_eq!(file, file!(), "the panic points at the caller");
    assert!(
        (here.line()..here.line() + 9).contains(&line),
        "line {line}, called at {here}"
    );
    common::text(&*payload)
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[test]
fn calls_outside_a_runtime_say_where_to_call() {
    guarded(|| {
        let remedy = ["filch::block_on", "handle.enter()"];
        let with = |name: &'static str| [name, remedy[0], remedy[1]];
        assert_says(&panic_of(|| filch::spawn(async {})), &with("`spawn`"));
        assert_says(
            &panic_of(|| filch::spawn_pinned(|| async {})),
            &with("`spawn_pinned`"),
        );
        assert_says(
            &panic_of(|| filch::spawn_blocking(|| ())),
            &with("`spawn_blocking`"),
        );
        assert_says(
            &panic_of(|| filch::run_in_executor(None, || ())),
            &with("`run_in_executor`"),
        );
        assert_says(&panic_of(|| Handle::current()), &with("`Handle::current`"));
        assert_says(
            &panic_of(|| filch::task::all_tasks()),
            &with("`task::all_tasks`"),
        );
        let second = Duration::from_secs(1);
        assert_says(
            &panic_of(|| drop(filch::time::sleep(second))),
            &with("`time::sleep`"),
        );
        assert_says(
            &panic_of(|| drop(filch::time::sleep_until(filch::time::Instant::now()))),
            &with("`time::sleep_until`"),
        );
        assert_says(
            &panic_of(|| drop(filch::time::interval(second))),
            &with("`time::interval`"),
        );
        assert_says(
            &panic_of(|| drop(filch::time::timeout(second, async {}))),
            &with("`time::timeout`"),
        );
        let error = Handle::try_current().unwrap_err();
        assert_says(&error.to_string(), &remedy);
    });
}

#[test]
fn calls_outside_a_task_say_so() {
    guarded(|| {
        let said = panic_of(|| filch::task::current());
        assert_says(&said, &["`task::current`", "`spawn`"]);
        let said = panic_of(|| filch::task::id());
        assert_says(&said, &["`task::id`", "`spawn`"]);
        assert!(filch::task::try_current().is_none());
        assert!(filch::task::try_id().is_none());
        assert!(filch::block_on(async { filch::task::try_id() }).is_none());
    });
}

#[test]
fn nested_block_on_says_what_to_write_instead() {
    guarded(|| {
        let runtime = workers(1);
        let inner = workers(1);
        let remedies = [".await", "block_in_place", "spawn_blocking"];
        runtime.block_on(async {
            let said = panic_of(|| inner.block_on(async {}));
            assert_says(&said, &["`Runtime::block_on`"]);
            assert_says(&said, &remedies);
            let said = panic_of(|| filch::block_on(async {}));
            assert_says(&said, &["`filch::block_on`"]);
            assert_says(&said, &remedies);
            let said = panic_of(|| Handle::current().block_on(async {}));
            assert_says(&said, &["`Handle::block_on`"]);
            assert_says(&said, &remedies);
        });
        let task = runtime.spawn(async {
            let said = panic_of(|| Handle::current().block_on(async {}));
            assert_says(&said, &["`Handle::block_on`", "inside a task"]);
            let said = panic_of(|| filch::block_on(async {}));
            assert_says(&said, &["`filch::block_on`", "inside a task"]);
        });
        runtime.block_on(task).unwrap();
        // Where blocking is allowed it works.
        let nested = runtime.spawn_blocking(|| Handle::current().block_on(async { 5 }));
        assert_eq!(runtime.block_on(nested).unwrap(), 5);
        let nested = async { filch::block_in_place(|| filch::block_on(async { 6 })) };
        assert_eq!(runtime.block_on(runtime.spawn(nested)).unwrap(), 6);
    });
}

#[test]
fn spawn_local_where_tasks_move_says_where_to_call() {
    guarded(|| {
        let runtime = workers(2);
        let remedies = [
            "LocalSet::run_until",
            "spawn_pinned",
            "Builder::current_thread()",
        ];
        let task = runtime.spawn(async move {
            let said = panic_of(|| filch::spawn_local(async {}));
            assert_says(&said, &["moves between threads"]);
            assert_says(&said, &remedies);
        });
        runtime.block_on(task).unwrap();
        runtime.block_on(async {
            let said = panic_of(|| filch::spawn_local(async {}));
            assert_says(&said, &["runs no worker"]);
            assert_says(&said, &remedies);
        });
        let said = panic_of(|| filch::task::Builder::new().spawn_local(async {}));
        assert_says(&said, &remedies);
    });
}

#[test]
fn nested_local_set_block_on_says_what_to_write_instead() {
    guarded(|| {
        let runtime = workers(1);
        let inner = workers(1);
        runtime.block_on(async {
            let set = LocalSet::new();
            let said = panic_of(|| set.block_on(&inner, async {}));
            assert_says(&said, &["block_on", "block_in_place"]);
        });
    });
}

#[test]
fn handle_awaited_twice_and_error_that_is_no_panic_say_so() {
    guarded(|| {
        let runtime = workers(1);
        let mut task = runtime.spawn(async { 5 });
        assert_eq!(runtime.block_on(&mut task).unwrap(), 5);
        let again = catch_unwind(AssertUnwindSafe(|| runtime.block_on(&mut task)));
        let payload = again.map(|_| ()).unwrap_err();
        assert_says(&common::text(&*payload), &["JoinHandle", "await it once"]);
        let task = runtime.spawn(std::future::pending::<()>());
        task.abort();
        let error = runtime.block_on(task).unwrap_err();
        let said = panic_of(|| error.into_panic());
        assert_says(
            &said,
            &["`JoinError::into_panic`", "was cancelled", "`is_panic`"],
        );
    });
}

#[test]
fn guards_dropped_in_the_wrong_order_say_so() {
    guarded(|| {
        let (one, two) = (common::current_thread(), common::current_thread());
        let first = one.enter();
        let second = two.enter();
        let wrong = catch_unwind(AssertUnwindSafe(|| drop(first)));
        assert_says(
            &common::text(&*wrong.unwrap_err()),
            &["EnterGuard", "reverse order"],
        );
        drop(second);
        // Nothing of it is left: not the runtime, and not the order in which other guards have to go.
        assert!(Handle::try_current().is_err(), "the thread has left both");
        let outer = one.enter();
        let (first, second, third) = (one.enter(), two.enter(), one.enter());
        for wrong in [first, second] {
            assert!(catch_unwind(AssertUnwindSafe(|| drop(wrong))).is_err());
        }
        drop(third);
        assert!(Handle::try_current().is_ok(), "it is in the outermost");
        drop(outer);
        assert!(Handle::try_current().is_err());
        assert_eq!(one.block_on(one.spawn(async { 5 })).unwrap(), 5);
    });
}

#[test]
fn interval_of_zero_says_what_to_write_instead() {
    guarded(|| {
        let runtime = common::current_thread();
        let _guard = runtime.enter();
        let said = panic_of(|| drop(filch::time::interval(Duration::ZERO)));
        assert_says(&said, &["`time::interval`", "zero", "yield_now"]);
    });
}

#[cfg(feature = "test-util")]
#[test]
fn wrong_use_of_the_paused_clock_says_what_to_call() {
    guarded(|| {
        let runtime = common::current_thread();
        let _guard = runtime.enter();
        let said = panic_of(|| drop(filch::time::advance(Duration::from_secs(1))));
        assert_says(&said, &["`time::advance`", "`time::pause()`"]);
        let said = panic_of(|| filch::time::resume());
        assert_says(&said, &["`time::resume`", "`time::pause()`"]);
        filch::time::pause();
        let said = panic_of(|| filch::time::pause());
        assert_says(&said, &["`time::pause`", "`time::resume()`"]);
    });
}

#[track_caller]
fn assert_refused(builder: &mut Builder, parts: &[&str]) {
    let error = builder.build().expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_says(&error.to_string(), parts);
}

#[test]
fn settings_out_of_range_are_refused_with_the_range() {
    assert_refused(Builder::new().workers(0), &["0 workers", "from 1 to 1024"]);
    assert_refused(
        Builder::new().workers(100_000),
        &["100000 workers", "from 1 to 1024"],
    );
    assert_refused(
        Builder::current_thread().workers(2),
        &["workers(2)", "one worker", "`Builder::multi_thread()`"],
    );
    assert_refused(
        Builder::new().stack_size(1),
        &["stack_size(1)", "at least 16384"],
    );
    assert_refused(
        Builder::new().maintenance_interval(0),
        &["maintenance_interval(0)", "at least 1"],
    );
    assert_refused(
        Builder::new().max_blocking_threads(0),
        &["max_blocking_threads(0)", "at least 1"],
    );
    assert_refused(
        Builder::new().blocking_queue(0),
        &["blocking_queue(0)", "at least 1"],
    );
    assert_refused(
        Builder::new().thread_name("a\0b"),
        &["thread_name", "zero byte"],
    );
    for threads in [0, 65_537] {
        let error = Executor::new("lane", threads).expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_says(&error.to_string(), &["lane", "from 1 to 65536"]);
    }
    let error = Executor::builder("lane")
        .queue(0)
        .build()
        .expect_err("it is refused");
    assert_says(&error.to_string(), &["lane", "at least 1"]);
}

#[test]
fn wrong_number_of_workers_in_the_environment_is_refused_by_name() {
    const NAME: &str = "wrong_number_of_workers_in_the_environment_is_refused_by_name";
    if is_child() {
        match Builder::new().build() {
            Ok(runtime) => println!("built {}", runtime.metrics().workers.len()),
            Err(error) => println!("{:?}: {error}", error.kind()),
        }
        // What the program says itself goes before the environment.
        assert_eq!(
            Builder::new()
                .workers(3)
                .build()
                .unwrap()
                .metrics()
                .workers
                .len(),
            3
        );
        let current = Builder::current_thread().build().unwrap();
        assert_eq!(current.metrics().workers.len(), 1);
        return;
    }
    for (value, parts) in [
        (
            "abc",
            ["InvalidInput", "FILCH_WORKERS", "\"abc\"", "unset it"],
        ),
        (
            "",
            ["InvalidInput", "FILCH_WORKERS", "no number", "unset it"],
        ),
        (
            "-1",
            ["InvalidInput", "FILCH_WORKERS", "\"-1\"", "unset it"],
        ),
        (
            "0",
            [
                "InvalidInput",
                "FILCH_WORKERS",
                "0 workers",
                "from 1 to 1024",
            ],
        ),
        (
            "2000",
            [
                "InvalidInput",
                "FILCH_WORKERS",
                "2000 workers",
                "from 1 to 1024",
            ],
        ),
        (" 5 ", ["built 5"; 4]),
    ] {
        let child = run_child(NAME, LIMIT, &[("FILCH_WORKERS", value)]);
        child.assert_success();
        assert_says(&child.stdout, &parts);
    }
}

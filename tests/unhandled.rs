//! Ends that nobody will ever see are reported once, and those that somebody may see are not.
#![cfg(not(loom))]

mod common;

use common::{Event, LIMIT, guarded, is_child, run_child, wait_until, workers};
use filch::runtime::{Builder, Runtime};
use std::future::pending;
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// A report as text, and whether it was of a panic.
type Reports = Receiver<(String, bool)>;

fn reporting(mut builder: Builder) -> (Runtime, Reports) {
    let (report, reports) = mpsc::channel();
    let runtime = builder
        .on_unhandled(move |end| {
            assert_eq!(end.location().file(), file!());
            assert_eq!(end.is_panic(), end.error_type().is_none());
            // Fails for what happens after the test has ended.
            let _ = report.send((end.to_string(), end.is_panic()));
        })
        .build()
        .unwrap();
    (runtime, reports)
}

fn on_both(f: impl Fn(Runtime, Reports) + Send + Clone + 'static) {
    for builder in [Builder::new, Builder::current_thread] {
        let f = f.clone();
        guarded(move || {
            let (runtime, reports) = reporting(builder());
            f(runtime, reports);
        });
    }
}

fn settle(runtime: &Runtime) {
    runtime.block_on(async {
        while filch::runtime::Handle::current().metrics().live_tasks > 0 {
            filch::task::yield_now().await;
        }
    });
}

#[test]
fn panic_and_error_of_a_detached_task_are_reported_once() {
    on_both(|runtime, reports| {
        runtime
            .spawn(async { common::panic_quietly("lost") })
            .detach();
        settle(&runtime);
        let (text, is_panic) = reports.recv_timeout(LIMIT).unwrap();
        assert!(
            is_panic && text.contains("panicked: lost") && text.contains("unhandled.rs"),
            "{text}"
        );
        runtime
            .spawn(async { Err::<u8, String>("lost".into()) })
            .detach();
        settle(&runtime);
        let (text, is_panic) = reports.recv_timeout(LIMIT).unwrap();
        assert!(!is_panic && text.contains("returned an Err of"), "{text}");
        drop(runtime);
        assert!(reports.recv().is_err(), "once each");
    });
}

#[test]
fn name_of_the_task_stands_in_the_report() {
    on_both(|runtime, reports| {
        {
            let _guard = runtime.enter();
            filch::task::Builder::new()
                .name("important")
                .spawn(async { common::panic_quietly("lost") })
                .detach();
        }
        settle(&runtime);
        assert!(
            reports
                .recv_timeout(LIMIT)
                .unwrap()
                .0
                .contains("'important'")
        );
    });
}

#[test]
fn end_that_a_handle_saw_or_dropped_unread_is_reported_only_when_unread() {
    on_both(|runtime, reports| {
        let seen = runtime.spawn(async { common::panic_quietly("seen") });
        assert!(runtime.block_on(seen).is_err());
        let seen = runtime.spawn(async { Err::<(), u8>(1) });
        assert!(runtime.block_on(seen).unwrap().is_err());
        let unread = runtime.spawn(async { Err::<(), u8>(2) });
        settle(&runtime);
        drop(unread);
        let (text, is_panic) = reports.recv_timeout(LIMIT).unwrap();
        assert!(!is_panic && text.contains("u8"), "{text}");
        drop(runtime);
        assert!(reports.recv().is_err());
    });
}

#[test]
fn outputs_oks_and_cancellations_are_no_news() {
    on_both(|runtime, reports| {
        runtime.spawn(async { 5 }).detach();
        runtime.spawn(async { Ok::<u8, String>(5) }).detach();
        runtime.spawn(async { Some(5) }).detach();
        let aborted = runtime.spawn(pending::<()>());
        aborted.abort();
        drop(aborted);
        settle(&runtime);
        runtime.spawn(pending::<()>()).detach();
        drop(runtime);
        assert!(reports.recv().is_err());
    });
}

#[test]
fn blocking_job_that_panics_unseen_is_reported() {
    on_both(|runtime, reports| {
        runtime
            .spawn_blocking(|| common::panic_quietly("the job"))
            .detach();
        assert!(reports.recv_timeout(LIMIT).unwrap().0.contains("the job"));
    });
}

#[test]
fn handle_dropped_after_its_runtime_and_on_another_thread_reports_to_stderr_at_worst() {
    guarded(|| {
        let (runtime, reports) = reporting(Builder::new());
        let task = runtime.spawn(async { common::panic_quietly("late") });
        wait_until("it ends", || task.is_finished());
        thread::spawn(move || drop(task)).join().unwrap();
        assert!(reports.recv_timeout(LIMIT).unwrap().0.contains("late"));
        let task = runtime.spawn(async { common::panic_quietly("later") });
        wait_until("it ends", || task.is_finished());
        drop(runtime);
        drop(task);
        assert!(reports.recv().is_err(), "the hook is gone with its runtime");
    });
}

#[test]
fn hook_may_use_the_runtime() {
    guarded(|| {
        let (tell, told) = mpsc::channel();
        let (go, gone) = (Event::new(), Event::new());
        let set = gone.clone();
        let runtime = Builder::new()
            .workers(1)
            .on_unhandled(move |_| {
                let set = set.clone();
                filch::spawn(async move { set.set() }).detach();
                tell.send(filch::task::all_tasks().len()).unwrap();
            })
            .build()
            .unwrap();
        let going = go.clone();
        runtime
            .spawn(async move {
                going.wait().await;
                common::panic_quietly("lost");
            })
            .detach();
        go.set();
        assert!(told.recv_timeout(LIMIT).unwrap() >= 1);
        gone.wait_on_thread();
    });
}

#[test]
fn report_without_a_hook_is_a_line_on_stderr() {
    const NAME: &str = "report_without_a_hook_is_a_line_on_stderr";
    if is_child() {
        let runtime = workers(1);
        runtime.spawn(async { Err::<(), &str>("lost") }).detach();
        settle(&runtime);
        return;
    }
    let child = run_child(NAME, LIMIT, &[]);
    child.assert_success();
    let lines: Vec<_> = child
        .stderr
        .lines()
        .filter(|line| line.starts_with("filch: task"))
        .collect();
    assert_eq!(lines.len(), 1, "{child:#?}");
    assert!(lines[0].contains("returned an Err of") && lines[0].contains("unhandled.rs"));
}

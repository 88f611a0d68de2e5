//! The negative controls: bugs that are sown, and the scenario that must find each. The names stand in the sources, as
//! `seeded("...")`. It must not know how a bug is found.

use std::process::{Command, Stdio};
use std::time::Instant;

/// Schedules that a control may take, per scheduler.
const SCHEDULES: &str = "20000";
/// The same search each time.
const SEED: &str = "1";

const CONTROLS: &[(&str, &str)] = &[
    (
        "sit_overwrites_a_token",
        "spawning::spawn_from_outside_against_park",
    ),
    (
        "unpark_takes_no_lock",
        "spawning::spawn_from_outside_against_park",
    ),
    (
        "the_recheck_comes_first",
        "spawning::spawn_from_outside_against_park",
    ),
    (
        "the_recheck_comes_first",
        "spawning::spawn_from_outside_against_the_only_worker",
    ),
    (
        "a_refused_lead_is_dropped",
        "spawning::spawn_from_outside_against_park",
    ),
    (
        "the_recheck_comes_first",
        "spawning::spawn_from_a_task_against_stealing",
    ),
    (
        "two_take_the_next",
        "spawning::spawn_from_a_task_against_stealing",
    ),
    ("two_take_the_next", "spawning::next_slot_against_steal"),
    ("pend_ignores_a_wake", "waking::wake_across_workers"),
    ("the_recheck_comes_first", "waking::wake_across_workers"),
    (
        "pend_ignores_a_wake",
        "waking::wake_from_outside_against_run",
    ),
    (
        "the_root_is_unparked_first",
        "waking::wake_of_the_root_against_its_sleep",
    ),
    ("cancel_pushes_twice", "waking::abort_against_run"),
    ("cancel_ignores_the_end", "waking::abort_against_run"),
    ("cancel_wakes_nobody", "waking::abort_against_pend"),
    (
        "completion_forgets_the_joiner",
        "waking::join_against_complete",
    ),
    ("joiner_is_taken_twice", "waking::join_against_complete"),
    (
        "completion_forgets_an_orphan",
        "waking::dropped_handle_against_complete",
    ),
    ("the_gate_lets_pass", "ending::shutdown_against_spawn"),
    ("the_end_is_not_told", "ending::shutdown_against_spawn"),
    ("the_end_is_not_told", "ending::shutdown_against_join"),
    ("the_gate_lets_pass", "ending::shutdown_against_join"),
    (
        "the_workers_wake_before_the_stop",
        "ending::shutdown_against_wake",
    ),
    ("cancel_wakes_nobody", "ending::shutdown_against_abort"),
    ("cancel_pushes_twice", "ending::shutdown_against_abort"),
    (
        "a_lost_end_is_not_counted",
        "ending::shutdown_against_block_in_place",
    ),
    (
        "a_lost_end_is_not_counted",
        "ending::block_in_place_against_its_queue",
    ),
    (
        "the_workers_wake_before_the_stop",
        "ending::drop_of_the_runtime_inside_a_task",
    ),
    ("a_close_wakes_nobody", "ending::drop_with_tasks_everywhere"),
    (
        "an_idle_thread_lets_go_before_it_waits",
        "blocking::job_against_idle_thread",
    ),
    ("an_expiry_ignores_a_wake", "blocking::job_against_expiry"),
    (
        "an_expired_thread_stays_on_the_stack",
        "blocking::job_against_expiry",
    ),
    (
        "the_watcher_adds_nobody",
        "blocking::job_against_jobs_behind_it",
    ),
    ("a_closed_pool_admits", "blocking::shutdown_against_job"),
    ("a_close_wakes_nobody", "blocking::shutdown_against_job"),
    (
        "the_promise_comes_last",
        "timing::timer_from_outside_against_park",
    ),
    (
        "the_promise_comes_last",
        "timing::sooner_timer_against_sleep",
    ),
    ("cancel_does_not_look_again", "timing::fire_against_cancel"),
    ("the_lock_is_open", "timing::fire_against_cancel"),
    (
        "sit_overwrites_a_token",
        "timing::fire_against_cancel_from_outside",
    ),
    (
        "a_root_falls_asleep_silently",
        "timing::paused_clock_against_tasks",
    ),
    (
        "the_workers_wake_before_the_stop",
        "timing::shutdown_against_fire",
    ),
    (
        "the_set_lets_go_before_it_waits",
        "local::local_set_against_wake_from_elsewhere",
    ),
    (
        "cancel_pushes_twice",
        "local::drop_of_a_local_set_against_wake",
    ),
    (
        "anybody_comes_for_a_pinned_task",
        "local::pinned_task_against_wake_from_elsewhere",
    ),
    ("cancel_pushes_twice", "local::shutdown_against_pinned_wake"),
    (
        "sit_overwrites_a_token",
        "local::current_thread_against_wake_from_elsewhere",
    ),
    ("a_free_seat_is_not_told", "local::seat_against_seat"),
    (
        "a_worker_that_is_put_back_is_forgotten",
        "local::drop_of_current_thread_against_spawn",
    ),
    ("a_move_leaves_no_mark", "timing::reset_against_fire"),
    (
        "set_waker_does_not_look_again",
        "timing::fire_against_another_waker",
    ),
    (
        "the_recheck_comes_first",
        "waking::ring_of_wakes_against_spawns",
    ),
    (
        "cancel_pushes_twice",
        "waking::abort_against_block_in_place",
    ),
];

/// Runs one scenario in a process of its own with a bug; whether shuttle found it, and what was printed.
fn run(scenario: &str, bug: &str) -> (bool, String) {
    let this = std::env::current_exe().expect("a test binary knows its path");
    let scenario = format!("runtime::shuttle::{scenario}");
    let output = Command::new(this)
        .args(["--exact", &scenario, "--nocapture", "--test-threads=1"])
        .env("FILCH_SEEDED_BUG", bug)
        .env_remove("FILCH_SHUTTLE_REPLAY")
        .env("FILCH_SHUTTLE_SCHEDULES", SCHEDULES)
        .env("FILCH_SHUTTLE_SEED", SEED)
        .stdin(Stdio::null())
        .output()
        .expect("a test binary can run itself");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (!output.status.success(), text.into_owned())
}

/// A process for each, because what fails leaves threads in the middle of things.
#[test]
fn each_seeded_bug_is_found() {
    let mut missed = Vec::new();
    for (bug, scenario) in CONTROLS {
        let start = Instant::now();
        let (failed, text) = run(scenario, bug);
        assert!(
            text.contains("running 1 test"),
            "there is no scenario {scenario}"
        );
        println!(
            "control {bug}: {scenario} {} in {:.1} s",
            if failed { "finds it" } else { "MISSES IT" },
            start.elapsed().as_secs_f64()
        );
        if !failed {
            missed.push((bug, scenario));
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

//! How the loom models are run, and their negative controls: for each protocol bugs that a model must find.
//! It must not know what a model is about.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

/// Preemptions per execution, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
const BOUND: usize = 2;
/// Steps of one execution.
const BRANCHES: usize = 10_000;

/// Runs `model` under every schedule within the bound, and says how many there were.
pub(crate) fn check<F: Fn() + Sync + Send + 'static>(model: F) {
    let mut builder = loom::model::Builder::new();
    let bound = *builder.preemption_bound.get_or_insert(BOUND);
    builder.max_branches = BRANCHES;
    let executions = Arc::new(AtomicU64::new(0));
    let (count, start) = (executions.clone(), Instant::now());
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        model();
    });
    let name = core::any::type_name::<F>().trim_end_matches("::{{closure}}");
    println!(
        "model {name}: {} executions at bound {bound} in {:.1} s",
        executions.load(Relaxed),
        start.elapsed().as_secs_f64()
    );
}

/// Which model finds which bug. The names stand in the sources, as `seeded("...")`.
const CONTROLS: &[(&str, &str)] = &[
    (
        "a_refused_lead_is_dropped",
        "runtime::scheduler::model::lead_against_lead",
    ),
    ("wake_only_looks", "runtime::task::model::wake_against_pend"),
    (
        "pend_ignores_a_wake",
        "runtime::task::model::wake_against_pend",
    ),
    (
        "pend_is_relaxed",
        "runtime::task::model::poll_here_against_poll_there",
    ),
    (
        "completion_frees_always",
        "runtime::task::model::wake_against_complete_and_free",
    ),
    (
        "wake_never_frees",
        "runtime::task::model::wake_against_complete_and_free",
    ),
    (
        "ref_dec_is_relaxed",
        "runtime::task::model::waker_dropped_last_frees",
    ),
    (
        "cancel_wakes_nobody",
        "runtime::task::model::abort_against_run",
    ),
    (
        "cancel_wakes_nobody",
        "runtime::task::model::abort_against_yield",
    ),
    (
        "cancel_pushes_twice",
        "runtime::task::model::abort_against_wake",
    ),
    (
        "cancel_pushes_twice",
        "runtime::task::model::drain_against_wake",
    ),
    (
        "completion_forgets_the_joiner",
        "runtime::task::model::join_registers_against_complete",
    ),
    (
        "joiner_reads_unordered",
        "runtime::task::model::join_registers_against_complete",
    ),
    (
        "joiner_is_taken_twice",
        "runtime::task::model::joiner_replaced_against_complete",
    ),
    (
        "completion_forgets_the_joiner",
        "runtime::task::model::task_joins_task",
    ),
    (
        "completion_forgets_an_orphan",
        "runtime::task::model::handle_dropped_against_complete",
    ),
    (
        "completion_forgets_an_orphan",
        "runtime::task::model::joined_handle_dropped_against_complete",
    ),
    (
        "yield_drops_a_wake",
        "runtime::task::model::yield_against_wake",
    ),
    (
        "sit_overwrites_a_token",
        "runtime::scheduler::model::token_against_sit_in_driver",
    ),
    (
        "sit_overwrites_a_token",
        "runtime::scheduler::model::token_against_sit_on_condvar",
    ),
    (
        "unpark_takes_no_lock",
        "runtime::scheduler::model::token_against_sit_on_condvar",
    ),
    (
        "sit_overwrites_a_token",
        "runtime::scheduler::model::token_against_stand_up",
    ),
    (
        "no_push_fence",
        "runtime::scheduler::model::kick_against_question",
    ),
    (
        "no_sleep_fence",
        "runtime::scheduler::model::push_against_announce",
    ),
    (
        "no_push_fence",
        "runtime::scheduler::model::push_against_announce",
    ),
    (
        "no_sleep_fence",
        "runtime::scheduler::model::push_against_announce_of_searcher",
    ),
    (
        "no_fence_after_a_search",
        "runtime::scheduler::model::push_against_stop_searching",
    ),
    (
        "a_raced_claim_gives_up",
        "runtime::scheduler::model::push_against_raced_claim",
    ),
    (
        "no_fence_after_a_race",
        "runtime::scheduler::model::push_against_raced_claim",
    ),
    (
        "sit_overwrites_a_token",
        "runtime::scheduler::model::inbox_push_against_park_of_home",
    ),
    (
        "two_take_the_next",
        "runtime::scheduler::model::take_next_against_displace",
    ),
    (
        "the_gate_does_not_wait",
        "runtime::scheduler::model::spawn_against_close",
    ),
    (
        "the_gate_lets_pass",
        "runtime::scheduler::model::spawn_against_close",
    ),
    (
        "the_gate_does_not_wait",
        "runtime::scheduler::model::spawns_against_close",
    ),
    (
        "cancel_does_not_look_again",
        "timer::model::cancel_against_fire",
    ),
    ("letting_go_is_relaxed", "timer::model::cancel_against_fire"),
    ("the_lock_is_open", "timer::model::fire_against_fire"),
    (
        "a_move_leaves_no_mark",
        "timer::model::reset_later_against_fire",
    ),
    (
        "reset_does_not_look_again",
        "timer::model::reset_earlier_against_fire",
    ),
    (
        "set_waker_does_not_look_again",
        "timer::model::set_waker_against_fire",
    ),
    (
        "insert_ignores_the_close",
        "timer::model::close_against_insert",
    ),
    (
        "cancel_does_not_look_again",
        "timer::model::cancel_against_close",
    ),
    (
        "no_fence_in_the_promise",
        "timer::model::insert_against_promise",
    ),
    (
        "no_fence_in_the_telling",
        "timer::model::insert_against_promise",
    ),
    (
        "an_expiry_ignores_a_wake",
        "runtime::blocking::model::expire_against_submit",
    ),
    (
        "an_expired_thread_stays_on_the_stack",
        "runtime::blocking::model::expire_against_submit",
    ),
    (
        "an_idle_thread_lets_go_before_it_waits",
        "runtime::blocking::model::idle_against_submit",
    ),
    (
        "a_closed_pool_admits",
        "runtime::blocking::model::close_against_submit",
    ),
    (
        "a_close_wakes_nobody",
        "runtime::blocking::model::close_against_idle",
    ),
    (
        "a_take_passes_no_wake_on",
        "runtime::blocking::model::take_against_submit",
    ),
    (
        "wake_pushes_twice",
        "runtime::task::model::wake_against_wake",
    ),
    (
        "cancel_ignores_the_end",
        "runtime::task::model::abort_against_complete",
    ),
    (
        "no_fence_after_the_stop",
        "runtime::scheduler::model::stop_against_look_after",
    ),
    (
        "no_fence_before_the_look_at_the_stop",
        "runtime::scheduler::model::stop_against_look_after",
    ),
    (
        "the_end_is_not_told",
        "runtime::scheduler::model::wait_against_finish",
    ),
    (
        "sit_overwrites_a_token",
        "runtime::scheduler::model::token_against_sit_in_other_group",
    ),
    (
        "sit_overwrites_a_token",
        "runtime::scheduler::model::hand_over_against_sit",
    ),
    (
        "the_word_is_cleared_late",
        "io::driver::model::event_against_attempt",
    ),
    (
        "an_event_overwrites",
        "io::driver::model::event_against_wait",
    ),
    (
        "the_first_is_not_in_the_crowd",
        "io::driver::model::event_against_two_waiters",
    ),
    (
        "the_crowd_is_taken_first",
        "io::driver::model::event_against_joining_the_crowd",
    ),
    (
        "who_waits_is_not_told_of_more",
        "io::driver::model::restore_against_wait",
    ),
    (
        "a_refusal_after_the_end_is_final",
        "io::driver::model::event_against_refusal_after_the_end",
    ),
    (
        "an_event_overwrites",
        "io::driver::model::events_against_crowd",
    ),
    (
        "an_event_overwrites",
        "io::driver::model::event_against_drop",
    ),
    (
        "an_end_leaves_the_word_empty",
        "io::driver::model::close_against_wait",
    ),
    (
        "a_restore_ignores_the_end",
        "io::driver::model::close_against_restore",
    ),
    (
        "writer_leaves_bytes",
        "io::behind::model::accept_against_end",
    ),
    (
        "writer_ends_without_the_turn",
        "io::behind::model::flush_against_settle",
    ),
];

/// Runs one model in a process of its own, with a bug or without; whether it failed, and what it printed.
fn run(model: &str, bug: &str) -> (bool, String) {
    let this = std::env::current_exe().expect("a test binary knows its path");
    let output = Command::new(this)
        .args(["--exact", model, "--nocapture", "--test-threads=1"])
        .env("FILCH_SEEDED_BUG", bug)
        .env(
            "LOOM_MAX_PREEMPTIONS",
            if model.starts_with("runtime::") {
                "3"
            } else {
                "2"
            },
        )
        .stdin(Stdio::null())
        .output()
        .expect("a test binary can run itself");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (!output.status.success(), text.into_owned())
}

/// A process for each, because loom's deadlock ends in an abort.
#[test]
fn each_seeded_bug_is_found() {
    let mut missed = Vec::new();
    for (bug, model) in CONTROLS {
        let start = Instant::now();
        let (failed, text) = run(model, bug);
        assert!(text.contains("running 1 test"), "there is no model {model}");
        println!(
            "control {bug}: {model} {} in {:.1} s",
            if failed { "finds it" } else { "MISSES IT" },
            start.elapsed().as_secs_f64()
        );
        if !failed {
            missed.push((bug, model));
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

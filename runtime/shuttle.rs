//! Whole runtimes under shuttle: scenarios named after their races, each run under many schedules, and bugs that such
//! a search must find.
//! It owns how a scenario is run and what holds at the end of each; it must not know what one is about.
//!
//! Three schedulers look for different things. *Random* takes any thread at each step. *PCT* runs the thread of the
//! highest priority and lowers priorities at a few points: at one with depth 2, at four with depth 5. With few steps
//! these points lie beyond the end, so none of them replaces the others.
//!
//! | variable | meaning |
//! |---|---|
//! | `FILCH_SHUTTLE_SCHEDULES` | schedules per scenario and scheduler |
//! | `FILCH_SHUTTLE_SEED` | the seed; without it each run takes another one, and prints it |
//! | `FILCH_SHUTTLE_REPLAY` | a failing schedule as it was printed, or a file with it: runs that one alone |

mod blocking;
mod controls;
mod ending;
mod local;
mod scene;
mod spawning;
mod timing;
mod waking;

use super::shim;
use super::task::settle;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::time::Duration;
use shuttle::scheduler::{
    PctScheduler, RandomScheduler, ReplayScheduler, RoundRobinScheduler, Scheduler,
    UncontrolledNondeterminismCheckScheduler,
};
use shuttle::{Config, MaxSteps, Runner};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Instant;

/// Schedules per scenario and scheduler, unless `FILCH_SHUTTLE_SCHEDULES` says otherwise.
const SCHEDULES: usize = 20_000;
/// Schedules that are run twice, to see that nothing but the schedule decides what happens.
const REPEATED: usize = 100;
/// A schedule with more steps is taken for one that never ends.
const STEPS: usize = 200_000;
/// Of each thread, in bytes.
const STACK: usize = 256 << 10;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number(name: &str) -> Option<u64> {
    variable(name).map(|value| value.trim().parse().expect("the variable is a number"))
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = STACK;
    config.max_steps = MaxSteps::FailAfter(STEPS);
    config.silence_warnings = true;
    config
}

/// Runs `scenario` under many schedules, and says how many there were.
pub(super) fn check<F: Fn() + Sync + Send + 'static>(scenario: F) {
    let name = core::any::type_name::<F>().trim_end_matches("::{{closure}}");
    let name = name.rsplit_once("shuttle::").map_or(name, |(_, name)| name);
    let longest = Arc::new(AtomicUsize::new(0));
    let steps = longest.clone();
    let once = move || {
        shim::begin();
        scenario();
        steps.fetch_max(shuttle::current::context_switches(), Relaxed);
        let (_, alive) = settle();
        assert_eq!(alive, 0, "tasks were not freed");
    };
    // What is made once in a process is there when the schedules begin, so that each depends on nothing but itself.
    let once = Arc::new(once);
    let warm = once.clone();
    Runner::new(RoundRobinScheduler::new(1), config()).run(move || warm());
    if let Some(schedule) = variable("FILCH_SHUTTLE_REPLAY") {
        let schedule = std::fs::read_to_string(&schedule).unwrap_or(schedule);
        // It is printed between quotes and in lines.
        let digits: String = schedule.chars().filter(char::is_ascii_hexdigit).collect();
        let scheduler = ReplayScheduler::new_from_encoded(&digits);
        Runner::new(scheduler, config()).run(move || once());
        return;
    }
    let schedules = number("FILCH_SHUTTLE_SCHEDULES").map_or(SCHEDULES, |number| number as usize);
    let seed = number("FILCH_SHUTTLE_SEED").unwrap_or_else(|| {
        // Its keys are other ones each time.
        RandomState::new().build_hasher().finish()
    });
    let schedulers: [(&str, Box<dyn Scheduler + Send>); 3] = [
        (
            "random",
            Box::new(RandomScheduler::new_from_seed(seed, schedules)),
        ),
        (
            "pct(2)",
            Box::new(PctScheduler::new_from_seed(seed, 2, schedules)),
        ),
        (
            "pct(5)",
            Box::new(PctScheduler::new_from_seed(seed, 5, schedules)),
        ),
    ];
    let twice = RandomScheduler::new_from_seed(seed, REPEATED);
    let again = once.clone();
    Runner::new(
        UncontrolledNondeterminismCheckScheduler::new(twice),
        config(),
    )
    .run(move || again());
    let mut told = Vec::new();
    for (which, scheduler) in schedulers {
        let start = Instant::now();
        let once = once.clone();
        let run = AssertUnwindSafe(|| Runner::new(scheduler, config()).run(move || once()));
        match catch_unwind(run) {
            Ok(count) => told.push(format!("{count} {which} in {}", seconds(start.elapsed()))),
            Err(payload) => {
                eprintln!("scenario {name} failed under {which}, seed {seed}");
                resume_unwind(payload);
            }
        }
    }
    let longest = longest.load(Relaxed);
    println!(
        "scenario {name}: {}, at most {longest} steps, seed {seed}",
        told.join(", ")
    );
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

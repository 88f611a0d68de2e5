//! Runs a scenario: builds the runtime, samples the process from the main thread while the tasks
//! run, notices the end or a standstill, and takes the runtime down again. It must not know how
//! the result is judged or shown, beyond handing each state to the view.
//!
//! Nothing here runs inside the runtime: a look at the counts costs the workers nothing but the
//! cache misses of the counters.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use filch::runtime::{Builder, Metrics, Runtime};
use filch_bench::process;
use hdrhistogram::Histogram;

use crate::interrupt::{interrupted, stop};
use crate::ledger::{self, Count, Tally, record};
use crate::options::Options;
use crate::outcome::{Memory, Outcome, Sample};
use crate::scenario::{Load, Scenario};
use crate::view::View;

/// The time between two looks at the counts, and while all tasks are about to be alive.
const TICK: Duration = Duration::from_millis(100);
const SHORT_TICK: Duration = Duration::from_millis(2);
/// Without any progress for this long after the last wake was due, what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the runtime may take to count its last tasks as gone, and the kernel its threads.
const SETTLING: Duration = Duration::from_secs(3);
/// How long the runtime may take to shut down.
const SHUTDOWN: Duration = Duration::from_secs(10);
/// More samples than this are thinned out: a plot shows no more.
const MOST_SAMPLES: usize = 1_000;

/// The state of a run, for the view.
#[derive(Debug)]
pub(crate) struct Status<'a> {
    pub(crate) scenario: Scenario,
    pub(crate) tasks: u64,
    pub(crate) length: Duration,
    pub(crate) elapsed: Duration,
    pub(crate) tally: &'a Tally,
    pub(crate) rss: Option<u64>,
    pub(crate) memory: Option<Memory>,
    pub(crate) cpu: Option<Duration>,
    pub(crate) late: &'a Histogram<u64>,
    pub(crate) metrics: &'a Metrics,
}

/// Runs a scenario to its end, or to Ctrl-C.
///
/// # Errors
///
/// What the operating system says, if the runtime cannot be built.
pub(crate) fn run(options: &Options, view: &mut View) -> io::Result<Outcome> {
    ledger::i_am_main();
    record::prepare(options.tasks);
    // The thread sanitizer starts a thread of its own beside the first of the program, and that one stays.
    #[cfg(filch_tsan)]
    let _ = thread::spawn(|| ()).join();
    let threads_before = process::threads();
    let mut builder = Builder::new();
    if let Some(workers) = options.workers {
        builder.workers(workers);
    }
    let runtime = builder.build()?;
    // The stacks of the workers do not count as memory of tasks, so they are given a moment to
    // start. If it is too short, the result is a little worse than the truth.
    thread::sleep(Duration::from_millis(20));

    let mut watch = Watch::new(options, runtime.metrics());
    options.scenario.start(&runtime, watch.load);
    while !watch.over() {
        thread::park_timeout(watch.tick());
        watch.look(&runtime);
        watch.show(view);
    }
    stop();
    let elapsed = watch.start.elapsed();
    let cpu = watch.cpu();
    let tally = Tally::read();
    settles(SETTLING, || {
        interrupted() || runtime.metrics().live_tasks == 0
    });
    let leaked = runtime.metrics().live_tasks;
    // What its report would tell shows in the threads that are left.
    let _ = runtime.shutdown_timeout(SHUTDOWN);
    let threads_left = threads_before.map(|before| {
        let left = || process::threads().unwrap_or(before).saturating_sub(before);
        settles(SETTLING, || left() == 0);
        left()
    });
    view.close();

    watch
        .late
        .add(ledger::take_lateness())
        .expect("all histograms have the same bounds");
    let interrupted = interrupted();
    let is_sleep = options.scenario == Scenario::Sleep;
    // After the shutdown the threads are joined, so these are the final counts; but what the
    // shutdown itself dropped had not ended by itself, and is lost.
    let lost = if is_sleep {
        record::never_woken()
    } else {
        tally[Count::Spawned].saturating_sub(tally[Count::Dropped])
    };
    Ok(Outcome {
        scenario: options.scenario,
        seed: options.seed,
        workers: watch.metrics.workers.len() as u64,
        tasks: options.tasks.into(),
        request_bytes: options.size.into(),
        waves: options.waves.into(),
        levels: options.scenario.levels(),
        length: options.length,
        elapsed,
        interrupted,
        tally: Tally::read(),
        late: watch.late,
        memory: watch
            .memory
            .filter(|_| options.scenario.holds_all_at_once()),
        rss_peak: watch.rss_peak,
        cpu,
        future_bytes: options.scenario.future_bytes(),
        yields: (options.scenario == Scenario::Yield).then(record::spread),
        blocking_threads_peak: watch.blocking_threads_peak,
        lost,
        leaked,
        threads_left,
        samples: watch.samples,
    })
}

/// What the main thread knows of the run.
struct Watch {
    scenario: Scenario,
    load: Load,
    start: Instant,
    elapsed: Duration,
    tally: Tally,
    /// When any count last changed, and when the last task was spawned.
    moved: Instant,
    spawned: Instant,
    cpu_before: Option<Duration>,
    rss_before: Option<u64>,
    rss: Option<u64>,
    rss_peak: Option<u64>,
    memory: Option<Memory>,
    /// Whether the memory was measured with all tasks alive.
    is_weighed: bool,
    late: Histogram<u64>,
    samples: Vec<Sample>,
    /// The time between two samples; doubled when they are thinned out.
    spacing: Duration,
    blocking_threads_peak: u64,
    metrics: Metrics,
}

impl Watch {
    fn new(options: &Options, metrics: Metrics) -> Watch {
        let now = Instant::now();
        let rss = process::exact_rss();
        Watch {
            scenario: options.scenario,
            load: Load {
                tasks: options.tasks,
                length: options.length,
                seed: options.seed,
                size: options.size,
                waves: options.waves,
            },
            start: now,
            elapsed: Duration::ZERO,
            tally: Tally::read(),
            moved: now,
            spawned: now,
            cpu_before: process::cpu_time(),
            rss_before: rss,
            rss,
            rss_peak: rss,
            memory: None,
            is_weighed: false,
            late: ledger::lateness(),
            samples: Vec::new(),
            spacing: (options.length / 100).clamp(Duration::from_millis(10), TICK),
            blocking_threads_peak: 0,
            metrics,
        }
    }

    /// How long to wait for the next look. It is a moment while the last tasks fall asleep, so that
    /// their memory is measured before the first wakes, and near the end, so that the end is not
    /// noticed late.
    fn tick(&self) -> Duration {
        let is_spawned = self.tally[Count::SpawnerDone] > 0;
        let is_filling = self.scenario.holds_all_at_once() && is_spawned && !self.is_weighed;
        let end = self.last_event() + self.load.length;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || (is_filling && self.spawned.elapsed() < 10 * TICK) {
            SHORT_TICK
        } else {
            self.spacing.min(left)
        }
    }

    /// The moment from which the length of the run counts to its end.
    fn last_event(&self) -> Instant {
        if self.scenario.ends_by_the_clock() {
            self.start
        } else {
            self.spawned
        }
    }

    /// Whether the run has ended: all tasks are gone, nothing moves any more, or Ctrl-C.
    fn over(&self) -> bool {
        let spawned = self.tally[Count::Spawned];
        let is_done = self.tally[Count::SpawnerDone] > 0 && self.tally[Count::Dropped] >= spawned;
        let last = if self.scenario.ends_by_the_clock() {
            self.start
        } else {
            self.spawned
        };
        let is_overdue = last.elapsed() > self.load.length + PATIENCE;
        is_done || interrupted() || (is_overdue && self.moved.elapsed() > PATIENCE)
    }

    /// Looks at the counts and the process.
    fn look(&mut self, runtime: &Runtime) {
        let tally = Tally::read();
        let now = Instant::now();
        self.elapsed = now - self.start;
        if tally != self.tally {
            self.moved = now;
        }
        if tally[Count::Spawned] != self.tally[Count::Spawned] {
            self.spawned = now;
        }
        self.tally = tally;
        if self.scenario.ends_by_the_clock() && self.elapsed >= self.load.length {
            stop();
        }
        self.weigh();
        self.metrics = runtime.metrics();
        let threads = self.metrics.blocking_threads as u64;
        self.blocking_threads_peak = self.blocking_threads_peak.max(threads);
        let last = self
            .samples
            .last()
            .map_or(Duration::ZERO, |sample| sample.at);
        if self.samples.is_empty() || self.elapsed >= last + self.spacing / 2 {
            self.sample();
        }
    }

    /// Measures the memory, exactly and once for all when all tasks are alive.
    fn weigh(&mut self) {
        let live = self.scenario.live(&self.tally);
        let is_full = live == u64::from(self.load.tasks) && !self.is_weighed;
        self.rss = if is_full {
            process::exact_rss()
        } else {
            process::rss()
        };
        self.rss_peak = self.rss_peak.max(self.rss);
        let is_most = self.memory.is_none_or(|memory| memory.tasks < live);
        if let (Some(before), Some(with_tasks)) = (self.rss_before, self.rss) {
            if is_full || (is_most && live > 0) {
                self.memory = Some(Memory {
                    before,
                    with_tasks,
                    tasks: live,
                });
            }
        }
        self.is_weighed |= is_full;
    }

    fn sample(&mut self) {
        let late = ledger::take_lateness();
        self.samples.push(Sample {
            at: self.elapsed,
            rss: self.rss,
            live: self.scenario.live(&self.tally),
            operations: self.scenario.operations(&self.tally),
            late: (!late.is_empty())
                .then(|| [0.5, 0.99, 1.0].map(|quantile| late.value_at_quantile(quantile))),
        });
        self.late
            .add(late)
            .expect("all histograms have the same bounds");
        if self.samples.len() > MOST_SAMPLES {
            thin_out(&mut self.samples);
            self.spacing = (self.spacing * 2).min(Duration::from_secs(1));
        }
    }

    fn cpu(&self) -> Option<Duration> {
        process::cpu_time()?.checked_sub(self.cpu_before?)
    }

    fn show(&self, view: &mut View) {
        view.update(&Status {
            scenario: self.scenario,
            tasks: self.load.tasks.into(),
            length: self.load.length,
            elapsed: self.elapsed,
            tally: &self.tally,
            rss: self.rss,
            memory: self.memory,
            cpu: self.cpu(),
            late: &self.late,
            metrics: &self.metrics,
        });
    }
}

/// Halves the samples: of each pair the later one stays, with the worse lateness of the two.
fn thin_out(samples: &mut Vec<Sample>) {
    let pairs = samples.chunks(2).map(|pair| {
        let mut kept = pair[pair.len() - 1].clone();
        kept.late = pair
            .iter()
            .filter_map(|sample| sample.late)
            .reduce(|a, b| [a[0].max(b[0]), a[1].max(b[1]), a[2].max(b[2])]);
        kept
    });
    *samples = pairs.collect();
}

/// Waits until something has happened that another thread or the kernel does soon; gives up after
/// a limited time and tells which.
fn settles(limit: Duration, happened: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while !happened() {
        if begin.elapsed() > limit {
            return false;
        }
        thread::sleep(SHORT_TICK);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinned_samples_keep_the_last_and_the_worst() {
        let sample = |second, late| Sample {
            at: Duration::from_secs(second),
            rss: Some(second),
            live: 0,
            operations: 0,
            late,
        };
        let mut samples = vec![
            sample(1, Some([1, 9, 9])),
            sample(2, Some([2, 3, 10])),
            sample(3, None),
            sample(4, None),
            sample(5, Some([5, 5, 5])),
        ];
        thin_out(&mut samples);
        let kept: Vec<_> = samples.iter().map(|s| (s.at.as_secs(), s.late)).collect();
        assert_eq!(
            kept,
            [(2, Some([2, 9, 10])), (4, None), (5, Some([5, 5, 5]))]
        );
    }

    #[test]
    fn settling_is_bounded() {
        assert!(settles(Duration::ZERO, || true));
        assert!(!settles(Duration::from_millis(5), || false));
    }
}

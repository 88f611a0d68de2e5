//! What is shown while a run goes on, on stderr: bars and a table on a terminal, one line per
//! second elsewhere, nothing if quiet. It must not know how the state is measured, nor touch
//! stdout, which belongs to the result.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use filch::runtime::Metrics;
use filch_bench::text::{bytes, grouped, micros, short};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::ledger::Count;
use crate::scenario::Scenario;
use crate::stage::Status;

/// The table has a row for each of so many workers; a screen has no more room.
const MOST_ROWS: usize = 16;
const LINE_SPACING: Duration = Duration::from_secs(1);
const TABLE_SPACING: Duration = Duration::from_millis(500);

/// How a run is shown.
pub(crate) enum View {
    Quiet,
    Lines { last: Duration },
    Bars(Box<Bars>),
}

impl View {
    /// The view that suits the terminal.
    pub(crate) fn new(quiet: bool, scenario: Scenario) -> View {
        match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => View::Quiet,
            (false, false) => View::Lines {
                last: Duration::ZERO,
            },
            (false, true) => View::Bars(Box::new(Bars::new(scenario))),
        }
    }

    pub(crate) fn update(&mut self, status: &Status<'_>) {
        match self {
            View::Quiet => {}
            View::Lines { last } => {
                if status.elapsed >= *last + LINE_SPACING {
                    *last = status.elapsed;
                    eprintln!("{}", line(status));
                }
            }
            View::Bars(bars) => bars.update(status),
        }
    }

    /// Takes the bars off the screen; the result follows.
    pub(crate) fn close(&mut self) {
        if let View::Bars(bars) = std::mem::replace(self, View::Quiet) {
            for bar in [&bars.first, &bars.facts]
                .into_iter()
                .chain(&bars.waking)
                .chain(&bars.table)
            {
                bar.finish_and_clear();
            }
        }
    }
}

/// Whether colours may be used on a stream (<https://no-color.org>: any value but an empty one
/// turns them off).
pub(crate) fn may_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The state as one plain line.
fn line(status: &Status<'_>) -> String {
    let tally = status.tally;
    let tasks = match status.scenario {
        Scenario::Sleep => format!(
            "spawned {}  asleep {}  woken {}",
            grouped(tally[Count::Spawned]),
            grouped(tally.sleeping()),
            grouped(tally[Count::Woken])
        ),
        scenario => format!(
            "live {}  {}",
            grouped(scenario.live(tally)),
            operations(status)
        ),
    };
    let parts = [Some(tasks), memory(status), cpu(status), late(status)];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    format!(
        "[{:>6.1} s]  {}",
        status.elapsed.as_secs_f64(),
        parts.join("  ")
    )
}

fn operations(status: &Status<'_>) -> String {
    let done = status.scenario.operations(status.tally);
    let rate = done as f64 / status.elapsed.as_secs_f64().max(1e-9);
    let name = status.scenario.operation();
    format!("{name} {}  {}/s", grouped(done), short(rate))
}

fn memory(status: &Status<'_>) -> Option<String> {
    let rss = format!("rss {}", bytes(status.rss?));
    let each = status
        .memory
        .filter(|_| status.scenario.holds_all_at_once());
    Some(match each {
        Some(memory) => {
            let (one, _) = status.scenario.of_what();
            format!("{rss} ({:.0} B/{one})", memory.per_task())
        }
        None => rss,
    })
}

fn cpu(status: &Status<'_>) -> Option<String> {
    let share = status.cpu?.as_secs_f64() / status.elapsed.as_secs_f64().max(1e-9);
    Some(format!("cpu {:.0} %", share * 100.0))
}

fn late(status: &Status<'_>) -> Option<String> {
    let at = |quantile| micros(status.late.value_at_quantile(quantile));
    let name = match status.scenario {
        Scenario::Echo => "took",
        _ => "late",
    };
    (!status.late.is_empty())
        .then(|| format!("{name} p50 {}  p99 {}  max {}", at(0.5), at(0.99), at(1.0)))
}

/// The live view of a terminal.
pub(crate) struct Bars {
    all: MultiProgress,
    /// Spawning, in the scenario `sleep`; the time, in the others.
    first: ProgressBar,
    /// Waking, in the scenario `sleep`.
    waking: Option<ProgressBar>,
    facts: ProgressBar,
    table: Vec<ProgressBar>,
    before: Option<(Instant, Metrics)>,
}

impl Bars {
    fn new(scenario: Scenario) -> Bars {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let has_colour = may_colour(&std::io::stderr());
        let bar = |label: &str, colour: &str| {
            let colour = if has_colour {
                format!(".{colour}")
            } else {
                String::new()
            };
            let style = ProgressStyle::with_template(&format!(
                " {label:<8}{{bar:24{colour}}} {{percent:>3}} %  {{msg}}"
            ));
            let style = style
                .expect("the template is valid")
                .progress_chars("█▉▊▋▌▍▎▏░");
            all.add(ProgressBar::new(1).with_style(style))
        };
        let is_sleep = scenario == Scenario::Sleep;
        Bars {
            first: bar(if is_sleep { "spawn" } else { "time" }, "cyan"),
            waking: is_sleep.then(|| bar("waking", "green")),
            facts: text_row(&all),
            table: Vec::new(),
            before: None,
            all,
        }
    }

    fn update(&mut self, status: &Status<'_>) {
        let tally = status.tally;
        if let Some(waking) = &self.waking {
            set(&self.first, tally[Count::Spawned], status.tasks);
            let loop_time = Duration::from_nanos(tally[Count::LoopNanos]);
            let took = if loop_time.is_zero() {
                status.elapsed
            } else {
                loop_time
            };
            let rate = tally[Count::Spawned] as f64 / took.as_secs_f64().max(1e-9);
            self.first.set_message(format!(
                "{}  {}/s",
                grouped(tally[Count::Spawned]),
                short(rate)
            ));
            set(waking, tally[Count::Woken], status.tasks);
            let late = late(status).unwrap_or_default();
            waking.set_message(format!("{}  {late}", grouped(tally[Count::Woken])));
        } else {
            let (now, end) = (status.elapsed.as_millis(), status.length.as_millis());
            set(&self.first, now.min(end) as u64, end as u64);
            self.first.set_message(operations(status));
        }
        let live = format!("live {}", grouped(status.scenario.live(tally)));
        let late = late(status).filter(|_| self.waking.is_none());
        let (_, name) = status.scenario.of_what();
        let facts: Vec<_> = [Some(live), memory(status), cpu(status), late]
            .into_iter()
            .flatten()
            .collect();
        self.facts
            .set_message(format!(" {name:<8}{}", facts.join("   ")));
        self.update_table(status.metrics);
    }

    /// Fills the table with the rates since it was last filled.
    fn update_table(&mut self, metrics: &Metrics) {
        let now = Instant::now();
        let Some((then, before)) = &self.before else {
            self.before = Some((now, metrics.clone()));
            return;
        };
        let time = now - *then;
        if time < TABLE_SPACING {
            return;
        }
        let rows = rows(time, before, metrics);
        while self.table.len() < rows.len() {
            self.table.push(text_row(&self.all));
        }
        for (bar, row) in self.table.iter().zip(rows) {
            bar.set_message(row);
        }
        self.before = Some((now, metrics.clone()));
    }
}

fn set(bar: &ProgressBar, done: u64, all: u64) {
    bar.set_length(all);
    bar.set_position(done);
}

/// A row of the live view that is text alone.
fn text_row(all: &MultiProgress) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}").expect("the template is valid");
    all.add(ProgressBar::new(1).with_style(style))
}

/// The table of workers: a head and a row for each, with rates over a time.
fn rows(time: Duration, before: &Metrics, now: &Metrics) -> Vec<String> {
    let mut rows = vec![format!(
        " {:<8}{:>12}{:>12}{:>12}{:>10}",
        "worker", "polls/s", "steals/s", "parks/s", "queue"
    )];
    let rate = |before: u64, now: u64| {
        short(now.saturating_sub(before) as f64 / time.as_secs_f64().max(1e-9))
    };
    for (i, (old, new)) in before
        .workers
        .iter()
        .zip(&now.workers)
        .enumerate()
        .take(MOST_ROWS)
    {
        rows.push(format!(
            " {i:<8}{:>12}{:>12}{:>12}{:>10}",
            rate(old.polls, new.polls),
            rate(old.steals, new.steals),
            rate(old.parks, new.parks),
            new.queue_depth
        ));
    }
    if now.workers.len() > MOST_ROWS {
        rows.push(format!(" and {} more", now.workers.len() - MOST_ROWS));
    }
    rows
}

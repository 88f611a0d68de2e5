//! The life of a task as a matrix: {run, wake, cancel, join, detach, drop} × {before, during, after a poll} × {ready,
//! pending, panic}, on both flavours. Each case counts polls, schedules, drops of the future and drops of the output.
#![cfg(not(loom))]

mod common;

use common::{CountingWaker, Event, Tally, Token, guarded, panic_quietly, wait_until};
use filch::runtime::{Builder, Handle, Runtime};
use filch::task::{JoinError, JoinHandle};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Run,
    Wake,
    Cancel,
    Join,
    Detach,
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Before,
    During,
    After,
}

/// What the poll in question does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ready,
    Pending,
    Panic,
}

/// What the handle has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Output,
    Panicked,
    Cancelled,
    /// Not ended.
    Waiting,
    /// The handle is gone.
    Nothing,
}

/// What is counted once nothing moves any more, while the runtime lives (except in the cases that drop it). For
/// [`Op::Run`] it is what is counted at the moment itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    polls: usize,
    schedules: u64,
    future_drops: usize,
    output_drops: usize,
    joiner_wakes: usize,
    seen: Seen,
}

const fn counts(
    polls: usize,
    schedules: u64,
    future_drops: usize,
    output_drops: usize,
    joiner_wakes: usize,
    seen: Seen,
) -> Counts {
    Counts {
        polls,
        schedules,
        future_drops,
        output_drops,
        joiner_wakes,
        seen,
    }
}

/// The matrix. Columns: operation, moment, what the poll does; polls, schedules, drops of the future, drops of the output,
/// wake-ups of a joiner, what the handle sees.
const MATRIX: [(Op, When, Kind, Counts); 54] = {
    use Kind::{Panic, Pending, Ready};
    use Op::{Cancel, Detach, Drop, Join, Run, Wake};
    use Seen::{Cancelled, Nothing, Output, Panicked, Waiting};
    use When::{After, Before, During};
    [
        (Run, Before, Ready, counts(0, 0, 0, 0, 0, Waiting)),
        (Run, Before, Pending, counts(0, 0, 0, 0, 0, Waiting)),
        (Run, Before, Panic, counts(0, 0, 0, 0, 0, Waiting)),
        (Run, During, Ready, counts(1, 1, 0, 0, 0, Waiting)),
        (Run, During, Pending, counts(1, 1, 0, 0, 0, Waiting)),
        (Run, During, Panic, counts(1, 1, 0, 0, 0, Waiting)),
        (Run, After, Ready, counts(1, 1, 1, 0, 0, Output)),
        (Run, After, Pending, counts(1, 1, 0, 0, 0, Waiting)),
        (Run, After, Panic, counts(1, 1, 1, 0, 0, Panicked)),
        // Before: a first poll, not the one in question, gives the waker away; then two wake-ups make one poll.
        (Wake, Before, Ready, counts(2, 2, 1, 0, 0, Output)),
        (Wake, Before, Pending, counts(2, 2, 0, 0, 0, Waiting)),
        (Wake, Before, Panic, counts(2, 2, 1, 0, 0, Panicked)),
        (Wake, During, Ready, counts(1, 1, 1, 0, 0, Output)),
        (Wake, During, Pending, counts(2, 2, 0, 0, 0, Waiting)),
        (Wake, During, Panic, counts(1, 1, 1, 0, 0, Panicked)),
        (Wake, After, Ready, counts(1, 1, 1, 0, 0, Output)),
        (Wake, After, Pending, counts(2, 2, 0, 0, 0, Waiting)),
        (Wake, After, Panic, counts(1, 1, 1, 0, 0, Panicked)),
        (Cancel, Before, Ready, counts(0, 1, 1, 0, 0, Cancelled)),
        (Cancel, Before, Pending, counts(0, 1, 1, 0, 0, Cancelled)),
        (Cancel, Before, Panic, counts(0, 1, 1, 0, 0, Cancelled)),
        (Cancel, During, Ready, counts(1, 1, 1, 0, 0, Output)),
        (Cancel, During, Pending, counts(1, 2, 1, 0, 0, Cancelled)),
        (Cancel, During, Panic, counts(1, 1, 1, 0, 0, Panicked)),
        (Cancel, After, Ready, counts(1, 1, 1, 0, 0, Output)),
        (Cancel, After, Pending, counts(1, 2, 1, 0, 0, Cancelled)),
        (Cancel, After, Panic, counts(1, 1, 1, 0, 0, Panicked)),
        (Join, Before, Ready, counts(1, 1, 1, 0, 1, Output)),
        (Join, Before, Pending, counts(1, 1, 0, 0, 0, Waiting)),
        (Join, Before, Panic, counts(1, 1, 1, 0, 1, Panicked)),
        (Join, During, Ready, counts(1, 1, 1, 0, 1, Output)),
        (Join, During, Pending, counts(1, 1, 0, 0, 0, Waiting)),
        (Join, During, Panic, counts(1, 1, 1, 0, 1, Panicked)),
        (Join, After, Ready, counts(1, 1, 1, 0, 0, Output)),
        (Join, After, Pending, counts(1, 1, 0, 0, 0, Waiting)),
        (Join, After, Panic, counts(1, 1, 1, 0, 0, Panicked)),
        (Detach, Before, Ready, counts(1, 1, 1, 1, 0, Nothing)),
        (Detach, Before, Pending, counts(1, 1, 0, 0, 0, Nothing)),
        (Detach, Before, Panic, counts(1, 1, 1, 0, 0, Nothing)),
        (Detach, During, Ready, counts(1, 1, 1, 1, 0, Nothing)),
        (Detach, During, Pending, counts(1, 1, 0, 0, 0, Nothing)),
        (Detach, During, Panic, counts(1, 1, 1, 0, 0, Nothing)),
        (Detach, After, Ready, counts(1, 1, 1, 1, 0, Nothing)),
        (Detach, After, Pending, counts(1, 1, 0, 0, 0, Nothing)),
        (Detach, After, Panic, counts(1, 1, 1, 0, 0, Nothing)),
        (Drop, Before, Ready, counts(0, 0, 1, 0, 0, Cancelled)),
        (Drop, Before, Pending, counts(0, 0, 1, 0, 0, Cancelled)),
        (Drop, Before, Panic, counts(0, 0, 1, 0, 0, Cancelled)),
        (Drop, During, Ready, counts(1, 1, 1, 0, 0, Output)),
        (Drop, During, Pending, counts(1, 1, 1, 0, 0, Cancelled)),
        (Drop, During, Panic, counts(1, 1, 1, 0, 0, Panicked)),
        (Drop, After, Ready, counts(1, 1, 1, 0, 0, Output)),
        (Drop, After, Pending, counts(1, 1, 1, 0, 0, Cancelled)),
        (Drop, After, Panic, counts(1, 1, 1, 0, 0, Panicked)),
    ]
};

/// The future in question.
struct Probe {
    kind: Kind,
    /// Polls before the one in question.
    prologue: usize,
    polls: Arc<AtomicUsize>,
    wakers: mpsc::Sender<Waker>,
    /// Called in the middle of the poll in question.
    middle: Option<Box<dyn FnOnce() + Send>>,
    outputs: Tally,
    _token: Token,
}

impl Future for Probe {
    type Output = Token;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Token> {
        let poll = self.polls.fetch_add(1, SeqCst);
        self.wakers
            .send(cx.waker().clone())
            .expect("the test lives");
        if poll != self.prologue {
            // The one before it, or one more after it.
            return Poll::Pending;
        }
        if let Some(middle) = self.middle.take() {
            middle();
        }
        match self.kind {
            Kind::Ready => Poll::Ready(self.outputs.token()),
            Kind::Pending => Poll::Pending,
            Kind::Panic => panic_quietly("the poll panics"),
        }
    }
}

/// One case under way: the runtime, the handle, and all that is counted.
struct Case {
    runtime: Mutex<Option<Runtime>>,
    handle: Handle,
    join: Mutex<Option<JoinHandle<Token>>>,
    result: Mutex<Option<Result<Token, JoinError>>>,
    joiner: Arc<CountingWaker>,
    polls: Arc<AtomicUsize>,
    futures: Tally,
    outputs: Tally,
    wakers: Mutex<mpsc::Receiver<Waker>>,
    /// Runs of tasks that are not the probe.
    others: Arc<AtomicUsize>,
    at_the_moment: Mutex<Option<Counts>>,
}

impl Case {
    /// Does the operation, or for `Run` takes the counts.
    fn operate(&self, op: Op) {
        match op {
            Op::Run => {
                let counts = self.counts();
                *self.at_the_moment.lock().unwrap() = Some(counts);
            }
            Op::Wake => {
                let waker = self.wakers.lock().unwrap().try_iter().last();
                let waker = waker.expect("a poll gave its waker away");
                waker.wake_by_ref();
                waker.wake();
            }
            Op::Cancel => self
                .join
                .lock()
                .unwrap()
                .as_ref()
                .expect("a handle")
                .abort(),
            Op::Join => self.poll_join(),
            Op::Detach => drop(self.join.lock().unwrap().take()),
            Op::Drop => {
                let runtime = self.runtime.lock().unwrap().take();
                runtime.expect("a runtime").shutdown_background();
            }
        }
    }

    fn poll_join(&self) {
        let mut join = self.join.lock().unwrap();
        let Some(handle) = join.as_mut() else { return };
        let waker = self.joiner.waker();
        let polled = Pin::new(handle).poll(&mut Context::from_waker(&waker));
        if let Poll::Ready(result) = polled {
            *join = None;
            *self.result.lock().unwrap() = Some(result);
        }
    }

    fn counts(&self) -> Counts {
        let wakes = self.joiner.wakes();
        self.poll_join();
        let seen = match &*self.result.lock().unwrap() {
            Some(Ok(_)) => Seen::Output,
            Some(Err(error)) if error.is_panic() => Seen::Panicked,
            Some(Err(error)) => {
                assert!(error.is_cancelled());
                Seen::Cancelled
            }
            None if self.join.lock().unwrap().is_some() => Seen::Waiting,
            None => Seen::Nothing,
        };
        Counts {
            polls: self.polls.load(SeqCst),
            schedules: self.handle.metrics().polls() - self.others.load(SeqCst) as u64,
            future_drops: self.futures.dropped(),
            output_drops: self.outputs.dropped(),
            joiner_wakes: wakes,
            seen,
        }
    }
}

/// How a flavour is brought to the moments of a case.
trait Stage: Sync {
    fn build(&self) -> Runtime;
    /// Keeps the scheduler from running anything while `f` is called, and lets it run afterwards.
    fn hold(&self, case: &Case, f: &mut dyn FnMut());
    /// Returns when the scheduler has nothing to do.
    fn settle(&self, case: &Case);
}

/// What the poll calls so that `operation` is done in its middle: on another thread, because a task that joins itself is
/// another matter.
fn in_the_middle(operation: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce() + Send> {
    Box::new(move || {
        let operated = std::thread::spawn(operation).join();
        operated.expect("the operation does not panic");
    })
}

/// Nothing runs outside `block_on`.
struct OnCurrentThread;

impl Stage for OnCurrentThread {
    fn build(&self) -> Runtime {
        common::current_thread()
    }

    fn hold(&self, _: &Case, f: &mut dyn FnMut()) {
        f();
    }

    fn settle(&self, case: &Case) {
        // Yields reach the back of the queue, behind all that is scheduled; the first lets the inbox be looked at.
        case.handle.block_on(async {
            for _ in 0..200 {
                filch::task::yield_now().await;
            }
        });
    }
}

/// The one worker is kept busy while the test does things from outside.
struct OnOneWorker;

impl Stage for OnOneWorker {
    fn build(&self) -> Runtime {
        // A worker that looks often whether it should stop.
        let runtime = Builder::new().workers(1).maintenance_interval(1).build();
        runtime.expect("a runtime")
    }

    fn hold(&self, case: &Case, f: &mut dyn FnMut()) {
        case.others.fetch_add(1, SeqCst);
        let held = common::Held::hold(&case.handle);
        f();
        held.release();
    }

    fn settle(&self, case: &Case) {
        // Two rounds through the only worker: what a poll before them has scheduled runs before the second.
        let is_ending = || case.runtime.lock().unwrap().is_none();
        for _ in 0..2 {
            let ended = Event::new();
            let (end, others) = (ended.clone(), case.others.clone());
            let flush = async move {
                others.fetch_add(1, SeqCst);
                end.set();
            };
            case.handle.spawn(flush).detach();
            // The poll in question may end the runtime before the flush has its turn.
            wait_until("the worker is through", || ended.is_set() || is_ending());
        }
        if is_ending() {
            return wait_until("the runtime has ended", || {
                case.futures.dropped() == 1 && case.handle.metrics().live_tasks == 0
            });
        }
        wait_until("the flush is counted", || {
            let live = case.handle.metrics().live_tasks as usize;
            live <= usize::from(case.futures.dropped() == 0)
        });
    }
}

fn run_case(stage: &dyn Stage, op: Op, when: When, kind: Kind) -> Counts {
    let runtime = stage.build();
    let (give_waker, wakers) = mpsc::channel();
    let case = Arc::new(Case {
        handle: runtime.handle().clone(),
        runtime: Mutex::new(Some(runtime)),
        join: Mutex::new(None),
        result: Mutex::new(None),
        joiner: CountingWaker::new(),
        polls: Arc::default(),
        futures: Tally::new(),
        outputs: Tally::new(),
        wakers: Mutex::new(wakers),
        others: Arc::default(),
        at_the_moment: Mutex::new(None),
    });
    let prologue = usize::from(op == Op::Wake && when == When::Before);
    let middle = (when == When::During).then(|| {
        let case = case.clone();
        in_the_middle(move || case.operate(op))
    });
    let spawn = || {
        let probe = Probe {
            kind,
            prologue,
            polls: case.polls.clone(),
            wakers: give_waker.clone(),
            middle,
            outputs: case.outputs.clone(),
            _token: case.futures.token(),
        };
        let mut slot = case.join.lock().unwrap();
        *slot = Some(case.handle.spawn(probe));
    };
    let mut spawn = Some(spawn);
    match when {
        When::Before if op == Op::Wake => {
            stage.hold(&case, &mut || spawn.take().expect("once")());
            stage.settle(&case);
            stage.hold(&case, &mut || case.operate(op));
        }
        When::Before => stage.hold(&case, &mut || {
            if op == Op::Drop {
                // A worker looks whether it should stop before every second task at the latest.
                for _ in 0..3 {
                    let others = case.others.clone();
                    let filler = async move { others.fetch_add(1, SeqCst) };
                    case.handle.spawn(filler).detach();
                }
            }
            spawn.take().expect("once")();
            case.operate(op);
        }),
        When::During => stage.hold(&case, &mut || spawn.take().expect("once")()),
        When::After => {
            stage.hold(&case, &mut || spawn.take().expect("once")());
            stage.settle(&case);
            if op == Op::Wake {
                stage.hold(&case, &mut || case.operate(op));
            } else {
                case.operate(op);
            }
        }
    }
    stage.settle(&case);
    let at_the_end = case.counts();
    let counts = case.at_the_moment.lock().unwrap().unwrap_or(at_the_end);

    // Whatever happened, all is dropped once when runtime and handle are.
    drop(case.runtime.lock().unwrap().take());
    case.counts();
    drop(case.join.lock().unwrap().take());
    drop(case.result.lock().unwrap().take());
    assert_eq!(case.futures.dropped(), 1, "the future is dropped once");
    assert_eq!(case.outputs.dropped(), case.outputs.made());
    assert_eq!(case.handle.metrics().live_tasks, 0);
    counts
}

/// All cases of one operation on one flavour; what differs is told together.
fn check(stage: &'static dyn Stage, op: Op) {
    guarded(move || {
        let rows: Vec<_> = MATRIX.iter().filter(|row| row.0 == op).collect();
        assert_eq!(rows.len(), 9, "three moments times three kinds of poll");
        let wrong: Vec<_> = rows
            .into_iter()
            .filter_map(|&(op, when, kind, expected)| {
                let found = run_case(stage, op, when, kind);
                (found != expected).then(|| {
                    format!(
                        "{op:?} {when:?} {kind:?}:\n  expected {expected:?}\n  found    {found:?}"
                    )
                })
            })
            .collect();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    });
}

macro_rules! matrix {
    ($($op:ident: $on_current_thread:ident, $on_a_worker:ident;)*) => {$(
        #[test]
        fn $on_current_thread() {
            check(&OnCurrentThread, Op::$op);
        }

        #[test]
        fn $on_a_worker() {
            check(&OnOneWorker, Op::$op);
        }
    )*};
}

matrix! {
    Run: run_on_current_thread, run_on_a_worker;
    Wake: wake_on_current_thread, wake_on_a_worker;
    Cancel: cancel_on_current_thread, cancel_on_a_worker;
    Join: join_on_current_thread, join_on_a_worker;
    Detach: detach_on_current_thread, detach_on_a_worker;
    Drop: drop_on_current_thread, drop_on_a_worker;
}

//! The operations of filch.
//!
//! This file owns the workloads. It must not know how they are measured. Each runs inside a task on the only worker of a
//! multi-thread runtime, because that is the path that a program's tasks take; the main thread sleeps in `block_on`. What
//! a workload does besides its operation is in the counts, so it is kept to a few plain instructions.

#[cfg(unix)]
use crate::net_operations;
use crate::subject::{Operation, Subject, Work};
use std::future::{Future, poll_fn, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

const SIZE: u64 = 20_000;
/// A blocking job changes threads twice, which is slow under every tool.
const BLOCKING_SIZE: u64 = 5_000;
/// A multiple of the 64 connections.
#[cfg(unix)]
const NET_SIZE: u64 = 6_400;
/// The other end takes its time between two connections.
#[cfg(unix)]
const CONNECTIONS: u64 = 1_000;
/// How many detached tasks are put in the queue before they are let run.
const BATCH: u64 = 1_000;
/// How many tasks take turns in `yield_200`.
const YIELDERS: u64 = 200;
/// How many timers are polled by hand before the task gives way, so that its cooperative budget is never used up.
const TIMERS_PER_TURN: u64 = 100;

/// The subject.
pub(crate) static SUBJECT: Subject = Subject {
    name: "filch",
    operations: &[
        Operation {
            name: "spawn",
            what: "spawn an empty task, detach it, run it",
            size: SIZE,
            work: Work::Alone(|n| run(spawn(n))),
        },
        Operation {
            name: "join",
            what: "spawn an empty task and await it",
            size: SIZE,
            work: Work::Alone(|n| run(join(n))),
        },
        Operation {
            name: "yield",
            what: "yield_now of the only task",
            size: SIZE,
            work: Work::Alone(|n| run(yield_alone(n))),
        },
        Operation {
            name: "yield_200",
            what: "yield_now among 200 tasks",
            size: SIZE,
            work: Work::Alone(|n| run(yield_among(n))),
        },
        Operation {
            name: "self_wake",
            what: "wake_by_ref of itself, then run",
            size: SIZE,
            work: Work::Alone(|n| run(self_wake(n))),
        },
        Operation {
            name: "sleep",
            what: "create, poll and drop a 30 s sleep",
            size: SIZE,
            work: Work::Alone(|n| run(sleep(n))),
        },
        Operation {
            name: "timeout_ready",
            what: "a timeout of a ready future",
            size: SIZE,
            work: Work::Alone(|n| run(timeout(n))),
        },
        Operation {
            name: "blocking",
            what: "await an empty blocking job",
            size: BLOCKING_SIZE,
            work: Work::Alone(|n| run(blocking(n))),
        },
        #[cfg(unix)]
        Operation {
            name: "echo_1",
            what: "read and write 64 bytes, on one connection",
            size: NET_SIZE,
            work: Work::Connected {
                measured: |n, client| run(net_operations::echo(n, 1, client)),
                other: |n, server| net_operations::ask(n, 1, server),
            },
        },
        #[cfg(unix)]
        Operation {
            name: "echo_64",
            what: "the same on 64 connections at once",
            size: NET_SIZE,
            work: Work::Connected {
                measured: |n, clients| run(net_operations::echo(n, 64, clients)),
                other: |n, server| net_operations::ask(n, 64, server),
            },
        },
        #[cfg(unix)]
        Operation {
            name: "accept",
            what: "wait for a connection, accept and drop it",
            size: CONNECTIONS,
            work: Work::Connected {
                measured: |n, client| run(net_operations::accept(n, client)),
                other: net_operations::visit,
            },
        },
        #[cfg(unix)]
        Operation {
            name: "connect",
            what: "connect, and drop the connection",
            size: CONNECTIONS,
            work: Work::Connected {
                measured: |n, server| run(net_operations::connect(n, server)),
                other: net_operations::receive,
            },
        },
    ],
};

/// Runs `workload` to its end as a task on one worker.
fn run(workload: impl Future<Output = ()> + Send + 'static) {
    let runtime = filch::runtime::Builder::multi_thread()
        .workers(1)
        .build()
        .expect("the runtime starts");
    runtime
        .block_on(runtime.spawn(workload))
        .expect("the workload neither panics nor is cancelled");
}

/// Tasks of [`spawn`] that have run. Only the one worker writes it, so a load and a store do instead of a locked addition.
static RAN: AtomicU64 = AtomicU64::new(0);

async fn spawn(n: u64) {
    let mut spawned = 0;
    while spawned < n {
        let batch = BATCH.min(n - spawned);
        for _ in 0..batch {
            filch::spawn(async { RAN.store(RAN.load(Relaxed) + 1, Relaxed) }).detach();
        }
        spawned += batch;
        while RAN.load(Relaxed) < spawned {
            filch::task::yield_now().await;
        }
    }
}

async fn join(n: u64) {
    for _ in 0..n {
        assert!(filch::spawn(async {}).await.is_ok());
    }
}

async fn yield_alone(n: u64) {
    for _ in 0..n {
        filch::task::yield_now().await;
    }
}

async fn yield_among(n: u64) {
    let tasks: Vec<_> = (0..YIELDERS)
        .map(|_| filch::spawn(yield_alone(n / YIELDERS)))
        .collect();
    for task in tasks {
        assert!(task.await.is_ok());
    }
}

async fn self_wake(n: u64) {
    for _ in 0..n {
        let mut woken = false;
        poll_fn(move |cx| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

async fn sleep(n: u64) {
    let mut polled = 0;
    while polled < n {
        let turn = TIMERS_PER_TURN.min(n - polled);
        poll_fn(|cx| {
            for _ in 0..turn {
                let sleep = pin!(filch::time::sleep(black_box(Duration::from_secs(30))));
                assert!(sleep.poll(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        filch::task::yield_now().await;
        polled += turn;
    }
}

async fn timeout(n: u64) {
    for turn in 0..n {
        let outcome =
            filch::time::timeout(black_box(Duration::from_secs(1)), ready(black_box(turn))).await;
        assert!(black_box(outcome).is_ok());
    }
}

async fn blocking(n: u64) {
    for _ in 0..n {
        assert!(filch::spawn_blocking(|| ()).await.is_ok());
    }
}

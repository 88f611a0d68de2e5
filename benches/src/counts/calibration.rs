//! Operations whose counts are known beforehand, to check the tools with.
//!
//! This file owns those operations. It must not use the runtime.

use crate::subject::{Operation, Subject, Work};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering, fence};

const SIZE: u64 = 10_000;

/// The subject.
pub(crate) static SUBJECT: Subject = Subject {
    name: "calibration",
    operations: &[
        Operation {
            name: "nothing",
            what: "a turn of the loop",
            size: SIZE,
            work: Work::Alone(nothing),
        },
        Operation {
            name: "locked",
            what: "an addition, a swap and a full fence: 3 rmw",
            size: SIZE,
            work: Work::Alone(locked),
        },
        Operation {
            name: "boxes",
            what: "two allocations, of 64 and 16 bytes",
            size: SIZE,
            work: Work::Alone(boxes),
        },
        #[cfg(unix)]
        Operation {
            name: "syscall",
            what: "one getppid()",
            size: SIZE,
            work: Work::Alone(syscall),
        },
    ],
};

static CELL: AtomicU64 = AtomicU64::new(0);

fn nothing(n: u64) {
    for turn in 0..n {
        black_box(turn);
    }
}

fn locked(n: u64) {
    for turn in 0..n {
        black_box(CELL.fetch_add(turn, Ordering::Relaxed));
        black_box(CELL.swap(turn, Ordering::Relaxed));
        // ORDERING: has no partner; a full fence is what is being counted.
        fence(Ordering::SeqCst);
    }
}

fn boxes(n: u64) {
    for _ in 0..n {
        black_box((
            Box::new(black_box([0_u8; 64])),
            Vec::<u8>::with_capacity(black_box(16)),
        ));
    }
}

#[cfg(unix)]
fn syscall(n: u64) {
    for _ in 0..n {
        black_box(std::os::unix::process::parent_id());
    }
}

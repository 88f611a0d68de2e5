//! The scenarios with their quantities and bounds, and the runtimes they run on.
//!
//! This file owns the promises. It must not know how anything is run, judged or shown.

/// A runtime to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// filch with one worker for each processor.
    Filch,
    /// tokio with one worker for each processor.
    Tokio,
    /// tokio on the calling thread.
    TokioCurrentThread,
}

impl Runtime {
    const ALL: [Runtime; 3] = [Runtime::Filch, Runtime::Tokio, Runtime::TokioCurrentThread];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Runtime::Filch => "filch",
            Runtime::Tokio => "tokio",
            Runtime::TokioCurrentThread => "tokio-ct",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Runtime> {
        Self::ALL.into_iter().find(|runtime| runtime.name() == name)
    }

    /// Whether this program was built with it.
    pub(crate) fn is_built_in(self) -> bool {
        self == Runtime::Filch || cfg!(feature = "peers")
    }
}

/// What a scenario does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sleepers,
    SleepTick,
    BlockingNoop,
    BlockingSleep,
    Parked,
    ManySleepers,
    Burst,
    Echo,
    Http,
    IdleConnections,
    Waves,
}

/// A scenario.
#[derive(Debug, PartialEq)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    /// How many tasks or jobs there are.
    pub(crate) size: u64,
    /// What filch is compared with, or shown beside.
    pub(crate) peers: &'static [Runtime],
    pub(crate) needs: Needs,
    pub(crate) quantities: &'static [Quantity],
}

/// What a scenario cannot run without.
#[derive(Debug, PartialEq)]
pub(crate) struct Needs {
    /// The memory in bytes that the machine must have left.
    pub(crate) memory: u64,
    /// How many descriptors one process must be allowed to have open.
    pub(crate) files: u64,
    /// A program that must be installed.
    pub(crate) program: Option<&'static str>,
    /// Whether it uses what only comes with the feature `peers`.
    pub(crate) peers: bool,
}

/// Something a scenario measures.
#[derive(Debug, PartialEq)]
pub(crate) struct Quantity {
    pub(crate) key: &'static str,
    pub(crate) unit: Unit,
    pub(crate) bound: Bound,
    /// Whether other load on the machine makes it worse.
    pub(crate) is_time: bool,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
    Bytes,
    Megabytes,
    Count,
    PerSecond,
}

/// What a quantity of filch may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    /// Anything; it is only shown.
    None,
    /// The median of all runs at most this.
    AtMost(f64),
    /// Every single run at most this.
    Always(f64),
    /// The median at most this share of the least median of the peers.
    Share(f64),
    /// The median at least this share of the least median of the peers.
    LeastShare(f64),
}

const fn memory(bytes: u64) -> Needs {
    Needs {
        memory: bytes,
        files: 0,
        program: None,
        peers: false,
    }
}

const fn files(count: u64) -> Needs {
    Needs {
        files: count,
        ..memory(1 << 28)
    }
}

const fn time(key: &'static str, unit: Unit, bound: Bound) -> Quantity {
    Quantity {
        key,
        unit,
        bound,
        is_time: true,
    }
}

const fn fact(key: &'static str, unit: Unit, bound: Bound) -> Quantity {
    Quantity {
        key,
        unit,
        bound,
        is_time: false,
    }
}

/// All scenarios, in the order in which they run.
pub(crate) static ALL: &[Scenario] = &[
    Scenario {
        name: "sleepers",
        about: "1,000,000 tasks that each sleep once, for 1 to 5 s",
        kind: Kind::Sleepers,
        size: 1_000_000,
        peers: &[Runtime::TokioCurrentThread],
        needs: memory(1 << 30),
        quantities: &[
            time("cpu_s", Unit::Seconds, Bound::Share(0.5)),
            time("late_p50_us", Unit::Micros, Bound::AtMost(100.0)),
            time("late_p99_us", Unit::Micros, Bound::AtMost(1_000.0)),
            fact("early", Unit::Count, Bound::Always(0.0)),
            fact("rss_per_task", Unit::Bytes, Bound::AtMost(112.0)),
        ],
    },
    Scenario {
        name: "sleep_tick",
        about: "1,000 tasks that sleep for 1 ms over and over, for 3 s",
        kind: Kind::SleepTick,
        size: 1_000,
        peers: &[Runtime::Tokio, Runtime::TokioCurrentThread],
        needs: memory(1 << 28),
        quantities: &[
            time("late_p50_us", Unit::Micros, Bound::AtMost(100.0)),
            time("late_p99_us", Unit::Micros, Bound::None),
            time("cpu_per_sleep_ns", Unit::Nanos, Bound::Share(1.0)),
            fact("early", Unit::Count, Bound::Always(0.0)),
        ],
    },
    Scenario {
        name: "blocking_noop",
        about: "200,000 blocking jobs that do nothing, 256 of them in flight",
        kind: Kind::BlockingNoop,
        size: 200_000,
        peers: &[Runtime::Tokio],
        needs: memory(1 << 28),
        quantities: &[
            time("wall_s", Unit::Seconds, Bound::Share(0.25)),
            time("cpu_s", Unit::Seconds, Bound::None),
            fact("pool_threads", Unit::Count, Bound::Always(4.0)),
        ],
    },
    Scenario {
        name: "blocking_sleep",
        about: "500 blocking jobs that each sleep for 20 ms, all at once",
        kind: Kind::BlockingSleep,
        size: 500,
        peers: &[Runtime::Tokio],
        needs: memory(1 << 28),
        quantities: &[time("wall_ms", Unit::Millis, Bound::AtMost(40.0))],
    },
    Scenario {
        name: "parked",
        about: "1,000,000 tasks that wait for a wake that does not come",
        kind: Kind::Parked,
        size: 1_000_000,
        peers: &[Runtime::TokioCurrentThread],
        needs: memory(1 << 30),
        quantities: &[fact("rss_per_task", Unit::Bytes, Bound::AtMost(64.0))],
    },
    Scenario {
        name: "sleeping_10m",
        about: "10,000,000 tasks asleep",
        kind: Kind::ManySleepers,
        size: 10_000_000,
        peers: &[],
        needs: memory(4 << 30),
        quantities: &[fact("rss_per_task", Unit::Bytes, Bound::AtMost(112.0))],
    },
    Scenario {
        name: "burst",
        about: "1,000,000 tasks alive at once, then the memory left 10 s after they ended",
        kind: Kind::Burst,
        size: 1_000_000,
        peers: &[],
        needs: memory(1 << 30),
        quantities: &[
            fact("rss_left_mb", Unit::Megabytes, Bound::AtMost(20.0)),
            fact("rss_peak_mb", Unit::Megabytes, Bound::None),
            fact("rss_waited_s", Unit::Seconds, Bound::None),
        ],
    },
    #[cfg(unix)]
    Scenario {
        name: "echo_64",
        about: "64 connections that echo 64 bytes over and over for 3 s, both ends on 2 workers",
        kind: Kind::Echo,
        size: 64,
        peers: &[Runtime::Tokio],
        needs: files(2 * 64),
        quantities: &[
            time("cpu_us", Unit::Micros, Bound::Share(1.0)),
            time("per_s", Unit::PerSecond, Bound::None),
            time("p50_us", Unit::Micros, Bound::None),
            time("p99_us", Unit::Micros, Bound::None),
            fact("wrong", Unit::Count, Bound::Always(0.0)),
        ],
    },
    #[cfg(unix)]
    Scenario {
        name: "echo_1000",
        about: "the same with 1,000 connections",
        kind: Kind::Echo,
        size: 1_000,
        peers: &[Runtime::Tokio],
        needs: files(2 * 1_000),
        quantities: &[
            time("cpu_us", Unit::Micros, Bound::Share(1.0)),
            time("per_s", Unit::PerSecond, Bound::None),
            time("p50_us", Unit::Micros, Bound::None),
            time("p99_us", Unit::Micros, Bound::Share(0.5)),
            fact("wrong", Unit::Count, Bound::Always(0.0)),
        ],
    },
    #[cfg(unix)]
    Scenario {
        name: "http",
        about: "hyper's HTTP/1 server says hello to `wrk -c64 -t2` for 3 s, on 2 workers",
        kind: Kind::Http,
        size: 64,
        peers: &[Runtime::Tokio],
        needs: Needs {
            program: Some("wrk"),
            peers: true,
            ..files(64)
        },
        quantities: &[
            time("per_s", Unit::PerSecond, Bound::LeastShare(1.0)),
            time("cpu_us", Unit::Micros, Bound::None),
            time("p99_us", Unit::Micros, Bound::None),
            fact("wrong", Unit::Count, Bound::Always(0.0)),
        ],
    },
    #[cfg(unix)]
    Scenario {
        name: "idle_connections",
        about: "10,000 accepted connections, used once, a task on each that waits for the next frame",
        kind: Kind::IdleConnections,
        size: 10_000,
        peers: &[Runtime::Tokio],
        needs: files(10_000),
        quantities: &[fact("rss_each", Unit::Bytes, Bound::AtMost(250.0))],
    },
    #[cfg(unix)]
    Scenario {
        name: "waves",
        about: "10,000 connections opened, used and closed, five times over",
        kind: Kind::Waves,
        size: 10_000,
        peers: &[],
        needs: files(10_000),
        quantities: &[
            fact("files_left", Unit::Count, Bound::Always(0.0)),
            fact("slots_left", Unit::Count, Bound::Always(0.0)),
            fact("rss_growth_mb", Unit::Megabytes, Bound::AtMost(1.0)),
        ],
    },
];

/// The scenario of this name.
pub(crate) fn named(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_something_to_be_a_share_of() {
        for scenario in ALL {
            let shares = scenario
                .quantities
                .iter()
                .any(|quantity| matches!(quantity.bound, Bound::Share(_) | Bound::LeastShare(_)));
            assert!(!shares || !scenario.peers.is_empty(), "{}", scenario.name);
            assert!(!scenario.peers.contains(&Runtime::Filch));
        }
    }

    #[test]
    fn names_are_found() {
        for scenario in ALL {
            assert_eq!(named(scenario.name), Some(scenario));
        }
        for runtime in Runtime::ALL {
            assert_eq!(Runtime::named(runtime.name()), Some(runtime));
        }
        assert_eq!(named("nothing"), None);
    }
}

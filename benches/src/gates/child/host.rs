//! A runtime as the scenarios see it, and the runtimes that are one.
//!
//! This file owns the differences between the runtimes. It must not know what the tasks do.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::time::Duration;

/// A runtime. What has no `self` is called within its tasks.
pub(super) trait Host: Sized + 'static {
    /// A blocking job that was submitted.
    type Job: Future<Output = Result<(), Self::Lost>> + Unpin + Send + 'static;
    /// Why a job has no result.
    type Lost: Debug;

    /// Builds the runtime as it is by default.
    fn build() -> io::Result<Self>;
    /// Runs a future to its end as a task.
    fn run<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> T;
    /// Spawns a task that nobody joins.
    fn detach(task: impl Future<Output = ()> + Send + 'static);
    /// Sleeps.
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send + 'static;
    /// How many tasks there are that have not ended.
    fn alive() -> u64;
    /// Submits a blocking job.
    fn blocking(job: impl FnOnce() + Send + 'static) -> Self::Job;
    /// The most threads that the blocking pool has had, if the runtime tells.
    fn pool_threads(&self) -> Option<u64>;
}

/// filch, with as many workers as there are processors.
pub(super) struct Filch(pub(super) filch::runtime::Runtime);

impl Host for Filch {
    type Job = filch::task::JoinHandle<()>;
    type Lost = filch::task::JoinError;

    fn build() -> io::Result<Self> {
        filch::runtime::Builder::multi_thread().build().map(Filch)
    }

    fn run<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> T {
        self.0
            .block_on(self.0.spawn(task))
            .expect("the load neither panics nor is cancelled")
    }

    fn detach(task: impl Future<Output = ()> + Send + 'static) {
        filch::spawn(task).detach();
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        filch::time::sleep(duration)
    }

    fn alive() -> u64 {
        filch::runtime::Handle::current().metrics().live_tasks
    }

    fn blocking(job: impl FnOnce() + Send + 'static) -> Self::Job {
        filch::spawn_blocking(job)
    }

    fn pool_threads(&self) -> Option<u64> {
        Some(self.0.metrics().blocking_threads_peak as u64)
    }
}

#[cfg(feature = "peers")]
pub(super) use peers::{Tokio, TokioCurrentThread};

#[cfg(feature = "peers")]
mod peers {
    use super::*;
    use tokio::runtime::{Builder, Runtime};

    /// tokio, with as many workers as there are processors.
    pub(in super::super) struct Tokio(pub(in super::super) Runtime);

    /// tokio on the thread that calls it.
    pub(in super::super) struct TokioCurrentThread(Runtime);

    macro_rules! tokio_host {
        ($host:ident, $builder:ident) => {
            impl Host for $host {
                type Job = tokio::task::JoinHandle<()>;
                type Lost = tokio::task::JoinError;

                fn build() -> io::Result<Self> {
                    Builder::$builder().enable_time().build().map($host)
                }

                fn run<T: Send + 'static>(
                    &self,
                    task: impl Future<Output = T> + Send + 'static,
                ) -> T {
                    self.0
                        .block_on(self.0.spawn(task))
                        .expect("the load neither panics nor is cancelled")
                }

                fn detach(task: impl Future<Output = ()> + Send + 'static) {
                    drop(tokio::spawn(task));
                }

                fn sleep(duration: Duration) -> impl Future<Output = ()> + Send + 'static {
                    tokio::time::sleep(duration)
                }

                fn alive() -> u64 {
                    tokio::runtime::Handle::current()
                        .metrics()
                        .num_alive_tasks() as u64
                }

                fn blocking(job: impl FnOnce() + Send + 'static) -> Self::Job {
                    tokio::task::spawn_blocking(job)
                }

                /// tokio keeps its idle threads for ten seconds and does not count them for all
                /// to see, so the process is asked: all its threads but the workers and this.
                fn pool_threads(&self) -> Option<u64> {
                    let workers = self.0.metrics().num_workers() as u64;
                    Some(filch_bench::process::threads()?.saturating_sub(workers + 1))
                }
            }
        };
    }

    tokio_host!(Tokio, new_multi_thread);
    tokio_host!(TokioCurrentThread, new_current_thread);
}

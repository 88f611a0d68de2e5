//! Fault A6: a panic where panics abort: the process ends with the message, whoever panicked, and does not hang.
//!
//! Without a harness, as that wants to unwind. `RUSTFLAGS="-Cpanic=abort" cargo test --test panic_abort` builds it so;
//! where panics unwind there is nothing to see.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

#[cfg(not(loom))]
mod common;

#[cfg(all(unix, not(loom)))]
fn main() {
    use common::{LIMIT, is_child, run_child};
    use std::os::unix::process::ExitStatusExt;

    if cfg!(not(panic = "abort")) {
        println!("not checked: panics unwind here");
        return;
    }
    if is_child() {
        // The words of a child's command line are `--exact NAME`.
        let role = std::env::args().nth(2).expect("a role");
        let (_, run) = roles::ALL
            .iter()
            .find(|(name, _)| *name == role)
            .expect("a role that there is");
        run();
        println!("it went on");
        return;
    }
    for (name, _) in roles::ALL {
        let child = run_child(name, LIMIT, &[]);
        let went_on = child.stdout.contains("it went on");
        if *name == roles::NOBODY {
            assert!(child.status.success() && went_on, "{name}: {child:#?}");
        } else {
            assert_eq!(child.status.signal(), Some(6), "{name}: {child:#?}");
            assert!(child.stderr.contains("oh no"), "{name}: {child:#?}");
            assert!(!went_on, "{name}: {child:#?}");
        }
        println!("{name}: {}", child.status);
    }
}

#[cfg(any(not(unix), loom))]
fn main() {}

#[cfg(all(unix, not(loom)))]
mod roles {
    use super::common::{current_thread, workers};
    use filch::task::yield_now;
    use std::future::pending;
    use std::thread;

    pub(crate) const NOBODY: &str = "nobody";

    /// Who panics.
    pub(crate) const ALL: &[(&str, fn())] = &[
        (NOBODY, nobody),
        ("task_of_a_worker", task_of_a_worker),
        ("detached_task", detached_task),
        ("task_of_a_current_thread_runtime", task_of_a_current_thread),
        ("local_task", local_task),
        ("root_of_block_on", root_of_block_on),
        ("blocking_job", blocking_job),
        ("future_dropped_at_the_end", future_dropped_at_the_end),
    ];

    fn nobody() {
        let runtime = workers(2);
        let task = runtime.spawn(async {
            yield_now().await;
            filch::spawn_blocking(|| 5).await.unwrap()
        });
        assert_eq!(runtime.block_on(task).unwrap(), 5);
    }

    fn task_of_a_worker() {
        let runtime = workers(2);
        let task = runtime.spawn(async { panic!("oh no") });
        let _: Result<(), _> = runtime.block_on(task);
    }

    fn detached_task() {
        let runtime = workers(2);
        runtime.spawn(async { panic!("oh no") }).detach();
        loop {
            thread::park();
        }
    }

    fn task_of_a_current_thread() {
        let runtime = current_thread();
        let task = runtime.spawn(async {
            yield_now().await;
            panic!("oh no")
        });
        let _: Result<(), _> = runtime.block_on(task);
    }

    fn local_task() {
        let runtime = current_thread();
        runtime.block_on(async {
            let _: Result<(), _> = filch::spawn_local(async { panic!("oh no") }).await;
        });
    }

    fn root_of_block_on() {
        workers(2).block_on(async {
            yield_now().await;
            panic!("oh no")
        })
    }

    fn blocking_job() {
        let runtime = workers(2);
        let job = runtime.spawn_blocking(|| panic!("oh no"));
        let _: Result<(), _> = runtime.block_on(job);
    }

    fn future_dropped_at_the_end() {
        struct Bomb;

        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("oh no");
            }
        }

        let runtime = workers(2);
        let bomb = Bomb;
        runtime
            .spawn(async move {
                let _bomb = bomb;
                pending::<()>().await;
            })
            .detach();
        drop(runtime);
    }
}

//! Task-local values: where they are seen, and what becomes of them.
#![cfg(not(loom))]

mod common;

use common::{Tally, Token, guarded, on_each_flavor};
use filch::task::yield_now;
use std::cell::Cell;
use std::future::pending;
use std::sync::mpsc;

filch::task_local! {
    static NUMBER: u32;
    /// A value without a copy.
    static TOKEN: (Token, Cell<u32>);
}

#[test]
fn value_is_seen_in_its_scope_wherever_the_task_runs() {
    on_each_flavor(|runtime| {
        let tasks: Vec<_> = (0..50)
            .map(|at| {
                runtime.spawn(NUMBER.scope(at, async move {
                    for _ in 0..5 {
                        assert_eq!(NUMBER.get(), at);
                        yield_now().await;
                        filch::spawn(async {}).await.unwrap();
                    }
                    NUMBER.with(|number| *number)
                }))
            })
            .collect();
        for (at, task) in tasks.into_iter().enumerate() {
            assert_eq!(runtime.block_on(task).unwrap() as usize, at);
        }
        assert_eq!(NUMBER.try_get(), None);
    });
}

#[test]
fn scopes_nest_and_the_outer_value_comes_back() {
    on_each_flavor(|runtime| {
        runtime.block_on(NUMBER.scope(1, async {
            NUMBER
                .scope(2, async {
                    yield_now().await;
                    assert_eq!(NUMBER.get(), 2);
                    assert_eq!(NUMBER.sync_scope(3, || NUMBER.get()), 3);
                    assert_eq!(NUMBER.get(), 2);
                })
                .await;
            assert_eq!(NUMBER.get(), 1);
        }));
    });
}

#[test]
fn spawned_tasks_and_jobs_start_without_unless_they_inherit() {
    on_each_flavor(|runtime| {
        runtime.block_on(NUMBER.scope(7, async {
            assert_eq!(
                filch::spawn(async { NUMBER.try_get() }).await.unwrap(),
                None
            );
            assert_eq!(
                filch::spawn(NUMBER.inherit(async { NUMBER.try_get() }))
                    .await
                    .unwrap(),
                Some(7)
            );
            assert_eq!(
                filch::spawn_blocking(|| NUMBER.try_get()).await.unwrap(),
                None
            );
        }));
        let nothing = NUMBER.inherit(async { NUMBER.try_get() });
        assert_eq!(runtime.block_on(nothing), None);
    });
}

#[test]
fn value_outlives_a_panic_in_the_scope_by_nothing() {
    on_each_flavor(|runtime| {
        let tally = Tally::new();
        let value = (tally.token(), Cell::new(0));
        let task = runtime.spawn(TOKEN.scope(value, async {
            yield_now().await;
            TOKEN.with(|value| value.1.set(1));
            common::panic_quietly("in the scope");
        }));
        assert!(runtime.block_on(task).unwrap_err().is_panic());
        assert_eq!(tally.dropped(), 1);
        let after = runtime.spawn(async { TOKEN.try_with(|_| ()).is_none() });
        assert!(runtime.block_on(after).unwrap());
    });
}

#[test]
fn drop_of_the_future_sees_the_value() {
    struct Looks(mpsc::Sender<Option<u32>>);
    impl Drop for Looks {
        fn drop(&mut self) {
            self.0.send(NUMBER.try_get()).unwrap();
        }
    }
    on_each_flavor(|runtime| {
        let (tell, told) = mpsc::channel();
        let looks = Looks(tell.clone());
        let task = runtime.spawn(NUMBER.scope(9, async move {
            let _looks = looks;
            pending::<()>().await;
        }));
        runtime.block_on(yield_now());
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        assert_eq!(told.recv().unwrap(), Some(9));
        let looks = Looks(tell);
        runtime.block_on(NUMBER.scope(8, async move { drop(looks) }));
        assert_eq!(told.recv().unwrap(), Some(8));
    });
}

#[test]
fn read_outside_a_scope_says_what_to_write() {
    guarded(|| {
        let caught = std::panic::catch_unwind(|| NUMBER.get());
        let text = common::text(&*caught.unwrap_err());
        assert!(
            text.contains("KEY.scope") && text.contains("KEY.inherit"),
            "{text}"
        );
    });
}

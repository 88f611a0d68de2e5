//! What `#[filch::main]` and `#[filch::test]` do when the functions run: which runtime surrounds the
//! body, and what becomes of its result.
#![cfg(all(feature = "macros", not(loom)))]

use std::future::poll_fn;
use std::mem;
use std::num::ParseIntError;
use std::panic::catch_unwind;
use std::task::Poll;
use std::thread;

use filch::runtime::Handle;

/// The number of workers of the runtime that surrounds the caller; `None` outside of a runtime.
fn workers_around() -> Option<usize> {
    Handle::try_current()
        .ok()
        .map(|handle| handle.metrics().workers.len())
}

/// Gives the executor a reason to poll a second time.
async fn pending_once() {
    let mut polled = false;
    poll_fn(|context| {
        if mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Whether a task runs on the thread of the caller, as it always does on a current_thread runtime.
async fn tasks_run_here() -> bool {
    let task = filch::spawn(async { thread::current().id() });
    task.await.expect("the task neither panics nor is aborted") == thread::current().id()
}

#[filch::test]
async fn test_runs_inside_a_runtime() {
    assert!(Handle::try_current().is_ok());
    pending_once().await;
    assert!(Handle::try_current().is_ok());
}

#[filch::test]
async fn test_is_current_thread_by_default() {
    assert!(tasks_run_here().await);
}

#[filch::test(flavor = "current_thread")]
async fn test_may_say_current_thread() {
    assert!(tasks_run_here().await);
}

#[filch::test(workers = 2)]
async fn workers_make_a_test_multi_thread() {
    assert_eq!(workers_around(), Some(2));
}

#[filch::test(flavor = "multi_thread", workers = 3)]
async fn workers_are_those_asked_for() {
    assert_eq!(workers_around(), Some(3));
}

#[filch::test]
async fn test_may_return_a_result() -> Result<(), ParseIntError> {
    let answer: u32 = "42".parse()?;
    pending_once().await;
    assert_eq!(answer, 42);
    Ok(())
}

#[filch::test]
#[should_panic(expected = "a panic of the body")]
async fn panic_of_the_body_fails_the_test() {
    pending_once().await;
    panic!("a panic of the body");
}

#[cfg(feature = "test-util")]
#[filch::test(start_paused = true)]
async fn paused_clock_skips_the_wait() {
    let hour = std::time::Duration::from_secs(3600);
    let (start, real_start) = (filch::time::Instant::now(), std::time::Instant::now());
    filch::time::sleep(hour).await;
    assert!(start.elapsed() >= hour);
    assert!(real_start.elapsed() < hour);
}

#[filch::main]
async fn with_defaults() -> Option<usize> {
    pending_once().await;
    workers_around()
}

#[filch::main(workers = 2)]
async fn with_two_workers() -> Option<usize> {
    workers_around()
}

#[filch::main(flavor = "current_thread")]
async fn on_this_thread() -> bool {
    tasks_run_here().await
}

#[filch::main]
async fn parsed() -> Result<u32, ParseIntError> {
    pending_once().await;
    Ok("42".parse::<u32>()? + "not a number".parse::<u32>()?)
}

#[filch::main(workers = 1)]
async fn panicking() {
    pending_once().await;
    panic!("a panic of the body");
}

/// The function calls itself by its name, which is async in its own body.
#[filch::main(workers = 1)]
async fn depth() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static DEPTH: AtomicU32 = AtomicU32::new(0);

    if DEPTH.fetch_add(1, Ordering::Relaxed) < 3 {
        return 1 + Box::pin(depth()).await;
    }
    0
}

#[test]
fn main_returns_what_the_body_returns() {
    assert!(with_defaults().is_some_and(|workers| workers >= 1));
    assert_eq!(with_two_workers(), Some(2));
    assert!(parsed().is_err());
    assert_eq!(depth(), 3);
}

#[test]
fn main_may_stay_on_the_calling_thread() {
    assert!(on_this_thread());
}

#[test]
fn runtime_ends_with_the_function() {
    assert_eq!(workers_around(), None);
    assert_eq!(with_two_workers(), Some(2));
    assert_eq!(workers_around(), None);
}

#[test]
fn panic_of_the_body_reaches_the_caller_of_main() {
    let payload = catch_unwind(panicking).expect_err("the body panics");
    assert_eq!(payload.downcast_ref(), Some(&"a panic of the body"));
    assert_eq!(workers_around(), None);
}

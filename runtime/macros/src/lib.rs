//! The attributes of the async runtime `filch`: `#[filch::main]` and `#[filch::test]`.
//!
//! Programs use them through `filch`, whose feature `macros` exports both; nobody needs to depend on
//! this crate. It owns their documentation; it must not know how the runtime works, only the names
//! `runtime::Builder` and `Runtime::block_on`.

mod attribute;
mod error;
mod expand;
mod function;
mod options;

use proc_macro::TokenStream;

use crate::attribute::Attribute;

/// Starts a runtime and runs the body of an `async fn` in it: the way from `fn main` into async code,
/// as `asyncio.run` is in Python.
///
/// The function keeps its name, attributes, visibility and return type, and is no longer async: it
/// builds a runtime, blocks the calling thread on the body, and drops the runtime when the body ends,
/// with all the tasks that have not ended by then. What the body returns, the function returns; `main`
/// may return whatever implements [`Termination`](std::process::Termination), such as a `Result`.
///
/// ```
/// #[filch::main]
/// async fn main() {
///     let task = filch::spawn(async { 6 * 7 });
///     assert_eq!(task.await.expect("the task does not panic"), 42);
/// }
/// ```
///
/// is the short form of a function with this body:
///
/// ```
/// let runtime = filch::runtime::Builder::multi_thread().build().expect("threads start");
/// runtime.block_on(async {
///     let task = filch::spawn(async { 6 * 7 });
///     assert_eq!(task.await.expect("the task does not panic"), 42);
/// });
/// ```
///
/// The function may have another name than `main`, and may then be called from any code that runs
/// outside of a runtime. In its own body, its name is the `async fn` as it is written.
///
/// # Options
///
/// | Option | Meaning | Default |
/// |---|---|---|
/// | `flavor = "multi_thread"` | Worker threads run the tasks. | this one |
/// | `flavor = "current_thread"` | The calling thread runs the tasks, while it blocks on the body. | |
/// | `workers = 4` | The number of worker threads, an integer literal from 1 to 1024; implies `multi_thread`. | as `filch::runtime::Builder` chooses |
/// | `start_paused = true` | The clock stands still until `filch::time::advance`, or until nothing but timers is left to wait for. Needs the feature `test-util` of `filch`. | `false` |
/// | `crate = "my_path::filch"` | The path to the crate `filch`, for code that knows it by another name. | `"::filch"` |
///
/// ```
/// #[filch::main(flavor = "current_thread")]
/// async fn main() -> Result<(), std::num::ParseIntError> {
///     let port: u16 = "8080".parse()?;
///     assert_eq!(port, 8080);
///     Ok(())
/// }
/// ```
///
/// ```
/// #[filch::main(workers = 2)]
/// async fn two_workers() -> usize {
///     filch::runtime::Handle::current().metrics().workers.len()
/// }
///
/// assert_eq!(two_workers(), 2);
/// ```
///
/// # Errors
///
/// The build fails, with a message at the wrong tokens, if
///
/// - the item is not an `async fn` with a body, or the function has arguments, generic parameters, or
///   further qualifiers such as `unsafe`,
/// - an option is unknown, given twice, without a value, or of a wrong value, or if `workers` is given
///   for a `current_thread` runtime,
/// - another attribute of the function is named `main` or `test`.
///
/// The body cannot name `Self`, nor the generic parameters of an `impl` around the function: it becomes
/// the body of a function inside of the function.
///
/// # Panics
///
/// The function panics if the runtime does not start, which is to say if `filch::runtime::Builder::build`
/// fails; where `filch::runtime::Runtime::block_on` panics, for one when the caller is in a runtime
/// already; and if the body panics.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Attribute::Main, options, item)
}

/// Makes a test of an `async fn`: `#[test]`, with a runtime around the body.
///
/// Every test has a runtime of its own, which by default runs all the tasks on the thread of the test.
/// The other attributes of the function stay: `#[should_panic]`, `#[ignore]`, `#[cfg]` and comments
/// mean what they mean on every test. The test may return whatever implements
/// [`Termination`](std::process::Termination), such as a `Result`, whose `Err` fails the test.
///
/// ```
/// #[filch::test]
/// async fn task_returns_its_value() -> Result<(), filch::task::JoinError> {
///     assert_eq!(filch::spawn(async { 6 * 7 }).await?, 42);
///     Ok(())
/// }
///
/// #[filch::test(workers = 2)]
/// #[should_panic(expected = "of the body")]
/// async fn panic_fails_the_test() {
///     panic!("a panic of the body");
/// }
/// ```
///
/// # Options
///
/// Those of [`main`](macro@main), with another default: `flavor = "current_thread"`, unless `workers` is
/// given.
///
/// With `start_paused = true`, a test of timeouts takes no time:
///
/// ```
/// use std::time::Duration;
///
/// #[filch::test(start_paused = true)]
/// async fn hour_passes_at_once() {
///     filch::time::sleep(Duration::from_secs(3600)).await;
/// }
/// ```
///
/// # Errors
///
/// As for [`main`](macro@main). In particular, `#[filch::test]` stands in place of `#[test]`, not beside
/// it.
///
/// # Panics
///
/// As for [`main`](macro@main): the test fails if the runtime does not start.
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Attribute::Test, options, item)
}

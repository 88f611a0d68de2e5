//! The message names the two flavors.

#[filch::test(flavor = "threaded")]
async fn another_word() {}

#[filch::test(flavor = current_thread)]
async fn without_quotes() {}

#[filch::main(flavor = "multi-thread")]
async fn main() {}

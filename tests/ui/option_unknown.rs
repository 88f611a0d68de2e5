//! The message lists the options there are.

#[filch::test(worker_threads = 2)]
async fn with_a_value() {}

#[filch::test(current_thread)]
async fn without_a_value() {}

#[filch::test("current_thread")]
async fn without_a_name() {}

#[filch::main(workers = 2,, flavor = "multi_thread")]
async fn main() {}

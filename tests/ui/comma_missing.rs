//! Options are separated by commas.

#[filch::test(crate = "filch" workers = 2)]
async fn before_workers() {}

#[filch::main(workers = 2 flavor = "multi_thread")]
async fn main() {}

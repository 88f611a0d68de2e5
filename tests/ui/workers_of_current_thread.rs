//! A runtime on the calling thread starts no workers.

#[filch::test(workers = 2, flavor = "current_thread")]
async fn workers_first() {}

#[filch::main(flavor = "current_thread", workers = 1)]
async fn main() {}

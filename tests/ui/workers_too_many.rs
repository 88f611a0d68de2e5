//! So many threads are a slip of the pen.

#[filch::test(workers = 1025)]
async fn one_too_many() {}

#[filch::main(workers = 1_000_000)]
async fn main() {}

//! Without workers no task would run.

#[filch::test(workers = 0x00_usize)]
async fn in_another_notation() {}

#[filch::main(workers = 0)]
async fn main() {}

//! The clock is paused or it is not.

#[filch::test(start_paused = "true")]
async fn string() {}

#[filch::main(start_paused = 1)]
async fn main() {}

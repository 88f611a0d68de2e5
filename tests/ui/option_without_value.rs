//! The message shows what a value looks like.

#[filch::test(workers)]
async fn alone() {}

#[filch::test(workers(2))]
async fn in_parentheses() {}

#[filch::test(flavor, workers = 2)]
async fn before_another() {}

#[filch::main(start_paused =)]
async fn main() {}

//! The number of workers is known to the macro, which sees only literals.

const WORKERS: usize = 2;

#[filch::test(workers = WORKERS)]
async fn constant() {}

#[filch::test(workers = "2")]
async fn string() {}

#[filch::test(workers = -2)]
async fn negative() {}

#[filch::test(workers = 1 + 1)]
async fn sum() {}

#[filch::test(workers = 99999999999999999999)]
async fn huge() {}

#[filch::main(workers = 2.5)]
async fn main() {}

//! An option has one value.

#[filch::test(flavor = "multi_thread", workers = 2, flavor = "multi_thread")]
async fn same_value() {}

#[filch::main(workers = 2, workers = 3)]
async fn main() {}

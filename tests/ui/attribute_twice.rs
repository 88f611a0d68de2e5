//! One attribute is enough: with two, a test would run twice.

#[filch::test]
#[test]
async fn with_the_one_of_the_language() {}

#[filch::test]
#[should_panic]
#[filch::test(workers = 2)]
async fn with_itself() {}

#[filch::test]
#[::core::prelude::v1::test]
async fn by_its_full_name() {}

#[filch::main]
#[filch::main(workers = 2)]
async fn main() {}

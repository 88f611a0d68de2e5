//! `#[filch::main]` and `#[filch::test]`.

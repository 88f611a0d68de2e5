//! The attributes stand on functions.

#[filch::main]
struct Program;

#[filch::test]
const ANSWER: u32 = 42;

fn main() {}

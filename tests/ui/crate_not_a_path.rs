//! The crate is named by a path in quotes.

#[filch::test(crate = filch)]
async fn without_quotes() {}

#[filch::test(crate = "")]
async fn nothing() {}

#[filch::main(crate = "my path")]
async fn main() {}

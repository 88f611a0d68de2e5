//! A function that is not async has nothing to block on.

#[filch::test]
fn answer() {
    assert_eq!(42, 42);
}

#[filch::main]
fn main() {
    std::future::ready(()).await;
}

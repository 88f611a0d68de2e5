//! Nobody chooses a type for a program's or a test's function.

#[filch::test]
async fn answer<T: Default>() -> T {
    T::default()
}

#[filch::main]
async fn main<F: Fn() -> u8>() {}

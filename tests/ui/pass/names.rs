//! The names of the user's code and those of the generated code do not meet.

mod filch_runtime {}
mod core {}
mod std {}

/// Its methods take the plain value, and so come before those of the runtime's types there.
trait Thief: Sized {
    fn workers(self, _workers: usize) -> Thieved {
        Thieved
    }
    fn build(self) -> Thieved {
        Thieved
    }
    fn block_on<F>(self, _future: F) -> Thieved {
        Thieved
    }
}

impl<T> Thief for T {}

struct Thieved;

#[allow(non_upper_case_globals)]
const runtime: u8 = 1;
#[allow(non_upper_case_globals)]
static builder: u8 = 2;

fn body() -> u8 {
    4
}

#[filch::main(workers = 2)]
async fn main() {
    let Thieved = 0.workers(2);
    let Thieved = 0.build();
    let Thieved = 0.block_on(main);
    assert_eq!(runtime + builder + body(), 7);
}

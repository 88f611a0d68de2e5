//! Nobody passes arguments to a program's or a test's function.

struct Server;

impl Server {
    #[filch::main]
    async fn run(self) {}
}

#[filch::test]
async fn answer(expected: u32, found: u32) {
    assert_eq!(expected, found);
}

#[filch::main]
async fn main(arguments: Vec<String>) -> Result<(), String> {
    Err(arguments.concat())
}

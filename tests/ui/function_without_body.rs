//! A function without a body has nothing to run.

trait Program {
    #[filch::main]
    async fn run();
}

#[filch::main]
async fn main() -> Result<(), String>;

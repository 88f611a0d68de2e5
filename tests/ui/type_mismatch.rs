//! The types of the body are checked as those of every `async fn`, at the user's own lines.

#[filch::main]
async fn statement() {
    let answer: u32 = "42";
}

#[filch::main(workers = 2)]
async fn tail() -> Result<(), String> {
    42
}

#[filch::main]
async fn main() -> Result<(), String> {
    return "42";
}

//! A program with every option of `#[filch::main]`, each in a notation of its own.

use std::process::ExitCode;

#[filch::main(
    flavor = "multi_thread",
    workers = 0x2_usize,
    start_paused = false,
    crate = "::filch"
)]
async fn main() -> ExitCode {
    #![allow(unused_variables)]
    let unused = 42;
    if helper() == "started" {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Another function than `main` may be started too, by code that runs outside of a runtime.
#[filch::main(flavor = "current_thread")]
pub(crate) async fn other() -> &'static str {
    std::future::ready("started").await
}

fn helper() -> &'static str {
    std::thread::spawn(other).join().unwrap_or("panicked")
}

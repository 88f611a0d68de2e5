//! Notes the compiler and the commit that built the programs, so that a result can name them.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = output(&rustc, &["--version"])
        .and_then(|line| line.split_whitespace().nth(1).map(str::to_owned));
    println!(
        "cargo:rustc-env=FILCH_BENCH_RUSTC={}",
        version.as_deref().unwrap_or("unknown")
    );

    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
    println!(
        "cargo:rustc-env=FILCH_BENCH_COMMIT={}",
        commit.as_deref().unwrap_or("unknown")
    );
    // The log of HEAD grows with each commit and each checkout. A path that does not exist would
    // make Cargo run this script on every build, so it is named only where it is there.
    if let Some(log) = output("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        if Path::new(&log).exists() {
            println!("cargo:rerun-if-changed={log}");
        }
    }
}

/// What a command prints, trimmed, or nothing if it cannot be run or fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}

//! The other role of the program: runs one scenario on one runtime and tells what it took.
//!
//! This file owns the choice of the runtime and the way the readings are printed. It must not know
//! the bounds.

mod host;
mod load;
mod marks;

use std::fmt::Write as _;
use std::io;

use crate::scenario::{Runtime, Scenario};

/// What was measured, by key.
type Readings = Vec<(&'static str, f64)>;

/// Runs a scenario and returns lines of `key=number`.
///
/// # Errors
///
/// What the operating system says, if the runtime cannot be built; or that it is not built in.
pub(crate) fn run(scenario: &Scenario, runtime: Runtime, scale: f64) -> io::Result<String> {
    let readings = match runtime {
        Runtime::Filch => load::run::<host::Filch>(scenario, scale),
        #[cfg(feature = "peers")]
        Runtime::Tokio => load::run::<host::Tokio>(scenario, scale),
        #[cfg(feature = "peers")]
        Runtime::TokioCurrentThread => load::run::<host::TokioCurrentThread>(scenario, scale),
        #[cfg(not(feature = "peers"))]
        Runtime::Tokio | Runtime::TokioCurrentThread => {
            Err(io::Error::other("built without the feature peers"))
        }
    }?;
    let mut text = String::new();
    for (key, reading) in readings {
        let _ = writeln!(text, "{key}={reading}");
    }
    Ok(text)
}

//! The other role of the program: runs one scenario on one runtime and tells what it took.
//!
//! This file owns the choice of the runtime and the way the readings are printed. It must not know
//! the bounds.

mod host;
#[cfg(all(unix, feature = "peers"))]
mod http;
mod load;
mod marks;
#[cfg(unix)]
mod net_host;
#[cfg(unix)]
mod net_load;
#[cfg(unix)]
pub(crate) mod visitors;

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
    #[cfg(unix)]
    let readings = match runtime {
        _ if !net_load::knows(scenario.kind) => on_one_host(scenario, runtime, scale),
        Runtime::Filch => net_load::run::<host::Filch>(scenario, scale),
        #[cfg(feature = "peers")]
        Runtime::Tokio => net_load::run::<host::Tokio>(scenario, scale),
        _ => Err(io::Error::other("this runtime has no part in the scenario")),
    }?;
    #[cfg(not(unix))]
    let readings = on_one_host(scenario, runtime, scale)?;
    let mut text = String::new();
    for (key, reading) in readings {
        let _ = writeln!(text, "{key}={reading}");
    }
    Ok(text)
}

/// Runs what needs no more of a runtime than tasks, time and blocking jobs.
fn on_one_host(scenario: &Scenario, runtime: Runtime, scale: f64) -> io::Result<Readings> {
    match runtime {
        Runtime::Filch => load::run::<host::Filch>(scenario, scale),
        #[cfg(feature = "peers")]
        Runtime::Tokio => load::run::<host::Tokio>(scenario, scale),
        #[cfg(feature = "peers")]
        Runtime::TokioCurrentThread => load::run::<host::TokioCurrentThread>(scenario, scale),
        #[cfg(not(feature = "peers"))]
        Runtime::Tokio | Runtime::TokioCurrentThread => {
            Err(io::Error::other("built without the feature peers"))
        }
    }
}

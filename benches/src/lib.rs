//! What the programs of this package share: the machine, the process, seeded randomness, JSON,
//! reports and plots. Nothing here knows the runtime that is measured.

pub mod json;
pub mod machine;
pub mod plot;
pub mod process;
pub mod report;
pub mod rng;
pub mod text;

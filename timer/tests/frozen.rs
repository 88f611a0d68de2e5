//! The frozen clock.

//! Loom models of the task protocol.

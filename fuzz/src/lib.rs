//! What is done with hostile input: one function for each target, for cargo-fuzz and for the tests.

pub mod growth;
pub mod probe;
pub mod registrar;

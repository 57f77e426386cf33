//! An edge in one process: a fleet, a strict model of Route 53's record-set API, and name servers that
//! answer with what the model published.
//!
//! Nothing here reads a clock or picks a seed: both enter at the binary.

pub mod arguments;
pub mod demo;
pub mod dns;
pub mod edge;
pub mod fleet;
pub mod route53;
pub mod serve;
mod value;

//! An edge in one process.
//!
//! A strict model of Route 53's record-set API, and name servers that answer with what the model
//! published. Nothing here reads a clock or picks a seed: both enter at the binary.

pub mod dns;
pub mod route53;
mod value;

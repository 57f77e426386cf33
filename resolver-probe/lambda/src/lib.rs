//! The probe's Lambda function: a check of one pool's name, its findings as log lines, its metrics, its report.
//!
//! It wires the probe to AWS and to the Runtime API, and judges nothing. What the registrar's function and this
//! one share are names of variables and what the platform leaves out.

pub mod environment;
mod lines;
mod prober;

pub use environment::Environment;
pub use lines::Lines;
pub use prober::{Prober, Shell};

//! The Lambda function: what an invocation is, and what is answered to it.
//!
//! It wires the core to AWS and to the Runtime API, and has no judgement of its own: which hints are worth
//! a look, what may change and how a drain goes on is decided in `registrar_core`.

mod batch;
mod custom_resource;
pub mod environment;
mod handler;
mod lines;
pub mod platform;

pub use environment::{Environment, EnvironmentError};
pub use handler::Handler;
pub use lines::{Lines, log_to_stdout};

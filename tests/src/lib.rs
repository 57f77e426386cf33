//! What the tests share: scenarios, stories about the registrar in files that a person can read, and a
//! simulation in which anything may happen to a fleet.
//!
//! A scenario's compact lines are expanded into the very JSON that the AWS CLI prints and EventBridge
//! delivers, so that the real formats are exercised. `scenarios/README.md` describes the notation.

pub mod check;
mod event_line;
mod fleet_line;
pub mod lines;
mod promises;
mod record_line;
pub mod scenario;
pub mod simulation;
mod strict_zone;
pub mod world;

//! Decides which DNS records an edge fleet should have, and in which steps to get there.
//!
//! Everything here is a function of its arguments: no clock, no randomness, no network, no runtime and
//! no SDK, and the manifest proves it. A run goes through these stages, one type each:
//!
//! ```text
//! Trigger ─► Inventory ─► DesiredPool ─► PoolDiff ─► PoolDecisions ─► Plan ─► CheckedPlan ─► Outcome ─► Report
//! ```

pub mod address;
pub mod adopt;
pub mod coverage;
pub mod custom_resource;
pub mod desired;
pub mod diff;
pub mod drain;
pub mod dump;
pub mod execute;
pub mod fuzzing;
pub mod guard;
pub mod ids;
pub mod inventory;
pub mod invocation;
pub mod json;
pub mod leaf;
pub mod lint;
pub mod name;
pub mod offline;
pub mod orders;
pub mod owner;
pub mod places;
pub mod plan;
pub mod pool;
pub mod preflight;
pub mod record_set;
pub mod report;
pub mod retire;
mod selection;
pub mod site;
pub mod standing;
pub mod state_document;
pub mod status;
pub mod telemetry;
pub mod tree;
pub mod trigger;

pub use jiff::{SignedDuration, Timestamp};

//! Decides which DNS records an edge fleet should have, and in which steps to get there.
//!
//! Everything here is a function of its arguments: no clock, no randomness, no network, no runtime and
//! no SDK, and the manifest proves it. A run goes through these stages, one type each:
//!
//! ```text
//! Trigger ─► Inventory ─► DesiredZone ─► ZoneDiff ─► Guard ─► Plan ─► Execution ─► Outcome ─► Report
//! ```

pub mod address;
pub mod dump;
pub mod ids;
pub mod inventory;
pub mod json;
pub mod name;
pub mod owner;
pub mod pool;
pub mod record_set;
pub mod trigger;

pub use jiff::{SignedDuration, Timestamp};

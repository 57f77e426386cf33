//! A strict, deterministic model of Route 53's record-set API: the referee of every test.
//!
//! It accepts what Route 53 documents as accepted and refuses the rest, with Route 53's own messages
//! where they are known. Where sources disagree it takes the strict side: what passes here passes there.
//! It has no clock (time is a parameter that must not run backwards), evaluates no health check and
//! charges no money.

mod batch;
mod change;
mod error;
mod hosted_zone;
mod listing;
mod model;
mod published;
mod rules;
mod throttle;

pub use change::{ChangeInfo, ChangeStatus, ModelAction, ModelChange};
pub use error::Route53Error;
pub use listing::{Cursor, Page};
pub use model::{Route53Model, Settings};
pub use published::PublishedZone;
#[cfg(test)]
pub(crate) use rules::testing;

//! The tree of a pool with more instances than one set holds: which leaf each stands at, and the weight of each alias.
//!
//! It is arithmetic on what stands there and what should; it reads no records and makes no changes.

mod limits;
mod placement;
mod scale;
#[cfg(test)]
mod tests;

pub use limits::TreeLimits;
pub(crate) use placement::{Placed, Request, place, sums_of};
pub use scale::Scale;
pub(crate) use scale::Sums;

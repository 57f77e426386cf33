//! A world in which anything may happen to a fleet, its events, its documents and its registrar.
//!
//! [`Truth`] is how things are, [`Seen`] what one edge was shown of them, [`Stage`] plays what happens on
//! real edges and a strict Route 53, and the referee holds every change of a record against what the
//! edge had seen. Nothing here calls the core's own judgement: no guard, no diff, no standing.

mod document;
pub mod expected;
mod happening;
mod others;
pub mod referee;
mod seen;
mod shares;
mod sizes;
mod stage;
mod station;
mod truth;
mod zone;

use std::fmt::Debug;
use std::str::FromStr;

pub use document::{Document, DocumentChange};
pub use happening::{
    FleetRead, ForeignKind, GroupsRead, Happening, LaunchKind, Lifecycle, OutageKind, Plane, WeightTag,
};
pub use seen::{Seen, Sight};
pub use sizes::{POOLS, Sizes};
pub use stage::{Progress, Stage};
pub use truth::{Event, EventKind, Truth};
pub use zone::{Entry, Names, Published, Snapshot};

use registrar_core::ids::HostedZoneId;

/// The hosted zone's name.
pub const ORIGIN: &str = "edge.example.com";

/// The hosted zone's id.
#[must_use]
pub fn hosted_zone() -> HostedZoneId {
    known("Z0123456789ABCDEFGHIJ")
}

/// Reads a text that is part of the tests themselves.
///
/// # Panics
/// When it is not what it should be, which is a mistake in the tests.
#[must_use]
#[expect(clippy::panic, reason = "the texts are the tests' own, and no test can go on without them")]
pub fn known<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text:?} is a mistake in the tests: {error:?}"))
}

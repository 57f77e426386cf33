//! Watches a name for ever: what its servers answer, what resolvers make of it, and what is wrong, from when to when.
//!
//! ```text
//! askers (one a server, one a resolver) ─┐
//! truth, read again when it changes ─────┼─► State ─► events ─► lines, history
//! name servers, looked for now and then ─┘         └► summary ─► metrics, live view
//! ```
//!
//! The [`State`] is pure and judges; everything with a socket or a clock is around it. It changes nothing, and holds
//! nothing that grows with time.

pub(crate) mod asking;
mod event;
mod judge;
mod keeper;
mod ledger;
mod lines;
mod listen;
mod look;
mod metrics;
#[cfg(test)]
mod pictures;
mod record;
mod resolvers;
mod server;
mod shell;
#[cfg(test)]
mod simulations;
mod state;
mod summary;
mod trail;
mod view;
mod weights;

pub use event::{
    AddressSummary, Event, Happening, PresenceWord, ResolverSummary, ServerSummary, Standing, Summary, Tooth,
};
pub use keeper::{Keeper, KeeperError};
pub use lines::{headline, line};
pub use listen::Endpoint;
pub use metrics::metrics;
pub use shell::{Clock, Finder, TruthSource, WatchRequest, Watcher, watch};
pub use state::{State, WatchSettings};
pub use view::Picture;

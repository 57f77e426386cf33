//! Weighted authoritative DNS over UDP and TCP, from what the model published.
//!
//! Every query is a fresh draw, as on Route 53's own name servers, and faults make a server lag, lie,
//! lose queries, damage replies or die while it runs. It serves no transfers, signs nothing, evaluates
//! no health check and knows no client's location: of record sets chosen by latency or place it serves
//! the first. Resolvers that cache what the name servers say, well or badly, are beside them.
//!
//! hickory stays behind this module, since its messages change with each minor release.

mod draw;
mod edns;
mod faults;
pub mod fuzzing;
mod handler;
mod health;
mod lookup;
mod message;
mod rdata;
mod resolver;
mod served;
mod server;
mod sockets;
mod source;
#[cfg(test)]
mod tests;
mod transport;

pub use faults::{
    Delay, FaultsHandle, Garbage, GarbageKind, HiddenAddress, InvalidShare, Lameness, Lie, Lies,
    LiesExceedAll, NameServerFaults, OtherWeights, Poison, PoisonedSection, Share, Sticky, WrongQuestion,
};
pub use resolver::{
    Resolver, ResolverConfig, ResolverFaults, ResolverFaultsHandle, ServeStale, StaleWhen, Stretch,
};
pub use server::{Authority, NameServer, NameServerConfig};
pub use sockets::NameServerError;
pub use source::{Clock, ZoneSource};

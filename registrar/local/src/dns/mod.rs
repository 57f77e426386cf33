//! Weighted authoritative DNS over UDP and TCP, from what the model published.
//!
//! Every query is a fresh draw, as on Route 53's own name servers, and faults make a server lag, lie,
//! lose queries or die while it runs. It serves no transfers, signs nothing, evaluates no health check
//! and knows no client's location: of record sets chosen by latency or place it serves the first.
//!
//! hickory stays behind this module, since its handlers change with each minor release. It logs two
//! lines for each query at INFO: a subscriber filters `hickory_server=warn`.

mod draw;
mod edns;
mod faults;
mod handler;
mod lookup;
mod rdata;
mod server;
mod sockets;
mod source;

pub use faults::{FaultsHandle, InvalidShare, Lie, NameServerFaults, Share};
pub use server::{NameServer, NameServerConfig};
pub use sockets::NameServerError;
pub use source::{Clock, ZoneSource};

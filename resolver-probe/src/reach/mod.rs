//! Whether an address is alive: the smallest correct packet of its protocol, and an honest verdict.
//!
//! Each address is asked over a connected socket, with repetitions; what cannot be judged from where the
//! probe stands is unknown, and never critical. It opens no session, keeps no state and knows no records.
//!
//! ```text
//! ReachRequest ─► approach by vantage ─► probe, and an echo beside it ─► ReachEvidence ─► verdict ─► ReachReport
//! ```

mod connect;
mod conversation;
mod deep;
mod engine;
mod error_queue;
mod evidence;
#[cfg(feature = "encrypted")]
mod handshake;
mod obstacle;
pub mod packet;
mod probe;
mod render;
mod report;
mod request;
mod sentence;
mod sockets;
mod vantage;
mod verdict;

pub(crate) use engine::AT_A_TIME;
pub use engine::{ReachRequest, reach};
pub use evidence::{Echo, Handshake, ReachEvidence, ReplyDetail, Rtt};
pub use obstacle::{IcmpError, Obstacle, ObstacleKind};
pub use probe::{ReachProbe, ReachProbeError, Transport};
pub(crate) use render::{performance_data, said};
pub use render::{render_human, render_json};
pub use report::{ReachDocument, ReachReport};
pub use vantage::{CarrierGateway, InstanceStanding, ReachTarget, Vantage};
pub use verdict::Liveness;

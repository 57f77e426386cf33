//! An independent witness of what a weighted, short-TTL name answers.
//!
//! It asks each name server often enough to see every record, and compares the answers with the fleet.
//! It caches nothing and changes nothing; with the registrar it shares names and
//! file formats, never a decision, so that a wrong decision there cannot hide itself here.
//!
//! ```text
//! CheckRequest ─► rounds of queries ─► Observation of each server ─► judgement against Truth ─► CheckReport
//! ```

mod actions;
pub mod arguments;
#[cfg(feature = "aws")]
pub mod aws;
mod caches;
mod check;
mod discover;
mod emf;
mod exchange;
#[cfg(test)]
mod fixtures;
#[doc(hidden)]
pub mod fuzzing;
mod history;
mod holders;
mod judge;
mod observation;
mod order;
mod pace;
mod plan;
mod progress;
pub mod reach;
mod reaching;
mod records;
mod render;
mod report;
mod resolver;
mod resolving;
mod sampler;
mod sampling;
mod staleness;
pub mod statistics;
mod tcp;
mod truth;
mod udp;
mod wire;

pub use actions::ACTIONS;
pub use caches::{
    AuthorityReport, CachesReport, CachesRequest, caches, render_human as render_caches_human,
    render_json as render_caches_json,
};
pub use check::{CheckRequest, check};
pub use discover::{
    Authority, DiscoverRequest, Discovery, Fault, FaultKind, FoundBy, Listed, NameServer, Presence, discover,
};
pub use emf::{DIMENSIONS, Dimensions, METRICS, Metric, emf};
pub use history::{History, HistoryError, HistoryLine, Presence as AddressPresence};
pub use plan::Samples;
pub use progress::{Phase, Progress, ProgressState};
pub use reaching::Reaching;
pub use records::RecordInventory;
pub use render::{
    Look, Origin, render_html, render_human, render_json, render_junit, render_nagios, render_prometheus,
    render_reach_junit, render_reach_nagios, render_reach_prometheus,
};
pub use report::{
    AddressReport, AddressVerdict, AnswerReport, CheckReport, EvidenceValue, ExitPolicy, FailOn, Finding,
    FindingId, RcodeCount, ResolverAnswer, ResolverReport, SampleCounts, ServerReport, Severity, Sighting,
    StaleInterval, TcpReport, TransportReport, TransportState, TtlCount, UdpReport, Verdict, WeightsReport,
};
pub use resolver::{
    Endpoint, ExtendedError, Host, Manner as ResolverManner, NoResolver, Resolver, ResolverExchange,
    ResolverFailure, ResolverReply, ResolverSpec, ResolverSpecError, SystemResolvers, Transport, resolvers,
    system_resolvers,
};
#[cfg(feature = "encrypted")]
pub use resolver::{Trust, TrustError};
pub use staleness::Sign;
pub use truth::Truth;
pub use wire::Rcode;

//! How long a change of a name takes until every name server, and then every resolver, has seen it.
//!
//! ```text
//! servers ── Track (one an address): there, or not, each between two times ─┐
//! resolvers ── Cache: are its answers drawn after the last server changed? ─┼─► report
//! Route 53 ── PENDING, INSYNC ──────────────────────────────────────────────┘
//! ```
//!
//! It changes nothing: somebody else makes the change, before or while it runs. An anycast address is many machines, of
//! which it sees some.

mod cache;
mod render;
mod report;
mod shell;
mod state;
mod track;

#[cfg(test)]
mod tests;

pub use render::{news_line, render_human, render_json, render_prometheus};
pub use report::{
    ChangePropagation, PropagationReport, ResolverPropagation, Route53Report, ServerPropagation,
};
pub use shell::{ChangeStatus, PropagateRequest, propagate};
pub use state::{Change, ChangeState, News, PropagateSettings};
pub use track::{Edge, Seen, Wanted};

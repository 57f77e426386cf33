//! Why a difference may be acted on, and why it may not: the words that reports, logs and metrics use.

use std::fmt;

use serde::Serialize;

use crate::diff::Difference;
use crate::ids::InstanceId;
use crate::standing::Standing;

/// What allows a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// The instance serves.
    Serving,
    /// The record leads nowhere, by this proof.
    Dead(Standing),
    /// The instance runs with another address.
    Moved,
    /// The instance asks for another weight.
    Reweighted,
    /// The record was changed by somebody else.
    Drifted,
    /// Nothing proves it, and it is within the removal budget.
    WithinBudget(Standing),
    /// Nothing proves it, and the operator lets it go.
    Released {
        /// Where the instance stands.
        standing: Standing,
        /// Why, in the operator's words.
        reason: String,
    },
    /// The document says so.
    Document,
    /// The number of records, or their weights, ask for other leaves or aliases.
    Size,
    /// The pool is retired.
    Retired,
}

impl Evidence {
    /// Returns a stable identifier.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Dead(_) => "dead",
            Self::Moved => "moved",
            Self::Reweighted => "reweighted",
            Self::Drifted => "drifted",
            Self::WithinBudget(_) => "within-budget",
            Self::Released { .. } => "released",
            Self::Document => "document",
            Self::Size => "size",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving => f.write_str("running and in service"),
            Self::Dead(standing) => standing.fmt(f),
            Self::Moved => f.write_str("running with another address"),
            Self::Reweighted => f.write_str("asks for another weight"),
            Self::Drifted => f.write_str("the record was changed by somebody else"),
            Self::WithinBudget(standing) => write!(f, "{standing}; within the removal budget"),
            Self::Released { standing, reason } => {
                write!(f, "{standing}; released by the operator: {reason}")
            }
            Self::Document => f.write_str("the pool document says so"),
            Self::Size => f.write_str("so that every set holds its records, and every share is right"),
            Self::Retired => f.write_str("the pool is retired"),
        }
    }
}

/// Why something is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldReason {
    /// The read that would tell about the instance is incomplete.
    Unknown,
    /// Only one look so far saw the instance without an address.
    AddressUnconfirmed,
    /// EC2 is starting the instance.
    Starting,
    /// The removal budget is spent.
    RemovalBudget,
    /// Without proof, the last record is never removed.
    LastRecord,
    /// The document keeps the last record.
    KeepLast,
    /// EC2 knows nothing of this pool at all.
    WrongAccountOrRegion,
    /// A record of somebody else is in the way.
    ForeignRecord,
    /// Records of somebody else share the set and its TTL.
    ForeignTtl,
    /// The set is full.
    Capacity,
    /// The hosted zone was not read to its end.
    HostedZoneIncomplete,
    /// The pool's records stand at another name.
    NameChanged,
    /// The pool is paused.
    Paused,
    /// The weight tag cannot be read.
    WeightTag,
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::AddressUnconfirmed => "address-unconfirmed",
            Self::Starting => "starting",
            Self::RemovalBudget => "removal-budget",
            Self::LastRecord => "last-record",
            Self::KeepLast => "keep-last",
            Self::WrongAccountOrRegion => "wrong-account-or-region",
            Self::ForeignRecord => "foreign-record",
            Self::ForeignTtl => "foreign-ttl",
            Self::Capacity => "capacity",
            Self::HostedZoneIncomplete => "hosted-zone-incomplete",
            Self::NameChanged => "name-changed",
            Self::Paused => "paused",
            Self::WeightTag => "weight-tag",
        })
    }
}

/// A hold: the reason, what was seen, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub reason: HoldReason,
    /// What was seen, as a sentence fragment.
    pub detail: String,
    /// How to proceed, where the operator can do something.
    pub hint: Option<String>,
}

impl Hold {
    pub(crate) fn new(reason: HoldReason, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), hint: Some(hint.into()) }
    }

    /// A hold that ends by itself.
    pub(crate) fn waiting(reason: HoldReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), hint: None }
    }
}

/// What the guard says to one difference.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Go ahead.
    Go(Evidence),
    /// Leave it as it is.
    Hold(Hold),
}

/// One difference and what the guard says to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The difference.
    pub difference: Difference,
    /// What the guard says.
    pub verdict: Verdict,
}

/// Something about one instance that is reported and is not a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The instance.
    pub instance: InstanceId,
    /// What about it.
    pub hold: Hold,
}

/// Everything that the guard decided about one pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolDecisions {
    /// One decision for each difference, in their order.
    pub decisions: Vec<Decision>,
    /// Further things that are held back.
    pub notices: Vec<Notice>,
    /// What an operator has to put right.
    pub errors: Vec<String>,
    /// How many of the allowed removals count against the budget.
    pub budget_spent: usize,
    /// The id of the operator's release without which some would not go.
    pub release_used: Option<String>,
    /// What room the pool has for a tree; absent where it gets none: it leaves, or its routing has no weights.
    pub tree: Option<TreeRoom>,
}

/// What room a pool has at its name and below it, and whether records may be moved between the two.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeRoom {
    /// How many records of instances the set at the pool's name has room for.
    pub at_name: usize,
    /// How many leaves the pool may have.
    pub leaves: usize,
    /// Whether a pool that is none now may become a tree.
    pub may_grow: bool,
    /// Why it has to stay as it is, where it has to.
    pub hold: Option<Hold>,
}

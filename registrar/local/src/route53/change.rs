//! A change to one record set, and what becomes of a batch of them.
//!
//! Nothing is applied here.

use std::fmt;

use registrar_core::Timestamp;
use registrar_core::record_set::{ChangeAction, RecordSet};

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelAction {
    /// Creates a record set, which must not exist.
    Create,
    /// Deletes a record set, which must be exactly as given.
    Delete,
    /// Creates a record set, or replaces the one with its name, type and set identifier.
    Upsert,
}

impl fmt::Display for ModelAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "CREATE",
            Self::Delete => "DELETE",
            Self::Upsert => "UPSERT",
        })
    }
}

impl From<ChangeAction> for ModelAction {
    fn from(action: ChangeAction) -> Self {
        match action {
            ChangeAction::Create => Self::Create,
            ChangeAction::Delete => Self::Delete,
        }
    }
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelChange {
    /// What to do.
    pub action: ModelAction,
    /// The record set to do it with.
    pub record: RecordSet,
}

impl ModelChange {
    /// Builds a CREATE.
    #[must_use]
    pub fn create(record: RecordSet) -> Self {
        Self { action: ModelAction::Create, record }
    }

    /// Builds a DELETE.
    #[must_use]
    pub fn delete(record: RecordSet) -> Self {
        Self { action: ModelAction::Delete, record }
    }

    /// Builds an UPSERT.
    #[must_use]
    pub fn upsert(record: RecordSet) -> Self {
        Self { action: ModelAction::Upsert, record }
    }

    /// Returns how often the change counts against limits and throughput: an UPSERT is a deletion and
    /// a creation (Developer Guide, "Quotas").
    pub(crate) fn cost(&self) -> usize {
        match self.action {
            ModelAction::Create | ModelAction::Delete => 1,
            ModelAction::Upsert => 2,
        }
    }
}

impl From<(ChangeAction, RecordSet)> for ModelChange {
    fn from((action, record): (ChangeAction, RecordSet)) -> Self {
        Self { action: action.into(), record }
    }
}

/// How far an accepted change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeStatus {
    /// Accepted, and not yet on every name server.
    Pending,
    /// On every name server.
    Insync,
}

impl fmt::Display for ChangeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "PENDING",
            Self::Insync => "INSYNC",
        })
    }
}

/// An accepted batch of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeInfo {
    /// What to ask `get_change` for, without the `/change/` prefix that the API puts before it.
    pub id: String,
    /// How far it has come.
    pub status: ChangeStatus,
    /// When it was accepted.
    pub submitted_at: Timestamp,
}

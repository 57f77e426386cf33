//! The audit line: who did what, why and when, as one JSON line on standard error.
//!
//! It is written after the fact and carries no secret. Keeping it is the business of whoever runs the command.

use registrar_core::Timestamp;
use registrar_core::ids::{DeploymentName, InstanceId, PoolName};
use registrar_shell::tell;
use serde::Serialize;

/// What was done.
#[derive(Serialize)]
pub(super) struct AuditLine<'a> {
    /// The command.
    pub(super) audit: &'static str,
    /// When.
    pub(super) at: Timestamp,
    /// Whose credentials were used, as STS says; absent where it did not answer.
    pub(super) who: Option<String>,
    pub(super) deployment: &'a DeploymentName,
    pub(super) pools: Vec<&'a PoolName>,
    /// Why, in the operator's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'a str>,
    #[serde(flatten)]
    pub(super) what: What<'a>,
}

/// What a command did, in particular.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum What<'a> {
    /// Changes were made.
    Changes { plan: String, created: usize, deleted: usize, complete: bool },
    /// An order was given, until then.
    Order { until: Timestamp, only: &'a [InstanceId] },
    /// An order was taken back.
    Ended {},
    /// Records were adopted.
    Adopted { set_identifiers: Vec<&'a str>, complete: bool },
}

impl AuditLine<'_> {
    pub(super) fn tell(&self) {
        // Names, times and numbers always serialize.
        tell(serde_json::to_string(self).unwrap_or_default());
    }
}

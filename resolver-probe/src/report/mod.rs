//! What a check found, in the form that programs read: `resolver-probe/1`.
//!
//! Every list is sorted, so that the same findings make the same document. Nothing is judged here.

mod address;
mod finding;
mod resolver;
mod server;

use std::time::Duration;

use registrar_core::Timestamp;
use serde::{Serialize, Serializer};

use crate::discover::Discovery;
use crate::reach::ReachDocument;
use crate::statistics::{Alpha, Homogeneity, SamplePlan};

pub use address::{AddressReport, AddressVerdict};
pub use finding::{EvidenceValue, Finding, FindingId, Severity};
pub use resolver::{ResolverAnswer, ResolverReport, Sighting, StaleInterval};
pub use server::{
    AnswerReport, RcodeCount, SampleCounts, ServerReport, TcpReport, TransportReport, TransportState,
    TtlCount, UdpReport, WeightsReport,
};

/// The version of the JSON form.
pub(crate) const SCHEMA: &str = "resolver-probe/1";

/// The report of one check.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct CheckReport {
    /// The version of this form.
    pub schema: &'static str,
    /// The name that was asked for.
    pub name: String,
    /// The worst of the findings.
    pub verdict: Verdict,
    /// Whether the answers were compared with a fleet.
    pub compared: bool,
    /// When the check began.
    pub started_at: Timestamp,
    /// How long it took.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    pub duration: Duration,
    /// The probability of a false alarm that all tests of the check have together.
    pub alpha: Alpha,
    /// How many answers of each server were needed, and for what; nothing without weights to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<SamplePlan>,
    /// How the servers were found, where they were not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,
    /// The servers that were asked, by address.
    pub servers: Vec<ServerReport>,
    /// The servers beside each other, where at least two answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homogeneity: Option<Homogeneity>,
    /// The resolvers that were asked, in the order in which they were named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resolvers: Vec<ResolverReport>,
    /// Whether the addresses are alive, by what they were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reach: Vec<ReachDocument>,
    /// The addresses that were answered or expected, in order.
    pub addresses: Vec<AddressReport>,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// The seed that the message ids came from.
    pub seed: u64,
}

pub(crate) fn milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// Which findings make a check fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOn {
    /// Warnings and critical findings.
    #[default]
    Warning,
    /// Critical findings alone.
    Critical,
    /// No finding: only what could not be looked at.
    Nothing,
}

/// What an exit code makes of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExitPolicy {
    /// The mildest finding that fails the check.
    pub fail_on: FailOn,
    /// Whether what could not be looked at is as bad as what is critical: for schedulers that know
    /// nothing between good and bad.
    pub unknown_is_critical: bool,
}

impl From<FailOn> for ExitPolicy {
    fn from(fail_on: FailOn) -> Self {
        Self { fail_on, unknown_is_critical: false }
    }
}

impl ExitPolicy {
    /// Returns what some severities come to. What is unknown is never OK.
    pub(crate) fn outcome(self, severities: impl IntoIterator<Item = Severity>) -> Verdict {
        let counts = |severity: &Severity| match (severity, self.fail_on) {
            (Severity::Critical, FailOn::Nothing) => false,
            (Severity::Warning, FailOn::Critical | FailOn::Nothing) => false,
            (Severity::Critical | Severity::Warning | Severity::Unknown | Severity::Info, _) => true,
        };
        let as_bad = |severity| match severity {
            Severity::Unknown if self.unknown_is_critical => Severity::Critical,
            other => other,
        };
        Verdict::of(severities.into_iter().filter(counts).map(as_bad))
    }
}

impl CheckReport {
    /// Returns the exit code of the Monitoring Plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    ///
    /// Where warnings do not fail the check, what is unknown beside them still does.
    #[must_use]
    pub fn exit_code(&self, policy: impl Into<ExitPolicy>) -> u8 {
        self.outcome(policy).exit_code()
    }

    /// Returns what the findings come to, which the exit code says.
    #[must_use]
    pub fn outcome(&self, policy: impl Into<ExitPolicy>) -> Verdict {
        policy.into().outcome(self.findings.iter().map(|finding| finding.severity))
    }
}

/// The result of a whole check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything was looked at, and is as it should be.
    Ok,
    /// Something should be looked into.
    Warning,
    /// Clients are being hurt.
    Critical,
    /// Something could not be looked at, and nothing worse was found.
    Unknown,
}

impl Verdict {
    /// Returns the Monitoring Plugins' exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// The worst of some severities: critical before warning before unknown.
    pub(crate) fn of(severities: impl Iterator<Item = Severity>) -> Self {
        match severities.min() {
            Some(Severity::Critical) => Self::Critical,
            Some(Severity::Warning) => Self::Warning,
            Some(Severity::Unknown) => Self::Unknown,
            Some(Severity::Info) | None => Self::Ok,
        }
    }
}

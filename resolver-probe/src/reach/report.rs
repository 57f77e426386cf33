//! What was found of addresses, in the form that programs read: `resolver-probe-reach/1`.
//!
//! The list is sorted by address. Nothing is judged here.

use std::net::Ipv4Addr;

use registrar_core::address::AddressKind;
use serde::Serialize;

use super::evidence::ReachEvidence;
use super::probe::ReachProbe;
use super::sentence;
use super::vantage::{Approach, InstanceStanding, ReachTarget, Vantage};
use super::verdict::{Case, Liveness};
use crate::report::{ExitPolicy, Severity, Verdict};

/// The version of the JSON form.
const SCHEMA: &str = "resolver-probe-reach/1";

/// What was found of one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use]
pub struct ReachReport {
    /// The address that clients are given.
    pub address: Ipv4Addr,
    /// What kind of address it is.
    pub kind: AddressKind,
    /// The address that was asked in its place: from a VPC, the private one of the same instance.
    pub asked: Option<Ipv4Addr>,
    /// Whether its instance should answer.
    pub instance: InstanceStanding,
    /// What it comes to.
    pub liveness: Liveness,
    /// How bad that is; `info` is no fault.
    pub severity: Severity,
    /// One sentence for a person.
    pub message: String,
    /// What was seen.
    pub evidence: ReachEvidence,
}

/// The report of one run over some addresses.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct ReachDocument {
    /// The version of this form.
    pub schema: &'static str,
    /// What each address was asked.
    pub probe: ReachProbe,
    /// From where.
    pub vantage: Vantage,
    /// The worst of the addresses.
    pub verdict: Verdict,
    /// The addresses, in order.
    pub addresses: Vec<ReachReport>,
    /// The seed that ids and jitter came from.
    pub seed: u64,
}

impl ReachReport {
    pub(super) fn new(
        target: &ReachTarget,
        probe: &ReachProbe,
        vantage: Vantage,
        approach: Approach,
        evidence: ReachEvidence,
    ) -> Self {
        let case = Case { target, probe, vantage, approach, evidence: &evidence };
        let liveness = case.liveness();
        let (severity, message) = (case.severity(liveness), sentence::of(&case, liveness));
        let asked = match approach {
            Approach::Sees(at) | Approach::Blind(at, _) => Some(at),
            Approach::Nowhere(_) => None,
        };
        let asked = asked.filter(|at| *at != target.address);
        let (address, kind, instance) = (target.address, target.kind, target.instance);
        Self { address, kind, asked, instance, liveness, severity, message, evidence }
    }
}

impl ReachDocument {
    /// Joins the reports of one run.
    pub fn new(probe: ReachProbe, vantage: Vantage, addresses: Vec<ReachReport>, seed: u64) -> Self {
        let verdict = if addresses.is_empty() {
            // A check that did not run is never OK.
            Verdict::Unknown
        } else {
            Verdict::of(addresses.iter().map(|report| report.severity))
        };
        Self { schema: SCHEMA, probe, vantage, verdict, addresses, seed }
    }

    /// Returns the exit code of the Monitoring Plugins, as for a whole check.
    #[must_use]
    pub fn exit_code(&self, policy: impl Into<ExitPolicy>) -> u8 {
        self.outcome(policy).exit_code()
    }

    /// Returns what the addresses come to, which the exit code says.
    #[must_use]
    pub fn outcome(&self, policy: impl Into<ExitPolicy>) -> Verdict {
        let nothing = self.addresses.is_empty().then_some(Severity::Unknown);
        policy.into().outcome(self.addresses.iter().map(|report| report.severity).chain(nothing))
    }
}

//! The part of a check that asks whether the addresses are alive: which are asked, as what, and for how long.
//!
//! The asking is the work of [`crate::reach`]; what the answers come to is judged with everything else.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::check::CheckRequest;
use crate::observation::Observation;
use crate::progress::{Phase, ProgressState};
use crate::reach::{
    self, AT_A_TIME, CarrierGateway, InstanceStanding, ReachDocument, ReachProbe, ReachRequest, ReachTarget,
    Vantage,
};
#[cfg(feature = "encrypted")]
use crate::resolver::Trust;
use crate::truth::Truth;

/// What starting and ending takes beside the waiting.
const BESIDE: Duration = Duration::from_millis(250);

/// What the addresses are asked, and from where. Without a probe, nothing is.
#[derive(Clone, Debug)]
pub struct Reaching {
    /// What each address is asked.
    pub probes: Vec<ReachProbe>,
    /// Where this runs.
    pub vantage: Vantage,
    /// What carrier gateways let in; without it, what is known of the instance's zone.
    pub gateway: Option<CarrierGateway>,
    /// How long each address is waited for.
    pub timeout: Duration,
    /// Whose certificates are believed in QUIC handshakes.
    #[cfg(feature = "encrypted")]
    pub trust: Trust,
}

impl Default for Reaching {
    fn default() -> Self {
        Self {
            probes: Vec::new(),
            vantage: Vantage::default(),
            gateway: None,
            timeout: Duration::from_secs(5),
            #[cfg(feature = "encrypted")]
            trust: Trust::default(),
        }
    }
}

/// Returns how much of the time that is left has to be kept for this: what silence of every expected address takes,
/// and half of it at most.
pub(crate) fn reserve(request: &CheckRequest, left: Duration) -> Duration {
    let reaching = &request.reaching;
    if reaching.probes.is_empty() {
        return Duration::ZERO;
    }
    let expected = request.truth.iter().flat_map(Truth::expected).count();
    let turns = u32::try_from(expected.div_ceil(AT_A_TIME)).unwrap_or(u32::MAX).max(1);
    (reaching.timeout.saturating_mul(turns) + BESIDE).min(left / 2)
}

/// Asks every address that was answered or is expected, all probes side by side, until `end` at the latest.
pub(crate) async fn reach(
    request: &CheckRequest,
    observations: &[Observation],
    end: Instant,
) -> Vec<ReachDocument> {
    let reaching = &request.reaching;
    let targets: Vec<ReachTarget> =
        addresses(request, observations).into_iter().map(|address| target(request, address)).collect();
    let wanted = (targets.len() * reaching.probes.len()) as u64;
    if wanted == 0 {
        return Vec::new();
    }
    request.tell(&ProgressState::new(Phase::Reaching, wanted));
    let mut seeds = StdRng::seed_from_u64(request.seed);
    let mut asking = JoinSet::new();
    for (index, probe) in reaching.probes.iter().enumerate() {
        let request = ReachRequest {
            vantage: reaching.vantage,
            timeout: reaching.timeout,
            deadline: end.saturating_duration_since(Instant::now()),
            #[cfg(feature = "encrypted")]
            trust: reaching.trust.clone(),
            ..ReachRequest::new(targets.clone(), probe.clone(), seeds.random())
        };
        asking.spawn(async move {
            let reports = reach::reach(&request).await;
            (index, ReachDocument::new(request.probe, request.vantage, reports, request.seed))
        });
    }
    let mut documents = asking.join_all().await;
    documents.sort_by_key(|(index, _)| *index);
    documents.into_iter().map(|(_, document)| document).collect()
}

/// An expected address that is not answered is asked too: that it is alive shows that only its record is missing.
fn addresses(request: &CheckRequest, observations: &[Observation]) -> BTreeSet<Ipv4Addr> {
    let expected = request.truth.iter().flat_map(Truth::expected).map(|(address, _)| address);
    observations.iter().flat_map(Observation::addresses).chain(expected).collect()
}

fn target(request: &CheckRequest, address: Ipv4Addr) -> ReachTarget {
    let plain = ReachTarget::new(address);
    let target = match &request.truth {
        None => plain,
        Some(truth) => of_truth(truth, plain),
    };
    ReachTarget { gateway: request.reaching.gateway.unwrap_or(target.gateway), ..target }
}

/// Says what the fleet knows of an address. A fallback is nobody's here: it is taken as what it looks like.
fn of_truth(truth: &Truth, plain: ReachTarget) -> ReachTarget {
    match truth.holder(plain.address) {
        Some(holder) => ReachTarget {
            address: plain.address,
            kind: holder.kind,
            // Who answers at the private address of an instance that is gone says nothing of this one.
            private: holder.private.filter(|_| holder.standing != InstanceStanding::NotRunning),
            gateway: holder.gateway,
            instance: holder.standing,
        },
        None if truth.may_be_outside(plain.address) => plain,
        None => ReachTarget {
            kind: truth.kind(),
            instance: if truth.knows_all() {
                InstanceStanding::NotRunning
            } else {
                InstanceStanding::Unknown
            },
            ..plain
        },
    }
}

#[cfg(test)]
mod tests {
    use registrar_core::address::AddressKind;

    use super::*;
    use crate::fixtures::{self, address, observation, request, truth};

    const TWO: [fixtures::Row<'static>; 2] =
        [("i-1", "192.0.2.1", "running", "100"), ("i-2", "192.0.2.2", "stopped", "100")];

    fn asked(truth: Option<Truth>) -> CheckRequest {
        let probes = vec!["stun:3478".parse().unwrap()];
        CheckRequest { reaching: Reaching { probes, ..Reaching::default() }, ..request(truth) }
    }

    #[test]
    fn what_is_answered_is_asked_and_what_is_expected_too() {
        let request = asked(Some(truth("", &TWO)));
        let all = addresses(&request, &[observation(1, &[(2, 5), (9, 5)])]);
        assert_eq!(all.into_iter().collect::<Vec<_>>(), [address(1), address(2), address(9)]);
    }

    #[test]
    fn the_fleet_says_who_should_answer() {
        let request = asked(Some(truth("", &TWO)));
        let brief = |last| {
            let target = target(&request, address(last));
            (target.kind, target.instance)
        };
        assert_eq!(brief(1), (AddressKind::CarrierIp, InstanceStanding::Running));
        assert_eq!(brief(2), (AddressKind::CarrierIp, InstanceStanding::NotRunning));
        assert_eq!(brief(9), (AddressKind::CarrierIp, InstanceStanding::NotRunning));
    }

    #[test]
    fn a_fallback_is_taken_as_what_it_looks_like() {
        let guard = r#","guard":{"when_empty":"fallback","fallback":"10.0.0.7"}"#;
        let request = asked(Some(truth(guard, &[])));
        let target = target(&request, Ipv4Addr::new(10, 0, 0, 7));
        assert_eq!((target.kind, target.instance), (AddressKind::PrivateIp, InstanceStanding::Unknown));
    }

    #[test]
    fn without_a_fleet_nobody_knows_who_should_answer() {
        let target = target(&asked(None), Ipv4Addr::LOCALHOST);
        assert_eq!((target.kind, target.instance), (AddressKind::PrivateIp, InstanceStanding::Unknown));
    }

    #[test]
    fn the_gateway_that_was_given_counts_for_every_address() {
        let mut request = asked(Some(truth("", &TWO)));
        request.reaching.gateway = Some(CarrierGateway::Open);
        assert_eq!(target(&request, address(1)).gateway, CarrierGateway::Open);
    }

    #[test]
    fn time_is_kept_for_silence_and_never_more_than_half() {
        let mut request = asked(None);
        let kept = |request: &CheckRequest, left| reserve(request, Duration::from_secs(left));
        assert_eq!(kept(&request, 30), Duration::from_millis(5_250));
        assert_eq!(kept(&request, 4), Duration::from_secs(2));
        request.reaching.probes.clear();
        assert_eq!(kept(&request, 30), Duration::ZERO);
    }
}

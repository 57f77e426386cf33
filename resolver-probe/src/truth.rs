//! What the name should answer, worked out from the fleet and the pool document alone.
//!
//! It is computed here a second time, and on purpose apart from the registrar's planning: a witness that
//! asked the registrar would repeat its mistakes. It says nothing of what is answered.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use registrar_core::address::AddressKind;
use registrar_core::ids::InstanceId;
use registrar_core::inventory::{Fleet, Groups, Instance, InstanceState, LifecycleState};
use registrar_core::name::RecordName;
use registrar_core::pool::{Fallback, Policy, PoolState, Routing, WhenEmpty};

use crate::holders::{Holder, Holders};

/// Route 53 Developer Guide, "Multivalue answer routing": up to eight healthy records are answered.
const MULTIVALUE_ANSWERS: f64 = 8.0;

const KINDS: [AddressKind; 4] =
    [AddressKind::CarrierIp, AddressKind::PublicIp, AddressKind::CustomerOwnedIp, AddressKind::PrivateIp];

/// What one pool's name should answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    policy: Policy,
    expected: BTreeMap<Ipv4Addr, Expected>,
    /// Addresses of instances that should not be answered, or that may or may not be.
    others: BTreeMap<Ipv4Addr, Other>,
    holders: Holders,
    gaps: Vec<String>,
    fleet_is_complete: bool,
    taken_as_in_service: u64,
    sum: Sum,
}

/// The records among which answers are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    records: u64,
    weight: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Expected {
    /// The instance, or `None` for the fallback.
    instance: Option<InstanceId>,
    weight: u8,
    /// Whether that is its weight for certain.
    is_weight_known: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Other {
    instance: InstanceId,
    why: String,
    /// The weight that it has where it may be right that it is answered.
    unsure: Option<u8>,
}

/// How an address stands to the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing<'a> {
    /// It should be answered: the instance serves, or it is the fallback and nothing else does.
    Expected(Option<&'a InstanceId>),
    /// It is the fallback, or may be where that is another name: allowed.
    Fallback,
    /// An instance has it that does not serve with it.
    NotServing(&'a InstanceId, &'a str),
    /// It may be right: what would tell was not seen.
    Unsure(Option<&'a InstanceId>),
    /// No instance has it.
    Nobody,
}

enum Role {
    Serving,
    Unsure(String),
    NotServing(String),
}

impl Truth {
    /// Works out what the pool's name should answer.
    ///
    /// Without `groups`, a running instance that belongs to an Auto Scaling group counts as in service.
    #[must_use]
    pub fn new(policy: &Policy, fleet: &Fleet, groups: Option<&Groups>) -> Self {
        let gaps = fleet.gap.iter().chain(groups.and_then(|groups| groups.gap.as_ref()));
        let mut truth = Self {
            policy: policy.clone(),
            expected: BTreeMap::new(),
            others: BTreeMap::new(),
            holders: Holders::of(policy, fleet, groups),
            gaps: gaps.map(ToString::to_string).collect(),
            fleet_is_complete: fleet.gap.is_none(),
            taken_as_in_service: 0,
            sum: Sum::default(),
        };
        for instance in fleet.instances.values() {
            let role = role(policy, instance, groups);
            if let (Role::Serving, None, Some(_)) = (&role, groups, instance.tagged_group()) {
                truth.taken_as_in_service += 1;
            }
            truth.add(instance, &role);
        }
        // An address moves from one instance to the next: what a serving instance has is not stale.
        let expected = &truth.expected;
        truth.others.retain(|address, _| !expected.contains_key(address));
        truth.add_fallback();
        truth.sum = truth.summed();
        truth
    }

    /// Returns the name that it is about.
    #[must_use]
    pub fn name(&self) -> &RecordName {
        &self.policy.name
    }

    /// Returns the addresses that should be answered, each with its share of the answers (0 to 1).
    ///
    /// A share of 0 stands for a record of weight 0, which is only answered when all others are too.
    pub fn expected(&self) -> impl Iterator<Item = (Ipv4Addr, f64)> {
        self.expected.iter().map(|(address, expected)| (*address, self.share(expected.weight, 0)))
    }

    fn add(&mut self, instance: &Instance, role: &Role) {
        let kind = self.policy.address;
        let published = instance.addresses.of_kind(kind).map(|ip| ip.0);
        let (weight, is_weight_known) = weight(&self.policy, instance);
        for address in KINDS.iter().filter_map(|kind| instance.addresses.of_kind(*kind)).map(|ip| ip.0) {
            let is_published = Some(address) == published;
            let (why, unsure) = match role {
                Role::Serving if is_published => {
                    let expected = Expected { instance: Some(instance.id.clone()), weight, is_weight_known };
                    self.expected.entry(address).or_insert(expected);
                    continue;
                }
                Role::Serving => (format!("publishes its {kind}, which this is not"), None),
                Role::Unsure(why) => (why.clone(), is_published.then_some(weight)),
                Role::NotServing(why) => (why.clone(), None),
            };
            if unsure.is_some() {
                self.gaps.push(format!("{} {why}", instance.id));
            }
            let other = Other { instance: instance.id.clone(), why, unsure };
            if unsure.is_some() || !self.others.contains_key(&address) {
                self.others.insert(address, other);
            }
        }
    }

    /// The weight-0 fallback serves exactly when nothing else does.
    fn add_fallback(&mut self) {
        if let (Some(Fallback::Address(address)), true, false) =
            (&self.policy.fallback, self.expected.is_empty(), self.is_retired())
        {
            self.expected.insert(*address, Expected { instance: None, weight: 0, is_weight_known: true });
        }
    }

    /// Says how an address stands to the pool.
    pub(crate) fn standing(&self, address: Ipv4Addr) -> Standing<'_> {
        if let Some(expected) = self.expected.get(&address) {
            return Standing::Expected(expected.instance.as_ref());
        }
        match (&self.policy.fallback, self.is_retired()) {
            (Some(Fallback::Address(fallback)), false) if *fallback == address => return Standing::Fallback,
            (Some(Fallback::Address(_) | Fallback::Alias(_)) | None, _) => {}
        }
        if self.serves_by_alias() {
            return Standing::Fallback;
        }
        match self.others.get(&address) {
            Some(Other { instance, unsure: Some(_), .. }) => Standing::Unsure(Some(instance)),
            Some(Other { instance, why, unsure: None }) => Standing::NotServing(instance, why),
            None if self.fleet_is_complete || self.is_retired() => Standing::Nobody,
            None => Standing::Unsure(None),
        }
    }

    /// Returns the instance that has an address, whether or not it should be answered.
    pub(crate) fn holder(&self, address: Ipv4Addr) -> Option<&Holder> {
        self.holders.get(address)
    }

    /// Returns the kind of address that the pool publishes.
    pub(crate) fn kind(&self) -> AddressKind {
        self.policy.address
    }

    /// Says whether an instance that is not known here does not exist.
    pub(crate) fn knows_all(&self) -> bool {
        self.fleet_is_complete
    }

    /// Says whether an address may be answered that no instance of the fleet needs to have: that of the fallback.
    pub(crate) fn may_be_outside(&self, address: Ipv4Addr) -> bool {
        matches!(self.standing(address), Standing::Fallback | Standing::Expected(None))
    }

    /// Returns the share (0 to 1) of the replies in which an expected address should stand, when
    /// `strangers` records of the default weight are answered beside the expected ones.
    pub(crate) fn share_beside(&self, address: Ipv4Addr, strangers: u64) -> Option<f64> {
        self.expected.get(&address).map(|expected| self.share(expected.weight, strangers))
    }

    /// Returns the smallest share that sampling must be able to see, and of how many records: that of any
    /// expected record, or of one stray record of the default weight, when one of those is answered too.
    /// Shares below `rarest` are left out, or below half of the usual one where that is less: of a pool that is so large
    /// that all shares are small, they would all be.
    pub(crate) fn smallest_share(&self, rarest: f64) -> (f64, u64) {
        let rarest = rarest.min(self.rarest());
        let stray = self.share(self.policy.default_weight, 1);
        let shares = self.expected.values().map(|expected| self.share(expected.weight, 1)).chain([stray]);
        let smallest = shares.filter(|share| *share > 0.0 && *share >= rarest).fold(1.0, f64::min);
        (smallest, self.expected.len() as u64 + 1)
    }

    /// Returns half of the share (0 to 1) that each record would have if all were equal.
    pub(crate) fn rarest(&self) -> f64 {
        0.5 / self.sum.records.max(1) as f64
    }

    /// Returns the share (0 to 1) of the replies in which an address stands while it is answered: its own where it is
    /// expected, and else that of one more record of the default weight.
    #[must_use]
    pub fn share_while_there(&self, address: Ipv4Addr) -> Option<f64> {
        let share =
            self.share_beside(address, 0).unwrap_or_else(|| self.share(self.policy.default_weight, 1));
        (share > 0.0).then_some(share)
    }

    /// Returns the addresses that should be answered in proportion to their weights, where weights decide.
    ///
    /// Among answers with one of them, each has its part of the sum of the weights, whatever else is answered.
    pub(crate) fn weights(&self) -> Option<Vec<(Ipv4Addr, u64)>> {
        if self.policy.routing != Routing::Weighted {
            return None;
        }
        let unsure = self.others.values().filter_map(|other| other.unsure);
        let mut all = self.expected.values().map(|expected| expected.weight).chain(unsure);
        // Route 53 API reference, `Weight`: where all weights are 0, all records are equally likely.
        let equal = all.all(|weight| weight == 0);
        let known = self.expected.iter().filter(|(_, expected)| expected.is_weight_known);
        let weights: Vec<(Ipv4Addr, u64)> = known
            .map(|(address, expected)| (*address, if equal { 1 } else { u64::from(expected.weight) }))
            .collect();
        weights.iter().any(|(_, weight)| *weight > 0).then_some(weights)
    }

    fn share(&self, weight: u8, strangers: u64) -> f64 {
        let records = strangers + self.sum.records;
        let total = strangers * u64::from(self.policy.default_weight) + self.sum.weight;
        match self.policy.routing {
            Routing::Simple => 1.0,
            Routing::Multivalue => (MULTIVALUE_ANSWERS / records as f64).min(1.0),
            // Route 53 API reference, `Weight`: where all weights are 0, all records are equally likely.
            Routing::Weighted if total == 0 => 1.0 / records.max(1) as f64,
            Routing::Weighted => f64::from(weight) / total as f64,
        }
    }

    fn summed(&self) -> Sum {
        let unsure = self.others.values().filter_map(|other| other.unsure);
        let weights = self.expected.values().map(|expected| expected.weight).chain(unsure);
        weights.fold(Sum::default(), |sum, weight| Sum {
            records: sum.records + 1,
            weight: sum.weight + u64::from(weight),
        })
    }

    /// Returns how many addresses should be answered.
    pub(crate) fn count(&self) -> usize {
        self.expected.len()
    }

    /// Returns the weight (0 to 255) that an instance's record should have, where that is known.
    pub(crate) fn weight_of(&self, address: Ipv4Addr) -> Option<u8> {
        let expected = self.expected.get(&address).filter(|expected| expected.instance.is_some())?;
        let is_known = expected.is_weight_known && self.policy.routing == Routing::Weighted;
        is_known.then_some(expected.weight)
    }

    /// Returns the TTL of the pool document, in seconds.
    pub(crate) fn ttl_secs(&self) -> u32 {
        self.policy.ttl_secs
    }

    /// Returns why instances may serve that are not expected, or the other way round.
    pub(crate) fn gaps(&self) -> &[String] {
        &self.gaps
    }

    /// Returns how many members of Auto Scaling groups count as in service only because they run.
    pub(crate) fn taken_as_in_service(&self) -> u64 {
        self.taken_as_in_service
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.policy.state == PoolState::Paused
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.policy.state == PoolState::Retired
    }

    /// Says whether nothing but another name stands behind the pool: some address should be answered.
    pub(crate) fn serves_by_alias(&self) -> bool {
        let alias = matches!(self.policy.fallback, Some(Fallback::Alias(_)));
        alias && self.expected.is_empty() && !self.is_retired()
    }

    /// Says whether no address is expected, and the policy lets the last record stay nevertheless.
    pub(crate) fn keeps_last(&self) -> bool {
        self.expected.is_empty() && self.policy.when_empty == WhenEmpty::KeepLast && !self.is_retired()
    }

    /// Says whether the name stops answering when nothing serves.
    pub(crate) fn may_become_empty(&self) -> bool {
        self.policy.when_empty == WhenEmpty::Remove && !self.is_retired()
    }
}

/// Returns a weight, and whether it is that for certain: a tag that does not parse leaves the weight as it was,
/// which is not known here.
fn weight(policy: &Policy, instance: &Instance) -> (u8, bool) {
    let tagged = instance.tags.get(&policy.weight_tag).map(|tag| tag.parse().ok());
    let smallest = u8::from(policy.when_empty == WhenEmpty::Fallback);
    let weight = tagged.flatten().unwrap_or(policy.default_weight).max(smallest);
    (weight, tagged != Some(None))
}

fn role(policy: &Policy, instance: &Instance, groups: Option<&Groups>) -> Role {
    let known = groups.and_then(|groups| groups.members.get(&instance.id));
    let group = known.map(|membership| membership.group.clone()).or_else(|| instance.tagged_group());
    if let Some(state) = instance.state.filter(|state| *state != InstanceState::Running) {
        return Role::NotServing(format!("is {state}"));
    }
    if !policy.selects(instance, group.as_ref()) {
        return Role::NotServing("is not selected by the pool".to_owned());
    }
    if policy.state == PoolState::Retired {
        return Role::NotServing("must not be answered: the pool is retired".to_owned());
    }
    if instance.state.is_none() {
        return Role::Unsure("is in a state that is not known here".to_owned());
    }
    match (known.map(|membership| &membership.state), group, groups) {
        (Some(LifecycleState::InService), _, _) | (None, None, _) | (None, Some(_), None) => Role::Serving,
        (Some(LifecycleState::Other(state)), Some(group), _) => {
            Role::NotServing(format!("is {state} in group {group}"))
        }
        (Some(LifecycleState::Other(state)), None, _) => Role::NotServing(format!("is {state}")),
        (None, Some(group), Some(_)) => {
            Role::Unsure(format!("is tagged as a member of group {group}, which was not seen to list it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, address, fleet, groups, truth};

    fn expected(truth: &Truth) -> Vec<(String, f64)> {
        truth.expected().map(|(address, share)| (address.to_string(), share)).collect()
    }

    #[test]
    fn running_instances_of_the_pool_are_expected_in_proportion_to_their_weights() {
        let truth = truth(
            "",
            &[
                ("i-1", "192.0.2.1", "running", "100"),
                ("i-2", "192.0.2.2", "running", "50"),
                ("i-3", "192.0.2.3", "running", "not a number"),
                ("i-4", "192.0.2.4", "stopped", "100"),
            ],
        );
        let shares = [("192.0.2.1", 0.4), ("192.0.2.2", 0.2), ("192.0.2.3", 0.4)];
        assert_eq!(expected(&truth), shares.map(|(address, share)| (address.to_owned(), share)));
        assert_eq!(truth.standing(address(4)), Standing::NotServing(&"i-4".parse().unwrap(), "is stopped"));
        assert_eq!(truth.standing(address(9)), Standing::Nobody);
    }

    #[test]
    fn records_that_all_have_weight_0_share_equally() {
        let truth = truth("", &[("i-1", "192.0.2.1", "running", "0"), ("i-2", "192.0.2.2", "running", "0")]);
        assert_eq!(truth.share_beside(address(1), 0), Some(0.5));
    }

    #[test]
    fn weights_are_those_of_the_tags_where_they_can_be_read() {
        let truth = truth(
            "",
            &[
                ("i-1", "192.0.2.1", "running", "100"),
                ("i-2", "192.0.2.2", "running", "0"),
                ("i-3", "192.0.2.3", "running", "not a number"),
            ],
        );
        assert_eq!(truth.weights(), Some(vec![(address(1), 100), (address(2), 0)]));
    }

    #[test]
    fn weights_that_are_all_0_are_equal() {
        let zero = [("i-1", "192.0.2.1", "running", "0"), ("i-2", "192.0.2.2", "running", "0")];
        assert_eq!(truth("", &zero).weights(), Some(vec![(address(1), 1), (address(2), 1)]));
    }

    #[test]
    fn an_instance_of_another_pool_is_named() {
        let mut fleet = fleet(&[("i-1", "192.0.2.1", "running", "100")]);
        for instance in fleet.instances.values_mut() {
            instance.tags.insert("edge-dns".to_owned(), "audio".to_owned());
        }
        let truth = Truth::new(&fixtures::policy(""), &fleet, None);
        assert_eq!(
            truth.standing(address(1)),
            Standing::NotServing(&"i-1".parse().unwrap(), "is not selected by the pool")
        );
    }

    #[test]
    fn another_address_of_a_serving_instance_is_stale() {
        let mut fleet = fleet(&[("i-1", "192.0.2.1", "running", "100")]);
        for instance in fleet.instances.values_mut() {
            instance.addresses.private = Some(registrar_core::address::PrivateIp(address(7)));
        }
        let truth = Truth::new(&fixtures::policy(""), &fleet, None);
        assert_eq!(
            truth.standing(address(7)),
            Standing::NotServing(&"i-1".parse().unwrap(), "publishes its carrier-ip, which this is not")
        );
    }

    #[test]
    fn an_address_that_moved_is_judged_by_the_instance_that_serves() {
        let truth =
            truth("", &[("i-1", "192.0.2.1", "stopped", "100"), ("i-2", "192.0.2.1", "running", "100")]);
        assert_eq!(truth.standing(address(1)), Standing::Expected(Some(&"i-2".parse().unwrap())));
    }

    #[test]
    fn a_member_of_a_group_serves_only_in_service() {
        let mut fleet = fleet(&[
            ("i-1", "192.0.2.1", "running", "100"),
            ("i-2", "192.0.2.2", "running", "100"),
            ("i-3", "192.0.2.3", "running", "100"),
        ]);
        for instance in fleet.instances.values_mut() {
            instance.tags.insert("aws:autoscaling:groupName".to_owned(), "edge".to_owned());
        }
        let seen = groups(&[("i-1", "InService"), ("i-2", "Terminating:Wait")]);
        let with = Truth::new(&fixtures::policy(""), &fleet, Some(&seen));
        assert_eq!(with.standing(address(1)), Standing::Expected(Some(&"i-1".parse().unwrap())));
        assert_eq!(
            with.standing(address(2)),
            Standing::NotServing(&"i-2".parse().unwrap(), "is Terminating:Wait in group edge")
        );
        assert_eq!(with.standing(address(3)), Standing::Unsure(Some(&"i-3".parse().unwrap())));
        assert_eq!(with.gaps().len(), 1);
        let without = Truth::new(&fixtures::policy(""), &fleet, None);
        assert_eq!((without.expected().count(), without.taken_as_in_service()), (3, 3));
    }

    #[test]
    fn in_a_dump_that_was_cut_a_stranger_may_be_a_member() {
        let mut fleet = fleet(&[("i-1", "192.0.2.1", "running", "100")]);
        fleet.gap = Some(registrar_core::inventory::Gap::new(
            registrar_core::inventory::GapSource::Fleet,
            "NextToken is there",
        ));
        let truth = Truth::new(&fixtures::policy(""), &fleet, None);
        assert_eq!(truth.standing(address(9)), Standing::Unsure(None));
        assert_eq!(truth.gaps(), ["fleet: NextToken is there"]);
    }

    #[test]
    fn a_retired_pool_should_answer_nothing() {
        let truth = truth(r#","state":"retired""#, &[("i-1", "192.0.2.1", "running", "100")]);
        assert_eq!(truth.expected().count(), 0);
        assert_eq!(
            truth.standing(address(1)),
            Standing::NotServing(&"i-1".parse().unwrap(), "must not be answered: the pool is retired")
        );
    }

    #[test]
    fn the_fallback_is_expected_only_when_nothing_serves() {
        let guard = r#","guard":{"when_empty":"fallback","fallback":"192.0.2.200"}"#;
        let serving = truth(guard, &[("i-1", "192.0.2.1", "running", "0")]);
        assert_eq!(expected(&serving), [("192.0.2.1".to_owned(), 1.0)]);
        assert_eq!(serving.standing(address(200)), Standing::Fallback);
        let empty = truth(guard, &[("i-1", "192.0.2.1", "stopped", "100")]);
        assert_eq!(expected(&empty), [("192.0.2.200".to_owned(), 1.0)]);
    }

    #[test]
    fn behind_an_alias_any_address_may_be_the_fallback_s_when_nothing_serves() {
        let guard = r#","guard":{"when_empty":"fallback","fallback":"spare.example.com"}"#;
        let empty = truth(guard, &[]);
        assert!(empty.serves_by_alias());
        assert_eq!(empty.standing(address(9)), Standing::Fallback);
        let serving = truth(guard, &[("i-1", "192.0.2.1", "running", "100")]);
        assert_eq!(serving.standing(address(9)), Standing::Nobody);
    }

    #[test]
    fn each_routing_has_its_shares() {
        let twelve: Vec<String> = (1..=12).map(|last| format!("192.0.2.{last}")).collect();
        let ids: Vec<String> = (1..=12).map(|id| format!("i-{id}")).collect();
        let instances: Vec<_> =
            ids.iter().zip(&twelve).map(|(id, ip)| (id.as_str(), ip.as_str(), "running", "100")).collect();
        let share = |routing| {
            let policy = fixtures::policy_with_routing(routing);
            Truth::new(&policy, &fleet(&instances), None).share_beside(address(1), 0).unwrap()
        };
        assert_eq!((share("weighted"), share("multivalue"), share("simple")), (1.0 / 12.0, 8.0 / 12.0, 1.0));
    }
}

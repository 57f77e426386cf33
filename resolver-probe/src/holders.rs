//! Which instance has an address, whether it runs, and where it is asked from inside its VPC.
//!
//! It is read off the fleet as it was seen; whether the address should be answered is the truth's business.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use registrar_core::address::AddressKind;
use registrar_core::ids::InstanceId;
use registrar_core::inventory::{Fleet, Groups, Instance, InstanceState};
use registrar_core::pool::Policy;

use crate::reach::{CarrierGateway, InstanceStanding};

const KINDS: [AddressKind; 4] =
    [AddressKind::CarrierIp, AddressKind::PublicIp, AddressKind::CustomerOwnedIp, AddressKind::PrivateIp];

/// The instances of a fleet by their addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Holders(BTreeMap<Ipv4Addr, Holder>);

/// The instance that has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) instance: InstanceId,
    /// What kind of address it is to the instance.
    pub(crate) kind: AddressKind,
    /// Where the instance is asked from inside its VPC.
    pub(crate) private: Option<Ipv4Addr>,
    pub(crate) gateway: CarrierGateway,
    pub(crate) standing: InstanceStanding,
    /// Whether the pool selects it, serving or not: a standby member, or one that is about to go, is no stranger.
    pub(crate) is_of_pool: bool,
}

impl Holders {
    pub(crate) fn of(policy: &Policy, fleet: &Fleet, groups: Option<&Groups>) -> Self {
        let mut holders: BTreeMap<Ipv4Addr, Holder> = BTreeMap::new();
        for instance in fleet.instances.values() {
            let known = groups.and_then(|groups| groups.members.get(&instance.id));
            let group = known.map(|membership| membership.group.clone()).or_else(|| instance.tagged_group());
            let is_of_pool = policy.selects(instance, group.as_ref());
            for kind in KINDS {
                let Some(address) = instance.addresses.of_kind(kind) else { continue };
                let holder = Holder::new(instance, kind, is_of_pool);
                let better =
                    holders.get(&address.0).is_none_or(|known| holder.precedence() < known.precedence());
                if better {
                    holders.insert(address.0, holder);
                }
            }
        }
        Self(holders)
    }

    pub(crate) fn get(&self, address: Ipv4Addr) -> Option<&Holder> {
        self.0.get(&address)
    }
}

impl Holder {
    fn new(instance: &Instance, kind: AddressKind, is_of_pool: bool) -> Self {
        let gateway = instance.zone.as_ref().map(|zone| CarrierGateway::of_zone(&zone.to_string()));
        Self {
            instance: instance.id.clone(),
            kind,
            private: instance.addresses.private.map(|private| private.0),
            gateway: gateway.unwrap_or_default(),
            standing: match instance.state {
                Some(InstanceState::Running) => InstanceStanding::Running,
                Some(InstanceState::Stopped | InstanceState::Terminated) => InstanceStanding::NotRunning,
                // On its way up or down, it may answer and may not.
                Some(InstanceState::Pending | InstanceState::Stopping | InstanceState::ShuttingDown)
                | None => InstanceStanding::Unknown,
            },
            is_of_pool,
        }
    }

    /// An address moves from one instance to the next: who runs has it, and among those the pool's own member.
    fn precedence(&self) -> (bool, bool, bool) {
        let runs = self.standing == InstanceStanding::Running;
        (!runs, self.standing == InstanceStanding::NotRunning, !self.is_of_pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, address, fleet};

    #[test]
    fn who_runs_has_the_address_and_not_who_had_it() {
        let fleet = fleet(&[
            ("i-1", "192.0.2.1", "stopped", "100"),
            ("i-2", "192.0.2.1", "running", "100"),
            ("i-3", "192.0.2.3", "shutting-down", "100"),
        ]);
        let holders = Holders::of(&fixtures::policy(""), &fleet, None);
        let brief =
            |last| holders.get(address(last)).map(|holder| (holder.instance.to_string(), holder.standing));
        assert_eq!(brief(1), Some(("i-2".to_owned(), InstanceStanding::Running)));
        assert_eq!(brief(3), Some(("i-3".to_owned(), InstanceStanding::Unknown)));
        assert_eq!(brief(9), None);
    }

    #[test]
    fn an_instance_is_asked_at_its_private_address_and_known_by_its_pool() {
        let mut fleet =
            fleet(&[("i-1", "192.0.2.1", "running", "100"), ("i-2", "192.0.2.2", "running", "100")]);
        for (last, instance) in fleet.instances.values_mut().enumerate() {
            let private = Ipv4Addr::new(10, 0, 3, last as u8);
            instance.addresses.private = Some(registrar_core::address::PrivateIp(private));
        }
        let other = fleet.instances.values_mut().nth(1).unwrap();
        other.tags.insert("edge-dns".to_owned(), "audio".to_owned());
        other.zone = Some("eu-west-3-cmn-wlz-1".parse().unwrap());
        let holders = Holders::of(&fixtures::policy(""), &fleet, None);
        let first = holders.get(address(1)).unwrap();
        assert_eq!((first.private, first.is_of_pool), (Some(Ipv4Addr::new(10, 0, 3, 0)), true));
        let second = holders.get(address(2)).unwrap();
        assert_eq!((second.gateway, second.is_of_pool), (CarrierGateway::Open, false));
        assert_eq!(holders.get(Ipv4Addr::new(10, 0, 3, 1)).unwrap().kind, AddressKind::PrivateIp);
    }
}

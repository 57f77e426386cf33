//! What can be seen of an address from where the probe stands.
//!
//! A carrier gateway lets no UDP and no TCP in from the internet, so that silence from there says
//! nothing of the instance. Here that is known before anything is sent; nothing is judged.

use std::fmt;
use std::net::Ipv4Addr;

use clap::ValueEnum;
use registrar_core::address::AddressKind;
use serde::Serialize;

use super::probe::Transport;

/// The Region whose Wavelength zones let UDP and TCP in from the internet.
///
/// AWS Wavelength Developer Guide, "Quotas and considerations": "Africa-based Wavelength Zones" with
/// the parent Region eu-west-3.
const OPEN_PARENT_REGION: &str = "eu-west-3";

/// Where the probe stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Vantage {
    /// Anywhere on the internet: of a Carrier IP, only ICMP can be judged
    #[default]
    Internet,
    /// In the carrier's network, as clients are: everything can be judged
    Carrier,
    /// In the instances' VPC: the private address of each instance is asked
    Vpc,
}

/// What a zone's carrier gateway does with connections that come from the internet.
///
/// The same source as for the Region: UDP is denied, TCP goes "outbound and the response", and ICMP is
/// allowed; "these controls cannot be removed".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CarrierGateway {
    /// It lets in ICMP only; what holds for every zone that is not known to be different.
    #[default]
    IcmpOnly,
    /// It lets in UDP and TCP as well.
    Open,
}

/// Whether an instance should answer, as the inventory has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceStanding {
    /// It runs: silence is a fault.
    Running,
    /// It does not run, or there is none: an answer comes from somebody else.
    NotRunning,
    /// Nobody looked.
    #[default]
    Unknown,
}

/// One address to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReachTarget {
    /// The address that clients are given.
    pub address: Ipv4Addr,
    /// What kind of address it is.
    pub kind: AddressKind,
    /// The private address of the same instance, which is asked from inside the VPC.
    pub private: Option<Ipv4Addr>,
    /// What its zone's carrier gateway lets in; only for a Carrier IP.
    pub gateway: CarrierGateway,
    /// Whether its instance should answer.
    pub instance: InstanceStanding,
}

/// How a target is asked from where the probe stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Approach {
    /// What this address answers or does not answer can be judged.
    Sees(Ipv4Addr),
    /// An answer of this address would be proof, and its silence is none.
    Blind(Ipv4Addr, &'static str),
    /// There is nothing to ask.
    Nowhere(&'static str),
}

impl Vantage {
    pub(super) fn approach(self, target: &ReachTarget, transport: Transport) -> Approach {
        match (self, target.kind, target.private) {
            (Self::Vpc, _, Some(private)) => Approach::Sees(private),
            (Self::Vpc, AddressKind::CarrierIp, None) => Approach::Nowhere(
                "from a VPC its instance is asked at its private address, which is not known",
            ),
            (Self::Internet, AddressKind::CarrierIp, _) => internet(target, transport),
            (Self::Internet | Self::Carrier | Self::Vpc, _, _) => Approach::Sees(target.address),
        }
    }
}

fn internet(target: &ReachTarget, transport: Transport) -> Approach {
    match (target.gateway, transport) {
        (CarrierGateway::Open, _) | (_, Transport::Icmp) => Approach::Sees(target.address),
        (CarrierGateway::IcmpOnly, Transport::Udp) => {
            Approach::Blind(target.address, "carrier gateways let no UDP in from the internet")
        }
        (CarrierGateway::IcmpOnly, Transport::Tcp) => {
            Approach::Blind(target.address, "carrier gateways let no TCP connection in from the internet")
        }
    }
}

impl CarrierGateway {
    /// Returns what is known of the zones with this parent Region.
    #[must_use]
    pub fn of_parent_region(region: &str) -> Self {
        if region == OPEN_PARENT_REGION { Self::Open } else { Self::IcmpOnly }
    }

    /// Returns what is known of a Wavelength zone: its name begins with that of its parent Region.
    #[must_use]
    pub fn of_zone(zone: &str) -> Self {
        let rest = zone.strip_prefix(OPEN_PARENT_REGION);
        if rest.is_some_and(|rest| rest.starts_with('-')) { Self::Open } else { Self::IcmpOnly }
    }
}

impl ReachTarget {
    /// Takes an address of which nothing more is known.
    ///
    /// Private and loopback addresses (RFC 1918, RFC 1122) are taken as private addresses, everything
    /// else as a Carrier IP.
    #[must_use]
    pub fn new(address: Ipv4Addr) -> Self {
        let is_private = address.is_private() || address.is_loopback() || address.is_link_local();
        let kind = if is_private { AddressKind::PrivateIp } else { AddressKind::CarrierIp };
        Self {
            address,
            kind,
            private: None,
            gateway: CarrierGateway::default(),
            instance: InstanceStanding::default(),
        }
    }
}

impl fmt::Display for Vantage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Internet => "internet",
            Self::Carrier => "carrier",
            Self::Vpc => "vpc",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(155, 146, 10, 111);
    const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 3, 112);
    const TRANSPORTS: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Icmp];

    fn sees(vantage: Vantage, target: &ReachTarget) -> Vec<Transport> {
        let sees = |transport: &Transport| matches!(vantage.approach(target, *transport), Approach::Sees(at) if at == target.address);
        TRANSPORTS.into_iter().filter(sees).collect()
    }

    #[test]
    fn from_the_internet_only_icmp_of_a_carrier_ip_can_be_judged() {
        let target = ReachTarget::new(ADDRESS);
        assert_eq!(sees(Vantage::Internet, &target), [Transport::Icmp]);
        assert!(matches!(
            Vantage::Internet.approach(&target, Transport::Udp),
            Approach::Blind(ADDRESS, why) if why.contains("UDP")
        ));
    }

    #[test]
    fn in_zones_of_paris_everything_can_be_judged_from_the_internet() {
        for (region, expected) in [("eu-west-3", &TRANSPORTS[..]), ("eu-west-2", &[Transport::Icmp])] {
            let gateway = CarrierGateway::of_parent_region(region);
            let target = ReachTarget { gateway, ..ReachTarget::new(ADDRESS) };
            assert_eq!(sees(Vantage::Internet, &target), expected, "{region}");
        }
    }

    #[test]
    fn a_zone_tells_its_parent_region() {
        for (zone, expected) in [
            ("eu-west-3-cmn-wlz-1", CarrierGateway::Open),
            ("eu-west-2-wl1-lon-wlz-1", CarrierGateway::IcmpOnly),
            ("eu-west-31-wl1", CarrierGateway::IcmpOnly),
            ("eu-west-3", CarrierGateway::IcmpOnly),
        ] {
            assert_eq!(CarrierGateway::of_zone(zone), expected, "{zone}");
        }
    }

    #[test]
    fn from_the_carrier_everything_can_be_judged() {
        assert_eq!(sees(Vantage::Carrier, &ReachTarget::new(ADDRESS)), TRANSPORTS);
    }

    #[test]
    fn addresses_without_a_carrier_gateway_can_be_judged_from_anywhere() {
        for kind in [AddressKind::PublicIp, AddressKind::CustomerOwnedIp, AddressKind::PrivateIp] {
            let target = ReachTarget { kind, ..ReachTarget::new(ADDRESS) };
            for vantage in [Vantage::Internet, Vantage::Carrier, Vantage::Vpc] {
                assert_eq!(sees(vantage, &target), TRANSPORTS, "{kind} from {vantage}");
            }
        }
    }

    #[test]
    fn from_a_vpc_the_private_address_of_the_instance_is_asked_and_no_other() {
        let target = ReachTarget { private: Some(PRIVATE), ..ReachTarget::new(ADDRESS) };
        for transport in TRANSPORTS {
            assert_eq!(Vantage::Vpc.approach(&target, transport), Approach::Sees(PRIVATE));
            let unknown = ReachTarget::new(ADDRESS);
            assert!(matches!(Vantage::Vpc.approach(&unknown, transport), Approach::Nowhere(_)));
        }
    }

    #[test]
    fn an_address_of_a_private_network_is_taken_as_a_private_address() {
        for (address, kind) in [
            ("10.0.3.112", AddressKind::PrivateIp),
            ("127.0.0.1", AddressKind::PrivateIp),
            ("155.146.10.111", AddressKind::CarrierIp),
            ("100.64.0.1", AddressKind::CarrierIp),
        ] {
            assert_eq!(ReachTarget::new(address.parse().unwrap()).kind, kind, "{address}");
        }
    }
}

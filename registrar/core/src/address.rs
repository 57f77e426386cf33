//! The addresses of an instance, kept apart by kind so that they cannot be exchanged.
//!
//! Which kind a pool serves is its policy's business; this only says which address is which.

use std::fmt;
use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of address that a pool publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AddressKind {
    /// The Carrier IP of an instance in a Wavelength zone.
    #[default]
    CarrierIp,
    /// A public IPv4 address, for Local Zones and Regions.
    PublicIp,
    /// A customer-owned address, for Outposts.
    CustomerOwnedIp,
    /// The private address, for private hosted zones.
    PrivateIp,
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CarrierIp => "carrier-ip",
            Self::PublicIp => "public-ip",
            Self::CustomerOwnedIp => "customer-owned-ip",
            Self::PrivateIp => "private-ip",
        })
    }
}

macro_rules! address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Ipv4Addr);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

address!(
    /// An address that a carrier gateway translates to an instance in a Wavelength zone.
    CarrierIp
);
address!(
    /// A public IPv4 address of an instance.
    PublicIp
);
address!(
    /// A customer-owned IPv4 address of an instance on an Outpost.
    CustomerOwnedIp
);
address!(
    /// An address of an instance inside its VPC.
    PrivateIp
);

/// The addresses of one instance: of each kind the one on device 0 and primary, where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The Carrier IP.
    pub carrier: Option<CarrierIp>,
    /// The public address.
    pub public: Option<PublicIp>,
    /// The customer-owned address.
    pub customer_owned: Option<CustomerOwnedIp>,
    /// The private address.
    pub private: Option<PrivateIp>,
}

impl Addresses {
    /// Returns the address that a pool of `kind` publishes, or `None` where the instance has none.
    #[must_use]
    pub fn of_kind(&self, kind: AddressKind) -> Option<ServedIp> {
        let address = match kind {
            AddressKind::CarrierIp => self.carrier.map(|ip| ip.0),
            AddressKind::PublicIp => self.public.map(|ip| ip.0),
            AddressKind::CustomerOwnedIp => self.customer_owned.map(|ip| ip.0),
            AddressKind::PrivateIp => self.private.map(|ip| ip.0),
        };
        address.map(ServedIp)
    }
}

address!(
    /// An address as it is published: of the kind that the pool's policy names.
    ServedIp
);

/// The addresses that EC2 associates with one private address or interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Association {
    /// The Carrier IP.
    pub carrier: Option<Ipv4Addr>,
    /// The customer-owned address.
    pub customer_owned: Option<Ipv4Addr>,
    /// The public address.
    pub public: Option<Ipv4Addr>,
}

/// One private address of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// Whether it is the interface's primary one.
    pub is_primary: bool,
    /// The address.
    pub private: Option<Ipv4Addr>,
    /// What is associated with it.
    pub association: Option<Association>,
}

/// One network interface, as far as addresses go, however it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// The device that it is attached as, from 0; one that is not attached comes last.
    pub device_index: Option<u32>,
    /// What is associated with the interface itself.
    pub association: Option<Association>,
    /// Its private addresses.
    pub addresses: Vec<InterfaceAddress>,
}

/// Everything of a described instance that says which addresses it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribedAddresses {
    /// Its network interfaces.
    pub interfaces: Vec<Interface>,
    /// The instance's own field `PublicIpAddress`, which may hold the Carrier IP (EC2 API reference,
    /// `Instance`).
    pub public_field: Option<Ipv4Addr>,
    /// The instance's own field `PrivateIpAddress`.
    pub private_field: Option<Ipv4Addr>,
}

impl DescribedAddresses {
    /// Picks the address of each kind: device 0 before the others, primary before secondary.
    ///
    /// A Carrier IP is only ever taken from an association, and the instance's own fields only where no
    /// association says.
    #[must_use]
    pub fn pick(&self) -> Addresses {
        let mut interfaces: Vec<&Interface> = self.interfaces.iter().collect();
        interfaces.sort_by_key(|interface| interface.order());
        let mut private_ips: Vec<(u32, bool, &InterfaceAddress)> = Vec::new();
        for interface in &interfaces {
            let of_interface = interface.addresses.iter();
            private_ips.extend(of_interface.map(|ip| (interface.order(), !ip.is_primary, ip)));
        }
        private_ips.sort_by_key(|(device, secondary, _)| (*device, *secondary));
        let mut found = Addresses::default();
        let associations = private_ips
            .iter()
            .filter_map(|(_, _, ip)| ip.association.as_ref())
            .chain(interfaces.iter().filter_map(|interface| interface.association.as_ref()));
        for association in associations {
            found.carrier = found.carrier.or(association.carrier.map(CarrierIp));
            found.public = found.public.or(association.public.map(PublicIp));
            found.customer_owned = found.customer_owned.or(association.customer_owned.map(CustomerOwnedIp));
        }
        let field = self.public_field.filter(|ip| found.carrier != Some(CarrierIp(*ip)));
        found.public = found.public.or(field.map(PublicIp));
        let private = private_ips.iter().find_map(|(_, _, ip)| ip.private);
        found.private = private.or(self.private_field).map(PrivateIp);
        found
    }
}

impl Interface {
    fn order(&self) -> u32 {
        self.device_index.unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_that_repeats_the_carrier_ip_is_not_a_public_address() {
        let carrier = Ipv4Addr::new(155, 146, 10, 1);
        let association = Association { carrier: Some(carrier), ..Association::default() };
        let described = DescribedAddresses {
            interfaces: vec![Interface { association: Some(association), ..Interface::default() }],
            public_field: Some(carrier),
            private_field: None,
        };
        let picked = described.pick();
        assert_eq!((picked.carrier, picked.public), (Some(CarrierIp(carrier)), None));
    }

    #[test]
    fn a_pool_of_one_kind_never_publishes_another() {
        let addresses =
            Addresses { public: Some(PublicIp(Ipv4Addr::new(198, 51, 100, 7))), ..Addresses::default() };
        assert_eq!(addresses.of_kind(AddressKind::CarrierIp), None);
        assert_eq!(addresses.of_kind(AddressKind::PublicIp), Some(ServedIp(Ipv4Addr::new(198, 51, 100, 7))));
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_of_one_kind_never_publishes_another() {
        let addresses =
            Addresses { public: Some(PublicIp(Ipv4Addr::new(198, 51, 100, 7))), ..Addresses::default() };
        assert_eq!(addresses.of_kind(AddressKind::CarrierIp), None);
        assert_eq!(addresses.of_kind(AddressKind::PublicIp), Some(ServedIp(Ipv4Addr::new(198, 51, 100, 7))));
    }
}

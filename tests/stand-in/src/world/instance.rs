//! An EC2 instance of the world, with its addresses.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use registrar_core::Timestamp;
use serde::{Deserialize, Serialize};

/// The state of an instance (EC2 API reference, `InstanceState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// Being started.
    Pending,
    /// Started.
    #[default]
    Running,
    /// Being terminated.
    ShuttingDown,
    /// Gone for good, and described for up to an hour.
    Terminated,
    /// Being stopped.
    Stopping,
    /// Stopped; it may be started again.
    Stopped,
}

impl InstanceState {
    /// Returns the code that stands beside the name.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    /// Says whether an instance in this state still has its interfaces.
    pub(crate) fn is_attached(self) -> bool {
        match self {
            Self::Pending | Self::Running | Self::Stopping | Self::Stopped => true,
            Self::ShuttingDown | Self::Terminated => false,
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        })
    }
}

/// An instance. Its first address is that of device 0, primary; everything else is in `further_addresses`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Its id, such as `i-0123456789abcdef0`.
    pub id: String,
    /// The zone that it is placed in, of any kind.
    pub availability_zone: String,
    /// The Region that it exists in; the world's own if absent.
    #[serde(default)]
    pub region: Option<String>,
    /// Its state.
    #[serde(default)]
    pub state: InstanceState,
    /// When it was last started; when it is put into the world if absent.
    #[serde(default)]
    pub launched_at: Option<Timestamp>,
    /// Its private address.
    #[serde(default)]
    pub private_ip: Option<Ipv4Addr>,
    /// The Carrier IP of its first address.
    #[serde(default)]
    pub carrier_ip: Option<Ipv4Addr>,
    /// The public IP of its first address.
    #[serde(default)]
    pub public_ip: Option<Ipv4Addr>,
    /// The customer-owned IP of its first address.
    #[serde(default)]
    pub customer_owned_ip: Option<Ipv4Addr>,
    /// What else it has: secondary addresses, and those of further interfaces.
    #[serde(default)]
    pub further_addresses: Vec<FurtherAddress>,
    /// Its tags, `aws:autoscaling:groupName` included.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The Auto Scaling group that it is a member of.
    #[serde(default)]
    pub member: Option<Membership>,
}

/// An address beside the first one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FurtherAddress {
    /// The device index of its interface.
    #[serde(default)]
    pub device_index: u32,
    /// Whether it is the first one of its interface.
    #[serde(default)]
    pub primary: bool,
    /// The private address.
    pub private_ip: Ipv4Addr,
    /// Its Carrier IP.
    #[serde(default)]
    pub carrier_ip: Option<Ipv4Addr>,
    /// Its public IP.
    #[serde(default)]
    pub public_ip: Option<Ipv4Addr>,
}

/// Membership in an Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The name of the group.
    pub group: String,
    /// The lifecycle state, such as `InService` or `Terminating:Wait`.
    pub lifecycle_state: String,
}

impl Instance {
    /// Builds a running instance without addresses.
    #[must_use]
    pub fn new(id: &str, availability_zone: &str) -> Self {
        Self {
            id: id.to_owned(),
            availability_zone: availability_zone.to_owned(),
            region: None,
            state: InstanceState::Running,
            launched_at: None,
            private_ip: None,
            carrier_ip: None,
            public_ip: None,
            customer_owned_ip: None,
            further_addresses: Vec::new(),
            tags: BTreeMap::new(),
            member: None,
        }
    }

    /// Gives it a Carrier IP.
    #[must_use]
    pub fn with_carrier_ip(mut self, ip: Ipv4Addr) -> Self {
        self.carrier_ip = Some(ip);
        self
    }

    /// Gives it a public IP.
    #[must_use]
    pub fn with_public_ip(mut self, ip: Ipv4Addr) -> Self {
        self.public_ip = Some(ip);
        self
    }

    /// Gives it a private address.
    #[must_use]
    pub fn with_private_ip(mut self, ip: Ipv4Addr) -> Self {
        self.private_ip = Some(ip);
        self
    }

    /// Gives it a tag.
    #[must_use]
    pub fn with_tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Makes it a member of a group, in service, with the tag that Auto Scaling puts on it.
    #[must_use]
    pub fn in_group(mut self, group: &str) -> Self {
        self.tags.insert(GROUP_TAG.to_owned(), group.to_owned());
        self.member = Some(Membership { group: group.to_owned(), lifecycle_state: "InService".to_owned() });
        self
    }

    /// Puts it into a state.
    #[must_use]
    pub fn in_state(mut self, state: InstanceState) -> Self {
        self.state = state;
        self
    }

    /// Puts it into another Region than the world's own.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// Returns the address that the field `ipAddress` shows: the public IP or the Carrier IP (EC2 API
    /// reference, `Instance`, `PublicIpAddress`).
    pub(crate) fn ip_address(&self) -> Option<Ipv4Addr> {
        self.public_ip.or(self.carrier_ip).filter(|_| self.state.is_attached())
    }
}

/// The tag by which Auto Scaling marks the members of a group.
pub(crate) const GROUP_TAG: &str = "aws:autoscaling:groupName";

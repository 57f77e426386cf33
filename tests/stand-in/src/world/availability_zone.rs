//! A zone of EC2: what it is, and whether the account may use it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::World;

/// The type of a zone (EC2 API reference, `AvailabilityZone`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZoneType {
    /// In the Region itself.
    AvailabilityZone,
    /// Near a city.
    LocalZone,
    /// In a carrier's network.
    WavelengthZone,
}

impl ZoneType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AvailabilityZone => "availability-zone",
            Self::LocalZone => "local-zone",
            Self::WavelengthZone => "wavelength-zone",
        }
    }
}

/// A zone. One that is put nowhere and that an instance is in is an opted-in Wavelength zone where its name has
/// `-wlz-` in it, otherwise an Availability Zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvailabilityZone {
    /// Its name, such as `us-east-1-wl1-bos-wlz-1`.
    pub name: String,
    /// What it is.
    pub zone_type: ZoneType,
    /// Whether the account has opted in, where it has to.
    pub opted_in: bool,
    /// The group that is opted in to.
    pub group: String,
    /// The Region, where it is not the world's own.
    #[serde(default)]
    pub region: Option<String>,
}

impl AvailabilityZone {
    /// Builds a Wavelength zone that the account has opted in to.
    #[must_use]
    pub fn wavelength(name: &str, group: &str) -> Self {
        let (name, group) = (name.to_owned(), group.to_owned());
        Self { name, zone_type: ZoneType::WavelengthZone, opted_in: true, group, region: None }
    }

    /// Takes the opt-in back.
    #[must_use]
    pub fn not_opted_in(mut self) -> Self {
        self.opted_in = false;
        self
    }

    /// Makes it a zone of another type.
    #[must_use]
    pub fn of_type(mut self, zone_type: ZoneType) -> Self {
        self.zone_type = zone_type;
        self
    }

    pub(crate) fn opt_in_status(&self) -> &'static str {
        match (self.zone_type, self.opted_in) {
            (ZoneType::AvailabilityZone, _) => "opt-in-not-required",
            (ZoneType::LocalZone | ZoneType::WavelengthZone, true) => "opted-in",
            (ZoneType::LocalZone | ZoneType::WavelengthZone, false) => "not-opted-in",
        }
    }

    /// The zone of an instance that nobody described. AWS advises against reading names; here nothing else is
    /// there to read.
    fn of_instance(name: &str, region: Option<&String>) -> Self {
        let is_wavelength = name.contains("-wlz-");
        let zone_type = if is_wavelength { ZoneType::WavelengthZone } else { ZoneType::AvailabilityZone };
        let (name, group) = (name.to_owned(), name.to_owned());
        Self { name, zone_type, opted_in: true, group, region: region.cloned() }
    }
}

impl World {
    /// Puts a zone into the world, in place of the one of its name.
    pub fn put_availability_zone(&mut self, zone: AvailabilityZone) {
        self.availability_zones.insert(zone.name.clone(), zone);
    }

    /// Returns the zones that were put there and those of the instances, by name.
    pub(crate) fn all_availability_zones(&self) -> BTreeMap<&str, AvailabilityZone> {
        let of_instances = self.instances.values().map(|instance| {
            let name = instance.availability_zone.as_str();
            (name, AvailabilityZone::of_instance(name, instance.region.as_ref()))
        });
        let put = self.availability_zones.iter().map(|(name, zone)| (name.as_str(), zone.clone()));
        of_instances.chain(put).collect()
    }
}

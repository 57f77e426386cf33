//! Where each pool's records were last seen to belong, so that a changed document orphans nothing.
//!
//! Only the names of known places are listed; the place that a document gave before its name was changed
//! is known from here and from nowhere else. This is the form of the parameters that keep it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{HostedZoneId, PoolName};
use crate::json::{self, JsonError};
use crate::name::RecordName;
use crate::site::Place;

/// Bytes of a standard SSM parameter (Systems Manager quotas).
const LARGEST_PARAMETER: usize = 4096;

/// The last place of each pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    places: BTreeMap<PoolName, Place>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlacesDocument {
    version: Version,
    places: BTreeMap<PoolName, (HostedZoneId, RecordName)>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
struct Version;

impl TryFrom<i64> for Version {
    type Error = String;

    fn try_from(version: i64) -> Result<Self, String> {
        if version == 1 {
            Ok(Self)
        } else {
            Err(format!("version {version} is not one that this release reads"))
        }
    }
}

impl From<Version> for i64 {
    fn from(_: Version) -> Self {
        1
    }
}

impl Places {
    /// Takes in one of the parameters that keep places.
    ///
    /// # Errors
    /// When it is not such a document.
    pub fn read(&mut self, text: &str) -> Result<(), JsonError> {
        let document: PlacesDocument = json::parse(text)?;
        for (pool, (hosted_zone_id, name)) in document.places {
            self.places.insert(pool, Place { hosted_zone_id, name });
        }
        Ok(())
    }

    /// Returns the last place of a pool.
    #[must_use]
    pub fn of(&self, pool: &PoolName) -> Option<&Place> {
        self.places.get(pool)
    }

    /// Returns every pool and its last place.
    pub fn iter(&self) -> impl Iterator<Item = (&PoolName, &Place)> {
        self.places.iter()
    }

    /// Sets the place of a pool; says whether that is news.
    pub fn set(&mut self, pool: &PoolName, place: Place) -> bool {
        self.places.insert(pool.clone(), place.clone()) != Some(place)
    }

    /// Forgets a pool; says whether it was known.
    pub fn forget(&mut self, pool: &PoolName) -> bool {
        self.places.remove(pool).is_some()
    }

    /// Returns the parameters that keep all of it, each within SSM's size. The first ones keep their place
    /// when pools are added behind them.
    #[must_use]
    pub fn to_parameters(&self) -> Vec<String> {
        let mut parameters = Vec::new();
        let mut part = BTreeMap::new();
        for (pool, place) in &self.places {
            let entry = (place.hosted_zone_id.clone(), place.name.clone());
            part.insert(pool.clone(), entry.clone());
            if write(&part).len() > LARGEST_PARAMETER {
                part.remove(pool);
                parameters.push(write(&part));
                part = BTreeMap::from([(pool.clone(), entry)]);
            }
        }
        parameters.push(write(&part));
        parameters
    }
}

fn write(places: &BTreeMap<PoolName, (HostedZoneId, RecordName)>) -> String {
    let document = PlacesDocument { version: Version, places: places.clone() };
    serde_json::to_string(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(count: usize) -> Places {
        let mut places = Places::default();
        for number in 0..count {
            let place = Place {
                hosted_zone_id: "Z0123456789ABCDEFGHIJ".parse().unwrap(),
                name: format!("pool-{number}.bos.edge.example.com").parse().unwrap(),
            };
            assert!(places.set(&format!("pool-{number}").parse().unwrap(), place));
        }
        places
    }

    #[test]
    fn any_number_of_places_comes_back_from_parameters_that_ssm_holds() {
        for count in [0, 1, 40, 500] {
            let written = places(count);
            let mut read = Places::default();
            for parameter in written.to_parameters() {
                assert!(parameter.len() <= LARGEST_PARAMETER);
                read.read(&parameter).unwrap();
            }
            assert_eq!(read, written);
        }
    }

    #[test]
    fn a_later_version_is_refused() {
        assert!(Places::default().read("{\"version\":2,\"places\":{}}").is_err());
    }

    #[test]
    fn only_a_new_place_is_news() {
        let mut places = places(1);
        let pool: PoolName = "pool-0".parse().unwrap();
        let place = places.of(&pool).cloned().unwrap();
        assert!(!places.set(&pool, place));
        assert!(places.forget(&pool));
        assert!(!places.forget(&pool));
    }
}

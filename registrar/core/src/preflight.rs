//! What is checked before a deployment's records are made for the first time, or after its stack was changed:
//! whether its hosted zone and its Wavelength zones can be what the stack says.
//!
//! It judges what was read and reads nothing. A refusal becomes the event of the stack, so each names the
//! value and what to do.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::AddressKind;
use crate::ids::{HostedZoneId, PoolName, RoleArn, WavelengthZone};
use crate::name::RecordName;
use crate::pool::{Policy, Pool};

/// What Route 53 says of a hosted zone itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedZoneFacts {
    /// Its id.
    pub id: HostedZoneId,
    /// Its name.
    pub name: RecordName,
    /// Whether it answers inside VPCs only.
    pub is_private: bool,
    /// The name servers to delegate to; a private one has none.
    pub name_servers: Vec<String>,
}

/// What EC2 says of a zone, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneFacts {
    /// Its type: `availability-zone`, `local-zone` or `wavelength-zone`.
    pub zone_type: String,
    /// Its status: `opt-in-not-required`, `opted-in` or `not-opted-in`.
    pub opt_in_status: String,
    /// The group that is opted in to. It cannot be derived from the zone's name.
    pub group_name: String,
}

/// Why a stack is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A document cannot be used.
    #[error("pool {pool}: {problem}")]
    Document {
        /// The pool.
        pool: PoolName,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// Route 53 does not know the hosted zone.
    #[error(
        "hosted zone {0} does not exist in the account that is asked (hint: correct HostedZoneId; where another account \
         owns the hosted zone, give DnsRoleArn)"
    )]
    NoSuchHostedZone(HostedZoneId),
    /// It has another name.
    #[error(
        "hosted zone {id} is {name} and not {wanted} (hint: correct HostedZoneName or HostedZoneId, so that they name the \
         same hosted zone)"
    )]
    OtherHostedZone {
        /// The hosted zone.
        id: HostedZoneId,
        /// Its name.
        name: RecordName,
        /// The name that it should have.
        wanted: RecordName,
    },
    /// It is private, and the addresses are not.
    #[error(
        "hosted zone {id} ({name}) is private, and pool {pool} publishes {address} addresses, which clients outside its VPCs \
         could never look up (hint: give a public hosted zone, or AddressKind private-ip)"
    )]
    PrivateHostedZone {
        /// The hosted zone.
        id: HostedZoneId,
        /// Its name.
        name: RecordName,
        /// The pool.
        pool: PoolName,
        /// What it publishes.
        address: AddressKind,
    },
    /// The pool's name is in another hosted zone.
    #[error(
        "pool {pool}: the record name {record} is outside hosted zone {id} ({name}) (hint: use a name that ends in .{name}, or \
         the hosted zone that {record} is in)"
    )]
    OutsideHostedZone {
        /// The pool.
        pool: PoolName,
        /// Its name.
        record: RecordName,
        /// The hosted zone.
        id: HostedZoneId,
        /// The hosted zone's name.
        name: RecordName,
    },
    /// The function would use another role than the one that is given.
    #[error(
        "pool {pool}: record.role_arn is {} and DnsRoleArn is {given}, so the records could be made through one role and \
         not be removed through the other (hint: give both the same ARN)",
        .document.as_ref().map_or("not given", RoleArn::as_str)
    )]
    OtherRole {
        /// The pool.
        pool: PoolName,
        /// The role of its document.
        document: Option<RoleArn>,
        /// The role of the stack.
        given: RoleArn,
    },
    /// EC2 does not know the zone here.
    #[error(
        "pool {pool}: Region {region} has no zone {zone} (hint: correct WavelengthZones, or deploy in the Region that the zone \
         belongs to)"
    )]
    NoSuchZone {
        /// The pool.
        pool: PoolName,
        /// The zone.
        zone: WavelengthZone,
        /// The Region that was asked.
        region: String,
    },
    /// Instances there have no Carrier IP.
    #[error(
        "pool {pool}: {zone} is of type {zone_type} and no Wavelength zone, so nothing in it has a Carrier IP (hint: correct \
         WavelengthZones, or give another AddressKind)"
    )]
    NoWavelengthZone {
        /// The pool.
        pool: PoolName,
        /// The zone.
        zone: WavelengthZone,
        /// What it is.
        zone_type: String,
    },
    /// Nothing can be launched there yet.
    #[error(
        "pool {pool}: this account has not opted in to the Wavelength zone {zone} (hint: aws ec2 \
         modify-availability-zone-group --region {region} --group-name {group} --opt-in-status opted-in)"
    )]
    NotOptedIn {
        /// The pool.
        pool: PoolName,
        /// The zone.
        zone: WavelengthZone,
        /// Its Region.
        region: String,
        /// The group to opt in to.
        group: String,
    },
}

/// Checks what needs no look: every document can be used, and names the role that is given for its hosted zone.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_documents(pools: &[Pool], given: Option<(&HostedZoneId, &RoleArn)>) -> Result<(), Refusal> {
    for pool in pools {
        let policy = pool.policy.as_ref().map_err(|error| Refusal::Document {
            pool: pool.name.clone(),
            problem: format!("{error} (hint: {})", error.hint),
        })?;
        if let Some((id, role)) = given
            && policy.hosted_zone_id == *id
            && policy.role_arn.as_ref() != Some(role)
        {
            let document = policy.role_arn.clone();
            return Err(Refusal::OtherRole { pool: pool.name.clone(), document, given: role.clone() });
        }
    }
    Ok(())
}

/// Checks a hosted zone against the name that it should have, and against the pools that are in it.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_hosted_zone(
    facts: &HostedZoneFacts,
    wanted: Option<&RecordName>,
    pools: &[Pool],
) -> Result<(), Refusal> {
    let HostedZoneFacts { id, name, .. } = facts;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != name) {
        return Err(Refusal::OtherHostedZone { id: id.clone(), name: name.clone(), wanted: wanted.clone() });
    }
    for (pool, policy) in policies(pools).filter(|(_, policy)| policy.hosted_zone_id == *id) {
        if facts.is_private && policy.address != AddressKind::PrivateIp {
            let (id, name, pool) = (id.clone(), name.clone(), pool.clone());
            return Err(Refusal::PrivateHostedZone { id, name, pool, address: policy.address });
        }
        if !policy.name.is_within(name) {
            return Err(Refusal::OutsideHostedZone {
                pool: pool.clone(),
                record: policy.name.clone(),
                id: id.clone(),
                name: name.clone(),
            });
        }
    }
    Ok(())
}

/// Returns the zones that have to be asked for: those of the pools that publish Carrier IPs.
#[must_use]
pub fn wavelength_zones(pools: &[Pool]) -> BTreeSet<WavelengthZone> {
    carrier_zones(pools).map(|(_, zone)| zone.clone()).collect()
}

/// Checks those zones against what EC2 said of them in a Region.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_wavelength_zones(
    pools: &[Pool],
    region: &str,
    known: &BTreeMap<WavelengthZone, ZoneFacts>,
) -> Result<(), Refusal> {
    for (pool, zone) in carrier_zones(pools) {
        let (pool, zone, region) = (pool.clone(), zone.clone(), region.to_owned());
        let Some(facts) = known.get(&zone) else {
            return Err(Refusal::NoSuchZone { pool, zone, region });
        };
        if facts.zone_type != "wavelength-zone" {
            return Err(Refusal::NoWavelengthZone { pool, zone, zone_type: facts.zone_type.clone() });
        }
        if facts.opt_in_status == "not-opted-in" {
            return Err(Refusal::NotOptedIn { pool, zone, region, group: facts.group_name.clone() });
        }
    }
    Ok(())
}

fn policies(pools: &[Pool]) -> impl Iterator<Item = (&PoolName, &Policy)> {
    pools.iter().filter_map(|pool| Some((&pool.name, pool.policy.as_ref().ok()?)))
}

fn carrier_zones(pools: &[Pool]) -> impl Iterator<Item = (&PoolName, &WavelengthZone)> {
    let carrier = policies(pools).filter(|(_, policy)| policy.address == AddressKind::CarrierIp);
    carrier.flat_map(|(pool, policy)| policy.selector().wavelength_zones.iter().map(move |zone| (pool, zone)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BOSTON: &str = "us-east-1-wl1-bos-wlz-1";
    const ROLE: &str = "arn:aws:iam::123456789012:role/dns";

    fn pool(name: &str, address: &str, role: Option<&str>) -> Pool {
        let document = json!({
            "version": 1,
            "record": { "hosted_zone_id": "Z1", "name": name, "role_arn": role },
            "members": { "wavelength_zones": [BOSTON], "tags": { "edge-dns": "video" }, "address": address },
        });
        Pool::read("video".parse().unwrap(), &document.to_string())
    }

    fn facts(name: &str, is_private: bool) -> HostedZoneFacts {
        let id = "Z1".parse().unwrap();
        HostedZoneFacts { id, name: name.parse().unwrap(), is_private, name_servers: Vec::new() }
    }

    fn zone(zone_type: &str, opt_in_status: &str) -> BTreeMap<WavelengthZone, ZoneFacts> {
        let facts = ZoneFacts {
            zone_type: zone_type.to_owned(),
            opt_in_status: opt_in_status.to_owned(),
            group_name: "us-east-1-wl1".to_owned(),
        };
        BTreeMap::from([(BOSTON.parse().unwrap(), facts)])
    }

    #[test]
    fn a_hosted_zone_is_the_one_that_is_meant_and_holds_the_pools_names() {
        let video = [pool("video.example.com", "carrier-ip", None)];
        let check = |facts: HostedZoneFacts, wanted: Option<&str>| {
            let wanted = wanted.map(|name| name.parse().unwrap());
            check_hosted_zone(&facts, wanted.as_ref(), &video).map_err(|refusal| refusal.to_string())
        };
        assert_eq!(check(facts("example.com", false), Some("Example.com.")), Ok(()));
        let other = check(facts("example.org", false), Some("example.com")).unwrap_err();
        assert!(other.starts_with("hosted zone Z1 is example.org and not example.com (hint: "), "{other}");
        let outside = check(facts("example.org", false), None).unwrap_err();
        assert!(outside.contains("video.example.com is outside hosted zone Z1 (example.org)"), "{outside}");
        let private = check(facts("example.com", true), None).unwrap_err();
        assert!(private.contains("is private, and pool video publishes carrier-ip addresses"), "{private}");
    }

    #[test]
    fn a_private_hosted_zone_is_for_private_addresses() {
        let video = [pool("video.example.com", "private-ip", None)];
        assert_eq!(check_hosted_zone(&facts("example.com", true), None, &video), Ok(()));
        assert_eq!(wavelength_zones(&video), BTreeSet::new(), "private addresses need no opt-in");
    }

    #[test]
    fn a_zone_is_a_wavelength_zone_that_was_opted_in_to() {
        let video = [pool("video.example.com", "carrier-ip", None)];
        assert_eq!(wavelength_zones(&video).len(), 1);
        let check = |known: &BTreeMap<WavelengthZone, ZoneFacts>| {
            check_wavelength_zones(&video, "us-east-1", known).map_err(|refusal| refusal.to_string())
        };
        assert_eq!(check(&zone("wavelength-zone", "opted-in")), Ok(()));
        let unknown = check(&BTreeMap::new()).unwrap_err();
        assert!(unknown.contains("Region us-east-1 has no zone us-east-1-wl1-bos-wlz-1"), "{unknown}");
        let local = check(&zone("local-zone", "opted-in")).unwrap_err();
        assert!(local.contains("is of type local-zone and no Wavelength zone"), "{local}");
        let closed = check(&zone("wavelength-zone", "not-opted-in")).unwrap_err();
        let command = "aws ec2 modify-availability-zone-group --region us-east-1 --group-name us-east-1-wl1 \
                       --opt-in-status opted-in";
        assert!(closed.contains(command), "{closed}");
    }

    #[test]
    fn a_document_is_usable_and_goes_through_the_role_that_is_given() {
        let (id, role) = ("Z1".parse().unwrap(), ROLE.parse().unwrap());
        let given = Some((&id, &role));
        let with = |role| [pool("video.example.com", "carrier-ip", role)];
        assert_eq!(check_documents(&with(Some(ROLE)), given), Ok(()));
        assert_eq!(check_documents(&with(Some(ROLE)), None), Ok(()));
        let other = check_documents(&with(None), given).unwrap_err().to_string();
        assert!(other.contains("record.role_arn is not given and DnsRoleArn is arn:aws:iam::"), "{other}");
        let broken = [Pool::read("video".parse().unwrap(), "{}")];
        let broken = check_documents(&broken, None).unwrap_err().to_string();
        assert!(broken.starts_with("pool video: ") && broken.contains("(hint: "), "{broken}");
    }
}

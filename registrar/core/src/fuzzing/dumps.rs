//! Hostile dumps of the AWS CLI: instances, groups and record sets.

use std::collections::BTreeSet;

use super::{Kept, in_proportion, is_line, promise};
use crate::dump;
use crate::inventory::HostedZone;
use crate::record_set::{RecordSet, SetKey};

/// Reads `aws ec2 describe-instances`; an instance that is described in two ways is not believed in either.
pub fn fleet_dump(text: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(text);
    let fleet = match dump::read_fleet(&text) {
        Ok(fleet) => fleet,
        Err(error) => return in_proportion("an error", &error.to_string(), &text),
    };
    promise(fleet.instances.len() <= text.len(), || "more instances than bytes".to_owned())?;
    let misplaced = fleet.instances.iter().find(|(id, instance)| **id != instance.id);
    promise(misplaced.is_none(), || format!("{misplaced:?}"))?;
    let mut again = fleet.clone();
    for instance in fleet.instances.values() {
        again.add(instance.clone());
    }
    promise(again == fleet, || "a fleet that is described twice is another one".to_owned())
}

/// Reads `aws autoscaling describe-auto-scaling-groups` and `describe-auto-scaling-instances`.
pub fn groups_dump(text: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(text);
    let groups = match dump::read_groups(&text) {
        Ok(groups) => groups,
        Err(error) => return in_proportion("an error", &error.to_string(), &text),
    };
    promise(groups.members.len() <= text.len(), || "more members than bytes".to_owned())?;
    for membership in groups.members.values() {
        is_line("a lifecycle state", &membership.state.to_string(), 64)?;
    }
    Ok(())
}

/// Reads `aws route53 list-resource-record-sets`; every record set is written again as it was read.
pub fn records_dump(text: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(text);
    let zone = match dump::read_hosted_zone(&text) {
        Ok(zone) => zone,
        Err(error) => return in_proportion("an error", &error.to_string(), &text),
    };
    for record in zone.records.values() {
        let written = serde_json::to_string(record.as_ref()).map_err(|error| format!("{record}: {error}"))?;
        match serde_json::from_str::<RecordSet>(&written) {
            Ok(again) if again == **record => {}
            other => return Err(format!("{written} is read as {other:?}")),
        }
        is_line("a record set", &record.to_string(), super::ESCAPED * text.len() + super::WORDS)?;
    }
    let sets: BTreeSet<SetKey> = zone.records.values().map(|record| record.set_key()).collect();
    let in_sets = sets.iter().map(|set| zone.set(set).count()).sum::<usize>();
    promise(in_sets == zone.records.len(), || format!("{in_sets} of {} are in sets", zone.records.len()))?;
    let again =
        HostedZone::from_whole(zone.records.values().map(|record| record.as_ref().clone()), zone.gap.clone());
    promise(again == zone, || "the zone depends on the order of its listing".to_owned())
}

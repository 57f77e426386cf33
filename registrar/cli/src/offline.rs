//! What `plan` reads offline: pool documents, and dumps of the AWS CLI.
//!
//! It reads files and prints only what it had to drop; it never talks to AWS.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use registrar_core::ids::HostedZoneId;
use registrar_core::inventory::{Groups, HostedZone, Inventory};
use registrar_core::offline::{PoolArgument, RecordedEvents, single_hosted_zone};
use registrar_core::pool::Pool;
use registrar_core::{Timestamp, dump};
use registrar_shell::{read, read_dump, tell};

use crate::arguments::PlanArguments;

pub(crate) fn read_pools(arguments: &[String]) -> Result<Vec<Pool>> {
    let mut pools = Vec::new();
    for pool in PoolArgument::parse_all(arguments)? {
        let document = read("pool document", &pool.file)?;
        pools.push(Pool::read(pool.name, &document).in_file(&pool.file.display().to_string()));
    }
    Ok(pools)
}

pub(crate) fn read_inventory(arguments: &PlanArguments, pools: &[Pool], now: Timestamp) -> Result<Inventory> {
    let fleet = arguments.fleet.as_deref().context("--fleet is missing")?;
    let fleet = read_dump("fleet", fleet, "aws ec2 describe-instances", dump::read_fleet)?;
    let groups = match &arguments.groups {
        Some(path) => {
            let command = "aws autoscaling describe-auto-scaling-groups";
            read_dump("groups", path, command, dump::read_groups)?
        }
        None => Groups::default(),
    };
    let command = "aws route53 list-resource-record-sets";
    let zone = arguments.zone.as_deref().context("--zone is missing")?;
    let zone = read_dump("zone", zone, command, dump::read_hosted_zone)?;
    let hosted_zones: BTreeMap<HostedZoneId, HostedZone> =
        single_hosted_zone(pools)?.map(|id| (id, zone)).into_iter().collect();
    let memory = read_events(arguments, now)?.memory;
    Ok(Inventory { observed_at: now, fleet, groups, hosted_zones, memory })
}

fn read_events(arguments: &PlanArguments, now: Timestamp) -> Result<RecordedEvents> {
    let Some(path) = &arguments.events else { return Ok(RecordedEvents::default()) };
    let events = RecordedEvents::read(&read("events", path)?, now);
    for (line, dropped) in &events.dropped {
        tell(format_args!("dropped: {} line {line}: {dropped}", path.display()));
    }
    if !events.dropped.is_empty() {
        let kinds: Vec<String> =
            events.dropped_by_kind().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        tell(format_args!("events: {} understood, dropped {}", events.understood, kinds.join(", ")));
    }
    Ok(events)
}

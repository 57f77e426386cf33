//! The scenario file as it is written, and the documents that it stands for.
//!
//! It does not know what is right; `crate::check` compares.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use registrar_core::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lines::expand_all;
use crate::{event_line, fleet_line, record_line};

/// The hosted zone of every scenario, and its name.
pub const HOSTED_ZONE: &str = "Z0EDGE";
/// The name of that hosted zone.
pub const ORIGIN: &str = "edge.example.com";

/// One story.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A sentence saying what is at stake.
    pub why: String,
    /// When the look starts.
    #[serde(default = "ten_o_clock")]
    pub now: Timestamp,
    /// Whose records are planned.
    #[serde(default = "default_deployment")]
    pub deployment: String,
    /// Documents: a table over the defaults, or raw text.
    pub pools: toml::Table,
    /// Instances, one line each.
    #[serde(default)]
    pub fleet: Vec<String>,
    /// Members (`ID STATE`) by Auto Scaling group.
    #[serde(default)]
    pub groups: BTreeMap<String, Vec<String>>,
    /// Reads that were cut short.
    #[serde(default)]
    pub truncated: BTreeSet<Read>,
    /// Whether the fleet is what an earlier look saw, since this one could not read it.
    #[serde(default)]
    pub stale_fleet: bool,
    /// Record sets, one line each.
    #[serde(default)]
    pub zone: Vec<String>,
    /// How many record sets the hosted zone has, where that is more than are listed here.
    pub zone_records: Option<u64>,
    /// Record sets of further hosted zones that were read.
    #[serde(default)]
    pub other_zones: BTreeMap<String, Vec<String>>,
    /// Messages, one line each.
    #[serde(default)]
    pub events: Vec<String>,
    /// The fleet as the look a minute earlier saw it.
    pub remembered: Option<Vec<String>>,
    /// Removals that count against budgets, by pool.
    #[serde(default)]
    pub spent: BTreeMap<String, Vec<String>>,
    /// What the operator ordered, by pool, as the command writes it.
    #[serde(default)]
    pub orders: toml::Table,
    /// What should come of it.
    #[serde(default)]
    pub expect: Expect,
}

/// A read that can be cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Read {
    /// `describe-instances`.
    Fleet,
    /// `describe-auto-scaling-groups`.
    Groups,
    /// `list-resource-record-sets`.
    Zone,
}

/// What should come of a scenario.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The changes of each batch, in order.
    #[serde(default)]
    pub batches: Vec<Vec<String>>,
    /// Where only the outcome matters: the batches are not compared, everything else is.
    #[serde(default)]
    pub any_batches: bool,
    /// `SUBJECT EVIDENCE` of what goes ahead, in any order; left out where the batches say enough.
    pub steps: Option<Vec<String>>,
    /// `SUBJECT REASON`, in any order.
    #[serde(default)]
    pub held_back: Vec<String>,
    /// The pools whose release was used up.
    #[serde(default)]
    pub releases_used: BTreeSet<String>,
    /// A part of each error, in any order.
    #[serde(default)]
    pub errors: Vec<String>,
    /// The record sets afterwards; left out where nothing changes.
    pub zone: Option<Vec<String>>,
    /// How many messages ask for nothing.
    #[serde(default)]
    pub dropped: usize,
}

fn ten_o_clock() -> Timestamp {
    // 2026-11-21T10:00:00Z.
    Timestamp::from_second(1_795_255_200).unwrap_or_default()
}

fn default_deployment() -> String {
    "default".to_owned()
}

/// The texts that a scenario stands for, as files would hold them.
#[derive(Debug)]
pub struct Documents {
    /// Pool documents by name.
    pub pools: BTreeMap<String, String>,
    /// What `aws ec2 describe-instances` prints.
    pub fleet: String,
    /// What `aws autoscaling describe-auto-scaling-groups` prints.
    pub groups: Option<String>,
    /// What `aws route53 list-resource-record-sets` prints, by hosted zone.
    pub zones: BTreeMap<String, String>,
    /// Messages, one a line.
    pub events: String,
    /// What `aws ec2 describe-instances` printed at the look before.
    pub remembered: Option<String>,
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("the scenario cannot be read")
    }

    /// Expands the compact lines.
    ///
    /// # Errors
    /// When a line is not understood.
    pub fn documents(&self) -> Result<Documents> {
        let cut = |read| self.truncated.contains(&read);
        let mut zones = BTreeMap::from([(HOSTED_ZONE.to_owned(), zone_json(&self.zone, cut(Read::Zone))?)]);
        for (id, lines) in &self.other_zones {
            zones.insert(id.clone(), zone_json(lines, false)?);
        }
        let remembered = self.remembered.as_ref();
        let remembered =
            remembered.map(|lines| fleet_line::fleet_json(lines, false, self.now)).transpose()?;
        let events = expand_all(&self.events)?;
        let events: Result<Vec<String>> =
            events.iter().map(|line| event_line::message(line, self.now)).collect();
        Ok(Documents {
            pools: self
                .pools
                .iter()
                .map(|(name, document)| Ok((name.clone(), pool_text(name, document)?)))
                .collect::<Result<_>>()?,
            fleet: fleet_line::fleet_json(&self.fleet, cut(Read::Fleet), self.now)?.to_string(),
            groups: self.groups_json(cut(Read::Groups))?.map(|groups| groups.to_string()),
            zones: zones.into_iter().map(|(id, zone)| (id, zone.to_string())).collect(),
            events: events?.join("\n"),
            remembered: remembered.map(|fleet| fleet.to_string()),
        })
    }

    fn groups_json(&self, cut: bool) -> Result<Option<Value>> {
        let mut groups = Vec::new();
        for (name, members) in &self.groups {
            let mut instances = Vec::new();
            for member in expand_all(members)? {
                let (id, state) = member.split_once(' ').context("a group's member is written ID STATE")?;
                instances.push(json!({
                    "InstanceId": id,
                    "AvailabilityZone": "us-east-1-wl1-bos-wlz-1",
                    "LifecycleState": state,
                    "HealthStatus": "Healthy",
                    "ProtectedFromScaleIn": false,
                }));
            }
            groups.push(json!({ "AutoScalingGroupName": name, "MinSize": 0, "Instances": instances }));
        }
        let mut dump = json!({ "AutoScalingGroups": groups });
        if cut {
            dump["NextToken"] = json!("eyJOZXh0VG9rZW4iOiBudWxsfQ==");
        }
        Ok((cut || !self.groups.is_empty()).then_some(dump))
    }
}

/// A listing as Route 53 gives it: the zone's own records first, then `lines` in the order of the file.
fn zone_json(lines: &[String], cut: bool) -> Result<Value> {
    let soa =
        format!("{ORIGIN} SOA ttl=900 \"ns.example.net. hostmaster.example.net. 1 7200 900 1209600 86400\"");
    let mut records = vec![
        record_line::record_json(&format!("{ORIGIN} NS ttl=172800 ns.example.net."))?,
        record_line::record_json(&soa)?,
    ];
    for line in expand_all(lines)? {
        records.push(record_line::record_json(&line)?);
    }
    let mut listing = json!({ "ResourceRecordSets": records, "IsTruncated": cut, "MaxItems": "300" });
    if cut {
        listing["NextRecordName"] = json!(format!("zzz.{ORIGIN}."));
    }
    Ok(listing)
}

/// Lays what the scenario gives over the smallest document: a name and a tag after the pool's own name.
/// The tag is left out where the scenario gives any selector.
fn pool_text(name: &str, given: &toml::Value) -> Result<String> {
    if let Some(text) = given.as_str() {
        return Ok(text.to_owned());
    }
    let given = serde_json::to_value(given)?;
    let mut document = json!({
        "version": 1,
        "record": { "hosted_zone_id": HOSTED_ZONE, "name": format!("{name}.bos.{ORIGIN}") },
        "members": {},
    });
    let selects = ["wavelength_zones", "tags", "auto_scaling_groups"];
    if selects.iter().all(|selector| given["members"][selector].is_null()) {
        document["members"]["tags"] = json!({ "edge-dns": name });
    }
    lay_over(&mut document, given);
    Ok(format!("{document:#}"))
}

fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                lay_over(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}

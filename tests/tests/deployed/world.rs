//! An emulated account with a hosted zone, a fleet and a bucket to deploy from; each test has its own.
//!
//! What a stack makes of it is elsewhere.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};
use aws_stand_in::Ministack;
use serde_json::{Value, json};

use crate::aws::{Aws, wait_until};
use crate::package::Package;

/// The hosted zone's name.
pub(crate) const ZONE: &str = "edge.example.com";

/// A record that is nobody's business, as [`World::records`] shows it.
pub(crate) const FOREIGN: &str = "static.edge.example.com. A 60 192.0.2.1";

/// An instance of the fleet.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) address: String,
}

impl Instance {
    /// Returns its record in a pool of the deployment `edge`, as [`World::records`] shows it.
    pub(crate) fn record(&self, pool: &str, ttl: u32) -> String {
        format!("{pool}.{ZONE}. A {ttl} {} registrar/edge/{pool}/{}", self.address, self.id)
    }
}

/// Returns the records that there should be: the foreign one, and these.
pub(crate) fn with_foreign(records: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    records.into_iter().chain([FOREIGN.to_owned()]).collect()
}

pub(crate) struct World {
    // In this order, so that nobody calls an emulator that has ended.
    pub(crate) aws: Aws,
    pub(crate) package: Package,
    pub(crate) hosted_zone_id: String,
    _ministack: Ministack,
    _files: tempfile::TempDir,
}

impl World {
    pub(crate) fn start() -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "the environment of a test run enters here")]
        let python = std::env::var_os("REGISTRAR_PYTHON");
        let python = PathBuf::from(python.context("REGISTRAR_PYTHON is not set (hint: cargo xtask python)")?);
        let files = tempfile::tempdir()?;
        let ministack = Ministack::start(&python, files.path())?;
        let endpoint = ministack.endpoint();
        let aws = Aws::start(&python, &endpoint)?;
        let package = Package::upload(&aws, &endpoint, files.path())?;
        let hosted_zone_id = create_hosted_zone(&aws, json!({}))?;
        let world = Self { aws, package, hosted_zone_id, _ministack: ministack, _files: files };
        world.change("CREATE", foreign_record())?;
        Ok(world)
    }

    /// Starts an instance that the pool of the template's defaults selects.
    pub(crate) fn launch(&self) -> Result<Instance> {
        let tags = json!([{"ResourceType": "instance", "Tags": [{"Key": "edge-dns", "Value": "video"}]}]);
        let wanted = json!({"ImageId": "ami-12345678", "InstanceType": "t3.medium", "MinCount": 1, "MaxCount": 1,
            "TagSpecifications": tags});
        let made = self.aws.call("ec2", "run_instances", wanted)?;
        let id = made["Instances"][0]["InstanceId"].as_str().context("the instance's id")?.to_owned();
        let seen = self.aws.call("ec2", "describe_instances", json!({"InstanceIds": [id]}))?;
        let address = seen["Reservations"][0]["Instances"][0]["PublicIpAddress"].as_str();
        Ok(Instance { address: address.context("the instance's address")?.to_owned(), id })
    }

    pub(crate) fn terminate(&self, instance: &Instance) -> Result<()> {
        self.aws.call("ec2", "terminate_instances", json!({"InstanceIds": [instance.id]})).map(drop)
    }

    /// Creates or deletes a record set by hand.
    pub(crate) fn change(&self, action: &str, record_set: Value) -> Result<()> {
        let batch = json!({"Changes": [{"Action": action, "ResourceRecordSet": record_set}]});
        let arguments = json!({"HostedZoneId": self.hosted_zone_id, "ChangeBatch": batch});
        self.aws.call("route53", "change_resource_record_sets", arguments).map(drop)
    }

    /// Returns every record of the hosted zone but those that it was made with.
    pub(crate) fn records(&self) -> Result<BTreeSet<String>> {
        let arguments = json!({"HostedZoneId": self.hosted_zone_id});
        let listing = self.aws.call("route53", "list_resource_record_sets", arguments)?;
        let sets = listing["ResourceRecordSets"].as_array().context("record sets")?;
        Ok(sets.iter().filter(|set| set["Type"] != "NS" && set["Type"] != "SOA").map(shown).collect())
    }

    pub(crate) fn wait_for_records(&self, what: &str, wanted: &BTreeSet<String>) -> Result<()> {
        wait_until(what, || self.records(), |records| records == wanted).map(drop)
    }

    /// Returns whatever a stack could leave behind, by kind and name.
    pub(crate) fn leftovers(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (service, operation, list, name) in [
            ("sqs", "list_queues", "QueueUrls", ""),
            ("lambda", "list_functions", "Functions", "FunctionName"),
            ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
            ("logs", "describe_log_groups", "logGroups", "logGroupName"),
            ("events", "list_rules", "Rules", "Name"),
            ("scheduler", "list_schedules", "Schedules", "Name"),
            ("iam", "list_roles", "Roles", "RoleName"),
            ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
            ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
            ("ssm", "describe_parameters", "Parameters", "Name"),
        ] {
            let listing = self.aws.call(service, operation, json!({}))?;
            for entry in listing[list].as_array().into_iter().flatten() {
                let name = entry.get(name).unwrap_or(entry).as_str().context(operation)?;
                found.push(format!("{service}: {name}"));
            }
        }
        Ok(found)
    }
}

/// Makes a hosted zone, public unless `more` says otherwise, and returns its id.
pub(crate) fn create_hosted_zone(aws: &Aws, more: Value) -> Result<String> {
    let mut arguments = json!({"Name": ZONE, "CallerReference": more.to_string()});
    for (name, value) in more.as_object().into_iter().flatten() {
        arguments[name] = value.clone();
    }
    let made = aws.call("route53", "create_hosted_zone", arguments)?;
    let id = made["HostedZone"]["Id"].as_str().context("the hosted zone's id")?;
    Ok(id.trim_start_matches("/hostedzone/").to_owned())
}

/// Returns the record set of [`FOREIGN`].
pub(crate) fn foreign_record() -> Value {
    let values = json!([{"Value": "192.0.2.1"}]);
    json!({"Name": format!("static.{ZONE}"), "Type": "A", "TTL": 60, "ResourceRecords": values})
}

fn shown(set: &Value) -> String {
    let values = set["ResourceRecords"].as_array().into_iter().flatten();
    let mut parts = vec![text(&set["Name"]), text(&set["Type"]), text(&set["TTL"])];
    parts.extend(values.map(|value| text(&value["Value"])));
    parts.extend(set.get("SetIdentifier").map(text));
    parts.join(" ")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

//! A scenario's world behind the stand-in, its dumps in a directory, and the command run against it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use aws_stand_in::{Group, Instance, InstanceState, Route53Settings, StandIn, World};
use registrar_core::Timestamp;
use registrar_core::record_set::RecordSet;
use registrar_tests::scenario::{Documents, HOSTED_ZONE, ORIGIN, Scenario};
use serde_json::Value;
use tempfile::TempDir;

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Checks the exit code, and shows everything where it is another.
    pub(crate) fn exited(self, code: i32) -> Result<Self> {
        ensure!(
            self.code == code,
            "exit code {} and not {code}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }

    /// Checks that standard error says something.
    pub(crate) fn complains(self, part: &str) -> Result<Self> {
        ensure!(self.stderr.contains(part), "standard error does not say {part:?}:\n{}", self.stderr);
        Ok(self)
    }

    /// Checks that standard output says something.
    pub(crate) fn says(self, part: &str) -> Result<Self> {
        ensure!(self.stdout.contains(part), "standard output does not say {part:?}:\n{}", self.stdout);
        Ok(self)
    }

    /// Returns the audit line of a command.
    pub(crate) fn audit(&self, command: &str) -> Result<Value> {
        let lines = self.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut audits = lines.filter(|line| line["audit"] == command);
        audits.next().with_context(|| format!("no audit line of {command}:\n{}", self.stderr))
    }
}

/// A deployment named `edge` behind the stand-in.
pub(crate) struct Edge {
    stand_in: StandIn,
    directory: TempDir,
    pools: Vec<String>,
}

impl Edge {
    /// Starts a scenario's world (without its `why`).
    pub(crate) async fn start(scenario: &str) -> Result<Self> {
        let scenario = Scenario::parse(&format!("why = \"a world\"\ndeployment = \"edge\"\n{scenario}"))?;
        let documents = scenario.documents()?;
        let directory = tempfile::tempdir()?;
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text);
        write("fleet.json", &documents.fleet)?;
        write("zone.json", documents.zones.get(HOSTED_ZONE).context("a hosted zone")?)?;
        let groups = documents.groups.clone().unwrap_or_else(|| r#"{"AutoScalingGroups":[]}"#.to_owned());
        write("groups.json", &groups)?;
        for (name, text) in &documents.pools {
            write(&format!("{name}.json"), text)?;
        }
        let pools = documents.pools.keys().map(|name| format!("{name}.json")).collect();
        let stand_in = StandIn::start(world(&documents, &groups)?).await?;
        Ok(Self { stand_in, directory, pools })
    }

    /// Locks the world, to look at it or change it.
    pub(crate) fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.stand_in.world()
    }

    /// Returns the record sets of the hosted zone but its own, as lines.
    pub(crate) fn records(&self) -> Result<Vec<String>> {
        let records = self.world().records(HOSTED_ZONE)?;
        let of_pools = records.iter().filter(|record| record.name.as_str() != ORIGIN);
        Ok(of_pools.map(ToString::to_string).collect())
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.directory.path().join(name), text)?)
    }

    /// Runs the command with the stand-in's endpoint and credentials.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Ran> {
        self.run_with(arguments, &[])
    }

    /// Runs the command with further settings; one without a value is left out.
    pub(crate) fn run_with(&self, arguments: &[&str], settings: &[(&str, Option<&str>)]) -> Result<Ran> {
        let endpoint = self.stand_in.endpoint();
        let usual = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_registrar"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env_clear().env("HOME", self.directory.path()).envs(usual);
        for (name, value) in settings {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let output = command.output()?;
        Ok(Ran {
            code: output.status.code().context("the command was killed")?,
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// Plans the same world offline, at a time, from its dumps.
    pub(crate) fn plan_offline(&self, now: &str) -> Result<Ran> {
        let mut arguments =
            vec!["plan", "--fleet", "fleet.json", "--zone", "zone.json", "--groups", "groups.json"];
        arguments.extend(["--deployment", "edge", "--now", now, "--format", "json", "--pool"]);
        arguments.extend(self.pools.iter().map(String::as_str));
        self.run_with(&arguments, &[("AWS_ENDPOINT_URL", Some("http://127.0.0.1:1"))])
    }

    /// Plans on AWS, and writes the plan to `plan.json`.
    pub(crate) fn review(&self) -> Result<Value> {
        let ran = self.run(&["plan", "--deployment", "edge", "--format", "json"])?;
        self.write("plan.json", &ran.stdout)?;
        serde_json::from_str(&ran.stdout).with_context(|| format!("{}\n{}", ran.stdout, ran.stderr))
    }
}

/// Puts what the dumps tell into a world.
fn world(documents: &Documents, groups: &str) -> Result<World> {
    let settings = Route53Settings { throttling: false, ..Route53Settings::default() };
    let mut world = World::new(aws_stand_in::Clock::Real, settings);
    let mut members: Vec<(String, String)> = Vec::new();
    let groups: Value = serde_json::from_str(groups)?;
    for group in groups["AutoScalingGroups"].as_array().context("groups")? {
        world.put_group(Group::new(text(&group["AutoScalingGroupName"])?));
        for member in group["Instances"].as_array().context("members")? {
            members
                .push((text(&member["InstanceId"])?.to_owned(), text(&member["LifecycleState"])?.to_owned()));
        }
    }
    let fleet: Value = serde_json::from_str(&documents.fleet)?;
    let reservations = fleet["Reservations"].as_array().context("reservations")?;
    for described in
        reservations.iter().filter_map(|reservation| reservation["Instances"].as_array()).flatten()
    {
        world.put_instance(instance(described, &members)?);
    }
    for (id, state) in &members {
        world.set_lifecycle_state(id, state);
    }
    let zone: Value = serde_json::from_str(documents.zones.get(HOSTED_ZONE).context("a hosted zone")?)?;
    let records: Vec<RecordSet> = serde_json::from_value(zone["ResourceRecordSets"].clone())?;
    world.put_hosted_zone(HOSTED_ZONE, ORIGIN, records)?;
    for (name, document) in &documents.pools {
        world.put_parameter(&format!("/registrar/edge/pools/{name}"), document);
    }
    Ok(world)
}

fn instance(described: &Value, members: &[(String, String)]) -> Result<Instance> {
    let id = text(&described["InstanceId"])?;
    let mut instance = Instance::new(id, text(&described["Placement"]["AvailabilityZone"])?);
    instance.state = serde_json::from_value::<InstanceState>(described["State"]["Name"].clone())?;
    instance.launched_at = Some(text(&described["LaunchTime"])?.parse::<Timestamp>()?);
    let address = &described["NetworkInterfaces"][0]["PrivateIpAddresses"][0];
    instance.private_ip = address["PrivateIpAddress"].as_str().map(str::parse).transpose()?;
    instance.carrier_ip = address["Association"]["CarrierIp"].as_str().map(str::parse).transpose()?;
    for tag in described["Tags"].as_array().into_iter().flatten() {
        instance.tags.insert(text(&tag["Key"])?.to_owned(), text(&tag["Value"])?.to_owned());
    }
    let group = instance.tags.get("aws:autoscaling:groupName").cloned();
    if let Some(group) = group.filter(|_| members.iter().any(|(member, _)| member == id)) {
        instance = instance.in_group(&group);
    }
    Ok(instance)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

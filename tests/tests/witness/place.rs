//! A deployment named `edge` on the stand-in, a name server, and the probe run against both.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::{Arc, MutexGuard};

use anyhow::{Context, Result, ensure};
use aws_stand_in::{Clock, Group, Instance, Route53Settings, StandIn, World};
use jiff::Timestamp;
use registrar_core::name::RecordName;
use registrar_core::record_set::{ChangeAction, RecordSet};
use registrar_local::dns::{NameServer, NameServerConfig, ZoneSource};
use registrar_local::route53::{ModelChange, PublishedZone};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::built;

/// The hosted zone of the pool.
pub(crate) const ZONE: &str = "Z0123456789ABCDEFGHIJ";
/// The name of the pool.
pub(crate) const NAME: &str = "video.bos.edge.example.com";
/// The Wavelength zone of every instance.
const BOSTON: &str = "us-east-1-wl1-bos-wlz-1";

/// Where everything is.
pub(crate) struct Place {
    aws: Arc<StandIn>,
    server: NameServer,
    directory: TempDir,
}

/// Whatever a test is about, nothing is sent that the probe's policies do not allow.
impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let calls = self.world().calls();
            let unlisted: Vec<&String> =
                calls.keys().filter(|call| !resolver_probe::ACTIONS.contains(&call.as_str())).collect();
            assert!(unlisted.is_empty(), "the list of actions lacks {unlisted:?}");
        }
    }
}

/// What a run of the probe left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Answers from the hosted zone as the stand-in has it at the moment of each query.
struct Live(Arc<StandIn>);

impl ZoneSource for Live {
    fn zone_of(&self, name: &RecordName, as_of: Timestamp) -> Option<Arc<PublishedZone>> {
        let mut world = self.0.world();
        let model = world.route53_model(ZONE).ok()?;
        model.published(model.hosted_zone_of(name)?, as_of).ok()
    }
}

impl Place {
    /// Starts a world with the pool `video` in a hosted zone of its own account, beside what `set_up` does.
    pub(crate) async fn with(set_up: impl FnOnce(&mut World) -> Result<()>) -> Result<Self> {
        Self::start(|world| {
            world.put_hosted_zone(ZONE, "edge.example.com", Vec::new())?;
            set_up(world)
        })
        .await
    }

    /// Starts a world whose hosted zone `set_up` makes.
    pub(crate) async fn start(set_up: impl FnOnce(&mut World) -> Result<()>) -> Result<Self> {
        let settings = Route53Settings { throttling: false, ..Route53Settings::default() };
        let mut world = World::new(Clock::Real, settings);
        world.put_group(Group::new("edge-video"));
        put_document(&mut world, "video", &document());
        set_up(&mut world)?;
        let aws = Arc::new(StandIn::start(world).await?);
        let zones = Arc::new(Live(Arc::clone(&aws)));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = NameServer::start(NameServerConfig::new(address, zones, Arc::new(now), 7)).await?;
        Ok(Self { aws, server, directory: tempfile::tempdir()? })
    }

    /// Starts a world in which these instances serve and are published.
    pub(crate) async fn serving(numbers: &[u8]) -> Result<Self> {
        Self::with(|world| {
            numbers.iter().for_each(|number| world.put_instance(machine(*number)));
            publish(world, numbers.iter().map(|number| weighted(*number, 100)))
        })
        .await
    }

    /// Locks the world, to look at it or change it.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.aws.world()
    }

    pub(crate) fn aws(&self) -> &StandIn {
        &self.aws
    }

    pub(crate) fn server(&self) -> SocketAddr {
        self.server.address()
    }

    /// Lets a second name server answer from the hosted zone as it is now, whatever becomes of it.
    pub(crate) async fn lagging_server(&self) -> Result<NameServer> {
        let zone = Live(Arc::clone(&self.aws)).zone_of(&NAME.parse()?, now());
        let zone: Arc<dyn ZoneSource> = Arc::new(zone.context("the hosted zone answers for the name")?);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Ok(NameServer::start(NameServerConfig::new(address, zone, Arc::new(now), 8)).await?)
    }

    /// Writes a file into the directory that the probe runs in.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.directory.path().join(name), text)?)
    }

    /// Checks the name at the name server, with AWS as the truth.
    pub(crate) async fn check(&self, more: &[&str]) -> Result<Ran> {
        let usual = ["--truth", "aws", "--deployment", "edge", "--pool", "video", "--format", "json"];
        self.run(&[&usual, more].concat(), &[]).await
    }

    /// Checks the name at the name server, with these arguments and settings; one without a value is left out.
    pub(crate) async fn run(&self, more: &[&str], settings: &[(&str, Option<&str>)]) -> Result<Ran> {
        let server = self.server().to_string();
        let endpoint = self.aws.endpoint();
        let mut command = Command::new(built("resolver-probe")?);
        command.args(["check", NAME, "--server", &server]).args(more);
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command.env_clear().env("HOME", self.directory.path()).envs([
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        for (name, value) in settings {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let (stdout, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        ensure!(!stderr.contains("panicked"), "a panic:\n{stderr}");
        Ok(Ran { code: output.status.code(), stdout, stderr })
    }
}

impl Ran {
    /// Returns the report.
    pub(crate) fn report(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("{self:?}"))
    }

    /// Checks the exit code and the findings, those for information left out.
    pub(crate) fn is(self, code: i32, findings: &[&str]) -> Result<Value> {
        let report = self.report()?;
        let wanted: BTreeSet<String> = findings.iter().map(|words| (*words).to_owned()).collect();
        let found = words(&report)?;
        let same = found == wanted && self.code == Some(code);
        ensure!(same, "exit code {:?} with {found:?}, and not {code} with {wanted:?}\n{self:?}", self.code);
        Ok(report)
    }

    /// Checks that no report was made: exit code 3, and a reason with a hint on standard error.
    pub(crate) fn refuses(self, parts: &[&str]) -> Result<Self> {
        ensure!(self.code == Some(3) && self.stdout.is_empty(), "{self:?}");
        for part in parts {
            ensure!(self.stderr.contains(part), "standard error does not say {part:?}:\n{}", self.stderr);
        }
        Ok(self)
    }
}

/// Returns the findings of a report as `critical stale-record`, those for information left out.
pub(crate) fn words(report: &Value) -> Result<BTreeSet<String>> {
    let findings = report["findings"].as_array().context("findings")?;
    let words = findings.iter().map(|finding| {
        let word = |key: &str| finding[key].as_str().unwrap_or("?").to_owned();
        format!("{} {}", word("severity"), word("id"))
    });
    Ok(words.filter(|words| !words.starts_with("info ")).collect())
}

/// Returns the first finding of a kind.
pub(crate) fn finding<'a>(report: &'a Value, id: &str) -> Result<&'a Value> {
    let findings = report["findings"].as_array().context("findings")?;
    let found = findings.iter().find(|finding| finding["id"] == id);
    found.with_context(|| format!("no {id} in {findings:#?}"))
}

/// Checks that a finding's sentence says something.
pub(crate) fn says(finding: &Value, part: &str) -> Result<()> {
    let message = finding["message"].as_str().unwrap_or_default();
    ensure!(message.contains(part), "{message:?} does not say {part:?}");
    Ok(())
}

pub(crate) fn document() -> Value {
    json!({
        "version": 1,
        "record": { "hosted_zone_id": ZONE, "name": NAME, "ttl_secs": 20 },
        "members": { "wavelength_zones": [BOSTON], "tags": { "edge-dns": "video" } },
    })
}

pub(crate) fn put_document(world: &mut World, pool: &str, document: &Value) {
    world.put_parameter(&format!("/registrar/edge/pools/{pool}"), &document.to_string());
}

pub(crate) fn id(number: u8) -> String {
    format!("i-{number:017x}")
}

pub(crate) fn ip(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(155, 146, 10, number)
}

/// A running member of the pool's group.
pub(crate) fn machine(number: u8) -> Instance {
    let plain = Instance::new(&id(number), BOSTON).with_carrier_ip(ip(number));
    plain.with_tag("edge-dns", "video").in_group("edge-video")
}

/// The record of an instance.
pub(crate) fn weighted(number: u8, weight: u8) -> Value {
    record(&format!("registrar/edge/video/{}", id(number)), weight, ip(number))
}

pub(crate) fn record(identifier: &str, weight: u8, address: Ipv4Addr) -> Value {
    json!({
        "Name": NAME, "Type": "A", "SetIdentifier": identifier, "Weight": weight, "TTL": 20,
        "ResourceRecords": [{ "Value": address.to_string() }],
    })
}

/// Puts record sets into the hosted zone.
pub(crate) fn publish(world: &mut World, records: impl IntoIterator<Item = Value>) -> Result<()> {
    change(world, ChangeAction::Create, records)
}

/// Takes record sets out of the hosted zone.
pub(crate) fn withdraw(world: &mut World, records: impl IntoIterator<Item = Value>) -> Result<()> {
    change(world, ChangeAction::Delete, records)
}

fn change(world: &mut World, action: ChangeAction, records: impl IntoIterator<Item = Value>) -> Result<()> {
    let records = records.into_iter().map(serde_json::from_value::<RecordSet>);
    let changes: Vec<ModelChange> =
        records.map(|record| Ok((action, record?).into())).collect::<Result<_>>()?;
    let now = world.now();
    world.route53_model(ZONE)?.change_record_sets(&ZONE.parse()?, &changes, now)?;
    Ok(())
}

/// Returns the time of the machine, which the process under test has too.
#[expect(clippy::disallowed_methods, reason = "a process is tested by the clock that it has")]
fn now() -> Timestamp {
    Timestamp::now()
}

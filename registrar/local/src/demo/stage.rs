//! The stage of the demonstration: an embedded fleet, the files that show it, the service that reads
//! them, and the probe that asks the name servers.
//!
//! What EC2 would show is written to files as the AWS CLI prints it; the service has no other view.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use registrar_core::Timestamp;
use registrar_core::ids::InstanceId;
use registrar_core::inventory::InstanceState;
use registrar_core::offline::PoolArgument;
use registrar_core::pool::Policy;
use resolver_probe::{CheckReport, CheckRequest, Samples, Truth};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::dns::Clock;
use crate::fleet::{EmbeddedFleet, EmbeddedInstance};
use crate::serve::{Console, Inputs, ServeConfig, Service, Signals};

pub(super) const ZONE: &str = "us-east-1-wl1-bos-wlz-1";
pub(super) const ORIGIN: &str = "edge.example.com";
const GROUP: &str = "video-edge";

/// Everything that the scenes play with.
pub(super) struct Stage {
    folder: TempDir,
    service: Service<Shared>,
    told: Shared,
    clock: Clock,
    seed: u64,
    queries: u64,
    fleet: EmbeddedFleet,
}

/// What the service tells, kept until the teller repeats it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The id of the demonstration's instance number `number`.
pub(super) fn instance(number: u8) -> Result<InstanceId> {
    Ok(format!("i-0a1b2c3d4e5f6070{number}").parse()?)
}

/// Its Carrier IP.
pub(super) fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(155, 146, 10, number)
}

/// A pool document.
pub(super) fn document(pool: &str, ttl_secs: i64) -> Value {
    json!({
        "version": 1,
        "record": {
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "name": format!("{pool}.bos.{ORIGIN}"),
            "ttl_secs": ttl_secs,
        },
        "members": { "wavelength_zones": [ZONE], "tags": { "edge-dns": pool } },
    })
}

impl Stage {
    /// Writes the files of an empty fleet and starts to serve them on free ports of the loopback address.
    pub(super) async fn set(seed: u64, clock: Clock) -> Result<Self> {
        let folder =
            TempDir::with_prefix("registrar-demo-").context("no folder for the demonstration's files")?;
        let path = |name: &str| folder.path().join(name);
        let fleet = EmbeddedFleet::default();
        for pool in ["video", "games"] {
            std::fs::write(path(&format!("{pool}.json")), document(pool, 20).to_string())?;
        }
        write_fleet(&folder, &fleet.describe_instances(), &fleet)?;
        let mut pools = Vec::new();
        for pool in ["video", "games"] {
            pools.push(PoolArgument { name: pool.parse()?, file: path(&format!("{pool}.json")) });
        }
        let config = ServeConfig {
            inputs: Inputs {
                pools,
                fleet: path("fleet.json"),
                groups: Some(path("groups.json")),
                zone: Some(path("zone.json")),
                faults: None,
            },
            origin: ORIGIN.parse()?,
            dns: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            resolvers: Vec::new(),
            deployment: "demo".parse()?,
            sweep: std::time::Duration::from_secs(1),
            exit_on_eof: false,
            seed,
        };
        let told = Shared::default();
        let service = Service::start(&config, Console::new(told.clone(), false), Arc::clone(&clock)).await?;
        Ok(Self { folder, service, told, clock, seed, queries: 0, fleet })
    }

    pub(super) fn where_it_answers(&self) -> String {
        let addresses: Vec<String> = self.service.addresses().iter().map(ToString::to_string).collect();
        format!("for {ORIGIN} on {}", addresses.join(", "))
    }

    pub(super) fn dig_command(&self) -> String {
        let address = self.service.addresses().first().copied();
        let (ip, port) = address.map_or((Ipv4Addr::LOCALHOST.into(), 0), |at| (at.ip(), at.port()));
        format!("dig +short @{ip} -p {port} video.bos.{ORIGIN} A")
    }

    pub(super) fn queries(&self) -> u64 {
        self.queries
    }

    /// The time to the second, as AWS gives it in descriptions and events.
    pub(super) fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// Launches an instance of a pool; EC2 shows it at the next look.
    pub(super) fn launch(&mut self, number: u8, pool: &str, weight: u8) -> Result<()> {
        let tags = [("edge-dns", pool.to_owned()), ("edge-dns-weight", weight.to_string())];
        let instance_now = EmbeddedInstance {
            state: InstanceState::Running,
            launched_at: self.now(),
            zone: ZONE.parse()?,
            carrier_ip: Some(address(number)),
            tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            group: Some((GROUP.parse()?, "InService".to_owned())),
        };
        self.fleet.instances.insert(instance(number)?, instance_now);
        self.show_fleet()
    }

    /// Changes an instance; EC2 and Auto Scaling show it at the next look.
    pub(super) fn change(&mut self, number: u8, change: impl FnOnce(&mut EmbeddedInstance)) -> Result<()> {
        if let Some(instance) = self.fleet.instances.get_mut(&instance(number)?) {
            change(instance);
        }
        self.show_fleet()
    }

    /// Terminates an instance without anybody being told.
    pub(super) fn terminate(&mut self, number: u8) -> Result<()> {
        self.change(number, |instance| {
            instance.state = InstanceState::Terminated;
            instance.carrier_ip = None;
            instance.group = None;
        })
    }

    /// Lets EC2 show the whole fleet.
    pub(super) fn show_fleet(&self) -> Result<()> {
        write_fleet(&self.folder, &self.fleet.describe_instances(), &self.fleet)
    }

    /// Lets EC2 show the first instances only, and say that there are more.
    pub(super) fn show_first(&self, shown: usize) -> Result<()> {
        write_fleet(&self.folder, &self.fleet.describe_first_instances(shown), &self.fleet)
    }

    pub(super) fn write_document(&self, pool: &str, document: &Value) -> Result<()> {
        std::fs::write(self.folder.path().join(format!("{pool}.json")), document.to_string())?;
        Ok(())
    }

    /// Looks at everything, as the schedule does, and returns what the registrar told.
    pub(super) async fn sweep(&mut self) -> Result<Vec<String>> {
        self.service.look().await?;
        Ok(self.take_told())
    }

    /// Delivers events; the registrar looks if one of them asks for it.
    pub(super) async fn deliver(&mut self, events: &[Value]) -> Result<Vec<String>> {
        let mut asks = false;
        for event in events {
            asks |= self.service.take_line(&event.to_string())?;
        }
        if asks {
            self.service.look().await?;
        }
        Ok(self.take_told())
    }

    fn take_told(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.told.0.lock().unwrap_or_else(PoisonError::into_inner));
        let text = anstream::adapter::strip_bytes(&bytes).into_vec();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }

    /// Asks the name servers for a pool's name, and compares with the fleet as it really is.
    pub(super) async fn probe(&mut self, pool: &str, samples: NonZeroU64) -> Result<CheckReport> {
        let policy = Policy::parse(&document(pool, 20).to_string())?;
        let fleet = registrar_core::dump::read_fleet(&self.fleet.describe_instances().to_string())?;
        let groups =
            registrar_core::dump::read_groups(&self.fleet.describe_auto_scaling_instances().to_string())?;
        self.seed = self.seed.wrapping_add(1);
        let now = self.now();
        let mut request = CheckRequest::new(policy.name.clone(), self.service.addresses(), now, self.seed);
        request.truth = Some(Truth::new(&policy, &fleet, Some(&groups)));
        request.samples = Samples::Exactly(samples);
        let report = resolver_probe::check(request).await;
        let transports = report.servers.iter().map(|server| &server.transport);
        self.queries +=
            transports.map(|transport| transport.udp.queries + transport.tcp.queries).sum::<u64>();
        Ok(report)
    }

    /// Looks at every second from now on, until a signal.
    pub(super) async fn keep_serving(&mut self, signals: &mut Signals) -> Result<()> {
        let mut sweep = tokio::time::interval(std::time::Duration::from_secs(1));
        loop {
            tokio::select! {
                _ = signals.next() => return Ok(()),
                _ = sweep.tick() => { self.service.look().await?; }
            }
        }
    }

    /// Stops the name servers and removes the files.
    pub(super) async fn clear(self) -> Result<()> {
        self.service.stop("the demonstration is over").await?;
        self.folder.close().context("the demonstration's files could not be removed")
    }
}

fn write_fleet(folder: &TempDir, instances: &Value, fleet: &EmbeddedFleet) -> Result<()> {
    std::fs::write(folder.path().join("fleet.json"), instances.to_string())?;
    std::fs::write(folder.path().join("groups.json"), fleet.describe_auto_scaling_instances().to_string())?;
    Ok(())
}

/// The addresses that a report's first server answers.
pub(super) fn answered(report: &CheckReport) -> BTreeSet<Ipv4Addr> {
    let answers = report.servers.iter().flat_map(|server| &server.answers);
    answers.filter(|answer| answer.count > 0).map(|answer| answer.address).collect()
}

/// An EventBridge envelope about an instance.
pub(super) fn state_change(number: u8, state: &str, at: Timestamp) -> Result<Value> {
    Ok(json!({
        "version": "0", "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification",
        "time": at, "detail": { "instance-id": instance(number)?, "state": state },
    }))
}

/// The envelope of the terminate hook.
pub(super) fn drain_hook(number: u8, at: Timestamp) -> Result<Value> {
    Ok(json!({
        "version": "0", "source": "aws.autoscaling", "detail-type": "EC2 Instance-terminate Lifecycle Action",
        "time": at,
        "detail": {
            "EC2InstanceId": instance(number)?, "AutoScalingGroupName": GROUP, "LifecycleHookName": "dns-drain",
            "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
            "Origin": "AutoScalingGroup", "Destination": "EC2",
        },
    }))
}

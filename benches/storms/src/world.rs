//! The world that both sides are played in: the fleet, its events, the clock and the account at Route 53.
//!
//! It is the same for both. Who reacts to what, and how, is theirs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use registrar_core::ids::HostedZoneId;
use registrar_core::inventory::InstanceState;
use registrar_core::record_set::{RecordSet, RecordType};
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::edge::SharedModel;
use registrar_local::fleet::{EmbeddedFleet, EmbeddedInstance};
use registrar_local::route53::{Route53Model, Settings};
use serde_json::json;

use crate::exposure::Exposure;
use crate::storm::{Happening, Number, Storm, TTL_SECS, start};

pub(crate) const NAME: &str = "video.edge.example.com";
pub(crate) const HOSTED_ZONE: &str = "Z0123456789ABCDEFGHIJ";
const WAVELENGTH_ZONE: &str = "us-east-1-wl1-bos-wlz-1";
const GROUP: &str = "edge";

/// From acceptance until every name server answers with it.
pub(crate) const PROPAGATION: SignedDuration = SignedDuration::from_secs(15);
/// How long after an accepted change the hosted zone refuses the next one.
const CHANGE_IN_PROGRESS: SignedDuration = SignedDuration::from_millis(200);
/// From a happening until a function is told of it.
const DELIVERY: SignedDuration = SignedDuration::from_secs(1);

/// What a function is told.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) happened_at: Timestamp,
    pub(crate) visible_at: Timestamp,
    pub(crate) happening: Happening,
    /// The envelope, as EventBridge sends it.
    pub(crate) text: String,
}

/// The fleet, the clock and the account.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) model: SharedModel,
    pub(crate) fleet: EmbeddedFleet,
    pub(crate) before: Vec<Number>,
    pub(crate) ttl_secs: u32,
    pub(crate) exposure: Exposure,
    /// Messages that nobody has taken yet, oldest first.
    pub(crate) queue: VecDeque<Message>,
    happenings: VecDeque<(Timestamp, Happening)>,
}

impl World {
    /// Sets the scene as it is before a storm, without records.
    pub(crate) fn new(storm: &Storm) -> Self {
        let mut world = Self {
            now: start(),
            model: Arc::new(Mutex::new(Route53Model::new(Settings::default()))),
            fleet: EmbeddedFleet::default(),
            before: storm.before.clone(),
            ttl_secs: TTL_SECS,
            exposure: Exposure::default(),
            queue: VecDeque::new(),
            happenings: storm.happenings.iter().copied().collect(),
        };
        for number in &storm.before {
            world.set_state(*number, InstanceState::Running, start() - SignedDuration::from_hours(1));
        }
        world
    }

    /// Gives the account its budgets, full, with what stands there before the storm.
    pub(crate) fn open_account(&mut self, records: Vec<RecordSet>) {
        for record in &records {
            self.exposure.published(addresses(record), start() - SignedDuration::from_hours(1));
        }
        let mut model = Route53Model::new(Settings {
            throttling: true,
            propagation: PROPAGATION,
            change_in_progress: CHANGE_IN_PROGRESS,
            ..Settings::default()
        });
        if let (Ok(id), Ok(origin)) = (HOSTED_ZONE.parse::<HostedZoneId>(), "edge.example.com".parse()) {
            // It was empty, and what stands there came from a model of the same rules.
            let _ = model.create_hosted_zone(id, origin, records);
        }
        self.model = Arc::new(Mutex::new(model));
    }

    /// Lets time pass, with everything that happens in it.
    pub(crate) fn advance(&mut self, to: Timestamp) {
        while let Some((at, happening)) = self.happenings.front().copied().filter(|(at, _)| *at <= to) {
            self.happenings.pop_front();
            self.happen(at, happening);
        }
        self.now = self.now.max(to);
    }

    /// Lets a while pass.
    pub(crate) fn pass(&mut self, duration: SignedDuration) {
        self.advance(self.now + duration);
    }

    /// Returns when something happens next.
    pub(crate) fn next_happening(&self) -> Option<Timestamp> {
        self.happenings.front().map(|(at, _)| *at)
    }

    fn happen(&mut self, at: Timestamp, happening: Happening) {
        let (number, state) = match happening {
            Happening::Runs(number) => (number, InstanceState::Running),
            Happening::ShutsDown(number) => {
                self.exposure.died(number.address(), at);
                (number, InstanceState::ShuttingDown)
            }
            Happening::Terminated(number) => (number, InstanceState::Terminated),
            Happening::Ttl(secs) => {
                self.ttl_secs = secs;
                let text = json!({ "source": "aws.ssm", "detail-type": "Parameter Store Change", "time": at,
                    "detail": { "name": "/registrar/default/pools/video", "operation": "Update" } });
                self.tell(at, happening, text.to_string());
                return;
            }
        };
        self.set_state(number, state, at);
        let text = json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "time": at,
            "detail": { "instance-id": number.id(), "state": state.to_string() } });
        self.tell(at, happening, text.to_string());
    }

    fn tell(&mut self, at: Timestamp, happening: Happening, text: String) {
        self.queue.push_back(Message { happened_at: at, visible_at: at + DELIVERY, happening, text });
    }

    fn set_state(&mut self, number: Number, state: InstanceState, at: Timestamp) {
        let (Some(id), Ok(zone), Ok(group)) = (number.id(), WAVELENGTH_ZONE.parse(), GROUP.parse()) else {
            return;
        };
        let in_service = (state == InstanceState::Running).then(|| (group, "InService".to_owned()));
        let instance = self.fleet.instances.entry(id).or_insert_with(|| EmbeddedInstance {
            state,
            launched_at: at,
            zone,
            carrier_ip: Some(number.address()),
            tags: BTreeMap::from([("edge-dns".to_owned(), "video".to_owned())]),
            group: None,
        });
        (instance.state, instance.group) = (state, in_service);
    }

    /// Returns the addresses that answer.
    pub(crate) fn alive(&self) -> BTreeSet<Ipv4Addr> {
        let running =
            self.fleet.instances.values().filter(|instance| instance.state == InstanceState::Running);
        running.filter_map(|instance| instance.carrier_ip).collect()
    }
}

/// Returns the addresses of a record set.
pub(crate) fn addresses(record: &RecordSet) -> impl Iterator<Item = Ipv4Addr> {
    let values = record.values().filter(|_| record.r#type == RecordType::A);
    values.filter_map(|value| value.parse().ok())
}

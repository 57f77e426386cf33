//! A fleet, one pool, and a hosted zone on the strict model, which is looked at after every batch.
//!
//! It draws answers from the records as Route 53 does, and shares no code with the planner.

use std::collections::{BTreeMap, BTreeSet};

use registrar_core::guard::RemovalLedger;
use registrar_core::ids::{DeploymentName, HostedZoneId};
use registrar_core::inventory::{EventMemory, Gap, GapSource, Groups, HostedZone, Inventory};
use registrar_core::leaf::Leaf;
use registrar_core::lint::CheckedPlan;
use registrar_core::orders::Orders;
use registrar_core::plan::{Batch, Plan, PlanInput};
use registrar_core::pool::Pool;
use registrar_core::record_set::{RecordSet, RecordType};
use registrar_core::tree::TreeLimits;
use registrar_core::{Timestamp, dump};
use registrar_local::route53::{ModelChange, Route53Model, Settings};
use serde_json::{Value, json};

pub(crate) const ZONE: &str = "Z0123456789ABCDEFGHIJ";
pub(crate) const NAME: &str = "video.edge.example.com";

/// What an instance does, as EC2 tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Serving,
    /// It runs, and no tag selects it any more: no proof that its address leads nowhere.
    Left,
    Ended,
}

/// An instance of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) weight: u8,
    pub(crate) state: State,
    /// The number of its address: its own, until it gets another.
    pub(crate) address: usize,
}

impl Machine {
    pub(crate) fn serves(&self) -> bool {
        self.state == State::Serving
    }
}

/// A fleet, one pool's document, and the hosted zone that follows them.
pub(crate) struct World {
    pub(crate) fleet: BTreeMap<usize, Machine>,
    pub(crate) document: Value,
    /// Further pools, by name.
    pub(crate) others: Vec<(String, Value)>,
    pub(crate) model: Route53Model,
    pub(crate) limits: TreeLimits,
    pub(crate) now: Timestamp,
    /// Changes submitted so far.
    pub(crate) changes: usize,
    /// How many record sets a listing has before a page does not come.
    pub(crate) listed: Option<usize>,
}

pub(crate) fn zone() -> HostedZoneId {
    ZONE.parse().unwrap()
}

pub(crate) fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

pub(crate) fn address(number: usize) -> String {
    format!("155.{}.{}.{}", 146 + number / 65_536, number / 256 % 256, number % 256)
}

impl World {
    pub(crate) fn new(limits: TreeLimits) -> Self {
        let settings = Settings { throttling: false, ..Settings::default() };
        let mut model = Route53Model::new(settings);
        model.create_hosted_zone(zone(), "edge.example.com".parse().unwrap(), Vec::new()).unwrap();
        let document = json!({
            "version": 1,
            "record": { "hosted_zone_id": ZONE, "name": NAME },
            "members": { "tags": { "edge-dns": "video" } },
            "guard": { "max_removals": { "percent": 100, "count": 10_000, "window_secs": 60 } },
        });
        Self {
            fleet: BTreeMap::new(),
            document,
            others: Vec::new(),
            model,
            limits,
            now: Timestamp::UNIX_EPOCH,
            changes: 0,
            listed: None,
        }
    }

    pub(crate) fn of(size: usize, weight: impl Fn(usize) -> u8) -> Self {
        let mut world = Self::new(TreeLimits::default());
        world.launch(0..size, weight);
        let _ = world.follow();
        world
    }

    pub(crate) fn launch(&mut self, numbers: std::ops::Range<usize>, weight: impl Fn(usize) -> u8) {
        let serving =
            |number| (number, Machine { weight: weight(number), state: State::Serving, address: number });
        self.fleet.extend(numbers.map(serving));
    }

    pub(crate) fn end(&mut self, numbers: impl IntoIterator<Item = usize>) {
        self.turn(numbers, State::Ended);
    }

    pub(crate) fn leave(&mut self, numbers: impl IntoIterator<Item = usize>) {
        self.turn(numbers, State::Left);
    }

    fn turn(&mut self, numbers: impl IntoIterator<Item = usize>, state: State) {
        for number in numbers {
            self.fleet.get_mut(&number).unwrap().state = state;
        }
    }

    pub(crate) fn records(&self) -> Vec<RecordSet> {
        let mut records = self.model.records(&zone()).unwrap();
        records.retain(|record| !matches!(record.r#type, RecordType::Soa | RecordType::Ns));
        records
    }

    /// Returns the numbers of the instances whose records stand at a leaf.
    pub(crate) fn records_at(&self, leaf: Leaf) -> Vec<usize> {
        let name = leaf.name(&NAME.parse().unwrap()).unwrap();
        let at: BTreeSet<String> = self
            .records()
            .iter()
            .filter(|record| record.name == name)
            .flat_map(RecordSet::values)
            .map(str::to_owned)
            .collect();
        let stands = |(_, machine): &(&usize, &Machine)| at.contains(&address(machine.address));
        self.fleet.iter().filter(stands).map(|(number, _)| *number).collect()
    }

    /// Returns the leaves to which aliases lead.
    pub(crate) fn leaves(&self) -> BTreeSet<Leaf> {
        let targets = self.aliases().into_iter().filter_map(|alias| alias.alias_target);
        targets.map(|target| Leaf::of(&target.dns_name).unwrap().0).collect()
    }

    /// Returns what makes copies of one leaf's records at another one, until that is full.
    pub(crate) fn copies_to_fill(&self, from: Leaf, to: Leaf) -> Vec<ModelChange> {
        let [from_name, to_name] = [from, to].map(|leaf| leaf.name(&NAME.parse().unwrap()).unwrap());
        let records = self.records();
        let room = self.limits.in_set - records.iter().filter(|record| record.name == to_name).count();
        let copied = records.into_iter().filter(|record| record.name == from_name).take(room);
        copied.map(|record| copy_at(record, to)).collect()
    }

    pub(crate) fn inventory(&self) -> Inventory {
        let described: Vec<Value> =
            self.fleet.iter().map(|(number, machine)| reservation(*number, *machine)).collect();
        let fleet = dump::read_fleet(&json!({ "Reservations": described }).to_string()).unwrap();
        let mut records = self.model.records(&zone()).unwrap();
        records.truncate(self.listed.unwrap_or(usize::MAX));
        let gap = self.listed.map(|_| Gap::new(GapSource::HostedZone, "a page did not come"));
        let listed = HostedZone::from_records(records, gap);
        Inventory {
            observed_at: self.now,
            fleet,
            groups: Groups::default(),
            hosted_zones: [(zone(), listed)].into(),
            memory: EventMemory::default(),
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        let plan = self.plan_with_errors();
        assert!(!plan.has_errors(), "{plan}");
        plan
    }

    /// Plans what cannot be done in full.
    pub(crate) fn plan_with_errors(&self) -> Plan {
        let own = [("video".to_owned(), self.document.clone())];
        let all = own.iter().chain(&self.others);
        let read =
            |(name, document): &(String, Value)| Pool::read(name.parse().unwrap(), &document.to_string());
        let pools: Vec<Pool> = all.map(read).collect();
        let inventory = self.inventory();
        let deployment: DeploymentName = "default".parse().unwrap();
        let input = PlanInput {
            deployment: &deployment,
            pools: &pools,
            inventory: &inventory,
            ledger: &RemovalLedger::default(),
            orders: &Orders::default(),
            tree: self.limits,
        };
        CheckedPlan::new(Plan::new(input), &pools, &inventory).unwrap().into_plan()
    }

    pub(crate) fn submit(&mut self, batch: &Batch) {
        let changes = batch.changes().map(|change| (change.action, RecordSet::clone(&change.record)).into());
        let changes: Vec<ModelChange> = changes.collect();
        self.changes += changes.len();
        let accepted = self.model.change_record_sets(&zone(), &changes, self.now);
        assert!(accepted.is_ok(), "a batch is refused: {accepted:?}\n{batch}");
    }

    pub(crate) fn take(&mut self, plan: &Plan) {
        plan.batches.iter().for_each(|batch| self.submit(batch));
    }

    /// Applies a plan batch by batch, and looks at what is answered after each.
    pub(crate) fn apply(&mut self, plan: &Plan) {
        let stays = self.fleet.values().any(Machine::serves);
        let answered = stays && !self.answered().is_empty();
        for (number, batch) in plan.batches.iter().enumerate() {
            self.submit(batch);
            assert!(!answered || !self.answered().is_empty(), "the name is silent after batch {number}");
            let misfit = self.misfit();
            assert!(
                misfit.is_none(),
                "after batch {number}: {}\n{plan}\n{}",
                misfit.unwrap_or_default(),
                plan.batches.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            );
        }
    }

    /// Plans and applies; planning again then changes nothing.
    pub(crate) fn follow(&mut self) -> Plan {
        self.now += registrar_core::SignedDuration::from_secs(120);
        let plan = self.plan();
        self.follow_plan(plan)
    }

    /// The same, with a request for each unit, as where Route 53 throttles until nothing more can be split.
    pub(crate) fn follow_unit_by_unit(&mut self) -> Plan {
        self.now += registrar_core::SignedDuration::from_secs(120);
        self.follow_plan(one_by_one(self.plan()))
    }

    fn follow_plan(&mut self, plan: Plan) -> Plan {
        self.apply(&plan);
        let again = self.plan();
        assert!(again.batches.is_empty(), "planning again changes something: {again}");
        let published: BTreeSet<String> = self.answered().into_keys().collect();
        let wanted = self.serving();
        // Without proof, the last one stays.
        let left = self.fleet.values().any(|machine| machine.state == State::Left);
        assert!(published == wanted || (wanted.is_empty() && left), "{published:?}, where {wanted:?} serve");
        plan
    }

    /// Returns the addresses that should be answered.
    fn serving(&self) -> BTreeSet<String> {
        let serving = self.fleet.values().filter(|machine| machine.serves());
        serving.map(|machine| address(machine.address)).collect()
    }

    /// Returns in how many of so many answers each address stands, as Route 53 draws them: an alias by its weight, and
    /// then a record at its leaf.
    pub(crate) fn answered(&self) -> BTreeMap<String, f64> {
        let records = self.records();
        let mut answered = BTreeMap::new();
        for (record, share) in drawn(&records, NAME) {
            match &record.alias_target {
                None => {
                    let values = record.resource_records.len() as f64;
                    for address in record.values() {
                        *answered.entry(address.to_owned()).or_insert(0.0) += share / values;
                    }
                }
                Some(alias) => {
                    let below = drawn(&records, alias.dns_name.as_str());
                    assert!(!below.is_empty(), "{record} leads to nothing");
                    for (record, within) in below {
                        let address = record.values().next().unwrap().to_owned();
                        *answered.entry(address).or_insert(0.0) += share * within;
                    }
                }
            }
        }
        answered
    }

    /// Every record has the share that its own weight asks for, within 2 %.
    pub(crate) fn shares_are_right(&self, when: &str) {
        let misfit = self.misfit();
        assert!(misfit.is_none(), "{when}: {}", misfit.unwrap_or_default());
    }

    fn misfit(&self) -> Option<String> {
        let answered = self.answered();
        let serving = self.serving();
        // Records that no alias leads to any more, on their way out, take no answers.
        let counts = |address: &String| answered.contains_key(address) || serving.contains(address);
        let weights: BTreeMap<String, f64> = self.weights().filter(|(address, _)| counts(address)).collect();
        let total: f64 = weights.values().sum();
        let wanted = |address: &String| match total {
            0.0 => 1.0 / weights.len() as f64,
            total => weights[address] / total,
        };
        let of_each = answered.iter().map(|(address, share)| (address, *share, wanted(address)));
        let mut misfits = of_each.filter(|(_, share, wanted)| (share - wanted).abs() > 0.02 * wanted);
        misfits.next().map(|(address, share, wanted)| {
            format!("{address} is in {share:.6} of the answers, and its weight asks for {wanted:.6}")
        })
    }

    /// Returns the weights of all records, by address. Records without weights are answered equally often.
    pub(crate) fn weights(&self) -> impl Iterator<Item = (String, f64)> {
        let is_plain = |record: &RecordSet| record.alias_target.is_none() && record.r#type == RecordType::A;
        self.records().into_iter().filter(is_plain).flat_map(|record| {
            let weight = weight(&record);
            record.resource_records.into_iter().map(move |value| (value.value, weight))
        })
    }

    /// Lets somebody else change the hosted zone.
    pub(crate) fn interfere(&mut self, changes: &[ModelChange]) {
        assert!(self.try_to_interfere(changes), "{changes:?}");
    }

    /// Says whether Route 53 let it happen.
    pub(crate) fn try_to_interfere(&mut self, changes: &[ModelChange]) -> bool {
        self.model.change_record_sets(&zone(), changes, self.now).is_ok()
    }

    pub(crate) fn aliases(&self) -> Vec<RecordSet> {
        self.records().into_iter().filter(|record| record.alias_target.is_some()).collect()
    }
}

/// Returns what makes a copy of a record at a leaf.
pub(crate) fn copy_at(record: RecordSet, leaf: Leaf) -> ModelChange {
    let name = leaf.name(&NAME.parse().unwrap()).unwrap();
    ModelChange::create(RecordSet { name, ..record })
}

/// Returns a plan with a request for each unit.
pub(crate) fn one_by_one(mut plan: Plan) -> Plan {
    let alone = |batch: Batch| {
        let Batch { hosted_zone_id, units } = batch;
        units.into_iter().map(move |unit| Batch { hosted_zone_id: hosted_zone_id.clone(), units: vec![unit] })
    };
    plan.batches = plan.batches.into_iter().flat_map(alone).collect();
    plan
}

/// Returns the record sets of a name, each with the share of answers that it is drawn for.
pub(crate) fn drawn<'r>(records: &'r [RecordSet], name: &str) -> Vec<(&'r RecordSet, f64)> {
    let of_name: Vec<&RecordSet> = records.iter().filter(|record| record.name.as_str() == name).collect();
    let total: f64 = of_name.iter().map(|record| weight(record)).sum();
    let share = |record: &RecordSet| match total {
        0.0 => 1.0 / of_name.len() as f64,
        total => weight(record) / total,
    };
    of_name.iter().map(|record| (*record, share(record))).collect()
}

fn weight(record: &RecordSet) -> f64 {
    record.weight.map_or(1.0, f64::from)
}

pub(crate) fn reservation(number: usize, machine: Machine) -> Value {
    json!({ "Instances": [{
        "InstanceId": id(number),
        "State": { "Name": if machine.state == State::Ended { "terminated" } else { "running" } },
        "LaunchTime": "1969-12-20T10:00:00Z",
        "Placement": { "AvailabilityZone": "us-east-1-wl1-bos-wlz-1" },
        "Tags": [
            { "Key": "edge-dns", "Value": if machine.state == State::Left { "none" } else { "video" } },
            { "Key": "edge-dns-weight", "Value": machine.weight.to_string() },
        ],
        "NetworkInterfaces": [{
            "Attachment": { "DeviceIndex": 0 },
            "PrivateIpAddresses": [{ "Primary": true, "Association": { "CarrierIp": address(machine.address) } }],
        }],
    }] })
}

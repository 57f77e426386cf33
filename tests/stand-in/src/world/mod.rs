//! Everything that exists in the stand-in: what tests put there, and what calls made of it.
//!
//! The protocols are not known here.

pub(crate) mod accounts;
mod availability_zone;
mod groups;
mod hosted_zones;
mod instance;
mod parameters;
mod queue;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use registrar_core::Timestamp;
use registrar_core::ids::HostedZoneId;
use registrar_local::route53::{Route53Model, Settings};

pub use availability_zone::{AvailabilityZone, ZoneType};
pub use groups::{ActionResult, EndedBy, Group, Hook, LifecycleAction, Transition};
pub(crate) use hosted_zones::ZoneAccess;
pub use instance::{FurtherAddress, Instance, InstanceState, Membership};
pub use parameters::Parameter;
pub(crate) use queue::MessageError;
pub use queue::{Message, Queue};

use crate::calls::{Call, CallLog};
use crate::clock::Clock;
use crate::faults::{Fault, Faults};
use crate::operation::Operation;

/// What cannot be put into the world, or is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WorldError(pub(crate) String);

impl WorldError {
    pub(crate) fn from_display(error: impl Display) -> Self {
        Self(error.to_string())
    }
}

/// A world: one account at home with everything in one Region, and hosted zones of other accounts.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) clock: Clock,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) instances: BTreeMap<String, Instance>,
    /// Those that were put there; instances may be in others.
    pub(crate) availability_zones: BTreeMap<String, AvailabilityZone>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) actions: Vec<LifecycleAction>,
    pub(crate) route53_settings: Settings,
    /// By account.
    pub(crate) route53: BTreeMap<String, Route53Model>,
    pub(crate) zones: BTreeMap<HostedZoneId, ZoneAccess>,
    pub(crate) parameters: BTreeMap<String, Parameter>,
    pub(crate) queues: BTreeMap<String, Queue>,
    pub(crate) roles: BTreeMap<String, accounts::Role>,
    /// By access key id.
    pub(crate) sessions: BTreeMap<String, accounts::Session>,
    pub(crate) faults: Faults,
    pub(crate) latency: Duration,
    pub(crate) largest_pages: BTreeMap<Operation, usize>,
    pub(crate) log: CallLog,
}

impl Default for World {
    fn default() -> Self {
        Self::new(Clock::Real, Settings::default())
    }
}

impl World {
    /// Builds an empty world in Region `us-east-1` and account `123456789012`.
    ///
    /// The settings are those of every account's model of Route 53; by default it throttles, and changes are
    /// INSYNC at once.
    #[must_use]
    pub fn new(clock: Clock, route53: Settings) -> Self {
        Self {
            clock,
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
            instances: BTreeMap::new(),
            availability_zones: BTreeMap::new(),
            groups: BTreeMap::new(),
            actions: Vec::new(),
            route53_settings: route53,
            route53: BTreeMap::new(),
            zones: BTreeMap::new(),
            parameters: BTreeMap::new(),
            queues: BTreeMap::new(),
            roles: BTreeMap::new(),
            sessions: BTreeMap::new(),
            faults: Faults::default(),
            latency: Duration::ZERO,
            largest_pages: BTreeMap::new(),
            log: CallLog::default(),
        }
    }

    /// Puts everything that names no Region of its own into this one.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// Returns the Region of everything that names none.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the account at home.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the time in the world.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the world's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Puts an instance into the world, in place of the one of its id.
    pub fn put_instance(&mut self, mut instance: Instance) {
        instance.launched_at = instance.launched_at.or_else(|| Some(self.now()));
        self.instances.insert(instance.id.clone(), instance);
    }

    /// Sets the state of an instance. Says whether there is one.
    pub fn set_state(&mut self, instance_id: &str, state: InstanceState) -> bool {
        self.instances.get_mut(instance_id).map(|instance| instance.state = state).is_some()
    }

    /// Makes EC2 forget an instance, as it does within an hour of its termination.
    pub fn forget(&mut self, instance_id: &str) {
        self.end_actions_of(instance_id);
        self.instances.remove(instance_id);
    }

    /// Returns an instance.
    #[must_use]
    pub fn instance(&self, instance_id: &str) -> Option<&Instance> {
        self.instances.get(instance_id)
    }

    /// Returns an instance to change it.
    pub fn instance_mut(&mut self, instance_id: &str) -> Option<&mut Instance> {
        self.instances.get_mut(instance_id)
    }

    /// Returns the instances in the order of their ids.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// Arms a fault.
    pub fn arm(&mut self, fault: Fault) {
        self.faults.arm(fault);
    }

    /// Disarms every fault.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Returns how many faults have still to act.
    #[must_use]
    pub fn armed_faults(&self) -> usize {
        self.faults.armed()
    }

    /// Lets every call take so much longer, in real time.
    pub fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    /// Makes the pages of a listing at most so large, whatever is asked for, so that few items need several.
    pub fn limit_page(&mut self, operation: Operation, items: usize) {
        self.largest_pages.insert(operation, items);
    }

    /// Returns the calls since the last time they were cleared, in order of arrival.
    #[must_use]
    pub fn call_log(&self) -> &[Call] {
        self.log.calls()
    }

    /// Returns how many calls there were of each operation, such as `ec2:DescribeInstances`.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.log.counts()
    }

    /// Returns how many calls there were of one operation.
    #[must_use]
    pub fn calls_of(&self, operation: Operation) -> u64 {
        self.log.counts().get(&operation.to_string()).copied().unwrap_or_default()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&mut self) {
        self.log.clear();
    }
}

//! What earlier events and reads told, kept for as long as it may still outrank a describe.
//!
//! EC2's descriptions are eventually consistent: for a while after `shutting-down` was announced an
//! instance may still be described as running. A terminal event newer than the instance's last launch
//! therefore outranks the description, for fifteen minutes. Nothing here ever adds a member.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Fleet, InstanceState};
use crate::address::{AddressKind, Addresses};
use crate::ids::InstanceId;
use crate::trigger::{Movement, Trigger};

/// How long a terminal event stays an input to planning.
pub const TERMINAL_EVENT_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// How late an event may arrive: EventBridge tries for 24 hours (user guide, "Event retry policy"). For that
/// long a launch is remembered, so that an older event about the instance proves nothing.
const LATEST_DELIVERY: SignedDuration = SignedDuration::from_hours(24);

/// How many instances' events are kept at most, so that a flood of events cannot fill the memory; the
/// oldest go first, and a sweep finds what they would have told.
const MOST_EVENTS: usize = 50_000;

/// Why an event says that an instance serves no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalKind {
    /// EC2 announced a terminal state.
    State(InstanceState),
    /// Auto Scaling takes it out of its group.
    LeavingGroup,
    /// EC2 takes the Spot instance back.
    SpotInterruption,
}

/// An event that says an instance serves no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalEvent {
    /// What it said.
    pub kind: TerminalKind,
    /// When that happened.
    pub at: Timestamp,
    /// When it was received; its lifetime counts from here.
    pub received_at: Timestamp,
}

/// How far apart two reads must be to agree on something: closer ones may come from one lagging replica.
const APART: SignedDuration = SignedDuration::from_millis(500);

/// What reads saw of a running instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    addresses: Addresses,
    /// Since which read the addresses are the same.
    since: Timestamp,
    launched_at: Option<Timestamp>,
}

/// Events and earlier reads, as far as planning needs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventMemory {
    terminal: BTreeMap<InstanceId, TerminalEvent>,
    launched: BTreeMap<InstanceId, (Timestamp, Timestamp)>,
    seen: BTreeMap<InstanceId, Seen>,
    last_read: Option<Timestamp>,
}

impl EventMemory {
    /// Takes note of a trigger received at `received_at`; one without a time of its own proves nothing.
    pub fn note(&mut self, trigger: &Trigger, received_at: Timestamp) {
        match trigger {
            Trigger::InstanceState { instance, state, at: Some(at) } => {
                if state.is_terminal() {
                    self.note_terminal(instance, TerminalKind::State(*state), *at, received_at);
                } else {
                    self.note_launch(instance, *at, received_at);
                }
            }
            Trigger::GroupChange { instance, movement, at: Some(at), .. } => match movement {
                Movement::Into => self.note_launch(instance, *at, received_at),
                Movement::OutOf => self.note_terminal(instance, TerminalKind::LeavingGroup, *at, received_at),
                Movement::Elsewhere => {}
            },
            Trigger::SpotInterruption { instance, at: Some(at) } => {
                self.note_terminal(instance, TerminalKind::SpotInterruption, *at, received_at);
            }
            Trigger::InstanceState { at: None, .. }
            | Trigger::GroupChange { at: None, .. }
            | Trigger::SpotInterruption { at: None, .. }
            | Trigger::RebalanceRecommendation { .. }
            | Trigger::Sweep
            | Trigger::ParameterChanged { .. }
            | Trigger::AddressChanged { .. }
            | Trigger::TestNotification => {}
        }
    }

    /// An event from the future proves nothing: it would outlive every later correction.
    fn note_terminal(&mut self, id: &InstanceId, kind: TerminalKind, at: Timestamp, received_at: Timestamp) {
        let newest = self.terminal.get(id).is_none_or(|known| known.at <= at);
        if newest && at.duration_since(received_at) <= TOLERATED_SKEW {
            self.terminal.insert(id.clone(), TerminalEvent { kind, at, received_at });
            drop_oldest(&mut self.terminal, |event| event.received_at);
        }
    }

    fn note_launch(&mut self, id: &InstanceId, at: Timestamp, received_at: Timestamp) {
        let newest = self.launched.get(id).is_none_or(|(known, _)| *known <= at);
        if newest && at.duration_since(received_at) <= TOLERATED_SKEW {
            self.launched.insert(id.clone(), (at, received_at));
            drop_oldest(&mut self.launched, |(_, received_at)| *received_at);
        }
    }

    /// Returns the terminal event that still speaks of the instance: not older than 15 minutes, and not
    /// followed by another launch.
    #[must_use]
    pub fn terminal(
        &self,
        id: &InstanceId,
        launched_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<&TerminalEvent> {
        let event = self.terminal.get(id)?;
        let launched_by_event = self.launched.get(id).map(|(at, _)| *at);
        let launched_before = self.seen.get(id).and_then(|seen| seen.launched_at);
        let launched = launched_at.max(launched_by_event).max(launched_before);
        let relaunched = launched.is_some_and(|launch| launch > event.at);
        let expired = now.duration_since(event.received_at) > TERMINAL_EVENT_LIFETIME;
        (!relaunched && !expired).then_some(event)
    }

    /// Says whether two reads agree that the instance runs without an address of that kind.
    #[must_use]
    pub fn lacks_address(&self, id: &InstanceId, kind: AddressKind) -> bool {
        let lacking = self.seen.get(id).filter(|seen| seen.addresses.of_kind(kind).is_none());
        lacking.zip(self.last_read).is_some_and(|(seen, last)| last.duration_since(seen.since) >= APART)
    }

    /// Remembers what a read of the fleet saw, for the next one, and forgets events past their lifetime.
    pub fn remember_fleet(&mut self, fleet: &Fleet, read_at: Timestamp) {
        self.remember(fleet, fleet.gap.is_none(), read_at);
    }

    /// Remembers what a read of a part of the fleet saw: of the others it says nothing.
    pub fn remember_part(&mut self, fleet: &Fleet, read_at: Timestamp) {
        self.remember(fleet, false, read_at);
    }

    fn remember(&mut self, fleet: &Fleet, is_whole: bool, read_at: Timestamp) {
        let age = |received_at: Timestamp| read_at.duration_since(received_at);
        self.terminal.retain(|_, event| age(event.received_at) <= TERMINAL_EVENT_LIFETIME);
        self.launched.retain(|_, (_, received_at)| age(*received_at) <= LATEST_DELIVERY);
        let mut before = std::mem::take(&mut self.seen);
        for instance in fleet.instances.values() {
            let known = before.remove(&instance.id);
            // A read that lags shows an earlier launch than one before it.
            let launched_at = instance.launched_at.max(known.and_then(|known| known.launched_at));
            if instance.state == Some(InstanceState::Running) {
                let same = known.filter(|known| known.addresses == instance.addresses);
                let (addresses, since) = (instance.addresses, same.map_or(read_at, |known| known.since));
                self.seen.insert(instance.id.clone(), Seen { addresses, since, launched_at });
            } else if let Some(launched_at) = launched_at {
                self.note_launch(&instance.id, launched_at, read_at);
            }
        }
        // A relaunch that was seen stays known while the instance is not, in whatever account was asked.
        for (id, seen) in &before {
            if let Some(launched_at) = seen.launched_at {
                self.note_launch(id, launched_at, read_at);
            }
        }
        if !is_whole {
            self.seen.extend(before);
        }
        self.last_read = Some(read_at);
    }
}

/// How far ahead another machine's clock may be.
const TOLERATED_SKEW: SignedDuration = SignedDuration::from_mins(1);

/// Drops the older half of the events at once, so that a flood costs no more than sorting it.
fn drop_oldest<T>(events: &mut BTreeMap<InstanceId, T>, received_at: fn(&T) -> Timestamp) {
    if events.len() <= MOST_EVENTS {
        return;
    }
    let mut times: Vec<Timestamp> = events.values().map(received_at).collect();
    times.sort_unstable();
    let median = times[times.len() / 2];
    let mut to_drop = events.len() / 2;
    events.retain(|_, event| {
        let old = to_drop > 0 && received_at(event) <= median;
        to_drop -= usize::from(old);
        !old
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Instance;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    fn id() -> InstanceId {
        "i-0123456789abcdef0".parse().unwrap()
    }

    fn state(state: InstanceState, when: &str) -> Trigger {
        Trigger::InstanceState { instance: id(), state, at: Some(at(when)) }
    }

    /// A fleet of one instance in a state, launched at a time.
    fn fleet_of(state: &str, launched: &str) -> Fleet {
        let described = serde_json::json!({"Reservations": [{"Instances": [{
            "InstanceId": id().as_str(), "State": {"Name": state}, "LaunchTime": at(launched).to_string(),
        }]}]});
        crate::dump::read_fleet(&described.to_string()).unwrap()
    }

    #[test]
    fn a_relaunch_that_was_seen_is_not_forgotten_by_a_read_that_lags() {
        let mut memory = EventMemory::default();
        memory.note(&state(InstanceState::Stopped, "10:00:30"), at("10:00:31"));
        memory.remember_fleet(&fleet_of("running", "10:01:00"), at("10:01:10"));
        memory.remember_fleet(&fleet_of("running", "09:00:00"), at("10:01:20"));
        let lagging = Some(at("09:00:00"));
        assert_eq!(memory.terminal(&id(), lagging, at("10:01:30")), None);
    }

    #[test]
    fn a_relaunch_that_a_read_shows_as_over_again_outdates_an_earlier_end() {
        let mut memory = EventMemory::default();
        memory.note(&state(InstanceState::Stopped, "10:00:30"), at("10:00:31"));
        memory.remember_fleet(&fleet_of("stopped", "10:01:00"), at("10:01:10"));
        memory.remember_part(&Fleet::default(), at("10:01:20"));
        assert_eq!(memory.terminal(&id(), None, at("10:01:30")), None);
    }

    #[test]
    fn a_terminal_event_outranks_an_older_launch_for_fifteen_minutes() {
        let mut memory = EventMemory::default();
        memory.note(&state(InstanceState::ShuttingDown, "10:00:00"), at("10:00:01"));
        assert!(memory.terminal(&id(), Some(at("09:00:00")), at("10:15:00")).is_some());
        assert!(memory.terminal(&id(), Some(at("09:00:00")), at("10:15:02")).is_none());
    }

    #[test]
    fn a_later_launch_outranks_the_terminal_event() {
        let mut memory = EventMemory::default();
        memory.note(&state(InstanceState::Stopping, "10:00:00"), at("10:00:01"));
        assert!(memory.terminal(&id(), Some(at("10:01:00")), at("10:02:00")).is_none());
        memory.note(&state(InstanceState::Running, "10:03:00"), at("10:03:01"));
        assert!(memory.terminal(&id(), Some(at("09:00:00")), at("10:04:00")).is_none());
    }

    #[test]
    fn events_out_of_order_are_sorted_by_their_own_time() {
        let mut memory = EventMemory::default();
        memory.note(&state(InstanceState::Terminated, "10:05:00"), at("10:05:01"));
        memory.note(&state(InstanceState::Running, "10:00:00"), at("10:05:02"));
        memory.note(&state(InstanceState::ShuttingDown, "10:04:00"), at("10:05:03"));
        let event = memory.terminal(&id(), None, at("10:06:00")).unwrap();
        assert_eq!(event.kind, TerminalKind::State(InstanceState::Terminated));
    }

    #[test]
    fn a_flood_of_events_is_bounded_in_memory_and_time() {
        let mut memory = EventMemory::default();
        for number in 0..MOST_EVENTS * 3 {
            let instance: InstanceId = format!("i-{number:08x}").parse().unwrap();
            let now = at("10:00:00");
            let trigger =
                Trigger::InstanceState { instance, state: InstanceState::Terminated, at: Some(now) };
            memory.note(&trigger, now);
        }
        assert!(memory.terminal.len() <= MOST_EVENTS);
    }

    #[test]
    fn the_end_of_time_is_no_reason_to_panic() {
        let mut memory = EventMemory::default();
        let trigger = Trigger::InstanceState {
            instance: id(),
            state: InstanceState::Terminated,
            at: Some(Timestamp::MAX),
        };
        memory.note(&trigger, Timestamp::MAX);
        assert!(memory.terminal(&id(), None, Timestamp::MAX).is_some());
        assert!(memory.terminal(&id(), None, Timestamp::MIN).is_some());
    }

    #[test]
    fn two_reads_half_a_second_apart_agree_that_an_address_is_missing() {
        let instance = Instance {
            id: id(),
            state: Some(InstanceState::Running),
            launched_at: None,
            zone: None,
            tags: BTreeMap::new(),
            addresses: Addresses::default(),
        };
        let fleet = Fleet { instances: BTreeMap::from([(id(), instance)]), ..Fleet::default() };
        let mut memory = EventMemory::default();
        let lacks = |memory: &EventMemory| memory.lacks_address(&id(), AddressKind::CarrierIp);
        memory.remember_fleet(&fleet, at("10:00:00"));
        assert!(!lacks(&memory), "one read is not two");
        memory.remember_fleet(&fleet, at("10:00:00.2"));
        assert!(!lacks(&memory), "two reads at once are one");
        memory.remember_fleet(&fleet, at("10:00:01"));
        assert!(lacks(&memory));
        memory.remember_fleet(&Fleet::default(), at("10:00:02"));
        assert!(!lacks(&memory));
    }

    #[test]
    fn an_event_from_the_future_or_without_a_time_proves_nothing() {
        let mut memory = EventMemory::default();
        memory.note(&state(InstanceState::Terminated, "12:00:00"), at("10:00:00"));
        memory.note(
            &Trigger::InstanceState { instance: id(), state: InstanceState::Terminated, at: None },
            at("10:00:00"),
        );
        assert!(memory.terminal(&id(), None, at("12:00:01")).is_none());
    }
}

//! Draws a story from a seed: how large its world is, how often each thing goes wrong in it, and what happens.
//!
//! The rates are drawn for each seed, over two orders of magnitude, so that one story is full of outages and another
//! one is nothing but launches. What is drawn depends on the seed and on nothing else.

use registrar_core::pool::{PoolState, Routing, WhenEmpty};
use registrar_local::edge::Route53Faults;
use registrar_tests::simulation::{
    DocumentChange, FleetRead, ForeignKind, GroupsRead, Happening, LaunchKind, Lifecycle, OutageKind, Plane,
    Sizes, Truth, WeightTag,
};

use crate::dice::Dice;
use crate::story::Story;

/// What can be drawn, with how often it is in a story of usual rates.
const USUAL: [(u32, Kind); 25] = [
    (40, Kind::Launch),
    (20, Kind::End),
    (20, Kind::Boot),
    (30, Kind::Associate),
    (10, Kind::Disassociate),
    (20, Kind::Stop),
    (30, Kind::Start),
    (5, Kind::Forget),
    (30, Kind::Move),
    (40, Kind::Select),
    (5, Kind::SelectAll),
    (40, Kind::Weigh),
    (10, Kind::SpotWarning),
    (120, Kind::Deliver),
    (10, Kind::Lose),
    (30, Kind::Edit),
    (10, Kind::Foreign),
    (15, Kind::ForeignGone),
    (8, Kind::Vandalise),
    (30, Kind::Faults),
    (12, Kind::Outage),
    (40, Kind::Pass),
    (140, Kind::Sweep),
    (60, Kind::Begin),
    (80, Kind::Steps),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Launch,
    End,
    Boot,
    Associate,
    Disassociate,
    Stop,
    Start,
    Forget,
    Move,
    Select,
    SelectAll,
    Weigh,
    SpotWarning,
    Deliver,
    Lose,
    Edit,
    Foreign,
    ForeignGone,
    Vandalise,
    Faults,
    Outage,
    Pass,
    Sweep,
    Begin,
    Steps,
}

/// Draws the story of a seed.
pub(crate) fn story(seed: u64) -> Story {
    let mut dice = Dice::new(seed);
    let (sizes, length) = sizes(&mut dice);
    let edges = dice.pick(&[(1, 1), (7, 2), (1, 3)]).unwrap_or(2);
    let mut draw = Draw {
        rates: rates(&mut dice),
        truth: Truth::new(sizes.clone()),
        crowded: dice.percent(50),
        edges,
        dice,
        happenings: Vec::new(),
    };
    while draw.happenings.len() < length {
        draw.next();
    }
    Story { edges, sizes, happenings: draw.happenings }
}

/// Small worlds mostly, since most mistakes need few instances; some are as large as Route 53's own sets ask for.
fn sizes(dice: &mut Dice) -> (Sizes, usize) {
    let pools = dice.pick(&[(3, 1), (4, 2), (2, 3), (1, 4)]).unwrap_or(2);
    let (most, in_set, lengths) = match dice.below(100) {
        0..60 => (8, dice.one(&[3, 4, 5, 100]), 60..200),
        60..85 => (30, dice.one(&[4, 5, 8, 10, 100]), 100..300),
        85..98 => (70, dice.one(&[8, 10, 20, 100]), 200..500),
        _ => (260, Some(100), 300..500),
    };
    let in_set = in_set.unwrap_or(100);
    // What does not fit into a full tree of these sets is held for its capacity, which is no failure of anybody.
    let room = u16::try_from((in_set * 3 / 4).max(1) * in_set).unwrap_or(u16::MAX);
    let slots = (0..pools).map(|_| dice.between(1, most).min(room)).collect();
    let length = lengths.start + dice.below(lengths.end - lengths.start);
    (Sizes { slots, in_set }, length)
}

/// Each thing is up to ten times more or less frequent than usual, or does not happen at all.
fn rates(dice: &mut Dice) -> Vec<(u32, Kind)> {
    let mut rates = USUAL.to_vec();
    for (rate, kind) in &mut rates {
        let never = dice.percent(8) && !matches!(kind, Kind::Launch | Kind::Sweep);
        *rate = match (never, dice.below(4)) {
            (true, _) => 0,
            (false, 0) => *rate / 10,
            (false, 1) => *rate * 3,
            (false, _) => *rate,
        };
    }
    rates
}

struct Draw {
    dice: Dice,
    rates: Vec<(u32, Kind)>,
    truth: Truth,
    edges: u8,
    /// Whether the fleet is to grow at the moment, or to shrink.
    crowded: bool,
    happenings: Vec<Happening>,
}

impl Draw {
    fn push(&mut self, happening: Happening) {
        self.truth.apply(&happening);
        self.happenings.push(happening);
    }

    fn next(&mut self) {
        if self.dice.percent(1) {
            self.crowded = !self.crowded;
        }
        let Some(kind) = self.dice.pick(&self.rates) else { return };
        match kind {
            Kind::Launch => self.scale_out(),
            Kind::End => self.scale_in(),
            Kind::Steps if self.dice.percent(15) => {
                let memory_kept = self.dice.percent(70);
                let edge = self.edge();
                self.push(Happening::Crash { edge, memory_kept });
            }
            kind => {
                let happening = self.one(kind);
                self.push(happening);
            }
        }
    }

    /// Instances are launched one by one, or many at once where the fleet grows.
    fn scale_out(&mut self) {
        let all = self.truth.sizes.all_slots();
        let count = if self.crowded { 1 + self.dice.below(usize::from(all / 2).max(1)) } else { 1 };
        for _ in 0..count {
            let slot = self.slot();
            let kind = self.dice.pick(&[
                (8, LaunchKind::Addressed),
                (1, LaunchKind::Bare),
                (1, LaunchKind::Pending),
            ]);
            let group = self.dice.percent(30).then(|| self.lifecycle());
            if !self.truth.is_alive(slot) {
                let kind = kind.unwrap_or(LaunchKind::Addressed);
                self.push(Happening::Launch { slot, kind, group });
            }
        }
    }

    fn scale_in(&mut self) {
        let all = self.truth.sizes.all_slots();
        let count = if self.crowded { 1 } else { 1 + self.dice.below(usize::from(all / 2).max(1)) };
        for _ in 0..count {
            let slot = self.slot();
            if self.truth.is_alive(slot) {
                self.push(Happening::Terminate(slot));
            }
        }
    }

    fn slot(&mut self) -> u16 {
        self.dice.between(0, self.truth.sizes.all_slots().saturating_sub(1))
    }

    fn edge(&mut self) -> u8 {
        self.dice.small(self.edges)
    }

    fn pool(&mut self) -> u8 {
        self.dice.small(4)
    }

    fn one(&mut self, kind: Kind) -> Happening {
        let dice = &mut self.dice;
        match kind {
            Kind::Boot | Kind::Launch => Happening::Boot(self.slot(), self.dice.percent(80)),
            Kind::End => Happening::Terminate(self.slot()),
            Kind::Associate => Happening::Associate(self.slot()),
            Kind::Disassociate => Happening::Disassociate(self.slot()),
            Kind::Stop => Happening::Stop(self.slot()),
            Kind::Start => Happening::Start(self.slot(), self.dice.percent(80)),
            Kind::Forget => Happening::Forget(self.slot()),
            Kind::Move => Happening::Move(self.slot(), self.lifecycle()),
            Kind::Select => Happening::Select(self.slot(), self.dice.percent(40)),
            Kind::SelectAll => Happening::SelectAll(self.pool(), self.dice.percent(50)),
            Kind::Weigh => Happening::Weigh(self.slot(), self.weight()),
            Kind::SpotWarning => Happening::SpotWarning(self.slot()),
            Kind::Deliver => {
                let (index, again) = (dice.small(u8::MAX), dice.percent(20));
                Happening::Deliver { index, edge: self.edge(), again }
            }
            Kind::Lose => Happening::Lose(dice.small(u8::MAX)),
            Kind::Edit => Happening::Edit(self.pool(), self.edit()),
            Kind::Foreign => Happening::Foreign(self.pool(), self.foreign()),
            Kind::ForeignGone => Happening::ForeignGone(self.pool()),
            Kind::Vandalise => Happening::Vandalise(self.pool(), self.dice.small(u8::MAX)),
            Kind::Faults => Happening::Faults(self.edge(), self.faults()),
            Kind::Outage => self.outage(),
            Kind::Pass => {
                let (from, to) = dice.one(&[(1, 12), (1, 12), (12, 120), (120, 1_200)]).unwrap_or((1, 12));
                Happening::Pass(dice.between(from, to))
            }
            Kind::Sweep => Happening::Sweep(self.edge(), self.fleet_read(), self.groups_read()),
            Kind::Begin => Happening::Begin(self.edge(), self.fleet_read(), self.groups_read()),
            Kind::Steps => Happening::Steps(self.edge(), self.dice.small(4) + 1),
        }
    }

    fn lifecycle(&mut self) -> Lifecycle {
        let choices = [
            (1, Lifecycle::PendingWait),
            (6, Lifecycle::InService),
            (1, Lifecycle::Standby),
            (1, Lifecycle::TerminatingWait),
        ];
        self.dice.pick(&choices).unwrap_or(Lifecycle::InService)
    }

    fn weight(&mut self) -> WeightTag {
        let weight = u8::try_from(self.dice.between(0, 255)).unwrap_or(u8::MAX);
        let choices = [
            (3, WeightTag::Absent),
            (6, WeightTag::Weight(weight)),
            (1, WeightTag::Weight(0)),
            (1, WeightTag::Weight(1)),
            (1, WeightTag::Garbage),
        ];
        self.dice.pick(&choices).unwrap_or(WeightTag::Absent)
    }

    fn edit(&mut self) -> DocumentChange {
        let dice = &mut self.dice;
        let removals = u32::from(dice.between(1, 4));
        let choices = [
            (1, DocumentChange::Ttl(20)),
            (1, DocumentChange::Ttl(30)),
            (1, DocumentChange::Ttl(60)),
            (1, DocumentChange::DefaultWeight(dice.one(&[0, 1, 100]).unwrap_or(100))),
            (2, DocumentChange::Removals(removals)),
            (1, DocumentChange::WhenEmpty(WhenEmpty::Remove)),
            (1, DocumentChange::WhenEmpty(WhenEmpty::KeepLast)),
            (2, DocumentChange::WhenEmpty(WhenEmpty::Fallback)),
            (8, DocumentChange::State(PoolState::Active)),
            (1, DocumentChange::State(PoolState::Paused)),
            (1, DocumentChange::State(PoolState::Retired)),
            (8, DocumentChange::Routing(Routing::Weighted)),
            (1, DocumentChange::Routing(Routing::Multivalue)),
            (1, DocumentChange::Routing(Routing::Simple)),
            (1, DocumentChange::Broken(true)),
            (3, DocumentChange::Broken(false)),
        ];
        dice.pick(&choices).unwrap_or(DocumentChange::Broken(false))
    }

    fn foreign(&mut self) -> ForeignKind {
        let own_ttl = self.dice.percent(50);
        let choices = [
            (3, ForeignKind::Weighted { own_ttl }),
            (1, ForeignKind::Multivalue { own_ttl }),
            (1, ForeignKind::Simple),
            (1, ForeignKind::Cname),
        ];
        self.dice.pick(&choices).unwrap_or(ForeignKind::Simple)
    }

    fn faults(&mut self) -> Route53Faults {
        let mut some = |most: u16| match self.dice.percent(35) {
            true => u32::from(self.dice.between(1, most)),
            false => 0,
        };
        Route53Faults {
            throttle: some(9),
            prior_request_not_complete: some(3),
            lose_reply: some(2),
            lose_request: some(2),
            fail_listing: some(2),
            truncate_listing: some(1),
        }
    }

    fn outage(&mut self) -> Happening {
        let edge = self.dice.percent(40).then(|| self.edge());
        let planes =
            [Plane::Ec2, Plane::AutoScaling, Plane::Route53, Plane::Events, Plane::Region, Plane::Region];
        let plane = self.dice.one(&planes).unwrap_or(Plane::Region);
        let kind = self.dice.one(&[OutageKind::Fails, OutageKind::Stale]).unwrap_or(OutageKind::Fails);
        let (from, to) = self.dice.one(&[(1, 30), (30, 300), (300, 3_600)]).unwrap_or((1, 30));
        Happening::Outage { edge, plane, kind, secs: self.dice.between(from, to) }
    }

    fn fleet_read(&mut self) -> FleetRead {
        let first = self.dice.between(0, self.truth.sizes.all_slots());
        let choices = [
            (12, FleetRead::Whole),
            (2, FleetRead::First(first)),
            (1, FleetRead::Fails),
            (1, FleetRead::WrongRegion),
            (1, FleetRead::Before),
            (1, FleetRead::Skipped),
        ];
        self.dice.pick(&choices).unwrap_or(FleetRead::Whole)
    }

    fn groups_read(&mut self) -> GroupsRead {
        self.dice.pick(&[(9, GroupsRead::Whole), (1, GroupsRead::Fails)]).unwrap_or(GroupsRead::Whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_story_and_another_seed_is_another() {
        let [one, same, other] = [7, 7, 8].map(|seed| story(seed).happenings);
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn stories_have_all_kinds_of_sizes_and_everything_happens_in_some() {
        let stories: Vec<Story> = (0..300).map(story).collect();
        assert!(stories.iter().any(|story| story.edges == 1) && stories.iter().any(|story| story.edges == 3));
        assert!(stories.iter().any(|story| story.sizes.all_slots() > 200));
        assert!(stories.iter().any(|story| story.sizes.pools() == 4));
        let text = format!("{stories:?}");
        for kind in USUAL.iter().map(|(_, kind)| format!("{kind:?}")).filter(|kind| kind != "End") {
            assert!(text.contains(&kind), "{kind} does not happen");
        }
    }
}

//! The storms: what stands before, and what happens to the fleet and to the document when.
//!
//! They are data; nobody reacts here.

use std::net::Ipv4Addr;

use registrar_core::ids::InstanceId;
use registrar_core::{SignedDuration, Timestamp};

use crate::Name;

/// How long an instance shuts down before it is terminated, in seconds. It answers nothing from its first moment.
const SHUTTING_DOWN_SECS: i64 = 40;

/// The TTL of the pool, in seconds.
pub(crate) const TTL_SECS: u32 = 20;
/// What the document changes it to.
const OTHER_TTL_SECS: u32 = 60;

/// An instance by its number: id and address follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(pub(crate) u16);

impl Number {
    pub(crate) fn id(self) -> Option<InstanceId> {
        format!("i-{:017x}", self.0).parse().ok()
    }

    pub(crate) fn address(self) -> Ipv4Addr {
        let [high, low] = self.0.to_be_bytes();
        Ipv4Addr::new(155, 146, high, low)
    }
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Happening {
    /// It runs, has its address and is in service.
    Runs(Number),
    /// It answers no more.
    ShutsDown(Number),
    /// It is gone.
    Terminated(Number),
    /// The document has another TTL, in seconds.
    Ttl(u32),
}

/// A storm.
#[derive(Clone, Debug)]
pub(crate) struct Storm {
    pub(crate) title: String,
    /// Who runs before it, and is registered.
    pub(crate) before: Vec<Number>,
    /// What happens, by time.
    pub(crate) happenings: Vec<(Timestamp, Happening)>,
}

/// When every storm begins.
pub(crate) fn start() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 50)
}

impl Storm {
    /// Makes a storm of so many percent of its usual size.
    pub(crate) fn new(name: Name, percent: usize) -> Self {
        let sized = |count: usize| u16::try_from((count * percent / 100).max(2)).unwrap_or(u16::MAX);
        let mut storm = match name {
            Name::Launch => Self::launch(sized(5_000)),
            Name::Evacuation => Self::evacuation(sized(3_000), sized(1_000)),
            Name::Flapping => Self::flapping(sized(200), sized(50)),
            Name::Ttl => Self::ttl(sized(1_000)),
        };
        storm.happenings.sort();
        storm
    }

    fn launch(count: u16) -> Self {
        let runs = |number: u16| {
            let at = SignedDuration::from_millis(60_000 * i64::from(number) / i64::from(count));
            (start() + at, Happening::Runs(Number(number)))
        };
        Self {
            title: format!("{count} instances launch within a minute"),
            before: Vec::new(),
            happenings: (0..count).map(runs).collect(),
        }
    }

    fn evacuation(all: u16, leaving: u16) -> Self {
        let mut happenings = Vec::new();
        for number in 0..leaving {
            let at = start() + SignedDuration::from_millis(5 * i64::from(number));
            end(&mut happenings, Number(number), at);
        }
        Self {
            title: format!("a Wavelength zone with {leaving} of {all} instances terminates"),
            before: (0..all).map(Number).collect(),
            happenings,
        }
    }

    fn flapping(all: u16, group: u16) -> Self {
        let mut happenings = Vec::new();
        for round in 0..20_u16 {
            let at = start() + SignedDuration::from_secs(30 * i64::from(round));
            let first = if round == 0 { 0 } else { all + (round - 1) * group };
            for place in 0..group {
                let at = at + SignedDuration::from_millis(100 * i64::from(place));
                end(&mut happenings, Number(first + place), at);
                let runs = at + SignedDuration::from_secs(15);
                happenings.push((runs, Happening::Runs(Number(all + round * group + place))));
            }
        }
        Self {
            title: format!("a group of {group} in a pool of {all} is replaced every 30 s for ten minutes"),
            before: (0..all).map(Number).collect(),
            happenings,
        }
    }

    fn ttl(all: u16) -> Self {
        Self {
            title: format!("the TTL of a pool of {all} is changed"),
            before: (0..all).map(Number).collect(),
            happenings: vec![(start(), Happening::Ttl(OTHER_TTL_SECS))],
        }
    }
}

fn end(happenings: &mut Vec<(Timestamp, Happening)>, number: Number, at: Timestamp) {
    happenings.push((at, Happening::ShutsDown(number)));
    happenings.push((at + SignedDuration::from_secs(SHUTTING_DOWN_SECS), Happening::Terminated(number)));
}

//! Follows one address at one server: when it came, or when it went, each between two times.
//!
//! An address with the share *s* is in *s* of the answers. That it is there is seen at once. That it is not there is
//! known after *n* answers without it, when (1 − s)ⁿ is at most the level; so the earlier edge of its coming is the
//! time of the n-th last answer without it, and the later edge of its going that of the n-th answer without it.

use std::collections::VecDeque;

use registrar_core::Timestamp;
use serde::Serialize;

/// Answers without an address that are kept, and so the most that are asked for: a share of 1/256 at a level of one in
/// 10^7 takes 4,126.
pub(crate) const MOST_ANSWERS: usize = 8_192;

/// What is wanted of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// It shall be answered.
    Appears,
    /// It shall no longer be answered.
    Vanishes,
}

/// Whether it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// It is.
    Yes,
    /// It is not.
    NotYet,
    /// There were too few answers to tell.
    Unknown,
}

/// An edge in time: later than one moment, and not later than another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The last time at which it was not so; nothing where it was so when this began, as far as is known.
    pub after: Option<Timestamp>,
    /// The first time at which it was so.
    pub by: Timestamp,
}

/// Follows one address at one server.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    wanted: Wanted,
    /// The times of the last answers without it, since the last one with it.
    misses: VecDeque<Timestamp>,
    pub(crate) answers: u64,
    pub(crate) first_seen_at: Option<Timestamp>,
    pub(crate) last_seen_at: Option<Timestamp>,
    presence: Option<bool>,
    pub(crate) edge: Option<Edge>,
    /// How often it was as wanted, and then was not.
    pub(crate) flaps: u32,
}

impl Track {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            misses: VecDeque::new(),
            answers: 0,
            first_seen_at: None,
            last_seen_at: None,
            presence: None,
            edge: None,
            flaps: 0,
        }
    }

    /// Counts an answer; `needed` answers without the address say that it is not there.
    pub(crate) fn note(&mut self, hit: bool, needed: usize, at: Timestamp) {
        let before = self.seen();
        self.answers += 1;
        let needed = needed.clamp(1, MOST_ANSWERS);
        if hit {
            self.came(needed, at);
        } else {
            self.missed(needed, at);
        }
        if before == Seen::Yes && self.seen() != Seen::Yes {
            self.flaps += 1;
            self.edge = None;
        }
    }

    /// Says whether it is as wanted.
    pub(crate) fn seen(&self) -> Seen {
        match (self.presence, self.wanted) {
            (None, _) => Seen::Unknown,
            (Some(true), Wanted::Appears) | (Some(false), Wanted::Vanishes) => Seen::Yes,
            (Some(true), Wanted::Vanishes) | (Some(false), Wanted::Appears) => Seen::NotYet,
        }
    }

    fn came(&mut self, needed: usize, at: Timestamp) {
        if self.presence != Some(true) && self.wanted == Wanted::Appears {
            let after = self.misses.len().checked_sub(needed).and_then(|place| self.misses.get(place));
            self.edge = Some(Edge { after: after.copied(), by: at });
        }
        self.presence = Some(true);
        self.first_seen_at.get_or_insert(at);
        self.last_seen_at = Some(at);
        self.misses.clear();
    }

    fn missed(&mut self, needed: usize, at: Timestamp) {
        if self.misses.len() == MOST_ANSWERS {
            self.misses.pop_front();
        }
        self.misses.push_back(at);
        if self.misses.len() >= needed && self.presence != Some(false) {
            self.presence = Some(false);
            if self.wanted == Wanted::Vanishes {
                self.edge = Some(Edge { after: self.last_seen_at, by: at });
            }
        }
    }
}

/// Returns how many answers without an address say that it is not there.
pub(crate) fn needed(share: f64, level: f64) -> usize {
    // `as` saturates: a share of 0 needs more answers than there are.
    ((level.ln() / (-share.clamp(0.0, 1.0)).ln_1p()).ceil() as usize).clamp(1, MOST_ANSWERS)
}

#[cfg(test)]
mod tests {
    use registrar_core::SignedDuration;

    use super::*;
    use crate::fixtures::STARTED_AT;

    fn at(secs: i64) -> Timestamp {
        STARTED_AT.checked_add(SignedDuration::from_secs(secs)).unwrap()
    }

    /// Takes an answer a second: `+` with the address, `.` without.
    fn track(wanted: Wanted, answers: &str) -> Track {
        let mut track = Track::new(wanted);
        for (second, answer) in (0..).zip(answers.chars()) {
            track.note(answer == '+', 4, at(second));
        }
        track
    }

    #[test]
    fn what_comes_came_after_the_last_answers_that_prove_its_absence() {
        let track = track(Wanted::Appears, "......+.+");
        assert_eq!(track.edge, Some(Edge { after: Some(at(2)), by: at(6) }));
        assert_eq!((track.seen(), track.first_seen_at), (Seen::Yes, Some(at(6))));
    }

    #[test]
    fn what_comes_too_early_to_tell_may_have_been_there_before() {
        let track = track(Wanted::Appears, "..+");
        assert_eq!(track.edge, Some(Edge { after: None, by: at(2) }));
    }

    #[test]
    fn what_goes_is_gone_by_the_answer_that_proves_it() {
        let gone = track(Wanted::Vanishes, "+.+.....");
        assert_eq!(gone.edge, Some(Edge { after: Some(at(2)), by: at(6) }));
        assert_eq!(track(Wanted::Vanishes, "+.+...").seen(), Seen::NotYet);
        assert_eq!(track(Wanted::Vanishes, "....").edge, Some(Edge { after: None, by: at(3) }));
        assert_eq!(track(Wanted::Vanishes, "...").seen(), Seen::Unknown);
    }

    #[test]
    fn what_flaps_is_counted_and_its_edge_is_the_last_one() {
        let back = track(Wanted::Vanishes, "+....+....");
        assert_eq!((back.flaps, back.edge), (1, Some(Edge { after: Some(at(5)), by: at(9) })));
        let lost = track(Wanted::Appears, "....+....");
        assert_eq!((lost.seen(), lost.flaps, lost.edge), (Seen::NotYet, 1, None));
    }

    #[test]
    fn answers_that_are_needed_follow_from_the_share() {
        assert_eq!([needed(0.25, 1e-3), needed(0.1, 1e-6), needed(1.0, 1e-6)], [25, 132, 1]);
        assert_eq!(needed(0.0, 1e-6), MOST_ANSWERS);
    }
}

//! How many replies are enough: to see every address, and to see that its share is wrong.
//!
//! Each reply of an authoritative server is one draw, so that a record with share *s* stays unseen in
//! *n* replies with probability (1 − s)ⁿ. Sampling goes in rounds, each as large as all before it together, for:
//!
//! 1. *Presence.* With a truth, *s* is the smallest share of an expected record beside one stray record of
//!    the default weight, and *n* is such that every one of those *k* records is seen with the power
//!    that was asked for: n = ln((1 − power) / k) / ln(1 − s). Without a truth it is for 8 equal
//!    records, and grows until it would have shown one equal record more than have been seen, up to the 100
//!    that Route 53 allows in one set, or to the smallest share that is looked for, where that is less;
//!    records far smaller than the others may stay unseen.
//! 2. *Proof.* An address that is missing somewhere is a suspicion, and a check that runs every minute would raise
//!    it falsely now and then. Sampling goes on until chance explains it no more often than the level
//!    allows, or the address is seen.
//! 3. *Proportions.* Then it goes on until a record of the smallest share that is to be found would be, if its
//!    weight were half or double of what it should be. Without a truth, it goes on until one server of several
//!    would be found that answers so beside the others.
//!
//! Once something is proven wrong, the third is left out: who hears of a stale record can wait for the
//! weights. Shares below a tenth of the smallest that is to be found may stay unseen: a record of weight 1 beside
//! 99 of weight 255 would take half a million queries. Of a pool so large that the usual share is less than that, those
//! below half of the usual share may.

mod divergence;
mod levels;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::num::NonZeroU64;

use crate::check::CheckRequest;
use crate::observation::Observation;
use crate::order::{Dependence, Habit};
use crate::statistics::{Goal, Requirement, SamplePlan, plan_samples};
use crate::truth::{Standing, Truth};

pub(crate) use divergence::divergences;
pub(crate) use levels::Levels;

/// Equal records assumed in the first round without a truth.
const FIRST_GUESS: u64 = 8;
/// Route 53 Developer Guide, "Quotas": records with the same name and type in weighted routing.
const MOST_RECORDS: u64 = 100;
/// Queries to one server at most. With the default goal no plan comes near; it bounds what others ask for.
const MOST_QUERIES: u64 = 1_000_000;
/// Queries at least, even where every reply should say the same.
const FEWEST_QUERIES: u64 = 10;
/// Queries of the first round at most: a stale record of 1 % is in one of so many answers, but for once in 30,000
/// times, and is told after it, however many it takes to see every address.
const LARGEST_FIRST: u64 = 1_024;
/// After each round, there were so many times the queries of all before it.
const GROWTH: u64 = 2;
/// How far a suspicion about diverging servers may lengthen sampling: to so many times the first round.
const LONGEST_EXTENSION: u64 = 4;
/// The smallest share that is looked for at all, as a part of the smallest share whose weight is judged.
const RAREST: f64 = 0.1;

/// How many sampling queries go to each server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Samples {
    /// As many as it takes to see every expected record, to prove that one is missing, and to find a weight
    /// that is half or double of what it should be. Without a truth, as if there were one more record of
    /// equal share than was seen.
    #[default]
    Auto,
    /// Exactly so many.
    Exactly(NonZeroU64),
}

/// What a check wants to find, and how surely.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim<'a> {
    pub(crate) samples: Samples,
    pub(crate) truth: Option<&'a Truth>,
    pub(crate) levels: Levels,
    /// The probability of finding what is wrong, above 0 and below 1.
    power: f64,
    /// The smallest share whose weight is judged, 0 to 1.
    smallest_share: f64,
}

/// How many replies a check needs, and for what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) answers: u64,
    pub(crate) because: Requirement,
    /// The share that they are needed for, 0 to 1.
    pub(crate) share: f64,
}

impl<'a> Aim<'a> {
    pub(crate) fn of(request: &'a CheckRequest, servers: usize) -> Self {
        Self {
            samples: request.samples,
            truth: request.truth.as_ref(),
            levels: Levels::new(request.alpha, servers),
            power: request.power,
            smallest_share: request.smallest_share,
        }
    }

    /// The smallest share that is looked for, 0 to 1.
    pub(crate) fn rarest(&self) -> f64 {
        let rarest = self.smallest_share * RAREST;
        self.truth.map_or(rarest, |truth| rarest.min(truth.rarest()))
    }

    /// Says how many replies the weights of a truth need, where they decide what is answered.
    pub(crate) fn plan(&self) -> Option<SamplePlan> {
        let weights: Vec<u64> = self.truth?.weights()?.into_iter().map(|(_, weight)| weight).collect();
        let plan = plan_samples(&weights, &self.goal()).ok()?;
        let (smallest_share, presence) = (self.presence(&[]).share, self.presence(&[]).answers);
        let dominated_by =
            if presence >= plan.proportions { Requirement::Presence } else { Requirement::Proportions };
        let answers = presence.max(plan.proportions);
        Some(SamplePlan { presence, smallest_share, answers, dominated_by, ..plan })
    }

    fn goal(&self) -> Goal {
        let (alpha, servers) = (self.levels.fit(), self.levels.servers());
        Goal { alpha, power: self.power, smallest_share: self.smallest_share, servers }
    }

    /// Says how many replies a server needs to be judged by, given what was seen so far.
    pub(crate) fn target(&self, observations: &[Observation]) -> Target {
        let presence = self.presence(observations);
        match self.samples {
            Samples::Exactly(count) => Target { answers: count.get(), ..presence },
            Samples::Auto => match self.proportions(observations) {
                Some(target) if target.answers > presence.answers => target,
                Some(_) | None => presence,
            },
        }
    }

    /// Says how many replies the first round needs.
    fn presence(&self, observations: &[Observation]) -> Target {
        let (share, records) = match self.truth {
            Some(truth) => truth.smallest_share(self.rarest()),
            None => {
                let most = ((1.0 / self.rarest()) as u64).max(MOST_RECORDS);
                let records = (seen(observations).len() as u64 + 1).clamp(FIRST_GUESS, most);
                (1.0 / records as f64, records)
            }
        };
        let answers = enough(share, (1.0 - self.power) / records as f64).max(FEWEST_QUERIES);
        Target { answers, because: Requirement::Presence, share }
    }

    /// Says how many replies show a wrong weight, or a server that differs from the others.
    fn proportions(&self, observations: &[Observation]) -> Option<Target> {
        let target = |plan: SamplePlan| Target {
            answers: plan.proportions,
            because: Requirement::Proportions,
            share: plan.smallest_proportion,
        };
        let answering = observations.iter().filter(|observed| observed.sampled.answers > 0);
        let servers = answering.clone().filter(|observed| observed.sampled.is_comparable()).count() as u64;
        if self.truth.is_some() {
            // Those whose counts do not tell how they draw are not asked for them.
            return self.plan().map(target).filter(|_| servers > 0 || answering.count() == 0);
        }
        let addresses = seen(observations).len();
        if servers < 2 || addresses < 2 {
            return None;
        }
        let goal = Goal { alpha: self.levels.homogeneity(), ..self.goal() };
        let plan = plan_samples(&vec![1; addresses.min(MOST_RECORDS as usize)], &goal).ok()?;
        // What a server is compared with is a sample, too: of all others together.
        let answers = plan.proportions * servers / (servers - 1);
        Some(Target { answers, ..target(plan) })
    }

    /// Says how many sampling queries each server should have had, given what was seen so far.
    pub(crate) fn wanted(&self, observations: &[Observation]) -> u64 {
        if let Samples::Exactly(count) = self.samples {
            return count.get();
        }
        let presence = self.presence(observations).answers;
        let first = presence.min(LARGEST_FIRST);
        let asked = observations.iter().map(|observed| observed.udp.queries).max().unwrap_or(0);
        if asked < first {
            return first;
        }
        let proof = self.proof_of_missing(observations);
        let all = if self.is_proven_wrong(observations) {
            // The weights can wait; what is missing beside it belongs to the same picture, if that is soon known.
            return proof.min(LARGEST_FIRST).min(asked.saturating_mul(GROWTH)).max(asked);
        } else if self.may_diverge(observations) {
            let extended = asked.saturating_mul(2).min(presence.saturating_mul(LONGEST_EXTENSION));
            self.target(observations).answers.max(extended)
        } else {
            self.target(observations).answers
        };
        let round = match proof > asked {
            true => proof.min(asked.saturating_mul(GROWTH)),
            false => asked.saturating_mul(GROWTH),
        };
        all.max(proof).min(round).min(MOST_QUERIES)
    }

    /// Says how many replies of a server are enough for what is claimed of it.
    pub(crate) fn enough(&self, observations: &[Observation]) -> u64 {
        match self.samples {
            Samples::Auto if self.is_proven_wrong(observations) => {
                self.presence(observations).answers.min(LARGEST_FIRST)
            }
            Samples::Auto | Samples::Exactly(_) => self.target(observations).answers,
        }
    }

    /// Says whether something is wrong for sure, so that further questions may wait.
    pub(crate) fn is_proven_wrong(&self, observations: &[Observation]) -> bool {
        let wrong = |observed: &Observation| self.is_stale(observed) || self.lacks(observed);
        let diverged = divergences(self.levels, observations).iter().any(|divergence| divergence.is_proven);
        diverged || observations.iter().any(wrong)
    }

    fn is_stale(&self, observed: &Observation) -> bool {
        let stale = |truth: &Truth, address| {
            matches!(truth.standing(address), Standing::NotServing(..) | Standing::Nobody)
        };
        self.truth.is_some_and(|truth| observed.addresses().any(|address| stale(truth, address)))
    }

    /// Says whether an address is missing for sure. A server that answered with a single one may be about to
    /// turn to the next.
    fn lacks(&self, observed: &Observation) -> bool {
        let lacks = |truth: &Truth| {
            let strangers = strangers(truth, observed);
            let mut unseen = truth.expected().filter(|(address, _)| observed.times_seen(*address) == 0);
            unseen.any(|(address, _)| self.is_missing((truth, strangers), observed, address))
        };
        observed.sampled.addresses.len() != 1
            && self.truth.is_some_and(lacks)
            && self.dependence(observed).is_none_or(|seen| seen.habit != Some(Habit::Clustered))
    }

    /// Says whether an expected address was not seen, and chance does not explain that if answers are
    /// independent draws. So many strangers are answered beside it.
    pub(crate) fn is_missing(
        &self,
        (truth, strangers): (&Truth, u64),
        observed: &Observation,
        address: Ipv4Addr,
    ) -> bool {
        let share = truth.share_beside(address, strangers).unwrap_or_default();
        self.is_absent(observed, address, share, truth.count())
    }

    /// Says whether an address of this share, one of so many, was not seen, and chance does not explain that if
    /// answers are independent draws.
    pub(crate) fn is_absent(
        &self,
        observed: &Observation,
        address: Ipv4Addr,
        share: f64,
        addresses: usize,
    ) -> bool {
        let chance = chance_of_missing(share, observed.sampled.answers);
        observed.times_seen(address) == 0 && chance <= self.levels.missing(addresses)
    }

    /// Looks at the order of a server's answers.
    pub(crate) fn dependence(&self, observed: &Observation) -> Option<Dependence> {
        observed.order.dependence(self.levels.independence())
    }

    /// Returns how many replies prove that the expected addresses which were not seen are missing.
    fn proof_of_missing(&self, observations: &[Observation]) -> u64 {
        let Some(truth) = self.truth else { return 0 };
        let level = self.levels.missing(truth.count());
        let of_server = |observed: &Observation| {
            let strangers = strangers(truth, observed);
            let unseen = truth.expected().filter(|(address, _)| observed.times_seen(*address) == 0);
            let shares = unseen.filter_map(|(address, _)| truth.share_beside(address, strangers));
            shares.filter(|share| *share >= self.rarest()).map(|share| enough(share, level)).max()
        };
        let answering = observations.iter().filter(|observed| observed.sampled.answers > 0);
        answering.filter_map(of_server).max().unwrap_or(0)
    }

    /// Says whether an address is answered by one server, not seen at another, and chance may explain it.
    fn may_diverge(&self, observations: &[Observation]) -> bool {
        divergences(self.levels, observations).iter().any(|divergence| !divergence.is_proven)
    }
}

/// Returns how many replies show a record with this share (0 to 1), but for a chance (0 to 1).
pub(crate) fn enough(share: f64, chance: f64) -> u64 {
    let replies = (chance.ln() / (-share).ln_1p()).ceil();
    // `as` saturates: a share of 0 needs more replies than there are.
    (replies as u64).max(1)
}

/// Returns the probability of a record with this share being in none of so many replies.
fn chance_of_missing(share: f64, replies: u64) -> f64 {
    (1.0 - share).powf(replies as f64)
}

fn seen(observations: &[Observation]) -> BTreeSet<Ipv4Addr> {
    observations.iter().flat_map(Observation::addresses).collect()
}

/// Returns how many addresses a server answers that are not expected.
pub(crate) fn strangers(truth: &Truth, observed: &Observation) -> u64 {
    let addresses: BTreeSet<Ipv4Addr> = observed.addresses().collect();
    addresses.into_iter().filter(|address| truth.share_beside(*address, 0).is_none()).count() as u64
}

#[cfg(test)]
mod tests;

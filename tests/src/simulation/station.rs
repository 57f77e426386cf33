//! One edge on the stage: what it was shown, the run that it is in, and what it spent.
//!
//! It holds its changes against the referee and its budgets; moving it forward is the stage's business.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use registrar_core::ids::PoolName;
use registrar_core::name::RecordName;
use registrar_core::tree::TreeLimits;
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::edge::{Edge, EdgeFaults, Route53Faults, Run, RunReport, SharedModel};

use super::happening::{OutageKind, Plane};
use super::referee::{Change, Look, allowed, deployment, judge};
use super::seen::Seen;
use super::sizes::Sizes;
use super::stage::breaks_rules;
use super::truth::Truth;
use super::zone::Snapshot;
use super::{hosted_zone, known};

/// How long a spent removal counts (every document here has this window).
const WINDOW: SignedDuration = SignedDuration::from_secs(900);

/// One edge, what it was shown, and what it did.
pub(super) struct Station {
    pub(super) edge: Edge,
    pub(super) seen: Arc<Seen>,
    pub(super) run: Option<Running>,
    spent: Vec<Spent>,
    /// Whether listings may end in the middle.
    pub(super) truncates: bool,
    /// The outage of Route 53 that its faults are of.
    is_out: Option<OutageKind>,
}

/// A removal that nothing proved.
#[derive(Debug)]
pub(super) struct Spent {
    pool: PoolName,
    instance: String,
    at: Timestamp,
    /// Whether it was made before the change that is judged.
    is_counted: bool,
}

pub(super) struct Running {
    pub(super) run: Run,
    pub(super) looks: Vec<Look>,
    pub(super) undisturbed: bool,
    /// Whether no listing of it can have been cut short.
    pub(super) listed: bool,
    pub(super) answered: BTreeSet<RecordName>,
    pub(super) fell_silent: BTreeSet<RecordName>,
}

impl Station {
    pub(super) fn new(model: &SharedModel, sizes: &Sizes, seed: u64) -> Self {
        let mut edge = Edge::new(known(deployment()), hosted_zone(), Arc::clone(model), seed);
        edge.set_tree_limits(TreeLimits { in_set: sizes.in_set });
        Self { edge, seen: Arc::default(), run: None, spent: Vec::new(), truncates: false, is_out: None }
    }

    /// Lets calls to Route 53 go wrong while there is an outage, and right again when it is over.
    pub(super) fn meet_outages(&mut self, truth: &Truth, edge: u8) {
        let outage = truth.outage(edge, Plane::Route53).map(|outage| outage.kind);
        if outage == self.is_out {
            return;
        }
        self.is_out = outage;
        let always = u32::MAX;
        let route53 = match outage {
            None => Route53Faults::default(),
            Some(OutageKind::Fails) => {
                Route53Faults { throttle: always, fail_listing: always, ..Route53Faults::default() }
            }
            Some(OutageKind::Stale) => Route53Faults { lose_reply: always, ..Route53Faults::default() },
        };
        self.set_faults(route53);
    }

    pub(super) fn set_faults(&mut self, route53: Route53Faults) {
        self.truncates = route53.truncate_listing > 0;
        self.edge.set_faults(EdgeFaults { route53 });
    }

    pub(super) fn disturb(&mut self) {
        if let Some(running) = &mut self.run {
            running.undisturbed = false;
        }
    }

    pub(super) fn judge(
        &mut self,
        running: &mut Running,
        before: &Snapshot,
        after: &Snapshot,
        at: Timestamp,
    ) -> Result<(), String> {
        running.listed &= !self.truncates;
        let Running { looks, undisturbed, listed, .. } = &*running;
        let change = Change { before, after, at, looks, undisturbed: *undisturbed, listed: *listed };
        let unproven: BTreeMap<PoolName, Vec<String>> = judge(change)?;
        self.spent.retain(|spent| spent.at + WINDOW + WINDOW > at);
        for (pool, removed) in unproven {
            // What somebody put back since was not lost; a reply that was does not tell.
            let entries = &before.published(&pool).entries;
            self.spent.retain(|spent| spent.pool != pool || !entries.contains_key(&spent.instance));
            self.spent.iter_mut().for_each(|spent| spent.is_counted = true);
            let spent = |instance| Spent { pool: pool.clone(), instance, at, is_counted: false };
            let removed: Vec<Spent> = removed.into_iter().map(spent).collect();
            self.spent.extend(removed);
            self.within_budget(&pool, running)?;
        }
        let silent = running.answered.iter().filter(|name| !after.answers(name));
        running.fell_silent.extend(silent.cloned());
        Ok(())
    }

    /// What a look saw is what a share of it is taken of, together with what the window saw go before.
    fn within_budget(&self, pool: &PoolName, running: &Running) -> Result<(), String> {
        let fits = |look: &Look| {
            let counts = |spent: &&Spent| spent.pool == *pool && spent.at + WINDOW > look.at;
            let (mut now, mut before) = (0, 0);
            for spent in self.spent.iter().filter(counts) {
                now += 1;
                before += usize::from(spent.is_counted);
            }
            now <= allowed(look, pool, before)
        };
        if running.looks.iter().any(fits) {
            return Ok(());
        }
        let lost: Vec<_> = self.spent.iter().filter(|spent| spent.pool == *pool).collect();
        Err(format!("pool {pool} lost records without proof, which its budget does not allow: {lost:?}"))
    }

    /// Checks what can only be said of a whole run.
    pub(super) fn end(&self, running: &Running, report: &RunReport, zone: &Snapshot) -> Result<(), String> {
        let errors = report.plan.pools.iter().flat_map(|pool| &pool.errors);
        let mut problems = report.outcome.failed_looks.iter().chain(errors);
        if let Some(refused) = problems.find(|problem| breaks_rules(problem)) {
            return Err(refused.clone());
        }
        if !running.undisturbed {
            return Ok(());
        }
        if let Some(poison) = report.outcome.poison.first() {
            return Err(format!("a plan that nobody disturbed was refused: {:?}", poison.messages));
        }
        // In part of a listing nobody knows what may be added, and what is dead goes alone.
        match running.fell_silent.iter().find(|name| running.listed && zone.answers(name)) {
            Some(name) => Err(format!("{name} did not answer in the middle of a run")),
            None => Ok(()),
        }
    }
}

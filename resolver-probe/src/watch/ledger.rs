//! The lives of findings: opened, changed, closed.
//!
//! It compares what stands now with what stood before; whether something stands is judged elsewhere, with the
//! patience that statistics asks for.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use super::event::{Happening, Standing};
use crate::report::FindingId;

/// Findings of one judgement at most: a server that lies at random shall not fill the memory.
const MOST_FINDINGS: usize = 1_000;

type Key = (FindingId, Option<SocketAddr>, Option<Ipv4Addr>, Option<String>);

/// What stands, and how often something was opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    standing: BTreeMap<Key, Standing>,
    opened: BTreeMap<FindingId, u64>,
}

impl Ledger {
    /// Takes everything that stands now, and returns what is new, what has another severity, and what is over.
    pub(crate) fn update(&mut self, now: Vec<Standing>) -> Vec<Happening> {
        let mut events = Vec::new();
        let mut before = std::mem::take(&mut self.standing);
        for standing in now.into_iter().take(MOST_FINDINGS) {
            let key = key(&standing);
            if self.standing.contains_key(&key) {
                continue;
            }
            match before.remove(&key) {
                None => {
                    *self.opened.entry(standing.finding.id).or_default() += 1;
                    events.push(Happening::Opened(standing.clone()));
                }
                Some(old) if old.finding.severity != standing.finding.severity => {
                    events.push(Happening::Changed(standing.clone()));
                }
                Some(_) => {}
            }
            self.standing.insert(key, standing);
        }
        events.extend(before.into_values().map(Happening::Closed));
        events
    }

    /// Returns what stands, worst first.
    pub(crate) fn standing(&self) -> Vec<Standing> {
        let mut standing: Vec<Standing> = self.standing.values().cloned().collect();
        standing.sort_by_key(|standing| (standing.finding.severity, standing.finding.id));
        standing
    }

    /// Returns how many findings of each kind were opened.
    pub(crate) fn opened(&self) -> &BTreeMap<FindingId, u64> {
        &self.opened
    }
}

fn key(standing: &Standing) -> Key {
    let finding = &standing.finding;
    (finding.id, finding.server, finding.address, finding.resolver.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{STARTED_AT, address, server};
    use crate::judge::finding;
    use crate::report::Severity;

    fn standing(severity: Severity, last: u8) -> Standing {
        let finding = finding(FindingId::StaleRecord, severity, "it stands".to_owned());
        let finding = finding.at(server(1)).about(address(last));
        Standing { finding, since: STARTED_AT, last_seen_at: STARTED_AT }
    }

    fn words(events: &[Happening]) -> Vec<&'static str> {
        let word = |event: &Happening| match event {
            Happening::Opened(_) => "opened",
            Happening::Changed(_) => "changed",
            Happening::Closed(_) => "closed",
            _ => "?",
        };
        events.iter().map(word).collect()
    }

    #[test]
    fn a_finding_is_opened_once_and_closed_once() {
        let mut ledger = Ledger::default();
        assert_eq!(words(&ledger.update(vec![standing(Severity::Critical, 1)])), ["opened"]);
        assert!(ledger.update(vec![standing(Severity::Critical, 1)]).is_empty());
        assert_eq!(ledger.standing().len(), 1);
        assert_eq!(words(&ledger.update(vec![standing(Severity::Warning, 1)])), ["changed"]);
        assert_eq!(words(&ledger.update(vec![standing(Severity::Warning, 2)])), ["opened", "closed"]);
        assert_eq!(ledger.opened()[&FindingId::StaleRecord], 2);
    }

    #[test]
    fn what_is_judged_twice_is_one_finding() {
        let mut ledger = Ledger::default();
        let twice = vec![standing(Severity::Critical, 1), standing(Severity::Critical, 1)];
        assert_eq!(words(&ledger.update(twice)), ["opened"]);
        assert_eq!(ledger.standing().len(), 1);
    }
}

//! What others do to the hosted zone: records of their own, and damage to the pools'.
//!
//! Theirs must stay exactly as they left them, whatever the edges do.

use registrar_core::name::RecordName;
use registrar_core::record_set::{RecordSet, RecordType};
use registrar_local::edge::lock;
use registrar_local::route53::ModelChange;

use super::happening::ForeignKind;
use super::stage::Stage;
use super::station::Station;
use super::{ORIGIN, hosted_zone, known};

impl Stage {
    fn change(&mut self, change: ModelChange) -> bool {
        let accepted = lock(&self.model).change_record_sets(&hosted_zone(), &[change], self.now).is_ok();
        if accepted {
            self.refresh();
            self.stations.iter_mut().for_each(Station::disturb);
        }
        accepted
    }

    pub(super) fn add_foreign(&mut self, pool: u8, kind: ForeignKind) {
        let name = self.name(pool);
        let there = self.zone();
        let there = there.records.iter().find(|it| it.name == name && it.r#type == RecordType::A);
        let shared = there.and_then(|record| record.ttl_secs).unwrap_or(20);
        let ttl_secs = |own: bool| if own { 60 } else { shared };
        let address =
            |ttl_secs| RecordSet::simple(name.clone(), RecordType::A, ttl_secs, vec!["192.0.2.1".to_owned()]);
        let set_identifier = Some("theirs".to_owned());
        let record = match kind {
            ForeignKind::Weighted { own_ttl } => {
                RecordSet { weight: Some(10), set_identifier, ..address(ttl_secs(own_ttl)) }
            }
            ForeignKind::Multivalue { own_ttl } => {
                RecordSet { multi_value_answer: Some(true), set_identifier, ..address(ttl_secs(own_ttl)) }
            }
            ForeignKind::Simple => address(60),
            ForeignKind::Cname => RecordSet::simple(
                name.clone(),
                RecordType::Cname,
                60,
                vec!["elsewhere.example.net".to_owned()],
            ),
        };
        if self.change(ModelChange::create(record.clone())) {
            self.foreign.push(record);
        }
    }

    pub(super) fn remove_foreign(&mut self, pool: u8) {
        let name = self.name(pool);
        let theirs: Vec<RecordSet> = self.foreign.iter().filter(|it| it.name == name).cloned().collect();
        for record in theirs {
            if self.change(ModelChange::delete(record.clone())) {
                self.foreign.retain(|kept| *kept != record);
            }
        }
    }

    /// Deletes one of a pool's records, if Route 53 lets it go: an alias's last target it does not.
    pub(super) fn vandalise(&mut self, pool: u8, which: u8) {
        let zone = self.zone();
        let owned = zone.pools.get(&self.sizes.pool(pool)).map(|published| &published.owned);
        let marked = owned.into_iter().flatten().filter(|record| record.set_identifier.is_some());
        let marked: Vec<_> = marked.collect();
        let first = usize::from(which) % marked.len().max(1);
        for record in marked.iter().cycle().skip(first).take(marked.len()) {
            if self.change(ModelChange::delete(RecordSet::clone(record))) {
                return;
            }
        }
    }

    /// Whatever no pool owns is exactly what others put there, TTL included.
    pub(super) fn foreign_is_untouched(&self) -> Result<(), String> {
        let zone = self.zone();
        let is_theirs = |record: &RecordSet| self.foreign.iter().any(|theirs| theirs == record);
        if zone.foreign.len() == self.foreign.len() && zone.foreign.iter().all(|it| is_theirs(it)) {
            return Ok(());
        }
        Err(format!("records that no pool owns changed from {:#?} to {:#?}", self.foreign, zone.foreign))
    }

    fn name(&self, pool: u8) -> RecordName {
        let pool = self.sizes.pool(pool);
        self.names.iter().find(|names| names.pool == pool).map_or_else(|| known(ORIGIN), |it| it.name.clone())
    }
}

//! The API itself: hosted zones, changes, listings, and the limits on asking for them.
//!
//! The rules for record sets are elsewhere; here is what surrounds them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use registrar_core::ids::HostedZoneId;
use registrar_core::name::RecordName;
use registrar_core::record_set::RecordSet;
use registrar_core::{SignedDuration, Timestamp};

use super::batch;
use super::change::{ChangeInfo, ChangeStatus, ModelChange};
use super::error::Route53Error;
use super::hosted_zone::HostedZone;
use super::listing::{Cursor, LARGEST_PAGE, ListingKey, Page};
use super::published::PublishedZone;
use super::rules;
use super::throttle::TokenBucket;

/// Requests of an account: burst, and refill per second (Developer Guide, "Throttling of API requests").
const REQUESTS: (u32, u32) = (50, 10);
/// Changes of an account, where an UPSERT counts twice (the same page).
const CHANGES: (u32, u32) = (1_500, 100);
/// How many changes `get_change` remembers. Route 53 names no number; this one bounds the memory.
const REMEMBERED_CHANGES: usize = 100_000;

/// What a test or a demonstration may choose about the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether the account's token buckets refuse calls.
    pub throttling: bool,
    /// From acceptance to INSYNC, when every name server shows the change.
    pub propagation: SignedDuration,
    /// How long after an accepted change the hosted zone refuses the next one.
    pub change_in_progress: SignedDuration,
    /// How many older states of each hosted zone are kept for name servers that lag.
    pub history_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            throttling: true,
            propagation: SignedDuration::ZERO,
            change_in_progress: SignedDuration::ZERO,
            history_limit: 256,
        }
    }
}

/// Route 53's record-set API for one account.
#[derive(Clone, Debug)]
pub struct Route53Model {
    settings: Settings,
    zones: BTreeMap<HostedZoneId, HostedZone>,
    /// When each change was accepted. Ids ascend, so the first one is the oldest.
    changes: BTreeMap<String, Timestamp>,
    accepted_changes: u64,
    requests: TokenBucket,
    throughput: TokenBucket,
}

impl Route53Model {
    /// Builds an account without hosted zones.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            zones: BTreeMap::new(),
            changes: BTreeMap::new(),
            accepted_changes: 0,
            requests: TokenBucket::new(REQUESTS.0, REQUESTS.1),
            throughput: TokenBucket::new(CHANGES.0, CHANGES.1),
        }
    }

    /// Adds a hosted zone that holds the given record sets, visible from the beginning of time.
    ///
    /// The apex gets a start of authority and name servers where the record sets have none. Beyond
    /// what is checked here the record sets are taken as they are: what a real hosted zone holds must
    /// load, even where the model would have refused to let it come about.
    ///
    /// # Errors
    /// When the id is taken, a name lies outside the hosted zone or a record set is there twice.
    pub fn create_hosted_zone(
        &mut self,
        id: HostedZoneId,
        origin: RecordName,
        records: Vec<RecordSet>,
    ) -> Result<(), Route53Error> {
        let mut held = BTreeMap::new();
        for record in records {
            if !record.name.is_within(&origin) {
                let problem =
                    format!("{} is not permitted in zone {}", rules::rr_set(&record), origin.to_fqdn());
                return Err(Route53Error::InvalidInput(problem));
            }
            if let Some(twice) = held.insert(ListingKey::of(&record), Arc::new(record)) {
                let problem = format!("{} is there twice", rules::rr_set(&twice));
                return Err(Route53Error::InvalidInput(problem));
            }
        }
        for record in HostedZone::apex_defaults(&origin) {
            held.entry(ListingKey::of(&record)).or_insert_with(|| Arc::new(record));
        }
        match self.zones.entry(id.clone()) {
            Entry::Occupied(_) => Err(Route53Error::HostedZoneAlreadyExists(id.to_string())),
            Entry::Vacant(free) => {
                free.insert(HostedZone::new(id, origin, held, self.settings.history_limit));
                Ok(())
            }
        }
    }

    /// Deletes a hosted zone with everything in it, as nobody could whose hosted zone is not empty.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn delete_hosted_zone(&mut self, id: &HostedZoneId) -> Result<(), Route53Error> {
        let unknown = || Route53Error::NoSuchHostedZone(id.to_string());
        self.zones.remove(id).map(drop).ok_or_else(unknown)
    }

    /// Applies a batch of changes in their order: all of them, or none.
    ///
    /// # Errors
    /// When a token bucket is empty, the hosted zone is unknown or busy, or any change is refused.
    pub fn change_record_sets(
        &mut self,
        zone: &HostedZoneId,
        changes: &[ModelChange],
        now: Timestamp,
    ) -> Result<ChangeInfo, Route53Error> {
        self.take_request(now)?;
        let Settings { propagation, change_in_progress, .. } = self.settings;
        let hosted = self.zones.get_mut(zone).ok_or_else(|| unknown(zone))?;
        rules::request::check(changes)?;
        if hosted.last_change_at.is_some_and(|at| now < after(at, change_in_progress)) {
            return Err(Route53Error::PriorRequestNotComplete);
        }
        let cost = changes.iter().map(ModelChange::cost).sum();
        if self.settings.throttling && !self.throughput.take(cost, now) {
            return Err(Route53Error::Throttling);
        }
        let names = batch::apply(hosted, changes).map_err(Route53Error::InvalidChangeBatch)?;
        let HostedZone { records, history, last_change_at, .. } = hosted;
        history.push(after(now, propagation), &names, |name| {
            let of_name = records.range(ListingKey::start_of_name(name)..);
            of_name.take_while(|(key, _)| key.name == *name).map(|(_, record)| Arc::clone(record)).collect()
        });
        *last_change_at = Some(now);
        Ok(self.remember_change(now))
    }

    /// Lists record sets from a cursor on, at most 300 of them, accepted changes included.
    ///
    /// # Errors
    /// When the token bucket is empty, the hosted zone is unknown, `max_items` is 0 or the cursor has a
    /// set identifier without a type.
    pub fn list_record_sets(
        &mut self,
        zone: &HostedZoneId,
        start: Option<&Cursor>,
        max_items: usize,
        now: Timestamp,
    ) -> Result<Page, Route53Error> {
        self.take_request(now)?;
        let hosted = self.zones.get(zone).ok_or_else(|| unknown(zone))?;
        if max_items == 0 {
            return Err(Route53Error::InvalidInput("Invalid request: MaxItems must be positive".to_owned()));
        }
        if start.is_some_and(|cursor| cursor.set_identifier.is_some() && cursor.r#type.is_none()) {
            let problem = "Invalid request: StartRecordIdentifier needs StartRecordType";
            return Err(Route53Error::InvalidInput(problem.to_owned()));
        }
        Ok(hosted.page(start, max_items.min(LARGEST_PAGE)))
    }

    /// Says how far a change has come; the id may have its `/change/` prefix.
    ///
    /// # Errors
    /// When the token bucket is empty or the change is unknown.
    pub fn get_change(&mut self, change_id: &str, now: Timestamp) -> Result<ChangeInfo, Route53Error> {
        self.take_request(now)?;
        let id = change_id.trim_start_matches("/change/");
        let submitted_at =
            *self.changes.get(id).ok_or_else(|| Route53Error::NoSuchChange(change_id.to_owned()))?;
        Ok(self.change_info(id.to_owned(), submitted_at, now))
    }

    /// Returns every record set of a hosted zone in listing order, outside all limits.
    ///
    /// # Errors
    /// When the hosted zone is unknown.
    pub fn records(&self, zone: &HostedZoneId) -> Result<Vec<RecordSet>, Route53Error> {
        let hosted = self.zones.get(zone).ok_or_else(|| unknown(zone))?;
        Ok(hosted.records.values().map(|record| RecordSet::clone(record)).collect())
    }

    /// Returns what a name server serves that has seen every change up to `as_of`.
    ///
    /// # Errors
    /// When the hosted zone is unknown.
    pub fn published(
        &self,
        zone: &HostedZoneId,
        as_of: Timestamp,
    ) -> Result<Arc<PublishedZone>, Route53Error> {
        let hosted = self.zones.get(zone).ok_or_else(|| unknown(zone))?;
        Ok(hosted.history.as_of(as_of))
    }

    /// Returns the hosted zone that answers for a name: the one with the longest name above it.
    #[must_use]
    pub fn hosted_zone_of(&self, name: &RecordName) -> Option<&HostedZoneId> {
        let above = self.zones.values().filter(|zone| name.is_within(&zone.origin));
        above.max_by_key(|zone| zone.origin.labels().count()).map(|zone| &zone.id)
    }

    fn take_request(&mut self, now: Timestamp) -> Result<(), Route53Error> {
        let refused = self.settings.throttling && !self.requests.take(1, now);
        if refused { Err(Route53Error::Throttling) } else { Ok(()) }
    }

    fn remember_change(&mut self, now: Timestamp) -> ChangeInfo {
        self.accepted_changes += 1;
        let id = format!("C{:020}", self.accepted_changes);
        self.changes.insert(id.clone(), now);
        if self.changes.len() > REMEMBERED_CHANGES {
            self.changes.pop_first();
        }
        self.change_info(id, now, now)
    }

    fn change_info(&self, id: String, submitted_at: Timestamp, now: Timestamp) -> ChangeInfo {
        let visible_at = after(submitted_at, self.settings.propagation);
        let status = if now < visible_at { ChangeStatus::Pending } else { ChangeStatus::Insync };
        ChangeInfo { id, status, submitted_at }
    }
}

fn unknown(zone: &HostedZoneId) -> Route53Error {
    Route53Error::NoSuchHostedZone(zone.to_string())
}

fn after(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::rules::testing::*;
    use super::*;

    fn zone() -> HostedZoneId {
        ZONE.parse().unwrap()
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(secs).unwrap()
    }

    fn with(settings: Settings) -> Route53Model {
        let mut model = Route53Model::new(settings);
        model.create_hosted_zone(zone(), "example.com".parse().unwrap(), vec![]).unwrap();
        model
    }

    fn addition(number: usize) -> Vec<ModelChange> {
        creations([weighted("a.example.com", &format!("x{number:03}"), "192.0.2.1")])
    }

    #[test]
    fn a_new_hosted_zone_has_a_start_of_authority_and_name_servers() {
        let records = model(vec![]).records(&zone()).unwrap();
        let types: Vec<String> = records.iter().map(|record| record.r#type.to_string()).collect();
        assert_eq!(types, ["NS", "SOA"]);
        assert_eq!(records[1].ttl_secs, Some(900));
        assert!(records[1].resource_records[0].value.ends_with(" 86400"));
    }

    #[test]
    fn a_hosted_zone_keeps_the_start_of_authority_that_it_is_given() {
        let soa = simple("example.com", "SOA", &["ns.example.com. h.example.com. 7 1 1 1 60"]);
        let records = model(vec![soa.clone()]).records(&zone()).unwrap();
        assert_eq!(records[1], soa);
    }

    #[test]
    fn a_hosted_zone_is_created_once_with_each_record_set_once_and_within_its_name() {
        let mut model = model(vec![]);
        let origin: RecordName = "example.org".parse().unwrap();
        let mut create =
            |id: &str, records| model.create_hosted_zone(id.parse().unwrap(), origin.clone(), records);
        assert!(matches!(create(ZONE, vec![]), Err(Route53Error::HostedZoneAlreadyExists(_))));
        let record = simple("a.example.org", "A", &["192.0.2.1"]);
        assert!(matches!(create("Z2", vec![record.clone(), record]), Err(Route53Error::InvalidInput(_))));
        let outside = simple("a.example.com", "A", &["192.0.2.1"]);
        assert!(matches!(create("Z2", vec![outside]), Err(Route53Error::InvalidInput(_))));
    }

    #[test]
    fn an_unknown_hosted_zone_is_refused_by_every_call() {
        let (mut model, other) = (model(vec![]), "ZOTHER".parse().unwrap());
        let expected = Route53Error::NoSuchHostedZone("ZOTHER".to_owned());
        assert_eq!(model.change_record_sets(&other, &addition(1), at(0)), Err(expected.clone()));
        assert_eq!(model.list_record_sets(&other, None, 300, at(0)), Err(expected.clone()));
        assert_eq!(model.records(&other), Err(expected.clone()));
        assert_eq!(model.published(&other, at(0)), Err(expected));
    }

    #[test]
    fn a_batch_is_applied_whole_or_not_at_all_and_every_problem_is_named() {
        let there = weighted("a.example.com", "old", "192.0.2.1");
        let mut model = model(vec![there.clone()]);
        let found = messages(
            &mut model,
            &[
                ModelChange::delete(there.clone()),
                ModelChange::create(weighted("a.example.com", "new", "192.0.2.2")),
                ModelChange::create(weighted("a.example.com", "bad", "bogus")),
                ModelChange::delete(weighted("a.example.com", "missing", "192.0.2.3")),
            ],
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("SetIdentifier bad") && found[1].contains("set identifier='missing'"));
        assert!(model.records(&zone()).unwrap().contains(&there));
    }

    #[test]
    fn creating_what_exists_is_refused() {
        let there = weighted("a.example.com", "x", "192.0.2.1");
        let mut model = model(vec![there]);
        assert_eq!(
            messages(&mut model, &creations([weighted("a.example.com", "x", "192.0.2.2")])),
            [
                "Tried to create resource record set [name='a.example.com.', type='A', set identifier='x'] but it \
              already exists"
            ]
        );
    }

    #[test]
    fn an_upsert_replaces_the_record_set_of_its_name_type_and_set_identifier_only() {
        let mut model = model(vec![
            weighted("a.example.com", "x", "192.0.2.1"),
            weighted("a.example.com", "y", "192.0.2.1"),
            weighted("b.example.com", "x", "192.0.2.1"),
        ]);
        accept(&mut model, &[ModelChange::upsert(weighted("a.example.com", "x", "192.0.2.9"))]);
        let records = model.records(&zone()).unwrap();
        let addresses: Vec<String> =
            records.iter().flat_map(RecordSet::addresses).map(|ip| ip.to_string()).collect();
        assert_eq!(addresses, ["192.0.2.9", "192.0.2.1", "192.0.2.1"]);
    }

    #[test]
    fn names_are_kept_in_lower_case_with_octal_escapes() {
        let mut model = model(vec![]);
        accept(&mut model, &creations([simple("*.Video.Example.COM.", "A", &["192.0.2.1"])]));
        let records = model.records(&zone()).unwrap();
        assert_eq!(records[2].name.to_fqdn(), "\\052.video.example.com.");
    }

    #[test]
    fn pages_of_at_most_300_go_through_one_long_name_by_set_identifier() {
        let mut records: Vec<RecordSet> = Vec::new();
        for name in ["a", "b", "c", "d"] {
            let name = format!("{name}.example.com");
            records.extend((0..100).map(|n| weighted(&name, &format!("x{n:03}"), "192.0.2.1")));
        }
        let mut model = model(records);
        let mut cursor = None;
        let (mut sizes, mut seen) = (Vec::new(), Vec::new());
        loop {
            let page = model.list_record_sets(&zone(), cursor.as_ref(), 1_000, at(0)).unwrap();
            sizes.push(page.records.len());
            seen.extend(page.records);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(sizes, [300, 102]);
        assert_eq!(seen, model.records(&zone()).unwrap());
    }

    #[test]
    fn a_listing_is_in_order_of_name_type_and_set_identifier_and_starts_where_it_is_told() {
        let mut model = model(vec![
            weighted("b.example.com", "y", "192.0.2.1"),
            weighted("b.example.com", "x", "192.0.2.1"),
            simple("b.example.com", "AAAA", &["2001:db8::1"]),
            simple("b.example.com", "TXT", &["\"x\""]),
            simple("a.b.example.com", "A", &["192.0.2.1"]),
            simple("a.example.com", "A", &["192.0.2.1"]),
        ]);
        let start = Cursor { name: "b.example.com".parse().unwrap(), r#type: None, set_identifier: None };
        let page = model.list_record_sets(&zone(), Some(&start), 4, at(0)).unwrap();
        let listed: Vec<String> = page
            .records
            .iter()
            .map(|record| format!("{} {}", record.r#type, record.set_identifier.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(listed, ["A x", "A y", "AAAA -", "TXT -"]);
        assert_eq!(page.next.unwrap().name.as_str(), "a.b.example.com");
    }

    #[test]
    fn a_listing_without_items_or_with_half_a_cursor_is_refused() {
        let mut model = model(vec![]);
        let invalid = |page: Result<Page, Route53Error>| matches!(page, Err(Route53Error::InvalidInput(_)));
        assert!(invalid(model.list_record_sets(&zone(), None, 0, at(0))));
        let half = Cursor {
            name: "a.example.com".parse().unwrap(),
            r#type: None,
            set_identifier: Some("x".to_owned()),
        };
        assert!(invalid(model.list_record_sets(&zone(), Some(&half), 300, at(0))));
    }

    #[test]
    fn a_change_is_pending_until_it_is_everywhere_and_visible_from_then_on() {
        let settings = Settings { propagation: SignedDuration::from_secs(30), ..Settings::default() };
        let mut model = with(settings);
        let change = model.change_record_sets(&zone(), &addition(1), at(100)).unwrap();
        assert_eq!((change.status, change.submitted_at), (ChangeStatus::Pending, at(100)));
        assert_eq!(model.get_change(&change.id, at(129)).unwrap().status, ChangeStatus::Pending);
        let prefixed = format!("/change/{}", change.id);
        assert_eq!(model.get_change(&prefixed, at(130)).unwrap().status, ChangeStatus::Insync);
        let seen = |as_of| {
            let published = model.published(&zone(), at(as_of)).unwrap();
            published.exists(&"a.example.com".parse().unwrap())
        };
        assert_eq!([seen(100), seen(129), seen(130)], [false, false, true]);
    }

    #[test]
    fn an_unknown_change_is_refused() {
        assert_eq!(model(vec![]).get_change("C1", at(0)), Err(Route53Error::NoSuchChange("C1".to_owned())));
    }

    #[test]
    fn a_change_is_refused_while_another_is_in_progress() {
        let settings = Settings { change_in_progress: SignedDuration::from_secs(2), ..Settings::default() };
        let mut model = with(settings);
        model.change_record_sets(&zone(), &addition(1), at(0)).unwrap();
        let refused = model.change_record_sets(&zone(), &addition(2), at(1));
        assert_eq!(refused, Err(Route53Error::PriorRequestNotComplete));
        model.change_record_sets(&zone(), &addition(2), at(2)).unwrap();
    }

    #[test]
    fn requests_beyond_a_burst_of_50_and_10_per_second_are_throttled() {
        let mut model = with(Settings::default());
        for _ in 0..50 {
            model.list_record_sets(&zone(), None, 1, at(0)).unwrap();
        }
        assert_eq!(model.list_record_sets(&zone(), None, 1, at(0)), Err(Route53Error::Throttling));
        assert_eq!(model.get_change("C1", at(0)), Err(Route53Error::Throttling));
        for number in 0..10 {
            model.change_record_sets(&zone(), &addition(number), at(1)).unwrap();
        }
        let refused = model.change_record_sets(&zone(), &addition(11), at(1));
        assert_eq!(refused, Err(Route53Error::Throttling));
    }

    #[test]
    fn changes_beyond_a_burst_of_1500_are_throttled_with_upsert_counted_twice() {
        let mut model = with(Settings::default());
        let upserts: Vec<ModelChange> = (0..500)
            .map(|n| ModelChange::upsert(simple(&format!("n{n}.example.com"), "A", &["192.0.2.1"])))
            .collect();
        model.change_record_sets(&zone(), &upserts, at(0)).unwrap();
        let refused = model.change_record_sets(&zone(), &upserts, at(0));
        assert_eq!(refused, Err(Route53Error::Throttling));
        model.change_record_sets(&zone(), &upserts[..250], at(0)).unwrap();
        let refused = model.change_record_sets(&zone(), &addition(1), at(0));
        assert_eq!(refused, Err(Route53Error::Throttling));
        model.change_record_sets(&zone(), &addition(1), at(1)).unwrap();
    }

    #[test]
    fn the_hosted_zone_of_a_name_is_the_closest_one() {
        let mut model = model(vec![]);
        model
            .create_hosted_zone("ZEDGE".parse().unwrap(), "edge.example.com".parse().unwrap(), vec![])
            .unwrap();
        let found = |name: &str| model.hosted_zone_of(&name.parse().unwrap()).map(HostedZoneId::as_str);
        assert_eq!(found("video.edge.example.com"), Some("ZEDGE"));
        assert_eq!(found("www.example.com"), Some(ZONE));
        assert_eq!(found("example.net"), None);
    }
}

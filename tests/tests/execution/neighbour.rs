//! An account that is shared: whoever else changes records there leaves little of the budget.
//!
//! The strict model keeps the account's buckets; a neighbour takes fifty changes whenever there are fifty.

use registrar_core::execute::{Reply, RetryReason};
use registrar_core::inventory::InstanceState;
use registrar_core::plan::Batch;
use registrar_core::record_set::{ChangeAction, RecordSet, RecordType};
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::route53::{ModelChange, Route53Error, Route53Model, Settings};

use crate::scene::{Answer, Scene, foreign, instance, marks, secs, start};

const DEAD: usize = 90;
const LAUNCHING: usize = 80;

/// How often the neighbour tries: half of what the account may ask for.
const EVERY: SignedDuration = SignedDuration::from_millis(200);

struct Account {
    model: Route53Model,
    neighbour_at: Timestamp,
}

impl Account {
    /// An account whose burst the neighbour has spent.
    fn shared(records: &[RecordSet]) -> Self {
        let mut model = Route53Model::new(Settings { throttling: true, ..Settings::default() });
        let zone = |model: &mut Route53Model, id: &str, origin: &str, records: Vec<RecordSet>| {
            model.create_hosted_zone(id.parse().unwrap(), origin.parse().unwrap(), records).unwrap();
        };
        zone(&mut model, "Z1", "edge.example.com", records.to_vec());
        zone(&mut model, "Z2", "example.net", Vec::new());
        let mut account = Self { model, neighbour_at: start() };
        while account.neighbour_spends(start()) {}
        account
    }

    /// Twenty-five UPSERTs, which cost fifty.
    fn neighbour_spends(&mut self, now: Timestamp) -> bool {
        let changes: Vec<ModelChange> = (0..25)
            .map(|number| {
                let name = format!("n{number}.example.net").parse().unwrap();
                let values = vec!["192.0.2.9".to_owned()];
                ModelChange::upsert(RecordSet::simple(name, RecordType::A, 60, values))
            })
            .collect();
        self.model.change_record_sets(&"Z2".parse().unwrap(), &changes, now).is_ok()
    }

    fn submit(&mut self, batch: &Batch, now: Timestamp) -> Answer {
        while self.neighbour_at + EVERY <= now {
            self.neighbour_at += EVERY;
            self.neighbour_spends(self.neighbour_at);
        }
        let changes: Vec<ModelChange> =
            batch.changes().map(|change| (change.action, change.record.as_ref().clone()).into()).collect();
        match self.model.change_record_sets(&batch.hosted_zone_id, &changes, now) {
            Ok(_) => Answer::Accept,
            Err(Route53Error::Throttling) => Answer::Say(Reply::Throttled),
            Err(error) => panic!("{error}"),
        }
    }
}

fn storm() -> Scene {
    let mut scene = Scene::launching(DEAD);
    assert!(scene.run(secs(30), |_, _| Answer::Accept).is_complete());
    for instance in &mut scene.fleet {
        instance.state = Some(InstanceState::Terminated);
    }
    scene.records.push(foreign(1));
    scene.fleet.extend((DEAD..DEAD + LAUNCHING).map(|number| instance(number, InstanceState::Running)));
    scene
}

#[test]
fn beside_a_neighbour_who_takes_what_comes_back_the_dead_still_go_first_and_everything_ends() {
    let mut scene = storm();
    let mut account = Account::shared(&scene.records);
    let mut actions: Vec<ChangeAction> = Vec::new();
    let outcome = scene.run(secs(120), |scene, request| {
        let answer = account.submit(request.batch, scene.now);
        if matches!(answer, Answer::Accept) {
            actions.extend(request.batch.changes().map(|change| change.action));
        }
        answer
    });
    assert!(outcome.is_complete(), "{:?}", scene.sizes);
    assert!(outcome.retries.contains_key(&RetryReason::Throttled));
    assert!(actions.is_sorted(), "every one of the dead goes before any addition: {:?}", scene.sizes);
    assert_eq!(actions.len(), DEAD + LAUNCHING);
    let mut expected = marks(DEAD..DEAD + LAUNCHING);
    expected.insert("theirs-1".to_owned());
    assert_eq!(scene.published(), expected);
}

#[test]
fn a_request_that_stayed_as_large_as_it_was_would_starve_there() {
    let scene = storm();
    let mut account = Account::shared(&scene.records);
    let (plan, _) = scene.look();
    let dead = plan.plan().batches.first().unwrap();
    let tries =
        (1..=120).filter(|second| matches!(account.submit(dead, start() + secs(*second)), Answer::Accept));
    assert_eq!(tries.count(), 0, "ninety changes are never there at once");
}

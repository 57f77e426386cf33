//! Adoption takes over the records that it shows, in one batch, and no others.

#![expect(clippy::unwrap_used, reason = "a story that cannot be told is a failure of these tests")]

use std::collections::BTreeSet;

use registrar_core::adopt::Refusal;
use registrar_core::lint::Rule;
use registrar_core::record_set::ChangeAction;
use registrar_tests::scenario::Scenario;
use registrar_tests::world::World;

const NAME: &str = "video.bos.edge.example.com";

/// What the published reference design leaves behind.
const REFERENCE: &str = r#"
why = "Records of the published reference design."
pools.video = {}
fleet = ["i-0{1..3}0000000000000aa running carrier=155.146.10.{1..3}"]
zone = ["video.bos.edge.example.com A i-0{1..3}0000000000000aa weight=100 ttl=30 155.146.10.{1..3}"]
"#;

/// The same beside a record that nobody names.
const SHARED: &str = r#"
why = "A set that is shared with somebody else."
pools.video = {}
fleet = ["i-0{1..3}0000000000000aa running carrier=155.146.10.{1..3}"]
zone = [
  "video.bos.edge.example.com A i-010000000000000aa weight=100 ttl=30 health=check 155.146.10.1",
  "video.bos.edge.example.com A blue weight=7 ttl=30 155.146.10.2",
  "video.bos.edge.example.com A by-hand weight=10 ttl=30 198.51.100.7",
]
"#;

/// Records that cannot become a member's.
const REFUSED: &str = r#"
why = "Every reason why a record is not adopted."
pools.video = {}
fleet = ["i-01 running carrier=155.146.10.1"]
zone = [
  "video.bos.edge.example.com A registrar/default/video/i-01 weight=100 ttl=20 155.146.10.1",
  "video.bos.edge.example.com A registrar/other/video/i-09 weight=100 ttl=20 155.146.10.9",
  "video.bos.edge.example.com A an-alias weight=100 alias=target.edge.example.com",
  "video.bos.edge.example.com A twins weight=100 ttl=20 155.146.10.2 155.146.10.3",
  "video.bos.edge.example.com A one weight=100 ttl=20 155.146.10.4",
  "video.bos.edge.example.com A other weight=100 ttl=20 155.146.10.5",
  "video.bos.edge.example.com A again weight=100 ttl=20 155.146.10.1",
  "video.bos.edge.example.com A policy weight=100 ttl=20 TrafficPolicyInstanceId=tp-1 155.146.10.6",
  "target.edge.example.com A ttl=20 198.51.100.1",
]
"#;

fn world(story: &str) -> World {
    World::build(&Scenario::parse(story).unwrap()).unwrap()
}

#[test]
fn records_of_the_reference_design_become_the_pools_own_in_one_batch() {
    let world = world(REFERENCE);
    let (adoption, plan) = world.adopt("video", &[]).unwrap();
    assert_eq!((adoption.adopted.len(), plan.batches.len()), (3, 1));
    let after = world.after(&plan).unwrap();
    let lines = after.lines_at(NAME).unwrap();
    let own = |number| {
        format!(
            "{NAME} A registrar/default/video/i-0{number}0000000000000aa weight=100 ttl=20 155.146.10.{number}"
        )
    };
    assert_eq!(lines, [own(1), own(2), own(3)]);
    assert_eq!(after.plan().unwrap().change_count(), 0, "the next run changes nothing");
    assert_eq!(after.adopt("video", &[]).unwrap().0.adopted, [], "adopting again adopts nothing");
}

#[test]
fn in_a_set_that_is_shared_only_marks_change_and_the_ttl_stays() {
    let world = world(SHARED);
    let (adoption, plan) = world.adopt("video", &[("blue", "i-020000000000000aa")]).unwrap();
    let heavier = adoption.adopted.iter().find(|it| it.was.weight == Some(7)).unwrap();
    assert_eq!(heavier.note.as_deref(), Some("it asks for weight 100, and gets it at the next run"));
    let left: Vec<_> = adoption.left_alone.iter().map(|record| record.set_identifier.as_deref()).collect();
    assert_eq!(left, [Some("by-hand")]);
    let mut lines = world.after(&plan).unwrap().lines_at(NAME).unwrap();
    lines.sort();
    assert_eq!(
        lines,
        [
            format!("{NAME} A by-hand weight=10 ttl=30 198.51.100.7"),
            format!(
                "{NAME} A registrar/default/video/i-010000000000000aa weight=100 ttl=30 health=check 155.146.10.1"
            ),
            format!("{NAME} A registrar/default/video/i-020000000000000aa weight=7 ttl=30 155.146.10.2"),
        ]
    );
}

#[test]
fn own_records_follow_when_the_whole_set_becomes_the_pools() {
    let story = SHARED.replace(
        "A by-hand weight=10 ttl=30 198.51.100.7",
        "A registrar/default/video/i-030000000000000aa weight=100 ttl=30 155.146.10.3",
    );
    let world = world(&story);
    let (_, plan) = world.adopt("video", &[("blue", "i-020000000000000aa")]).unwrap();
    let lines = world.after(&plan).unwrap().lines_at(NAME).unwrap();
    assert!(lines.len() == 3 && lines.iter().all(|line| line.contains(" ttl=20 ")), "{lines:#?}");
}

#[test]
fn what_cannot_be_a_members_record_is_refused_with_the_reason() {
    let named = [
        ("registrar/default/video/i-01", "i-01"),
        ("registrar/other/video/i-09", "i-09"),
        ("an-alias", "i-02"),
        ("twins", "i-03"),
        ("one", "i-04"),
        ("other", "i-04"),
        ("again", "i-01"),
        ("policy", "i-06"),
        ("nowhere", "i-07"),
    ];
    let (adoption, plan) = world(REFUSED).adopt("video", &named).unwrap();
    assert_eq!((adoption.adopted.len(), plan.batches.len()), (0, 0));
    let of = |id: &str| adoption.refused.get(id).unwrap();
    assert!(matches!(of("registrar/default/video/i-01"), Refusal::Owned(_)));
    assert!(
        matches!(of("registrar/other/video/i-09"), Refusal::Owned(owner) if owner.deployment.as_str() == "other")
    );
    assert_eq!(of("an-alias"), &Refusal::Alias);
    assert_eq!(of("twins"), &Refusal::SeveralValues(2));
    for twice in ["one", "other", "again"] {
        assert!(matches!(of(twice), Refusal::InstanceTwice(_)), "{twice}");
    }
    assert!(matches!(of("policy"), Refusal::TrafficPolicy(_)));
    assert_eq!(of("nowhere"), &Refusal::NotFound);
    assert_eq!(adoption.refused.len(), named.len());
}

#[test]
fn an_instance_that_does_not_serve_is_adopted_and_said_so() {
    let world =
        world(&REFERENCE.replace("i-0{1..3}0000000000000aa running", "i-0{4..6}0000000000000aa running"));
    let (adoption, plan) = world.adopt("video", &[]).unwrap();
    assert!(
        adoption
            .adopted
            .iter()
            .all(|it| it.note.as_deref().is_some_and(|note| note.contains("does not know")))
    );
    let next = world.after(&plan).unwrap().plan().unwrap();
    assert!(next.held_back_count() > 0, "the guard judges them from now on");
}

#[test]
fn a_name_that_only_looks_like_an_instance_is_left_alone() {
    let world = world(&SHARED.replace("A blue ", "A i-blue "));
    let (adoption, _) = world.adopt("video", &[]).unwrap();
    assert_eq!(adoption.adopted.len(), 1);
}

#[test]
fn pools_that_do_not_change_records_do_not_adopt() {
    for (setting, said) in [
        ("pools.video.state = \"paused\"", "is paused"),
        ("pools.video.state = \"retired\"", "is retired"),
        ("pools.video.record.routing = \"multivalue\"", "is multivalue"),
        ("truncated = [\"zone\"]\npools.video = {}", "to its end"),
        (
            "pools.video = {}\norders.video.pause = { reason = \"x\", since = \"2026-11-21T09:00:00Z\", until = \"2026-11-21T12:00:00Z\" }",
            "registrar resume",
        ),
        ("pools.video.record.ttl_secs = 0", "record.ttl_secs"),
    ] {
        let error = world(&REFERENCE.replace("pools.video = {}", setting)).adopt("video", &[]).unwrap_err();
        assert!(error.to_string().contains(said), "{error:#}");
    }
}

#[test]
fn an_adoption_shows_old_and_new_marks_ttl_and_what_stays() {
    let (whole, _) = world(REFERENCE).adopt("video", &[]).unwrap();
    insta::assert_snapshot!("adopt_the_reference_design", whole.to_string());
    let (shared, _) = world(SHARED).adopt("video", &[("nowhere", "i-02")]).unwrap();
    insta::assert_snapshot!("adopt_in_a_shared_set", shared.to_string());
}

#[test]
fn the_lint_lets_an_adoption_delete_what_it_names_and_nothing_else() {
    let world = world(SHARED);
    let (adoption, plan) = world.adopt("video", &[]).unwrap();
    let broken = |plan: &_, keys: &_| -> BTreeSet<Rule> {
        world.lint_adopting(plan, keys).into_iter().map(|note| note.rule).collect()
    };
    assert_eq!(broken(&plan, &adoption.keys()), BTreeSet::new());
    assert_eq!(broken(&plan, &BTreeSet::new()), BTreeSet::from([Rule::OnlyOwned]), "without the list");
    let (more, _) = world.adopt("video", &[("blue", "i-020000000000000aa")]).unwrap();
    assert_eq!(
        broken(&more.to_plan(), &adoption.keys()),
        BTreeSet::from([Rule::OnlyOwned]),
        "beyond the list"
    );
    let mut without_successor = plan.clone();
    let changes = &mut without_successor.batches[0].units[0].changes;
    changes.retain(|change| change.action == ChangeAction::Delete);
    assert_eq!(
        broken(&without_successor, &adoption.keys()),
        BTreeSet::from([Rule::OnlyOwned]),
        "a plain DELETE"
    );
    let mut heavier = plan;
    for change in &mut heavier.batches[0].units[0].changes {
        if change.action == ChangeAction::Create {
            std::sync::Arc::make_mut(&mut change.record).weight = Some(255);
        }
    }
    assert_eq!(broken(&heavier, &adoption.keys()), BTreeSet::from([Rule::OnlyOwned]), "another weight");
}

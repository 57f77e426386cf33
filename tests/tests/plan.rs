//! What a plan tells of its changes: what allows each of them, and what it leaves alone.

#![expect(clippy::unwrap_used, reason = "a story that cannot be told is a failure of these tests")]

use registrar_core::plan::{Batch, Plan};
use registrar_tests::scenario::Scenario;
use registrar_tests::world::World;

fn plan_of(story: &str) -> Plan {
    World::build(&Scenario::parse(story).unwrap()).unwrap().plan().unwrap()
}

/// Returns each change with what allows it.
fn told(plan: &Plan) -> Vec<String> {
    let changes = plan.batches.iter().flat_map(Batch::changes);
    changes
        .map(|change| {
            let record = &change.record;
            let what = match &record.set_identifier {
                Some(id) => id.rsplit('/').next().unwrap_or_default().to_owned(),
                None => record.r#type.to_string(),
            };
            format!("{} {what}: {}", change.action, change.evidence)
        })
        .collect()
}

#[test]
fn a_record_goes_or_comes_for_its_own_instance() {
    let plan = plan_of(
        r#"
why = "One of each."
pools.video.guard = { when_empty = "fallback", fallback = "198.51.100.1" }
fleet = ["i-01 terminated", "i-02 running carrier=155.146.10.2", "i-03 running carrier=155.146.10.3"]
zone = [
  "video.bos.edge.example.com A registrar/default/video/i-01 weight=100 ttl=20 155.146.10.1",
  "video.bos.edge.example.com A registrar/default/video/i-03 weight=7 ttl=20 155.146.10.3",
]
"#,
    );
    assert_eq!(
        told(&plan),
        [
            "DELETE i-01: EC2 says terminated",
            "DELETE i-03: asks for another weight",
            "CREATE fallback: ~ fallback  none → 198.51.100.1: the pool document says so",
            "CREATE i-02: running and in service",
            "CREATE i-03: asks for another weight",
        ]
    );
}

#[test]
fn a_set_that_all_share_names_the_first_three_and_counts_the_others() {
    let story = |last: u8| {
        format!(
            r#"
why = "A simple set."
pools.video.record.routing = "simple"
fleet = ["i-0{{1..{last}}} running carrier=155.146.10.{{1..{last}}}"]
zone = [
  "video.bos.edge.example.com A ttl=20 155.146.10.1",
  'registrar-owner.video.bos.edge.example.com TXT ttl=20 "registrar/default/video/i-01=155.146.10.1"',
]
"#
        )
    };
    let comes = |number| format!("+ i-0{number}  155.146.10.{number}: running and in service");
    let changed = ["DELETE A", "DELETE TXT", "CREATE A", "CREATE TXT"];
    let all = |evidence: &str| changed.map(|change| format!("{change}: {evidence}"));
    assert_eq!(told(&plan_of(&story(2))), all(&comes(2)));
    let three = [2, 3, 4].map(comes).join("; ");
    assert_eq!(told(&plan_of(&story(4))), all(&three));
    assert_eq!(told(&plan_of(&story(6))), all(&format!("{three}; and 2 more")));
}

#[test]
fn an_alias_follows_its_leaf_and_a_record_that_moves_the_size() {
    let plan = plan_of(
        r#"
why = "A pool that becomes a tree."
pools.video = {}
fleet = ["i-{001..101} running carrier=155.146.10.{1..101}"]
zone = ["video.bos.edge.example.com A registrar/default/video/i-{001..100} weight=100 ttl=20 155.146.10.{1..100}"]
"#,
    );
    let told = told(&plan);
    for line in [
        "DELETE i-001: so that every set holds its records, and every share is right",
        "CREATE i-001: so that every set holds its records, and every share is right",
        "CREATE i-101: running and in service",
        "CREATE l00: the weights of the records at l00",
    ] {
        assert!(told.iter().any(|told| told == line), "{line} is not among {told:#?}");
    }
    let text = plan.to_string();
    assert!(text.contains("~ tree  one set → 2 leaves, 100 moved"), "{text}");
}

#[test]
fn a_tree_that_stays_as_it_is_is_not_told() {
    let plan = plan_of(
        r#"
why = "One comes to a tree."
pools.video = {}
fleet = ["i-{001..102} running carrier=155.146.10.{1..102}"]
zone = [
  "l00.video.bos.edge.example.com A registrar/default/video/i-{001..051} weight=100 ttl=20 155.146.10.{1..51}",
  "l01.video.bos.edge.example.com A registrar/default/video/i-{052..101} weight=100 ttl=20 155.146.10.{52..101}",
  "video.bos.edge.example.com A registrar/default/video/l00 weight=106 alias=l00.video.bos.edge.example.com@Z0EDGE!",
  "video.bos.edge.example.com A registrar/default/video/l01 weight=104 alias=l01.video.bos.edge.example.com@Z0EDGE!",
]
"#,
    );
    let text = plan.to_string();
    assert!(text.contains("+ i-102") && !text.contains("~ tree"), "{text}");
}

#[test]
fn a_simple_set_of_which_only_texts_are_left_becomes_a_tree_step_by_step() {
    let plan = plan_of(
        r#"
why = "Somebody took the addresses away."
pools.video = {}
fleet = ["i-{001..201} running carrier=155.146.10.{1..201}"]
zone = ['registrar-owner.video.bos.edge.example.com TXT ttl=20 "registrar/default/video/i-001=155.146.10.1"']
"#,
    );
    assert!(counted(&plan).len() > 2, "{plan}");
}

/// Somebody took an alias away there before.
#[test]
fn a_tree_of_the_dead_in_a_former_hosted_zone_goes_as_it_is() {
    let plan = plan_of(
        r#"
why = "A pool was moved to another hosted zone."
pools.video = {}
fleet = ["i-01 terminated", "i-02 terminated"]
zone = []
other_zones.Z1 = [
  "l00.video.bos.edge.example.com A registrar/default/video/i-01 weight=100 ttl=20 155.146.10.1",
  "l01.video.bos.edge.example.com A registrar/default/video/i-02 weight=100 ttl=20 155.146.10.2",
  "video.bos.edge.example.com A registrar/default/video/l00 weight=100 alias=l00.video.bos.edge.example.com@Z1!",
]
"#,
    );
    let dead = "EC2 says terminated";
    let alias = "the weights of the records at l00";
    assert_eq!(
        told(&plan),
        [format!("DELETE l00: {alias}"), format!("DELETE i-01: {dead}"), format!("DELETE i-02: {dead}")]
    );
}

#[test]
fn records_of_a_pool_without_a_document_are_told_and_left() {
    let plan = plan_of(
        r#"
why = "A document is missing."
pools.video = {}
zone = [
  "gone.bos.edge.example.com A registrar/default/gone/i-01 weight=100 ttl=20 155.146.10.1",
  "other.bos.edge.example.com A registrar/other/gone/i-01 weight=100 ttl=20 155.146.10.1",
]
"#,
    );
    assert_eq!(
        plan.notes,
        [
            "pool gone has records at gone.bos.edge.example.com in hosted zone Z0EDGE and is not among the pools here: they are left as they are"
        ]
    );
    assert!(plan.batches.is_empty());
}

/// The budget is counted unit by unit, as they are executed.
#[test]
fn each_removal_without_proof_is_counted_in_one_unit() {
    let plan = plan_of(
        r#"
why = "A fallback comes while a record goes without proof."
pools.video.guard = { when_empty = "fallback", fallback = "198.51.100.1" }
fleet = ["i-01 running carrier=155.146.10.1", "i-02 running carrier=155.146.10.2 pool=none"]
zone = ["video.bos.edge.example.com A registrar/default/video/i-0{1..2} weight=100 ttl=20 155.146.10.{1..2}"]
"#,
    );
    let counted: Vec<usize> =
        plan.batches.iter().flat_map(|batch| &batch.units).map(|unit| unit.budgeted).collect();
    assert_eq!(counted, [1, 0], "{plan}");
}

/// With no weight above 0 at all, Route 53 answers even records of weight 0.
#[test]
fn the_only_weight_above_zero_is_not_given_up_before_another_one_comes() {
    let stands = |id: &str, address: u8, weight: u8| {
        format!(
            "video.bos.edge.example.com A registrar/default/video/{id} weight={weight} ttl=20 155.146.10.{address}"
        )
    };
    let zone = [stands("i-01", 1, 5), stands("i-02", 2, 0)];
    let parked = "i-02 running carrier=155.146.10.2 weight=0";
    for (what, fleet, units) in [
        (
            "another weight",
            ["i-01 running carrier=155.146.10.1 weight=0", "i-02 running carrier=155.146.10.2 weight=5"],
            1,
        ),
        (
            "another address",
            ["i-01 running carrier=155.146.10.9 weight=0", "i-02 running carrier=155.146.10.2 weight=5"],
            1,
        ),
        (
            "who leaves",
            ["i-01 running carrier=155.146.10.1 pool=none", "i-02 running carrier=155.146.10.2 weight=5"],
            1,
        ),
        (
            "who stays",
            ["i-01 running carrier=155.146.10.1 weight=7", "i-02 running carrier=155.146.10.2 weight=5"],
            2,
        ),
        ("none that comes", ["i-01 running carrier=155.146.10.9 weight=0", parked], 1),
        ("the dead", ["i-01 terminated", "i-02 running carrier=155.146.10.2 weight=5"], 2),
    ] {
        let plan =
            plan_of(&format!("why = {what:?}\npools.video = {{}}\nfleet = {fleet:?}\nzone = {zone:?}\n"));
        assert_eq!(counted(&plan).len(), units, "{what}: {plan}");
    }
    let fleet =
        ["i-01 running carrier=155.146.10.1 weight=0", parked, "i-03 running carrier=155.146.10.3 weight=5"];
    let plan =
        plan_of(&format!("why = \"who comes\"\npools.video = {{}}\nfleet = {fleet:?}\nzone = {zone:?}\n"));
    assert_eq!(counted(&plan).len(), 1, "{plan}");
}

/// A pool takes a name over, and lets go two of its own at the same time: one by proof, one without.
const HANDOVER: &str = r#"
why = "A name changes hands."
pools.old = { record = { name = "video.bos.edge.example.com" }, state = "retired" }
pools.video = {}
fleet = [
  "i-01 terminated",
  "i-02 running carrier=155.146.10.2 pool=none",
  "i-03 running carrier=155.146.10.3",
]
zone = [
  "video.bos.edge.example.com A registrar/default/old/i-01 weight=100 ttl=20 155.146.10.1",
  "video.bos.edge.example.com A registrar/default/video/i-02 weight=0 ttl=20 155.146.10.2",
]
"#;

/// What the units of a plan count against the budget, and as dead.
fn counted(plan: &Plan) -> Vec<(usize, usize)> {
    plan.batches.iter().flat_map(|batch| &batch.units).map(|unit| (unit.budgeted, unit.dead)).collect()
}

#[test]
fn what_is_proven_dead_goes_before_a_handover_while_something_of_its_successor_stands() {
    let plan = plan_of(HANDOVER);
    assert_eq!(counted(&plan), [(0, 1), (1, 0)], "{plan}");
}

#[test]
fn what_is_joined_for_a_handover_counts_what_goes_in_it() {
    let plan = plan_of(
        r#"
why = "The only record is dead, and its successor comes."
pools.old = { record = { name = "video.bos.edge.example.com" }, state = "retired" }
pools.video = {}
fleet = ["i-01 terminated", "i-02 running carrier=155.146.10.2"]
zone = ["video.bos.edge.example.com A registrar/default/old/i-01 weight=100 ttl=20 155.146.10.1"]
"#,
    );
    assert_eq!(counted(&plan), [(0, 1)], "{plan}");
    let plan = plan_of(
        r#"
why = "A retired pool leaves, and two of its successor go without proof."
pools.old = { record = { name = "video.bos.edge.example.com" }, state = "retired" }
pools.video.guard.max_removals = { count = 5, percent = 100 }
fleet = ["i-01 running carrier=155.146.10.1", "i-{02..03} running carrier=155.146.10.{2..3} pool=none", "i-{04..09} running carrier=155.146.10.{4..9}"]
zone = [
  "video.bos.edge.example.com A registrar/default/old/i-01 weight=100 ttl=20 155.146.10.1",
  "video.bos.edge.example.com A registrar/default/video/i-{02..09} weight=100 ttl=20 155.146.10.{2..9}",
]
"#,
    );
    assert_eq!(counted(&plan), [(2, 0)], "{plan}");
}

/// What comes and what goes for it without proof stand in one unit: requests may be cut between any two.
#[test]
fn nothing_that_answers_goes_without_proof_before_what_comes_for_it() {
    let of_video = |id: &str, address: u8| {
        format!(
            "video.bos.edge.example.com A registrar/default/video/{id} weight=100 ttl=20 155.146.10.{address}"
        )
    };
    let leaves = "i-01 running carrier=155.146.10.1 pool=none";
    let comes = "i-02 running carrier=155.146.10.2";
    let fallback = r#"pools.video.guard = { when_empty = "fallback", fallback = "198.51.100.1" }"#;
    let of_fallback =
        "video.bos.edge.example.com A registrar/default/video/fallback weight=0 ttl=20 198.51.100.1";
    let by_hand = "video.bos.edge.example.com A by-hand weight=10 ttl=20 198.51.100.7";
    for (what, pools, fleet, zone) in [
        ("a record", "pools.video = {}", vec![leaves, comes], vec![of_video("i-01", 1)]),
        ("a fallback", "pools.video = {}", vec![comes], vec![of_fallback.to_owned()]),
        (
            "a record beside another's",
            "pools.video = {}",
            vec![leaves, comes],
            vec![of_video("i-01", 1), by_hand.to_owned()],
        ),
        (
            "a record with a fallback",
            fallback,
            vec![leaves, comes],
            vec![of_video("i-01", 1), of_fallback.to_owned()],
        ),
    ] {
        let plan = plan_of(&format!("why = {what:?}\n{pools}\nfleet = {fleet:?}\nzone = {zone:?}\n"));
        assert_eq!(counted(&plan).len(), 1, "{what}: {plan}");
        let dead = plan_of(&format!(
            "why = {what:?}\n{pools}\nfleet = {:?}\nzone = {:?}\n",
            [&fleet[..], &["i-03 terminated"]].concat(),
            [&zone[..], &[of_video("i-03", 3)]].concat(),
        ));
        assert_eq!(counted(&dead)[0], (0, 1), "{what}: the dead go first, by themselves: {dead}");
        assert_eq!(counted(&dead).len(), 2, "{what}: {dead}");
    }
}

#[test]
fn a_handover_that_waits_says_for_what() {
    let plan = plan_of(
        &HANDOVER
            .replace("i-01 terminated", "i-01 running carrier=155.146.10.1")
            .replace("pools.video = {}", "pools.video = {}\ntruncated = [\"groups\"]"),
    );
    let details: Vec<&str> = plan.pools[0].held_back.iter().map(|held| held.hold.detail.as_str()).collect();
    assert_eq!(
        details,
        [
            "the name video.bos.edge.example.com changes hands between old and video at once, which has to wait: groups: \
          NextToken is there: the listing goes on after this page"
        ]
    );
}

//! The rules about a batch of changes.

use crate::records::{SIMPLE, change, simple, weighted};
use crate::subject::{Subject, Verdict, seen};

const BATCH: &str = "InvalidChangeBatch";

fn a_batch_with_one_bad_change_changes_nothing(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "old")])?;
    zone.refuses(
        &[weighted("DELETE", "a", "old"), weighted("CREATE", "a", "new"), weighted("DELETE", "a", "missing")],
        BATCH,
    )
}

fn a_batch_with_one_name_outside_changes_nothing(subject: &Subject) -> Verdict {
    let outside = weighted("CREATE", "b", "x").replace("b.edge.example.com", "b.example.net");
    subject.zone().refuses(&[weighted("CREATE", "a", "x"), outside], BATCH)
}

fn a_delete_and_then_a_create_replace_a_record_set(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x")])?;
    let changed = weighted("CREATE", "a", "x").replace("192.0.2.1", "192.0.2.2");
    zone.accepts(&[weighted("DELETE", "a", "x"), changed])?;
    seen(zone.list("name=a.edge.example.com").element("Value"), Some("192.0.2.2"))
}

fn a_record_set_twice_in_a_batch_is_refused(subject: &Subject) -> Verdict {
    subject.zone().refuses(&[weighted("CREATE", "a", "x"), weighted("CREATE", "a", "x")], BATCH)
}

fn a_create_and_then_a_delete_are_refused(subject: &Subject) -> Verdict {
    subject.zone().refuses(&[weighted("CREATE", "a", "x"), weighted("DELETE", "a", "x")], BATCH)
}

fn a_text_beside_an_address_changes_in_the_same_batch(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    let text = |action| change(action, "registrar-owner.a", "TXT", SIMPLE, 20, &["&quot;v1 i-1&quot;"]);
    zone.accepts(&[simple("CREATE", "a"), text("CREATE")])?;
    zone.accepts(&[simple("DELETE", "a"), text("DELETE")])
}

fn a_batch_has_at_most_1000_values(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    let many =
        |count: usize| (0..count).map(|number| simple("CREATE", &format!("n{number}"))).collect::<Vec<_>>();
    zone.refuses(&many(1_001), BATCH)?;
    zone.accepts(&many(1_000))
}

fn an_upsert_counts_twice(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    let many =
        |count: usize| (0..count).map(|number| simple("UPSERT", &format!("n{number}"))).collect::<Vec<_>>();
    zone.refuses(&many(501), BATCH)?;
    zone.accepts(&many(500))
}

fn a_batch_has_at_most_32000_characters_of_values(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    let text = format!("&quot;{}&quot;", "x".repeat(198));
    let many = |count: usize| {
        let text = text.as_str();
        let change = |number| change("CREATE", &format!("n{number}"), "TXT", SIMPLE, 20, &[text]);
        (0..count).map(change).collect::<Vec<_>>()
    };
    zone.refuses(&many(161), BATCH)?;
    zone.accepts(&many(160))
}

fn an_empty_batch_is_refused(subject: &Subject) -> Verdict {
    subject.zone().refuses(&[], "InvalidInput")
}

fn what_is_not_xml_is_refused(subject: &Subject) -> Verdict {
    subject.zone().refuses(&["<Change>".to_owned()], "InvalidInput")
}

fn an_action_that_does_not_exist_is_refused(subject: &Subject) -> Verdict {
    subject.zone().refuses(&[weighted("REPLACE", "a", "x")], "InvalidInput")
}

rules! {
    a_batch_with_one_bad_change_changes_nothing,
    a_batch_with_one_name_outside_changes_nothing,
    a_delete_and_then_a_create_replace_a_record_set,
    a_record_set_twice_in_a_batch_is_refused,
    a_create_and_then_a_delete_are_refused,
    a_text_beside_an_address_changes_in_the_same_batch,
    a_batch_has_at_most_1000_values,
    an_upsert_counts_twice,
    a_batch_has_at_most_32000_characters_of_values,
    an_empty_batch_is_refused,
    what_is_not_xml_is_refused,
    an_action_that_does_not_exist_is_refused,
}

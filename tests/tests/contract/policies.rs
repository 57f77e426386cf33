//! The rules about the record sets of one name, and about aliases between names.

use crate::records::{SIMPLE, change, multivalue, simple, weight, weighted};
use crate::subject::{Subject, Verdict, Zone};

const BATCH: &str = "InvalidChangeBatch";

fn weighted_beside_simple_is_refused(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[simple("CREATE", "a")])?;
    zone.refuses(&[weighted("CREATE", "a", "x")], BATCH)
}

fn simple_beside_weighted_is_refused(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x")])?;
    zone.refuses(&[simple("CREATE", "a")], BATCH)
}

fn multivalue_beside_weighted_is_refused(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x")])?;
    zone.refuses(&[change("CREATE", "a", "A", &multivalue("y"), 20, &["192.0.2.1"])], BATCH)
}

fn a_set_changes_its_policy_in_one_batch(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x"), weighted("CREATE", "a", "y")])?;
    let multivalue = change("CREATE", "a", "A", &multivalue("x"), 20, &["192.0.2.1"]);
    zone.accepts(&[weighted("DELETE", "a", "x"), weighted("DELETE", "a", "y"), multivalue])
}

fn a_weighted_set_has_one_ttl(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x")])?;
    zone.refuses(&[change("CREATE", "a", "A", &weight("y", 100), 30, &["192.0.2.2"])], BATCH)
}

fn a_ttl_is_changed_with_the_whole_set(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x"), weighted("CREATE", "a", "y")])?;
    let slower = |id| change("CREATE", "a", "A", &weight(id, 100), 30, &["192.0.2.1"]);
    zone.accepts(&[weighted("DELETE", "a", "x"), weighted("DELETE", "a", "y"), slower("x"), slower("y")])
}

fn a_set_has_at_most_100_record_sets(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    let hundred: Vec<String> =
        (0..100).map(|number| weighted("CREATE", "a", &format!("x{number}"))).collect();
    zone.accepts(&hundred)?;
    zone.refuses(&[weighted("CREATE", "a", "one-more")], BATCH)
}

fn a_full_set_takes_one_in_for_one_that_goes(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    let hundred: Vec<String> =
        (0..100).map(|number| weighted("CREATE", "a", &format!("x{number}"))).collect();
    zone.accepts(&hundred)?;
    zone.accepts(&[weighted("DELETE", "a", "x0"), weighted("CREATE", "a", "new")])
}

fn nothing_stands_beside_a_cname(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[change("CREATE", "a", "CNAME", SIMPLE, 20, &["b.example.net"])])?;
    zone.refuses(&[simple("CREATE", "a")], BATCH)
}

fn a_cname_stands_beside_nothing(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[simple("CREATE", "a")])?;
    zone.refuses(&[change("CREATE", "a", "CNAME", SIMPLE, 20, &["b.example.net"])], BATCH)
}

fn the_start_of_authority_cannot_be_deleted(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    let listed = zone.list("");
    let soa = listed.elements("ResourceRecordSet").find(|record| record.contains("<Type>SOA</Type>"));
    let soa = soa.ok_or("there is no start of authority")?;
    let delete =
        format!("<Change><Action>DELETE</Action><ResourceRecordSet>{soa}</ResourceRecordSet></Change>");
    zone.refuses(&[delete], BATCH)
}

fn alias(action: &str, zone: &Zone, target: &str) -> String {
    format!(
        "<Change><Action>{action}</Action><ResourceRecordSet><Name>alias.edge.example.com</Name><Type>A</Type>\
         <AliasTarget><HostedZoneId>{}</HostedZoneId><DNSName>{target}.edge.example.com</DNSName>\
         <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet></Change>",
        zone.id
    )
}

fn an_alias_needs_its_target(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.refuses(&[alias("CREATE", &zone, "a")], BATCH)
}

fn an_alias_and_its_target_come_in_one_batch(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[simple("CREATE", "a"), alias("CREATE", &zone, "a")])
}

fn the_target_of_an_alias_stays(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[simple("CREATE", "a")])?;
    zone.accepts(&[alias("CREATE", &zone, "a")])?;
    zone.refuses(&[simple("DELETE", "a")], BATCH)
}

fn an_alias_has_no_ttl(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[simple("CREATE", "a")])?;
    let with_ttl = alias("CREATE", &zone, "a").replace("<AliasTarget>", "<TTL>20</TTL><AliasTarget>");
    zone.refuses(&[with_ttl], "InvalidInput")
}

rules! {
    weighted_beside_simple_is_refused,
    simple_beside_weighted_is_refused,
    multivalue_beside_weighted_is_refused,
    a_set_changes_its_policy_in_one_batch,
    a_weighted_set_has_one_ttl,
    a_ttl_is_changed_with_the_whole_set,
    a_set_has_at_most_100_record_sets,
    a_full_set_takes_one_in_for_one_that_goes,
    nothing_stands_beside_a_cname,
    a_cname_stands_beside_nothing,
    the_start_of_authority_cannot_be_deleted,
    an_alias_needs_its_target,
    an_alias_and_its_target_come_in_one_batch,
    the_target_of_an_alias_stays,
    an_alias_has_no_ttl,
}

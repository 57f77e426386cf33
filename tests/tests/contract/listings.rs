//! The rules about listings: order, names and pages.

use crate::records::{change, simple, weight, weighted};
use crate::subject::{Subject, Verdict, Zone, refused, seen};

fn an_accepted_change_is_listed_at_once(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x")])?;
    seen(zone.identifiers(), vec!["x".to_owned()])
}

fn a_new_hosted_zone_has_name_servers_and_a_start_of_authority(subject: &Subject) -> Verdict {
    seen(subject.zone().list("").elements("Type").collect(), vec!["NS", "SOA"])
}

fn names_are_listed_by_their_labels_in_reverse(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    // "-" stands before "." in ASCII, so a-b comes before everything below a.
    zone.accepts(&["b", "x.a", "a-b", "a"].map(|name| simple("CREATE", name)))?;
    let listed = zone.list("");
    let names: Vec<&str> = listed.elements("Name").skip(2).collect();
    seen(
        names,
        ["a-b", "a", "x.a", "b"]
            .map(|name| format!("{name}.edge.example.com."))
            .iter()
            .map(String::as_str)
            .collect(),
    )
}

fn set_identifiers_are_listed_in_order(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&["b", "B", "a/2", "a-1"].map(|id| weighted("CREATE", "a", id)))?;
    seen(zone.identifiers(), ["B", "a-1", "a/2", "b"].map(str::to_owned).to_vec())
}

fn a_wildcard_is_listed_in_octal_and_every_name_in_lower_case(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[simple("CREATE", "*"), simple("CREATE", "Upper")])?;
    let listed = zone.list("");
    let names: Vec<&str> = listed.elements("Name").skip(2).collect();
    seen(names, vec!["\\052.edge.example.com.", "upper.edge.example.com."])
}

fn a_listing_starts_at_its_name_even_if_there_is_none(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[simple("CREATE", "a"), simple("CREATE", "c")])?;
    seen(zone.list("name=b.edge.example.com").element("Name"), Some("c.edge.example.com."))
}

/// Follows the cursor from page to page, and returns the set identifiers and how many pages there were.
fn walk(zone: &Zone, first: &str, page: usize) -> Result<(Vec<String>, usize), String> {
    let mut query = first.to_owned();
    let mut found = Vec::new();
    for pages in 1..=50 {
        let answer = zone.list(&format!("{query}&maxitems={page}"));
        found.extend(answer.elements("SetIdentifier").map(str::to_owned));
        if answer.element("IsTruncated") != Some("true") {
            return Ok((found, pages));
        }
        let part = |key: &str, element: &str| {
            let value = answer.element(element)?;
            Some(format!("&{key}={}", value.replace('/', "%2F")))
        };
        let parts = [
            part("name", "NextRecordName"),
            part("type", "NextRecordType"),
            part("identifier", "NextRecordIdentifier"),
        ];
        query = parts.into_iter().flatten().collect();
    }
    Err("the cursor does not come to an end".to_owned())
}

fn pages_go_through_one_long_weighted_name(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    let ids: Vec<String> = (0..20).map(|number| format!("registrar/default/video/i-{number:02}")).collect();
    let creations: Vec<String> = ids.iter().map(|id| weighted("CREATE", "a", id)).collect();
    zone.accepts(&creations)?;
    seen(walk(&zone, "name=a.edge.example.com", 7)?, (ids, 3))
}

fn a_page_has_at_most_300_record_sets(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    let many: Vec<String> = (0..301).map(|number| simple("CREATE", &format!("n{number}"))).collect();
    zone.accepts(&many)?;
    let answer = zone.list("maxitems=1000");
    seen((answer.elements("ResourceRecordSet").count(), answer.element("MaxItems")), (300, Some("300")))
}

fn a_cursor_of_a_record_set_that_went_goes_on_behind_it(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&["a", "b", "c"].map(|id| weighted("CREATE", "a", id)))?;
    zone.accepts(&[weighted("DELETE", "a", "b")])?;
    let answer = zone.list("name=a.edge.example.com&type=A&identifier=b");
    seen(answer.elements("SetIdentifier").collect(), vec!["c"])
}

fn a_record_set_is_listed_with_every_field(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[change(
        "CREATE",
        "a",
        "A",
        &weight("registrar/default/video/i-1", 0),
        20,
        &["192.0.2.1"],
    )])?;
    let answer = zone.list("name=a.edge.example.com&maxitems=1");
    let fields =
        ["Name", "Type", "SetIdentifier", "Weight", "TTL", "Value"].map(|field| answer.element(field));
    let expected = ["a.edge.example.com.", "A", "registrar/default/video/i-1", "0", "20", "192.0.2.1"];
    seen(fields, expected.map(Some))
}

fn a_type_without_a_name_is_refused(subject: &Subject) -> Verdict {
    refused(&subject.zone().list("type=A"), "InvalidInput")
}

fn an_identifier_without_a_type_is_refused(subject: &Subject) -> Verdict {
    refused(&subject.zone().list("name=a.edge.example.com&identifier=x"), "InvalidInput")
}

rules! {
    an_accepted_change_is_listed_at_once,
    a_new_hosted_zone_has_name_servers_and_a_start_of_authority,
    names_are_listed_by_their_labels_in_reverse,
    set_identifiers_are_listed_in_order,
    a_wildcard_is_listed_in_octal_and_every_name_in_lower_case,
    a_listing_starts_at_its_name_even_if_there_is_none,
    pages_go_through_one_long_weighted_name,
    a_page_has_at_most_300_record_sets,
    a_cursor_of_a_record_set_that_went_goes_on_behind_it,
    a_record_set_is_listed_with_every_field,
    a_type_without_a_name_is_refused,
    an_identifier_without_a_type_is_refused,
}

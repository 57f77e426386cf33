//! Answers one question from one state of a zone (RFC 1034 §4.3.2, with Route 53's routing policies).
//!
//! A pure function of the zone, the question and the random numbers. Sockets, EDNS and faults are
//! elsewhere; what is not in the zone is never looked up.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::HINFO;
use hickory_proto::rr::{Name, RData, Record, RecordType as WireType};
use rand::Rng;
use registrar_core::name::RecordName;
use registrar_core::record_set::{RecordSet, RecordType, RoutingKind};

use super::draw;
use super::health::is_healthy;
use super::rdata;
use crate::route53::PublishedZone;

/// How many aliases or CNAMEs are followed within the zone, so that a loop ends.
const LONGEST_CHAIN: usize = 8;
/// TTL of the answer to ANY, which says nothing that could change (RFC 8482 §4.2).
const ANY_TTL_SECS: u32 = 3_600;

/// The sections of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) code: ResponseCode,
    pub(crate) authoritative: bool,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
    pub(crate) additionals: Vec<Record>,
}

impl Response {
    /// Builds an answer that is a response code only.
    pub(crate) fn refusal(code: ResponseCode) -> Self {
        Self {
            code,
            authoritative: false,
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        }
    }
}

/// Answers a question for a name within the zone. `owner` is the name as it was asked, whose case the
/// answer keeps.
pub(crate) fn lookup(
    zone: &PublishedZone,
    name: &RecordName,
    owner: &Name,
    wire_type: WireType,
    rng: &mut impl Rng,
) -> Response {
    if matches!(wire_type, WireType::AXFR | WireType::IXFR) {
        return Response::refusal(ResponseCode::Refused);
    }
    let r#type = RecordType::from(<&str>::from(wire_type).to_owned());
    let mut response = Response { authoritative: true, ..Response::refusal(ResponseCode::NoError) };
    let (mut name, mut owner) = (name.clone(), owner.clone());
    for _ in 0..LONGEST_CHAIN {
        if let Some(cut) = delegation(zone, &name, &r#type) {
            refer(zone, &cut, &mut response);
            return response;
        }
        let Some(node) = node(zone, &name) else {
            return Response { answers: response.answers, ..denial(zone) };
        };
        let answers = if wire_type == WireType::ANY {
            any(zone, &node, &owner)
        } else {
            records(zone, &node, &owner, &r#type, rng)
        };
        if !answers.is_empty() {
            response.answers.extend(answers);
            return response;
        }
        let Some((alias, target)) = cname(zone, &node, &owner, rng) else {
            response.authorities.extend(negative(zone));
            return response;
        };
        response.answers.push(alias);
        match rdata::record_name(&target) {
            Some(next) if next.is_within(zone.origin()) => (name, owner) = (next, target),
            _ => return response,
        }
    }
    response
}

/// Denies that a name exists (RFC 2308 §2.1).
pub(crate) fn denial(zone: &PublishedZone) -> Response {
    let authorities = negative(zone).into_iter().collect();
    Response { authoritative: true, authorities, ..Response::refusal(ResponseCode::NXDomain) }
}

/// Finds the name whose record sets answer: the name itself, or the wildcard beneath its closest
/// encloser (RFC 4592 §3.3.1).
fn node(zone: &PublishedZone, name: &RecordName) -> Option<RecordName> {
    if zone.exists(name) || name == zone.origin() {
        return Some(name.clone());
    }
    let mut encloser = name.parent()?;
    while encloser != *zone.origin() && !zone.exists(&encloser) {
        encloser = encloser.parent()?;
    }
    encloser.child("*").ok().filter(|wildcard| zone.exists(wildcard))
}

/// Draws the records of one type that answer for a name.
fn records(
    zone: &PublishedZone,
    node: &RecordName,
    owner: &Name,
    r#type: &RecordType,
    rng: &mut impl Rng,
) -> Vec<Record> {
    let mut answers = Vec::new();
    for record_set in resolve(zone, node, r#type, rng) {
        let ttl_secs = record_set.ttl_secs.unwrap_or_default();
        let data = record_set.values().filter_map(|value| rdata::parse(r#type, value));
        let mut records: Vec<Record> =
            data.map(|data| Record::from_rdata(owner.clone(), ttl_secs, data)).collect();
        if record_set.routing() == RoutingKind::Simple {
            draw::shuffle(&mut records, rng);
        }
        answers.extend(records);
    }
    answers
}

/// Draws record sets of a name and type, and follows aliases within the zone to what they stand for.
/// Aliases to anywhere else have no answer here.
fn resolve<'a>(
    zone: &'a PublishedZone,
    node: &RecordName,
    r#type: &RecordType,
    rng: &mut impl Rng,
) -> Vec<&'a RecordSet> {
    let healthy = |record_set: &RecordSet| is_healthy(zone, record_set);
    let mut drawn = draw::choose(zone.set(node, r#type).collect(), healthy, rng);
    for _ in 0..LONGEST_CHAIN {
        if drawn.iter().all(|record_set| record_set.alias_target.is_none()) {
            return drawn;
        }
        let mut next = Vec::new();
        for record_set in drawn {
            match &record_set.alias_target {
                None => next.push(record_set),
                Some(target) if target.hosted_zone_id == zone.id().as_str() => {
                    next.extend(draw::choose(zone.set(&target.dns_name, r#type).collect(), healthy, rng));
                }
                Some(_) => {}
            }
        }
        drawn = next;
    }
    Vec::new()
}

/// Finds the CNAME of a name, and its target.
fn cname(
    zone: &PublishedZone,
    node: &RecordName,
    owner: &Name,
    rng: &mut impl Rng,
) -> Option<(Record, Name)> {
    let alias = records(zone, node, owner, &RecordType::Cname, rng).into_iter().next()?;
    let RData::CNAME(target) = &alias.data else { return None };
    let target = target.0.clone();
    Some((alias, target))
}

/// Answers ANY with as little as possible (RFC 8482 §4.2).
fn any(zone: &PublishedZone, node: &RecordName, owner: &Name) -> Vec<Record> {
    if zone.at_name(node).next().is_none() {
        return Vec::new();
    }
    let data = RData::HINFO(HINFO::new("RFC8482".to_owned(), String::new()));
    vec![Record::from_rdata(owner.clone(), ANY_TTL_SECS, data)]
}

/// Finds the highest name below the apex, at or above `name`, that is delegated to other servers. What
/// is asked about a delegation itself (DS) is answered above it (RFC 4035 §3.1.4.1).
fn delegation(zone: &PublishedZone, name: &RecordName, r#type: &RecordType) -> Option<RecordName> {
    let mut cut = None;
    let mut current = name.clone();
    while current != *zone.origin() {
        let asked_above = current == *name && *r#type == RecordType::Other("DS".to_owned());
        if !asked_above && zone.set(&current, &RecordType::Ns).next().is_some() {
            cut = Some(current.clone());
        }
        current = current.parent()?;
    }
    cut
}

/// Refers to the servers of a delegated name, with the addresses of those inside the zone.
fn refer(zone: &PublishedZone, cut: &RecordName, response: &mut Response) {
    response.authoritative = !response.answers.is_empty();
    for record_set in zone.set(cut, &RecordType::Ns) {
        response.authorities.extend(all_records(record_set));
        for server in record_set.values().filter_map(|value| value.parse::<RecordName>().ok()) {
            let glue = zone.at_name(&server).filter(|glue| {
                matches!(&glue.r#type, RecordType::A) || glue.r#type == RecordType::Other("AAAA".to_owned())
            });
            response.additionals.extend(glue.flat_map(all_records));
        }
    }
}

fn all_records(record_set: &RecordSet) -> Vec<Record> {
    let Some(owner) = rdata::wire_name(&record_set.name) else { return Vec::new() };
    let ttl_secs = record_set.ttl_secs.unwrap_or_default();
    let data = record_set.values().filter_map(|value| rdata::parse(&record_set.r#type, value));
    data.map(|data| Record::from_rdata(owner.clone(), ttl_secs, data)).collect()
}

/// Returns the start of authority that goes with a negative answer, whose TTL says how long the answer
/// may be kept: the lesser of the record's own and its minimum (RFC 2308 §3).
fn negative(zone: &PublishedZone) -> Option<Record> {
    let record_set = zone.set(zone.origin(), &RecordType::Soa).next()?;
    let soa = rdata::parse_soa(record_set.values().next()?)?;
    let ttl_secs = record_set.ttl_secs.unwrap_or_default().min(soa.minimum);
    Some(Record::from_rdata(rdata::wire_name(zone.origin())?, ttl_secs, RData::SOA(soa)))
}

#[cfg(test)]
mod tests {
    //! The rules of RFC 1034, 2308, 4592 and 8482, and Route 53's own, each on a small zone.

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::route53::testing::{ZONE, alias, multivalue, simple, weighted};

    const SOA_VALUE: &str = "ns.example.net. h.example.net. 1 7200 900 1209600 300";

    fn zone() -> PublishedZone {
        let with_id = |id: &str, record: RecordSet| RecordSet {
            set_identifier: Some(id.to_owned()),
            weight: Some(1),
            ..record
        };
        let mut records = vec![
            RecordSet { ttl_secs: Some(900), ..simple("example.com", "SOA", &[SOA_VALUE]) },
            simple("example.com", "NS", &["ns.example.net."]),
            simple("www.example.com", "A", &["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
            simple("www.example.com", "TXT", &["\"text\""]),
            simple("www.example.com", "NAPTR", &["unparsed"]),
            weighted("video.example.com", "x", "192.0.2.11"),
            weighted("video.example.com", "y", "192.0.2.12"),
            simple("deep.empty.example.com", "A", &["192.0.2.21"]),
            simple("*.wild.example.com", "A", &["192.0.2.31"]),
            simple("below.host.wild.example.com", "A", &["192.0.2.32"]),
            simple("there.example.com", "CNAME", &["www.example.com"]),
            simple("away.example.com", "CNAME", &["www.example.net"]),
            simple("dangling.example.com", "CNAME", &["missing.example.com"]),
            simple("loop.example.com", "CNAME", &["loop.example.com"]),
            simple("*.cname.example.com", "CNAME", &["www.example.com"]),
            simple("sub.example.com", "NS", &["ns.sub.example.com.", "ns.example.net."]),
            simple("ns.sub.example.com", "A", &["192.0.2.41"]),
            alias("alias.example.com", ZONE, "www.example.com"),
            alias("elsewhere.example.com", "ZELSEWHERE", "lb.example.net"),
            alias("ring-a.example.com", ZONE, "ring-b.example.com"),
            alias("ring-b.example.com", ZONE, "ring-a.example.com"),
            with_id("leaf", alias("tree.example.com", ZONE, "video.example.com")),
            with_id("l00", evaluated("grown.example.com", "l00.grown.example.com")),
            with_id("l01", evaluated("grown.example.com", "l01.grown.example.com")),
            RecordSet { ttl_secs: Some(7), ..weighted("l01.grown.example.com", "i", "192.0.2.51") },
            with_id("l00", evaluated("bare.example.com", "l00.bare.example.com")),
        ];
        records.extend(
            (0..20).map(|n| multivalue("many.example.com", &format!("{n}"), &format!("192.0.2.{n}"))),
        );
        PublishedZone::new(ZONE.parse().unwrap(), "example.com".parse().unwrap(), records)
    }

    /// An alias that is healthy only where its target is.
    fn evaluated(name: &str, target: &str) -> RecordSet {
        let mut record = alias(name, ZONE, target);
        record.alias_target.as_mut().unwrap().evaluate_target_health = true;
        record
    }

    fn ask(name: &str, wire_type: WireType) -> Response {
        ask_with(name, wire_type, 1)
    }

    fn ask_with(name: &str, wire_type: WireType, seed: u64) -> Response {
        let owner = Name::from_ascii(format!("{name}.")).unwrap();
        let name = rdata::record_name(&owner).unwrap();
        lookup(&zone(), &name, &owner, wire_type, &mut StdRng::seed_from_u64(seed))
    }

    /// Renders the records of a section as `name ttl data`, sorted.
    fn section(records: &[Record]) -> Vec<String> {
        let text = |record: &Record| format!("{} {} {}", record.name, record.ttl, record.data);
        let mut lines: Vec<String> = records.iter().map(text).collect();
        lines.sort();
        lines
    }

    fn answers(name: &str) -> Vec<String> {
        let response = ask(name, WireType::A);
        assert_eq!((response.code, response.authoritative), (ResponseCode::NoError, true), "{name}");
        assert!(response.authorities.is_empty());
        section(&response.answers)
    }

    /// Asserts a negative answer with the start of authority, whose TTL is its minimum.
    fn assert_negative(name: &str, wire_type: WireType, code: ResponseCode) {
        let response = ask(name, wire_type);
        assert_eq!((response.code, response.authoritative), (code, true), "{name} {wire_type}");
        assert!(response.answers.is_empty(), "{name} {wire_type}");
        assert_eq!(section(&response.authorities), [format!("example.com. 300 {SOA_VALUE}")]);
    }

    #[test]
    fn a_name_with_the_type_is_answered() {
        assert_eq!(
            answers("www.example.com"),
            [
                "www.example.com. 20 192.0.2.1",
                "www.example.com. 20 192.0.2.2",
                "www.example.com. 20 192.0.2.3"
            ]
        );
        assert_eq!(section(&ask("www.example.com", WireType::TXT).answers), ["www.example.com. 20 text"]);
        assert_eq!(section(&ask("example.com", WireType::NS).answers), ["example.com. 20 ns.example.net."]);
        assert_eq!(
            section(&ask("example.com", WireType::SOA).answers),
            [format!("example.com. 900 {SOA_VALUE}")]
        );
    }

    #[test]
    fn an_answer_keeps_the_case_of_the_question() {
        assert_eq!(ask("wWw.eXample.com", WireType::TXT).answers[0].name.to_ascii(), "wWw.eXample.com.");
    }

    #[test]
    fn the_values_of_a_simple_record_set_come_in_any_order() {
        let first = |seed| ask_with("www.example.com", WireType::A, seed).answers[0].data.to_string();
        let mut seen: Vec<String> = (0..50).map(first).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn one_weighted_record_set_answers_at_a_time_and_each_in_its_turn() {
        let mut seen: Vec<String> = (0..50)
            .map(|seed| ask_with("video.example.com", WireType::A, seed).answers)
            .map(|answers| {
                assert_eq!(answers.len(), 1);
                answers[0].data.to_string()
            })
            .collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen, ["192.0.2.11", "192.0.2.12"]);
    }

    #[test]
    fn eight_multivalue_record_sets_answer() {
        assert_eq!(answers("many.example.com").len(), 8);
    }

    #[test]
    fn a_name_without_the_type_has_no_data() {
        assert_negative("video.example.com", WireType::AAAA, ResponseCode::NoError);
        assert_negative("example.com", WireType::A, ResponseCode::NoError);
    }

    #[test]
    fn a_name_that_does_not_exist_is_denied() {
        assert_negative("missing.example.com", WireType::A, ResponseCode::NXDomain);
        assert_negative("x.www.example.com", WireType::A, ResponseCode::NXDomain);
    }

    #[test]
    fn a_name_that_only_has_names_below_it_has_no_data() {
        assert_negative("empty.example.com", WireType::A, ResponseCode::NoError);
    }

    #[test]
    fn a_value_that_cannot_be_sent_is_no_data() {
        assert_negative("www.example.com", WireType::NAPTR, ResponseCode::NoError);
    }

    #[test]
    fn a_wildcard_answers_below_the_closest_encloser_only() {
        assert_eq!(answers("x.wild.example.com"), ["x.wild.example.com. 20 192.0.2.31"]);
        assert_eq!(answers("x.y.wild.example.com"), ["x.y.wild.example.com. 20 192.0.2.31"]);
        assert_negative("x.wild.example.com", WireType::TXT, ResponseCode::NoError);
        // host.wild exists without records, and is the closest encloser of what is below it.
        assert_negative("host.wild.example.com", WireType::A, ResponseCode::NoError);
        assert_negative("x.host.wild.example.com", WireType::A, ResponseCode::NXDomain);
    }

    #[test]
    fn a_cname_is_followed_within_the_zone() {
        let expected = [
            "there.example.com. 20 www.example.com.",
            "www.example.com. 20 192.0.2.1",
            "www.example.com. 20 192.0.2.2",
            "www.example.com. 20 192.0.2.3",
        ];
        assert_eq!(answers("there.example.com"), expected);
        assert_eq!(answers("away.example.com"), ["away.example.com. 20 www.example.net."]);
        assert_eq!(answers("x.cname.example.com").len(), 4);
        let asked_for = ask("there.example.com", WireType::CNAME);
        assert_eq!(section(&asked_for.answers), expected[..1]);
    }

    #[test]
    fn a_cname_to_a_missing_name_denies_that_name() {
        let response = ask("dangling.example.com", WireType::A);
        assert_eq!(response.code, ResponseCode::NXDomain);
        assert_eq!((response.answers.len(), response.authorities.len()), (1, 1));
    }

    #[test]
    fn loops_end() {
        assert_eq!(ask("loop.example.com", WireType::A).answers.len(), LONGEST_CHAIN);
        assert_negative("ring-a.example.com", WireType::A, ResponseCode::NoError);
    }

    #[test]
    fn an_alias_within_the_zone_has_its_targets_values_and_ttl() {
        assert_eq!(
            answers("alias.example.com"),
            [
                "alias.example.com. 20 192.0.2.1",
                "alias.example.com. 20 192.0.2.2",
                "alias.example.com. 20 192.0.2.3"
            ]
        );
        assert_eq!(answers("tree.example.com").len(), 1);
    }

    #[test]
    fn an_alias_to_a_leaf_without_records_is_not_drawn_beside_another() {
        for seed in 0..50 {
            let response = ask_with("grown.example.com", WireType::A, seed);
            assert_eq!(section(&response.answers), ["grown.example.com. 7 192.0.2.51"], "seed {seed}");
        }
        assert_negative("bare.example.com", WireType::A, ResponseCode::NoError);
    }

    #[test]
    fn an_alias_to_elsewhere_has_no_data() {
        assert_negative("elsewhere.example.com", WireType::A, ResponseCode::NoError);
    }

    #[test]
    fn any_is_answered_with_as_little_as_possible() {
        assert_eq!(
            section(&ask("www.example.com", WireType::ANY).answers),
            ["www.example.com. 3600 RFC8482 "]
        );
        assert_negative("empty.example.com", WireType::ANY, ResponseCode::NoError);
        assert_negative("missing.example.com", WireType::ANY, ResponseCode::NXDomain);
    }

    #[test]
    fn a_transfer_is_refused() {
        for wire_type in [WireType::AXFR, WireType::IXFR] {
            let response = ask("example.com", wire_type);
            assert_eq!(response, Response::refusal(ResponseCode::Refused));
        }
    }

    #[test]
    fn a_delegated_name_is_referred_with_the_addresses_of_its_servers() {
        for name in ["sub.example.com", "x.sub.example.com", "ns.sub.example.com"] {
            let response = ask(name, WireType::A);
            assert_eq!((response.code, response.authoritative), (ResponseCode::NoError, false));
            assert!(response.answers.is_empty());
            assert_eq!(
                section(&response.authorities),
                ["sub.example.com. 20 ns.example.net.", "sub.example.com. 20 ns.sub.example.com."]
            );
            assert_eq!(section(&response.additionals), ["ns.sub.example.com. 20 192.0.2.41"]);
        }
        assert_negative("sub.example.com", WireType::DS, ResponseCode::NoError);
    }
}

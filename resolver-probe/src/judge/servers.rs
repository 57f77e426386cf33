//! Findings about servers, and about the check itself: reached or not, TTLs, gaps, too little asked.
//!
//! Which addresses a server answers is judged elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scene, finding};
use crate::observation::{Observation, Replies, Stopped};
use crate::report::{
    AddressVerdict, AnswerReport, Finding, FindingId, RcodeCount, SampleCounts, ServerReport, Severity,
    TcpReport, TransportReport, TransportState, TtlCount, UdpReport,
};
use crate::sampler::TCP_QUERIES;
use crate::statistics::Requirement;
use crate::truth::Truth;

/// How many times the record's TTL the absence of the name may be remembered before it is worth a word.
const LONG_NEGATIVE_TTL: u32 = 10;

/// How large a part of the datagrams has to be lost to be worth a word. With a fifth, every fifth client waits for
/// its second try, which takes stub resolvers 5 s.
const MUCH_LOSS: f64 = 0.2;
/// With fewer datagrams, losses say little.
const FEWEST_TRIES: u64 = 50;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if scene.observations.is_empty() {
        findings.push(too_few("no server was asked".to_owned()));
    }
    for (observed, rows) in scene.servers() {
        findings.extend(unreachable(scene, observed));
        findings.extend(lossy(observed));
        findings.extend(lame(scene, observed));
        findings.extend(tcp_dead(observed));
        findings.extend(cut_short(scene, observed));
        findings.extend(undecided(scene, observed, rows));
        findings.extend(thin(scene, observed, rows));
        findings.extend(ttl_of_server(scene, observed));
    }
    findings.extend(ttl_between_servers(scene));
    findings.extend(scene.truth.into_iter().flat_map(of_truth));
    findings.extend(negative_ttl(scene));
    findings
}

/// Resolvers turn to another server when one fails: that is critical only where none is left.
fn severity_of_failure(scene: &Scene<'_>) -> Severity {
    if scene.is_answered() { Severity::Warning } else { Severity::Critical }
}

fn unreachable(scene: &Scene<'_>, observed: &Observation) -> Option<Finding> {
    let udp = &observed.udp;
    if udp.queries == 0 || udp.replies > 0 {
        return None;
    }
    let why = match &udp.error {
        Some(error) => error.clone(),
        None if udp.refused > 0 => "the port is closed".to_owned(),
        None if udp.late > 0 => "replies came later than each try waits".to_owned(),
        None if udp.garbage + udp.mismatched > 0 => "what came was no reply to the query".to_owned(),
        None => format!("{} tries went unanswered", udp.tries),
    };
    let message = format!("{} never answered over UDP: {why}", observed.server);
    let finding = finding(FindingId::NsUnreachable, severity_of_failure(scene), message).at(observed.server);
    Some(
        finding
            .with("tries", udp.tries)
            .with("refused", udp.refused)
            .with("late", udp.late)
            .with("mismatched", udp.mismatched)
            .with("garbage", udp.garbage),
    )
}

/// Reports a server, or a way to it, that loses so many datagrams that clients wait for their answers.
fn lossy(observed: &Observation) -> Option<Finding> {
    let udp = &observed.udp;
    let lost = udp.tries.saturating_sub(udp.replies + udp.late);
    if udp.replies == 0 || udp.tries < FEWEST_TRIES || (lost as f64) < MUCH_LOSS * udp.tries as f64 {
        return None;
    }
    let message = format!(
        "{} left {lost} of {} datagrams over UDP without an answer, and {} of {} queries with all their tries",
        observed.server,
        udp.tries,
        udp.queries - udp.replies,
        udp.queries,
    );
    let finding = finding(FindingId::NsUnreachable, Severity::Warning, message).at(observed.server);
    let finding = finding.with("tries", udp.tries).with("lost", lost).with("queries", udp.queries);
    Some(finding.with("replies", udp.replies).with("garbage", udp.garbage).with("mismatched", udp.mismatched))
}

fn lame(scene: &Scene<'_>, observed: &Observation) -> Option<Finding> {
    let replies = &observed.sampled;
    let failed = replies.all - replies.answers;
    let server = observed.server;
    let (severity, message) = if failed > 0 {
        let rcodes = replies.rcodes.iter().filter(|(rcode, _)| !rcode.is_answer());
        let rcodes: Vec<String> = rcodes.map(|(rcode, count)| format!("{rcode} {count} times")).collect();
        let all = replies.all;
        let message = format!("{server} did not answer in {failed} of {all} replies: {}", rcodes.join(", "));
        (severity_of_failure(scene), message)
    } else if replies.without_authority > 0 {
        let message = format!(
            "{server} answers without authority (no AA in {} of {} answers): it may be a resolver, whose \
             cache says little about the zone",
            replies.without_authority, replies.answers,
        );
        (Severity::Warning, message)
    } else {
        return None;
    };
    let finding = finding(FindingId::Lame, severity, message).at(server);
    Some(
        finding
            .with("replies", replies.all)
            .with("failed", failed)
            .with("without_authority", replies.without_authority),
    )
}

fn tcp_dead(observed: &Observation) -> Option<Finding> {
    let tcp = &observed.tcp;
    if tcp.queries == 0 || tcp.replies > 0 {
        return None;
    }
    let why = tcp.last_failure.as_ref().map_or_else(String::new, ToString::to_string);
    let message = format!("{} never answered over TCP ({} queries): {why}", observed.server, tcp.queries);
    let finding = finding(FindingId::TcpDead, Severity::Warning, message).at(observed.server);
    Some(finding.with("queries", tcp.queries).with("failure", why))
}

pub(super) fn too_few(message: String) -> Finding {
    finding(FindingId::TooFewSamples, Severity::Unknown, message)
}

/// Reports a check of a server that was not done as planned.
fn cut_short(scene: &Scene<'_>, observed: &Observation) -> Option<Finding> {
    let (server, udp, tcp) = (observed.server, &observed.udp, &observed.tcp);
    let target = scene.aim.target(scene.observations);
    let wanted = observed.wanted.max(target.answers);
    let message = match observed.stopped {
        Some(Stopped::Deadline) if udp.queries < observed.wanted => {
            let why = match target.because {
                Requirement::Proportions => ": not enough to find a weight that is off by half",
                Requirement::Presence => "",
            };
            format!("{} of {wanted} queries to {server} were done at the deadline{why}", udp.queries)
        }
        Some(Stopped::Silence) if udp.replies > 0 => {
            format!("{server} stopped answering: the last {} queries were lost", udp.lost_in_a_row)
        }
        Some(Stopped::Deadline) if tcp.queries < TCP_QUERIES as u64 => {
            let done = tcp.queries;
            format!("{done} of {TCP_QUERIES} queries over TCP to {server} were done at the deadline")
        }
        Some(Stopped::Deadline | Stopped::Silence | Stopped::NoAnswers) | None => return None,
    };
    let finding = too_few(message).at(server).with("queries", udp.queries);
    Some(finding.with("wanted", wanted).with("tcp_queries", tcp.queries))
}

/// Reports expected addresses that were not seen, where that may be chance.
fn undecided(scene: &Scene<'_>, observed: &Observation, rows: &[AnswerReport]) -> Option<Finding> {
    let undecided = || rows.iter().filter(|row| row.verdict == AddressVerdict::Undecided);
    let addresses: Vec<String> = undecided().map(|row| row.address.to_string()).collect();
    let (first, rest) = addresses.split_first()?;
    let others = if rest.is_empty() { String::new() } else { format!(" and {} others", rest.len()) };
    let (answers, server) = (observed.sampled.answers, observed.server);
    let message =
        format!("{first}{others} did not come up in {answers} answers of {server}: too few to tell");
    // Nobody asked for what is rarer than that, or asks on once something is wrong: the check is done, and says what
    // it does not cover.
    let share = |row: &AnswerReport| scene.truth.and_then(|truth| truth.share_beside(row.address, 0));
    let is_rare = |row| share(row).is_some_and(|share| share < scene.aim.rarest());
    let is_done = undecided().all(is_rare)
        || (scene.aim.is_proven_wrong(scene.observations) && observed.stopped.is_none());
    let severity = if is_done { Severity::Info } else { Severity::Unknown };
    let finding = Finding { severity, ..too_few(message) }.at(server).with("answers", answers);
    Some(finding.with("undecided", addresses.len() as u64).with("addresses", addresses.join(" ")))
}

/// Reports answers too few to show a record of the smallest share, or a wrong weight; one in ten may be lost.
fn thin(scene: &Scene<'_>, observed: &Observation, rows: &[AnswerReport]) -> Option<Finding> {
    let answers = observed.sampled.answers;
    let enough = scene.aim.enough(scene.observations);
    let told_already =
        observed.stopped.is_some() || rows.iter().any(|row| row.verdict == AddressVerdict::Undecided);
    if told_already || answers == 0 || answers >= enough - enough / 10 {
        return None;
    }
    let server = observed.server;
    let message = format!("{answers} answers of {server} are too few to judge by: that takes {enough}");
    Some(too_few(message).at(server).with("answers", answers).with("enough", enough))
}

/// TTLs of an authoritative server; those that a cache counts down say nothing.
fn ttls(observed: &Observation) -> BTreeSet<u32> {
    if observed.sampled.without_authority > 0 {
        return BTreeSet::new();
    }
    observed.sampled.ttls.keys().chain(observed.over_tcp.ttls.keys()).copied().collect()
}

fn ttl_of_server(scene: &Scene<'_>, observed: &Observation) -> Option<Finding> {
    let ttls = ttls(observed);
    let (server, document) = (observed.server, scene.truth.map(Truth::ttl_secs));
    let list = seconds(&ttls);
    let message = match document {
        _ if ttls.len() > 1 => format!("{server} answers with more than one TTL: {list}"),
        Some(document) if ttls.iter().any(|ttl| *ttl != document) => {
            format!("{server} answers with TTL {list}, and the pool document says {document} s")
        }
        Some(_) | None => return None,
    };
    let paused = scene.truth.is_some_and(Truth::is_paused);
    let severity = if paused { Severity::Info } else { Severity::Warning };
    let finding = finding(FindingId::TtlMismatch, severity, message).at(server);
    let finding = finding.with("ttl_secs", ttls.into_iter().map(u64::from).collect::<Vec<u64>>());
    Some(match document {
        Some(document) => finding.with("document_ttl_secs", u64::from(document)),
        None => finding,
    })
}

/// Without a document to compare with, servers are compared with each other.
fn ttl_between_servers(scene: &Scene<'_>) -> Option<Finding> {
    let by_server: Vec<BTreeSet<u32>> = scene.observations.iter().map(ttls).collect();
    let all: BTreeSet<u32> = by_server.iter().flatten().copied().collect();
    if scene.truth.is_some() || all.len() < 2 || by_server.iter().any(|ttls| ttls.len() > 1) {
        return None;
    }
    let message = format!("the servers answer with different TTLs: {}", seconds(&all));
    let finding = finding(FindingId::TtlMismatch, Severity::Warning, message);
    Some(finding.with("ttl_secs", all.into_iter().map(u64::from).collect::<Vec<u64>>()))
}

fn seconds(ttls: &BTreeSet<u32>) -> String {
    let ttls: Vec<String> = ttls.iter().map(|ttl| format!("{ttl} s")).collect();
    ttls.join(", ")
}

fn of_truth(truth: &Truth) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some((first, rest)) = truth.gaps().split_first() {
        let others = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
        let message = format!("what should be answered is not known for certain: {first}{others}");
        let finding = finding(FindingId::TruthIncomplete, Severity::Unknown, message);
        findings.push(finding.with("gaps", truth.gaps().len() as u64));
    }
    let assumed = truth.taken_as_in_service();
    if assumed > 0 {
        let message = format!(
            "{assumed} members of Auto Scaling groups count as in service because they run: their \
             lifecycle states were not given"
        );
        let finding = finding(FindingId::TruthIncomplete, Severity::Info, message);
        findings.push(finding.with("instances", assumed));
    }
    if truth.is_paused() {
        let message = "the pool is paused: its records are not kept in step with the fleet".to_owned();
        findings.push(finding(FindingId::PoolPaused, Severity::Info, message));
    }
    findings
}

/// Says what an empty name costs: resolvers go on remembering that it is empty.
fn negative_ttl(scene: &Scene<'_>) -> Option<Finding> {
    let truth = scene.truth.filter(|truth| truth.may_become_empty())?;
    let longest = scene.observations.iter().filter_map(|observed| observed.sampled.negative_ttl).max()?;
    let record = truth.ttl_secs();
    if longest <= record.saturating_mul(LONG_NEGATIVE_TTL) {
        return None;
    }
    let message = format!(
        "resolvers may remember for {longest} s that the name is empty, and its records live {record} s"
    );
    let finding = finding(FindingId::NegativeTtlLong, Severity::Info, message);
    let finding = finding.with("negative_ttl_secs", u64::from(longest));
    Some(finding.with("document_ttl_secs", u64::from(record)))
}

/// Writes down what was seen of one server.
pub(super) fn report(observed: &Observation, answers: Vec<AnswerReport>) -> ServerReport {
    let (udp, tcp) = (&observed.udp, &observed.tcp);
    ServerReport {
        server: observed.server,
        name_server: None,
        rcodes: rcodes(&observed.sampled),
        ttls: counts(&observed.sampled.ttls),
        samples: SampleCounts {
            wanted: observed.wanted,
            udp: observed.sampled.answers,
            tcp: observed.over_tcp.answers,
        },
        answers,
        weights: None,
        transport: TransportReport {
            udp: UdpReport {
                state: state(udp.queries, udp.replies),
                queries: udp.queries,
                tries: udp.tries,
                replies: udp.replies,
                silent: udp.silent,
                refused: udp.refused,
                failed: udp.failed,
                late: udp.late,
                mismatched: udp.mismatched,
                garbage: udp.garbage,
                truncated: udp.truncated,
                unrelated_records: observed.sampled.unrelated,
                error: udp.error.clone(),
            },
            tcp: TcpReport {
                state: state(tcp.queries, tcp.replies),
                queries: tcp.queries,
                replies: tcp.replies,
                error: tcp.last_failure.as_ref().map(ToString::to_string),
            },
        },
    }
}

fn rcodes(replies: &Replies) -> Vec<RcodeCount> {
    let rcodes = replies.rcodes.iter();
    rcodes.map(|(rcode, count)| RcodeCount { rcode: rcode.to_string(), count: *count }).collect()
}

fn counts(ttls: &BTreeMap<u32, u64>) -> Vec<TtlCount> {
    ttls.iter().map(|(ttl_secs, count)| TtlCount { ttl_secs: *ttl_secs, count: *count }).collect()
}

fn state(queries: u64, replies: u64) -> TransportState {
    match (queries, replies) {
        (0, _) => TransportState::NotAsked,
        (_, 0) => TransportState::Dead,
        (queries, replies) if queries == replies => TransportState::Answers,
        (_, _) => TransportState::Lossy,
    }
}

//! What the probe makes of servers that answer rightly, wrongly, twice, late, in part or not at all.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Name;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::weighted::WeightedIndex;
use registrar_core::pool::Policy;
use registrar_core::{Timestamp, dump};
use resolver_probe::statistics::Requirement;
use resolver_probe::{
    AddressVerdict, CheckReport, CheckRequest, FailOn, FindingId, Phase, Progress, ProgressState, Samples,
    Severity, TransportState, Truth, Verdict, check,
};
use serde_json::json;

use crate::responder::{self, Script, answer, by_turns, nx_domain, rcode, silence, start, start_both};

pub(crate) const NAME: &str = "video.bos.edge.example.com";
pub(crate) const POOL: &str = r#"{"version":1,"record":{"hosted_zone_id":"Z0123456789ABCDEFGHIJ","name":"video.bos.edge.example.com"},"members":{"tags":{"edge-dns":"video"}}}"#;

/// What `aws ec2 describe-instances` prints of instances i-n with Carrier IP 192.0.2.n and these states.
pub(crate) fn fleet(states: &[(u8, &str)]) -> String {
    let instances: Vec<_> = states
        .iter()
        .map(|(n, state)| {
            let address = json!({ "Primary": true, "Association": { "CarrierIp": format!("192.0.2.{n}") } });
            json!({
                "InstanceId": format!("i-{n}"),
                "State": { "Name": state },
                "Tags": [{ "Key": "edge-dns", "Value": "video" }],
                "NetworkInterfaces": [{ "PrivateIpAddresses": [address] }],
            })
        })
        .collect();
    json!({ "Reservations": [{ "Instances": instances }] }).to_string()
}

fn running(last_octets: &[u8]) -> Truth {
    let states: Vec<(u8, &str)> = last_octets.iter().map(|n| (*n, "running")).collect();
    truth(&states)
}

fn truth(states: &[(u8, &str)]) -> Truth {
    Truth::new(&Policy::parse(POOL).unwrap(), &dump::read_fleet(&fleet(states)).unwrap(), None)
}

fn request(servers: &[SocketAddr], truth: Option<Truth>) -> CheckRequest {
    CheckRequest {
        truth,
        timeout: Duration::from_secs(5),
        ..CheckRequest::new(NAME.parse().unwrap(), servers.to_vec(), Timestamp::UNIX_EPOCH, 42)
    }
}

fn exactly(count: u64) -> Samples {
    Samples::Exactly(NonZeroU64::new(count).unwrap())
}

/// The findings that are not mere information: id, severity, last octet of the address.
fn briefs(report: &CheckReport) -> Vec<(FindingId, Severity, Option<u8>)> {
    report
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Info)
        .map(|finding| (finding.id, finding.severity, finding.address.map(|address| address.octets()[3])))
        .collect()
}

#[tokio::test]
async fn a_server_that_answers_rightly_is_ok_and_every_answer_is_counted() {
    let server = start_both(|| by_turns(&[1, 2, 3, 4])).await;
    let request =
        CheckRequest { samples: exactly(60), ..request(&[server.address], Some(running(&[1, 2, 3, 4]))) };
    let report = check(request).await;
    assert_eq!(briefs(&report), []);
    let seen = &report.servers[0];
    let counts: Vec<u64> = seen.answers.iter().map(|row| row.count).collect();
    assert_eq!(counts, [15, 15, 15, 15]);
    assert_eq!((seen.samples.udp, seen.samples.tcp), (60, 3));
    assert_eq!((seen.ttls[0].ttl_secs, seen.rcodes[0].rcode.as_str()), (20, "NOERROR"));
    assert_eq!(seen.transport.tcp.state, TransportState::Answers);
}

#[tokio::test]
async fn sampling_chooses_its_own_size_and_sees_a_stale_record() {
    let right = start_both(|| by_turns(&[1, 2, 3, 4])).await;
    let stale = start_both(|| by_turns(&[1, 2, 3, 4, 9])).await;
    let truth = truth(&[(1, "running"), (2, "running"), (3, "running"), (4, "running"), (9, "stopped")]);
    let report = check(request(&[right.address, stale.address], Some(truth))).await;
    let stale_record = (FindingId::StaleRecord, Severity::Critical, Some(9));
    assert_eq!(briefs(&report)[0], stale_record);
    assert!(report.findings[0].message.contains("instance i-9, which has it, is stopped"));
    assert_eq!(report.findings[0].server, Some(stale.address));
    assert_eq!(report.exit_code(FailOn::Warning), 2);
}

#[tokio::test]
async fn a_missing_address_is_asked_for_until_chance_does_not_explain_it() {
    let server = start_both(|| by_turns(&[1, 2, 3])).await;
    let report = check(request(&[server.address], Some(running(&[1, 2, 3, 4])))).await;
    assert_eq!(briefs(&report), [(FindingId::MissingIp, Severity::Warning, Some(4))]);
    assert_eq!(report.servers[0].samples.udp, 58);
}

/// Draws 192.0.2.n with these weights from its own random numbers.
fn drawn(weights: &'static [(u8, u32)], seed: u64) -> Script {
    let mut random = StdRng::seed_from_u64(seed);
    let law = WeightedIndex::new(weights.iter().map(|(_, weight)| *weight)).unwrap();
    Box::new(move |_, query| vec![answer(query, weights[random.sample(&law)].0).to_vec().unwrap()])
}

#[tokio::test]
async fn a_weight_off_by_half_is_found_and_the_same_server_with_right_weights_is_ok() {
    let all = || Some(running(&[1, 2, 3, 4, 5]));
    let right = start_both(|| drawn(&[(1, 2), (2, 2), (3, 2), (4, 2), (5, 2)], 1)).await;
    assert_eq!(briefs(&check(request(&[right.address], all())).await), []);
    let wrong = start_both(|| drawn(&[(1, 2), (2, 2), (3, 1), (4, 2), (5, 2)], 1)).await;
    let report = check(request(&[wrong.address], all())).await;
    assert_eq!(briefs(&report), [(FindingId::WrongWeights, Severity::Warning, Some(3))]);
    assert_eq!((report.findings[0].server, report.exit_code(FailOn::Warning)), (Some(wrong.address), 1));
    assert!(report.servers[0].samples.udp >= report.plan.unwrap().answers);
}

#[tokio::test]
async fn without_a_truth_a_server_with_other_shares_is_found() {
    let even = start_both(|| drawn(&[(1, 1), (2, 1), (3, 1)], 1)).await;
    let uneven = start_both(|| drawn(&[(1, 1), (2, 1), (3, 3)], 2)).await;
    let report = check(request(&[even.address, uneven.address], None)).await;
    assert_eq!(briefs(&report), [(FindingId::NsDiverged, Severity::Warning, Some(3))]);
    let alike = start_both(|| drawn(&[(1, 1), (2, 1), (3, 1)], 3)).await;
    assert_eq!(briefs(&check(request(&[even.address, alike.address], None)).await), []);
}

#[tokio::test]
async fn addresses_in_turn_are_told_and_addresses_that_stick_are_a_warning() {
    let in_turn = start_both(|| by_turns(&[1, 2, 3, 4])).await;
    let report = check(request(&[in_turn.address], Some(running(&[1, 2, 3, 4])))).await;
    assert_eq!((report.verdict, report.findings[0].id), (Verdict::Ok, FindingId::WrongWeights));
    let sticky = start_both(|| {
        let mut random = StdRng::seed_from_u64(1);
        let mut last = 1;
        Box::new(move |n, query| {
            last = if n % 40 == 0 { random.random_range(1..=4) } else { last };
            vec![answer(query, last).to_vec().unwrap()]
        })
    })
    .await;
    let report = check(request(&[sticky.address], Some(running(&[1, 2, 3, 4])))).await;
    assert_eq!(briefs(&report), [(FindingId::WrongWeights, Severity::Warning, None)]);
    assert!(report.findings[0].message.contains("repeats itself"), "{:?}", report.findings);
}

/// Keeps what it is told.
#[derive(Default)]
struct Watcher(Mutex<Vec<ProgressState>>);

impl Progress for Watcher {
    fn report(&self, state: &ProgressState) {
        self.0.lock().unwrap().push(*state);
    }
}

#[tokio::test]
async fn whoever_watches_is_told_how_many_answers_are_wanted_and_for_what() {
    let server = start_both(|| by_turns(&[1, 2])).await;
    let watcher = Arc::new(Watcher::default());
    let progress: Arc<dyn Progress> = watcher.clone();
    let request =
        CheckRequest { progress: Some(progress), ..request(&[server.address], Some(running(&[1, 2]))) };
    let plan = check(request).await.plan.unwrap();
    let told = watcher.0.lock().unwrap();
    let sampling = told.iter().find(|state| state.phase == Phase::Sampling).unwrap();
    assert_eq!((sampling.wanted, sampling.because), (plan.answers, Some(Requirement::Proportions)));
    assert_eq!(sampling.share, Some(0.5));
}

#[tokio::test]
async fn without_a_truth_a_diverging_server_is_found() {
    let both = start_both(|| by_turns(&[1, 2])).await;
    let one = start_both(|| by_turns(&[1])).await;
    let report = check(request(&[both.address, one.address], None)).await;
    assert_eq!(briefs(&report), [(FindingId::NsDiverged, Severity::Warning, Some(2))]);
    assert_eq!(report.findings[0].server, Some(one.address));
}

#[tokio::test]
async fn messages_that_are_not_the_reply_are_counted_and_not_believed() {
    let noisy: Script = Box::new(|_, query| {
        let mut other_id = answer(query, 66);
        other_id.metadata.id = query.metadata.id.wrapping_add(1);
        let mut other_question = answer(query, 66);
        other_question.queries[0].set_name(Name::from_ascii("other.example.com.").unwrap());
        let mut case_lost = answer(query, 66);
        case_lost.queries[0].set_name(Name::from_ascii("VIDEO.bos.edge.example.com.").unwrap());
        let mut garbage = answer(query, 66).to_vec().unwrap();
        garbage.truncate(garbage.len() - 3);
        let messages = [other_id, other_question, case_lost].map(|message| message.to_vec().unwrap());
        let right = answer(query, 1).to_vec().unwrap();
        messages.into_iter().chain([garbage, vec![0; 3], right]).collect()
    });
    let server = start(noisy, Some(by_turns(&[1]))).await;
    let report =
        check(CheckRequest { samples: exactly(20), ..request(&[server.address], Some(running(&[1]))) }).await;
    assert_eq!(briefs(&report), []);
    let udp = &report.servers[0].transport.udp;
    assert_eq!((udp.replies, udp.tries), (20, 20));
    assert_eq!((udp.mismatched, udp.garbage), (60, 40));
}

#[tokio::test]
async fn a_reply_that_comes_twice_counts_once() {
    let twice: Script = Box::new(|_, query| vec![answer(query, 1).to_vec().unwrap(); 2]);
    let server = start(twice, Some(by_turns(&[1]))).await;
    let request = CheckRequest { samples: exactly(100), ..request(&[server.address], Some(running(&[1]))) };
    let report = check(request).await;
    let udp = &report.servers[0].transport.udp;
    // The copy waits in its socket for the socket's next query.
    assert!(udp.late > 0, "{udp:?}");
    assert_eq!((udp.replies, udp.mismatched), (100, 0));
    assert_eq!(report.servers[0].answers[0].count, 100);
}

#[tokio::test]
async fn a_lost_query_is_sent_again_and_a_late_reply_is_not_believed() {
    let mut first = None;
    let second_try: Script = Box::new(move |n, query| match n {
        0 => {
            first = Some(answer(query, 66).to_vec().unwrap());
            Vec::new()
        }
        _ => first.take().into_iter().chain([answer(query, 1).to_vec().unwrap()]).collect(),
    });
    let server = start(second_try, Some(by_turns(&[1]))).await;
    let request = CheckRequest {
        samples: exactly(1),
        timeout: Duration::from_millis(200),
        ..request(&[server.address], None)
    };
    let report = check(request).await;
    let udp = &report.servers[0].transport.udp;
    assert_eq!((udp.queries, udp.tries, udp.replies, udp.late), (1, 2, 1, 1));
    assert_eq!(report.servers[0].answers[0].address.octets()[3], 1);
}

#[tokio::test]
async fn a_truncated_reply_is_asked_for_again_over_tcp() {
    let truncated: Script = Box::new(|_, query| {
        let mut message = responder::reply(query);
        message.metadata.truncation = true;
        vec![message.to_vec().unwrap()]
    });
    let server = start(truncated, Some(by_turns(&[1]))).await;
    let report =
        check(CheckRequest { samples: exactly(10), ..request(&[server.address], Some(running(&[1]))) }).await;
    let seen = &report.servers[0];
    assert_eq!((seen.transport.udp.truncated, seen.answers[0].count), (10, 10));
}

#[tokio::test]
async fn a_silent_server_is_unreachable_after_four_tries() {
    let good = start_both(|| by_turns(&[1])).await;
    let dead = start(silence(), None).await;
    let request = |servers: &[SocketAddr]| CheckRequest {
        samples: exactly(20),
        timeout: Duration::from_millis(20),
        ..request(servers, None)
    };
    let alone = check(request(&[dead.address])).await;
    assert_eq!(
        briefs(&alone),
        [(FindingId::NsUnreachable, Severity::Critical, None), (FindingId::TcpDead, Severity::Warning, None),]
    );
    assert_eq!(alone.servers[0].transport.udp.tries, 4);
    let together = check(request(&[good.address, dead.address])).await;
    assert_eq!(together.verdict, Verdict::Warning);
}

#[tokio::test]
async fn a_closed_port_is_recognised_at_once() {
    // Bound to find a port that nobody uses, and closed again at once.
    let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let report = check(request(&[closed], None)).await;
    let udp = &report.servers[0].transport.udp;
    assert_eq!((udp.refused, udp.tries, udp.state), (1, 1, TransportState::Dead));
    assert!(report.findings[0].message.contains("the port is closed"), "{:?}", report.findings);
}

#[tokio::test]
async fn a_server_without_tcp_is_a_warning() {
    let server = start(by_turns(&[1]), None).await;
    let report =
        check(CheckRequest { samples: exactly(20), ..request(&[server.address], Some(running(&[1]))) }).await;
    assert_eq!(briefs(&report), [(FindingId::TcpDead, Severity::Warning, None)]);
}

#[tokio::test]
async fn a_server_that_refuses_is_lame_after_four_queries() {
    let server = start_both(|| rcode(ResponseCode::Refused)).await;
    let report = check(request(&[server.address], Some(running(&[1])))).await;
    assert_eq!(briefs(&report), [(FindingId::Lame, Severity::Critical, None)]);
    assert_eq!(report.servers[0].transport.udp.queries, 4);
}

#[tokio::test]
async fn no_such_name_is_right_when_nothing_serves() {
    let server = start_both(nx_domain).await;
    let report = check(request(&[server.address], Some(truth(&[(1, "stopped")])))).await;
    assert_eq!((report.verdict, report.findings[0].id), (Verdict::Ok, FindingId::NegativeTtlLong));
    let report = check(request(&[server.address], Some(running(&[1])))).await;
    assert_eq!(briefs(&report), [(FindingId::MissingIp, Severity::Critical, Some(1))]);
}

#[tokio::test]
async fn what_the_deadline_cut_off_is_unknown_and_what_was_seen_remains() {
    let server = start_both(|| by_turns(&[1])).await;
    let request = CheckRequest {
        samples: exactly(1_000_000),
        deadline: Duration::from_millis(400),
        rate: NonZeroU32::new(50),
        ..request(&[server.address], Some(running(&[1])))
    };
    let report = check(request).await;
    assert_eq!(briefs(&report), [(FindingId::TooFewSamples, Severity::Unknown, None)]);
    assert_eq!(report.exit_code(FailOn::Critical), 3);
    let row = &report.servers[0].answers[0];
    assert!((1..50).contains(&row.count), "{row:?}");
    assert_eq!(row.verdict, AddressVerdict::Ok);
}

#[tokio::test]
async fn a_server_that_never_answers_before_the_deadline_is_unknown_and_not_dead() {
    let server = start(silence(), None).await;
    let request = CheckRequest { deadline: Duration::from_millis(50), ..request(&[server.address], None) };
    let report = check(request).await;
    assert!(briefs(&report).contains(&(FindingId::TooFewSamples, Severity::Unknown, None)));
    assert!(report.findings.iter().all(|finding| finding.id != FindingId::NsUnreachable));
    assert_eq!(report.servers[0].transport.udp.state, TransportState::NotAsked);
}

#[tokio::test]
async fn the_same_answers_make_the_same_report() {
    let report = || async {
        let server = start_both(|| by_turns(&[1, 2])).await;
        let request =
            CheckRequest { samples: exactly(200), ..request(&[server.address], Some(running(&[1, 2]))) };
        // Spawned, as a demo in one process would.
        let checked = tokio::spawn(check(request));
        let report = CheckReport { duration: Duration::ZERO, ..checked.await.unwrap() };
        resolver_probe::render_json(&report).replace(&server.address.to_string(), "SERVER")
    };
    assert_eq!(report().await, report().await);
}

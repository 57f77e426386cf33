//! `check --reach`: a name server and what its addresses lead to, in one run.

use std::net::Ipv4Addr;
use std::time::Duration;

use registrar_core::Timestamp;
use resolver_probe::reach::Liveness;
use resolver_probe::{
    AddressVerdict, CheckReport, CheckRequest, FailOn, FindingId, Reaching, Severity, Trust, check,
};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::handshake::{HOST, serve};
use super::peers::{always, silence, start, stun};
use crate::cli::run_beside;
use crate::responder::{self, Responder, Script, answer_with};
use crate::sockets::NAME;

fn here() -> Script {
    Box::new(|_, query| vec![answer_with(query, Ipv4Addr::LOCALHOST).to_vec().unwrap()])
}

/// A name server that answers with this machine's loopback address.
async fn name_server() -> Responder {
    responder::start(here(), Some(here())).await
}

/// Checks the name, and asks its address all of this.
pub(crate) async fn checked(probes: &[String], reaching: Reaching) -> CheckReport {
    let server = name_server().await;
    let probes = probes.iter().map(|probe| probe.parse().unwrap()).collect();
    let request = CheckRequest {
        reaching: Reaching { probes, ..reaching },
        ..CheckRequest::new(NAME.parse().unwrap(), vec![server.address], Timestamp::UNIX_EPOCH, 42)
    };
    check(request).await
}

fn briefs(report: &CheckReport) -> Vec<(FindingId, Severity)> {
    report.findings.iter().map(|finding| (finding.id, finding.severity)).collect()
}

#[tokio::test]
async fn an_answered_address_that_is_alive_is_ok_and_its_report_is_there() {
    let peer = start(always(stun)).await;
    let report = checked(&[format!("stun:{}", peer.port())], Reaching::default()).await;
    assert_eq!((briefs(&report), report.exit_code(FailOn::Warning)), (vec![], 0));
    assert_eq!(report.addresses[0].liveness, Some(Liveness::Alive));
    assert_eq!(report.reach[0].addresses[0].evidence.replies, 1);
}

#[tokio::test]
async fn each_probe_has_its_own_document_in_the_order_of_the_command_line() {
    let peer = start(always(stun)).await;
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let probes = [format!("udp:{closed},send=00"), format!("stun:{}", peer.port())];
    let report = checked(&probes, Reaching::default()).await;
    let told: Vec<String> = report.reach.iter().map(|document| document.probe.to_string()).collect();
    assert_eq!(told, probes);
    assert_eq!(briefs(&report), [(FindingId::BlackholedEntry, Severity::Critical)]);
    assert_eq!(report.addresses[0].verdict, AddressVerdict::BlackholedEntry);
}

#[tokio::test]
async fn silence_is_waited_for_within_the_deadline_and_said_to_be_unfinished() {
    let peer = start(silence()).await;
    let server = name_server().await;
    let request = CheckRequest {
        reaching: Reaching {
            probes: vec![format!("stun:{}", peer.port()).parse().unwrap()],
            ..Reaching::default()
        },
        deadline: Duration::from_secs(2),
        ..CheckRequest::new(NAME.parse().unwrap(), vec![server.address], Timestamp::UNIX_EPOCH, 42)
    };
    let began = Instant::now();
    let report = check(request).await;
    assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
    assert_eq!(briefs(&report), [(FindingId::TooFewSamples, Severity::Unknown)]);
    assert_eq!(report.exit_code(FailOn::Warning), 3);
}

#[tokio::test]
async fn who_answers_with_the_right_certificate_is_ours_and_with_another_a_foreign_owner() {
    let server = serve(4096, "h3");
    let trusting =
        || Reaching { trust: Trust::with_ca(server.ca.as_bytes()).unwrap(), ..Reaching::default() };
    let probe = |name: &str| format!("quic:{},name={name}", server.address.port());
    let report = checked(&[probe(HOST)], trusting()).await;
    assert_eq!(briefs(&report), []);
    let report = checked(&[probe("other.example.com")], trusting()).await;
    assert_eq!(briefs(&report), [(FindingId::ForeignOwner, Severity::Critical)]);
    assert_eq!(report.addresses[0].verdict, AddressVerdict::ForeignOwner);
}

#[tokio::test]
async fn the_command_takes_the_authority_from_a_file() {
    let (server, dns) = (serve(4096, "h3"), name_server().await);
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, &server.ca).unwrap();
    let (dns, port) = (dns.address.to_string(), server.address.port());
    for (name, code, told) in
        [(HOST, 0, "RESOLVER OK"), ("other.example.com", 2, "somebody else's certificate")]
    {
        let probe = format!("quic:{port},name={name}");
        let arguments = ["check", NAME, "--server", &dns, "--reach", &probe, "--ca", ca.to_str().unwrap()];
        let output = run_beside(arguments.map(str::to_owned).to_vec()).await;
        assert_eq!(output.code, code, "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(told), "{}", output.stdout);
    }
    let probe = format!("quic:{port},name={HOST}");
    let alone = ["reach", "127.0.0.1", "--with", &probe, "--ca", ca.to_str().unwrap(), "--tries", "1"];
    let output = run_beside(alone.map(str::to_owned).to_vec()).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
}

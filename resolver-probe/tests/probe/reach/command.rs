//! `resolver-probe reach` as a program: what it prints, where, and its exit codes.

use super::peers::{always, quic, quic_draft, silence, srt, start, stun, stun_error};
use crate::cli::{Output, run, run_beside};

/// A documentation address: nobody has it.
const CARRIER_IP: &str = "192.0.2.1";

async fn reach(arguments: &[&str]) -> Output {
    let arguments = ["reach"].iter().chain(arguments).map(|text| (*text).to_owned()).collect();
    run_beside(arguments).await
}

/// Leaves out what differs from run to run: the port, and times.
fn steady(text: &str, port: u16) -> String {
    let text = text.replace(&port.to_string(), "PORT");
    let mut words: Vec<&str> = text.split(' ').collect();
    for next in 1..words.len() {
        if words[next].starts_with("ms") {
            words[next - 1] = "T";
        }
    }
    let of = |word: &str| match word.split_once("rtt_max=") {
        Some((before, after)) => {
            format!("{before}rtt_max=T{}", after.trim_start_matches(|digit: char| digit.is_ascii_digit()))
        }
        None => word.to_owned(),
    };
    words.into_iter().map(of).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn what_is_alive_exits_0_with_the_evidence() {
    let mut told = String::new();
    for (kind, reply) in
        [("stun", stun as fn(&[u8]) -> Vec<u8>), ("stun", stun_error), ("quic", quic), ("srt", srt)]
    {
        let peer = start(always(reply)).await;
        let probe = format!("{kind}:{}", peer.port());
        let output = reach(&["127.0.0.1", "--with", &probe, "--tries", "1", "--seed", "7"]).await;
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{}", output.stdout);
        assert!(!output.stdout.contains('\u{1b}'), "colour went into a pipe");
        told.push_str(&steady(&output.stdout, peer.port()));
        told.push('\n');
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_refused_port_exits_2_and_names_the_icmp_code() {
    let port = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let output = reach(&["127.0.0.1", "--with", &format!("stun:{port}"), "--seed", "7"]).await;
    assert_eq!((output.code, output.stderr.as_str()), (2, ""));
    let told: Vec<&str> = output.stdout.lines().filter(|line| !line.starts_with("  echo")).collect();
    insta::assert_snapshot!(steady(&told.join("\n"), port));
}

#[tokio::test]
async fn a_warning_exits_1_unless_only_critical_findings_fail() {
    let peer = start(always(quic_draft)).await;
    let probe = format!("quic:{}", peer.port());
    let arguments = ["127.0.0.1", "--with", &probe, "--tries", "1"];
    let output = reach(&arguments).await;
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(output.stdout.starts_with("REACH WARNING - 127.0.0.1 answers QUIC"), "{}", output.stdout);
    let lenient = [&arguments[..], &["--fail-on", "critical"]].concat();
    assert_eq!(reach(&lenient).await.code, 0);
}

#[tokio::test]
async fn silence_seen_from_the_internet_exits_3_and_says_why() {
    let peer = start(silence()).await;
    let probe = format!("stun:{}", peer.port());
    let arguments = ["127.0.0.1", "--with", &probe, "--timeout", "200ms"];
    let blind = reach(&[&arguments[..], &["--kind", "carrier-ip"]].concat()).await;
    assert_eq!(blind.code, 3, "{}", blind.stdout);
    let first = blind.stdout.lines().next().unwrap();
    let expected = "REACH UNKNOWN - 127.0.0.1 cannot be judged from here: carrier gateways let no UDP in";
    assert!(first.starts_with(expected), "{first}");
    let from_carrier = [&arguments[..], &["--kind", "carrier-ip", "--vantage", "carrier"]].concat();
    let seen = reach(&from_carrier).await;
    assert_eq!(seen.code, 1, "{}", seen.stdout);
    let in_dakar = [&arguments[..], &["--kind", "carrier-ip", "--parent-region", "eu-west-3"]].concat();
    assert_eq!(reach(&in_dakar).await.code, 1);
}

#[tokio::test]
async fn from_a_vpc_the_private_address_is_asked_and_json_says_so() {
    let peer = start(always(stun)).await;
    let (target, probe) = (format!("{CARRIER_IP}=127.0.0.1"), format!("stun:{}", peer.port()));
    let arguments =
        [&target, "--with", &probe, "--vantage", "vpc", "--tries", "1", "--format", "json", "--seed", "7"];
    let output = reach(&arguments).await;
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let mut document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let evidence = &mut document["addresses"][0]["evidence"];
    for figure in ["min_us", "median_us", "max_us"] {
        assert!(evidence["rtt"][figure].is_u64(), "{evidence}");
        evidence["rtt"][figure] = "T".into();
    }
    assert!(evidence["echo"]["state"].is_string(), "{evidence}");
    evidence["echo"] = "seen or not".into();
    let document = serde_json::to_string_pretty(&sorted(document)).unwrap();
    insta::assert_snapshot!(steady(&document, peer.port()));
}

/// Sorts keys: their order is up to the features of serde_json that others ask for.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(fields) => {
            let fields: std::collections::BTreeMap<_, _> = fields.into_iter().collect();
            fields.into_iter().map(|(name, field)| (name, sorted(field))).collect()
        }
        serde_json::Value::Array(items) => items.into_iter().map(sorted).collect(),
        plain => plain,
    }
}

#[test]
fn from_a_vpc_a_carrier_ip_alone_is_unknown_and_nothing_is_sent() {
    let output = run(&["reach", CARRIER_IP, "--with", "stun:3478", "--vantage", "vpc", "--seed", "7"]);
    assert_eq!(output.code, 3);
    insta::assert_snapshot!(output.stdout);
}

#[test]
fn a_wrong_command_line_exits_3_and_is_explained() {
    let mut told = String::new();
    for arguments in [
        &["reach"][..],
        &["reach", CARRIER_IP],
        &["reach", CARRIER_IP, "--with", "stun"],
        &["reach", CARRIER_IP, "--with", "stun:0"],
        &["reach", "edge.example.com", "--with", "icmp"],
        &["reach", CARRIER_IP, "--with", "icmp", "--vantage", "moon"],
        &["reach", CARRIER_IP, "--with", "icmp", "--tries", "0"],
    ] {
        let output = run(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (3, ""), "{arguments:?}");
        told.push_str(&format!("$ {}\n{}\n", arguments.join(" "), output.stderr));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn help_documents_probes_vantages_and_exit_codes() {
    let output = run(&["reach", "--help"]);
    assert_eq!(output.code, 0);
    insta::assert_snapshot!(output.stdout);
}

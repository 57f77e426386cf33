//! `resolver-probe check --reach` against a running edge whose Carrier IPs are loopback addresses, where small
//! servers listen, or nobody does.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::dns::Over;
use crate::fleet::{self, Machine, all_running, id, members, running, terminated};
use crate::peers::{Peers, Way};
use crate::place::Place;
use crate::probe::Probed;
use crate::service::Service;
use crate::waiting::eventually;

/// The Carrier IP of an instance. Every address of 127.0.0.0/8 is this machine.
fn carrier_ip(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 146, 10, number)
}

/// The private address of an instance.
fn private_ip(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 3, number)
}

/// A fleet as EC2 prints it, at loopback addresses.
fn here(machines: &[Machine]) -> Result<Value> {
    let text = fleet::described(machines).to_string();
    let text = text.replace("\"155.146.10.", "\"127.146.10.").replace("\"10.0.3.", "\"127.0.3.");
    Ok(serde_json::from_str(&text)?)
}

struct Edge {
    place: Place,
    service: Service,
}

impl Edge {
    /// Serves instances 1 and 2, and does not look at the fleet again.
    fn start() -> Result<Self> {
        let place = Place::with_fleet(&[])?;
        place.write_json("fleet.json", &here(&all_running(&[1, 2]))?)?;
        let service = place.serve(&["--sweep", "1h"])?;
        let wanted: BTreeSet<Ipv4Addr> = [1, 2].map(carrier_ip).into();
        eventually("both are answered", || match service.answered("video", Over::Udp) {
            Ok(answered) if answered == wanted => Ok(()),
            other => Err(format!("{other:?}")),
        })?;
        Ok(Self { place, service })
    }

    /// Lets EC2 show other instances, of which nobody tells the registrar.
    fn show(&self, machines: &[Machine]) -> Result<()> {
        self.place.write_json("fleet.json", &here(machines)?)
    }

    /// Checks from the carrier's network.
    fn check(&self, peers: &Peers, more: &[&str]) -> Result<Probed> {
        self.check_from("carrier", peers, more)
    }

    fn check_from(&self, vantage: &str, peers: &Peers, more: &[&str]) -> Result<Probed> {
        let probe = format!("stun:{}", peers.port());
        self.place.probe(&self.service, &[&["--reach", &probe, "--vantage", vantage], more].concat())
    }
}

/// What is said of the address of an instance: verdict and liveness.
fn said(probed: &Probed, number: u8) -> Result<(String, String)> {
    let addresses = probed.report["addresses"].as_array().context("addresses")?;
    let of = |report: &&Value| report["address"] == json!(carrier_ip(number));
    let report = addresses.iter().find(of).context("the address is in the report")?;
    let word = |key: &str| report[key].as_str().unwrap_or("-").to_owned();
    Ok((word("verdict"), word("liveness")))
}

fn finding<'a>(probed: &'a Probed, id: &str) -> Result<&'a Value> {
    let findings = probed.report["findings"].as_array().context("findings")?;
    findings.iter().find(|finding| finding["id"] == id).with_context(|| format!("{id} in {findings:?}"))
}

#[test]
fn addresses_that_answer_what_clients_ask_are_ok() -> Result<()> {
    let edge = Edge::start()?;
    let peers = Peers::at(&[(carrier_ip(1), Way::Answers), (carrier_ip(2), Way::Answers)])?;
    let probed = edge.check(&peers, &[])?;
    probed.is(0, &[])?;
    for number in [1, 2] {
        assert_eq!(said(&probed, number)?, ("ok".to_owned(), "alive".to_owned()));
    }
    assert_eq!(probed.report["reach"][0]["probe"], json!(format!("stun:{}", peers.port())));
    assert_eq!(probed.report["reach"][0]["addresses"][0]["instance"], "running");
    Ok(())
}

#[test]
fn without_reach_nobody_is_asked_and_nothing_is_said_of_it() -> Result<()> {
    let edge = Edge::start()?;
    let probed = edge.place.probe(&edge.service, &[])?;
    probed.is(0, &[])?;
    ensure!(probed.report.get("reach").is_none(), "{}", probed.report["reach"]);
    assert_eq!(said(&probed, 1)?, ("ok".to_owned(), "-".to_owned()));
    Ok(())
}

#[test]
fn a_closed_port_of_a_running_instance_is_a_blackhole() -> Result<()> {
    let edge = Edge::start()?;
    let peers = Peers::at(&[(carrier_ip(1), Way::Answers)])?;
    let probed = edge.check(&peers, &[])?;
    probed.is(2, &["critical blackholed-entry"])?;
    let finding = finding(&probed, "blackholed-entry")?;
    assert_eq!((&finding["address"], &finding["instance"]), (&json!(carrier_ip(2)), &json!(id(2))));
    assert_eq!(finding["evidence"]["liveness"], "refused");
    assert_eq!(said(&probed, 2)?, ("blackholed-entry".to_owned(), "refused".to_owned()));
    assert_eq!(said(&probed, 1)?.0, "ok");
    Ok(())
}

#[test]
fn a_mute_port_of_a_running_instance_is_a_blackhole() -> Result<()> {
    let edge = Edge::start()?;
    let peers = Peers::at(&[(carrier_ip(1), Way::Answers), (carrier_ip(2), Way::Mute)])?;
    let probed = edge.check(&peers, &["--reach-timeout", "300ms"])?;
    probed.is(2, &["critical blackholed-entry"])?;
    // Whether the host is up is seen only where ICMP echo is allowed.
    let liveness = said(&probed, 2)?.1;
    ensure!(liveness.starts_with("silent"), "{liveness}");
    Ok(())
}

#[test]
fn a_server_that_lost_the_first_packets_answers_the_next_and_is_ok() -> Result<()> {
    let edge = Edge::start()?;
    let peers = Peers::at(&[(carrier_ip(1), Way::Answers), (carrier_ip(2), Way::Deaf(1))])?;
    let probed = edge.check(&peers, &[])?;
    probed.is(0, &[])?;
    let evidence = &probed.report["reach"][0]["addresses"][1]["evidence"];
    assert_eq!((&evidence["sent"], &evidence["replies"]), (&json!(2), &json!(1)), "{evidence}");
    Ok(())
}

#[test]
fn garbage_is_no_life() -> Result<()> {
    let edge = Edge::start()?;
    let peers = Peers::at(&[(carrier_ip(1), Way::Answers), (carrier_ip(2), Way::Garbage)])?;
    let probed = edge.check(&peers, &["--reach-timeout", "300ms"])?;
    probed.is(2, &["critical blackholed-entry"])?;
    assert_eq!(said(&probed, 2)?.1, "wrong-reply");
    Ok(())
}

#[test]
fn from_the_internet_silence_of_carrier_ips_is_unknown_and_an_answer_is_proof() -> Result<()> {
    let edge = Edge::start()?;
    let mute = Peers::at(&[(carrier_ip(1), Way::Mute), (carrier_ip(2), Way::Mute)])?;
    let quick = ["--reach-timeout", "300ms"];
    let probed = edge.check_from("internet", &mute, &quick)?;
    probed.is(3, &["unknown vantage-blind"])?;
    let evidence = &finding(&probed, "vantage-blind")?["evidence"];
    assert_eq!((&evidence["count"], &evidence["vantage"]), (&json!(2), &json!("internet")));
    assert_eq!(said(&probed, 1)?, ("vantage-blind".to_owned(), "vantage-blind".to_owned()));
    let closed = Peers::at(&[(carrier_ip(1), Way::Answers)])?;
    edge.check_from("internet", &closed, &quick)?.is(3, &["unknown vantage-blind"])?;
    let alive = Peers::at(&[(carrier_ip(1), Way::Answers), (carrier_ip(2), Way::Answers)])?;
    edge.check_from("internet", &alive, &quick)?.is(0, &[])?;
    // Some zones let UDP in.
    let open = [&quick[..], &["--parent-region", "eu-west-3"]].concat();
    edge.check_from("internet", &mute, &open)?.is(2, &["critical blackholed-entry"])
}

#[test]
fn who_answers_at_an_address_without_an_instance_is_a_stranger() -> Result<()> {
    let edge = Edge::start()?;
    edge.show(&[running(1), terminated(2)])?;
    let alive = Peers::at(&[(carrier_ip(1), Way::Answers), (carrier_ip(2), Way::Answers)])?;
    let probed = edge.check(&alive, &[])?;
    probed.is(2, &["critical foreign-owner", "critical stale-record"])?;
    assert_eq!(finding(&probed, "foreign-owner")?["address"], json!(carrier_ip(2)));
    assert_eq!(said(&probed, 2)?, ("stale-record".to_owned(), "alive".to_owned()));
    let dead = Peers::at(&[(carrier_ip(1), Way::Answers)])?;
    let probed = edge.check(&dead, &[])?;
    probed.is(2, &["critical stale-record"])?;
    assert_eq!(finding(&probed, "stale-record")?["evidence"]["liveness"], "refused");
    Ok(())
}

#[test]
fn an_instance_of_another_pool_is_a_stranger_and_one_that_drains_is_not() -> Result<()> {
    let edge = Edge::start()?;
    let alive = Peers::at(&[(carrier_ip(1), Way::Answers), (carrier_ip(2), Way::Answers)])?;
    edge.show(&[running(1), running(2).of("audio")])?;
    let probed = edge.check(&alive, &[])?;
    probed.is(2, &["critical foreign-owner", "critical stale-record"])?;
    assert_eq!(finding(&probed, "foreign-owner")?["instance"], id(2));
    edge.show(&[running(1).in_group("edge"), running(2).in_group("edge")])?;
    let states = members("edge", &[(1, "InService"), (2, "Terminating:Wait")]);
    edge.place.write_json("groups.json", &states)?;
    let probed = edge.check(&alive, &["--groups", "groups.json"])?;
    probed.is(2, &["critical stale-record"])?;
    assert_eq!(finding(&probed, "stale-record")?["evidence"]["liveness"], "alive");
    Ok(())
}

#[test]
fn from_a_vpc_the_private_addresses_of_the_same_instances_are_asked() -> Result<()> {
    let edge = Edge::start()?;
    let peers = Peers::at(&[(private_ip(1), Way::Answers), (private_ip(2), Way::Answers)])?;
    let probed = edge.check_from("vpc", &peers, &[])?;
    probed.is(0, &[])?;
    assert_eq!(probed.report["reach"][0]["addresses"][1]["asked"], json!(private_ip(2)));
    edge.check(&peers, &[])?.is(2, &["critical blackholed-entry"])?;
    let half = Peers::at(&[(private_ip(1), Way::Answers)])?;
    let probed = edge.check_from("vpc", &half, &[])?;
    probed.is(2, &["critical blackholed-entry"])?;
    assert_eq!(finding(&probed, "blackholed-entry")?["evidence"]["asked"], json!(private_ip(2)));
    Ok(())
}

#[test]
fn a_member_without_a_record_is_missing_and_known_to_be_alive() -> Result<()> {
    let edge = Edge::start()?;
    edge.show(&all_running(&[1, 2, 3]))?;
    let all = [1, 2, 3].map(|number| (carrier_ip(number), Way::Answers));
    let probed = edge.check(&Peers::at(&all)?, &[])?;
    probed.is(1, &["warning missing-ip"])?;
    assert_eq!(finding(&probed, "missing-ip")?["evidence"]["liveness"], "alive");
    // Nobody is sent to it, so that it is no blackhole either.
    let probed = edge.check(&Peers::at(&all[..2])?, &[])?;
    probed.is(1, &["warning missing-ip"])?;
    assert_eq!(said(&probed, 3)?, ("missing-ip".to_owned(), "refused".to_owned()));
    Ok(())
}

#[test]
fn a_probe_that_is_none_is_refused_with_a_hint() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let server = ["127.0.0.1:53535".parse()?];
    for (more, complaint) in [
        (["--reach", "ping"].as_slice(), "(hint: write stun:PORT"),
        (&["--reach", "stun:0"], "\"0\" is not a port"),
        (&["--reach", "icmp", "--vantage", "moon"], "--vantage"),
        (&["--vantage", "carrier"], "--reach"),
    ] {
        place.probe_with(&server, more)?.exited(3)?.silent()?.complains(&[complaint])?;
    }
    Ok(())
}

//! What is answered for a fleet's dump, and how soon a change of the dump shows.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::dns::{self, Over};
use crate::fleet::{all_running, document, id, ip, name, running, terminated};
use crate::place::Place;
use crate::waiting::now;

/// The most that a share of 2,000 draws may be off. By Hoeffding's inequality it is further off with a
/// probability of 2·exp(−2·2000·0.08²) < 2·10⁻¹¹, and equal weights would be caught: the shares asked
/// for below differ by 0.125.
const OFF: f64 = 0.08;

#[test]
fn exactly_the_running_instances_are_answered_in_proportion_to_their_weights() -> Result<()> {
    let fleet = [
        running(1),
        running(2),
        running(3).weighing("50"),
        running(4).weighing("150"),
        terminated(5),
        terminated(6),
    ];
    let place = Place::with_fleet(&fleet)?;
    let service = place.serve(&[])?;
    service.answers_become(&[1, 2, 3, 4])?;
    let probed = place.probe(&service, &["--samples", "2000"])?;
    probed.is(0, &[])?;
    let server = probed.server(0)?;
    assert_eq!(server["samples"]["udp"], 2000);
    assert_eq!(server["transport"]["udp"]["state"], "answers");
    assert_eq!(server["transport"]["tcp"]["state"], "answers");
    let answers = server["answers"].as_array().context("answers")?;
    let wanted = BTreeMap::from([
        (ip(1).to_string(), (0.25, id(1))),
        (ip(2).to_string(), (0.25, id(2))),
        (ip(3).to_string(), (0.125, id(3))),
        (ip(4).to_string(), (0.375, id(4))),
    ]);
    assert_eq!(answers.len(), wanted.len());
    for answer in answers {
        let address = answer["address"].as_str().context("an address")?;
        let (share, instance) = wanted.get(address).with_context(|| format!("{address} is answered"))?;
        let seen = answer["share"].as_f64().context("a share")?;
        ensure!((seen - share).abs() < OFF, "{address}: {seen} and not about {share}");
        assert_eq!(answer["expected_share"], json!(share));
        assert_eq!(answer["instance"], json!(instance));
    }
    Ok(())
}

#[test]
fn udp_and_tcp_give_one_address_a_reply_and_the_same_ones() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2, 3]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1, 2, 3])?;
    assert_eq!(service.answered("video", Over::Tcp)?, service.answered("video", Over::Udp)?);
    for over in [Over::Udp, Over::Tcp] {
        let reply = dns::ask(service.server()?, &name("video"), over)?;
        assert_eq!((reply.rcode, reply.addresses.len()), (0, 1), "{over:?}");
        assert_eq!(reply.ttls.into_iter().collect::<Vec<_>>(), [20]);
    }
    Ok(())
}

#[test]
fn a_name_that_nobody_has_does_not_exist_and_a_foreign_one_is_refused() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1])?;
    for (asked, rcode) in
        [("nobody.bos.edge.example.com", 3), ("bos.edge.example.com", 0), ("example.net", 5)]
    {
        let reply = dns::ask(service.server()?, asked, Over::Udp)?;
        assert_eq!((reply.rcode, reply.addresses.len()), (rcode, 0), "{asked}");
    }
    Ok(())
}

#[test]
fn names_are_answered_in_whatever_case_they_are_asked() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1])?;
    let reply = dns::ask(service.server()?, "ViDeO.bOs.EDGE.example.COM", Over::Udp)?;
    assert_eq!(reply.addresses.into_iter().collect::<Vec<_>>(), [ip(1)]);
    Ok(())
}

#[test]
fn a_terminated_instance_is_gone_within_two_sweeps() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2, 3]))?;
    // Long enough that a busy machine does not take a sweep's time for the rest.
    let service = place.serve(&["--sweep", "2s"])?;
    service.answers_become(&[1, 2, 3])?;
    place.show_fleet(&[running(1), terminated(2), running(3)])?;
    let start = now();
    service.answers_become(&[1, 3])?;
    let took = start.elapsed();
    ensure!(took.as_secs_f64() < 4.0, "it took {took:?}");
    service.changes_become(3, &["- 155.146.10.2"])?;
    place.probe(&service, &[])?.is(0, &[])
}

#[test]
fn an_instance_with_another_address_moves_in_one_step() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1, 2])?;
    place.show_fleet(&[running(1), running(2).at(22)])?;
    service.answers_become(&[1, 22])?;
    service.changes_become(2, &["- 155.146.10.2", "+ 155.146.10.22"])?;
    Ok(())
}

#[test]
fn the_last_instance_leaves_a_name_without_an_address() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1])?;
    place.show_fleet(&[terminated(1)])?;
    service.answers_become(&[])?;
    place.probe(&service, &[])?.is(0, &[])
}

#[test]
fn instances_that_vanish_without_proof_go_within_the_budget_and_the_rest_is_held_back() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2, 3, 4, 5]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1, 2, 3, 4, 5])?;
    // EC2 does not show four of them any more, not even as terminated; two may go in fifteen minutes.
    place.show_fleet(&[running(5)])?;
    let held = service.tells_of("held-back", &["removal-budget"])?;
    ensure!(held["hint"].is_string(), "{held}");
    let answered = service.answered("video", Over::Udp)?;
    ensure!(answered.len() == 3 && answered.contains(&ip(5)), "{answered:?}");
    Ok(())
}

#[test]
fn several_name_servers_answer_alike() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let service = place.serve(&["--dns", "127.0.0.1:0", "127.0.0.1:0"])?;
    assert_eq!(service.servers.len(), 2);
    service.answers_become(&[1, 2])?;
    let probed = place.probe(&service, &[])?;
    probed.is(0, &[])?;
    assert_eq!(probed.server(0)?["transport"]["udp"]["state"], "answers");
    assert_eq!(probed.server(1)?["transport"]["udp"]["state"], "answers");
    Ok(())
}

#[test]
fn weight_0_is_not_answered_beside_others_and_is_no_fault() -> Result<()> {
    let place = Place::with_fleet(&[running(1), running(2).weighing("0")])?;
    let service = place.serve(&["--zone", "zone.json"])?;
    service.answers_become(&[1])?;
    service.tells_of("applied", &[&id(2), "\"weight\":0"])?;
    place.probe(&service, &[])?.is(0, &[])?;
    // Where every weight is 0, each is as likely as the others.
    place.show_fleet(&[running(1).weighing("0"), running(2).weighing("0")])?;
    service.answers_become(&[1, 2])?;
    place.probe(&service, &[])?.is(0, &[])
}

#[test]
fn more_instances_than_a_set_may_have_are_held_back_and_the_rest_serves() -> Result<()> {
    let numbers: Vec<u8> = (1..=103).collect();
    let place = Place::with_fleet(&all_running(&numbers))?;
    let mut multivalue = document("video");
    multivalue["record"]["routing"] = json!("multivalue");
    place.write_json("video.json", &multivalue)?;
    let service = place.serve(&["--zone", "zone.json", "--sweep", "1h"])?;
    service.tells_of("held-back", &["capacity"])?;
    assert_eq!(service.changes()?.len(), 100);
    let reply = dns::ask(service.server()?, &name("video"), Over::Udp)?;
    assert_eq!((reply.rcode, reply.addresses.len()), (0, 8));
    Ok(())
}

#[test]
fn a_multivalue_answer_has_eight_addresses_at_most_and_the_probe_sees_them_all() -> Result<()> {
    let numbers: Vec<u8> = (1..=12).collect();
    let place = Place::with_fleet(&all_running(&numbers))?;
    let mut multivalue = document("video");
    multivalue["record"]["routing"] = json!("multivalue");
    place.write_json("video.json", &multivalue)?;
    let service = place.serve(&[])?;
    service.answers_become(&numbers)?;
    for over in [Over::Udp, Over::Tcp] {
        assert_eq!(dns::ask(service.server()?, &name("video"), over)?.addresses.len(), 8);
    }
    place.probe(&service, &[])?.is(0, &[])
}

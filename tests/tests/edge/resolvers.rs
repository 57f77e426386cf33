//! What `docs/faults.md` promises of the resolvers in front of the name servers.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::dns::{Over, Reply, addresses, ask};
use crate::fleet::{all_running, ip, name, running, terminated};
use crate::place::Place;
use crate::service::Service;
use crate::waiting::eventually;

const CACHED: [&str; 4] = ["--faults", "faults.json", "--resolver", "127.0.0.1:0"];

/// Serves two instances through a resolver with a habit. Its cache is still empty.
fn serve_through(habit: &Value) -> Result<(Place, Service)> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    place.arm(&json!({ "resolvers": [habit] }))?;
    let service = place.serve(&CACHED)?;
    service.answers_become(&[1, 2])?;
    Ok((place, service))
}

fn asked(service: &Service) -> Result<Reply> {
    ask(service.resolvers[0], &name("video"), Over::Udp)
}

#[test]
fn a_resolver_gives_one_of_the_addresses_for_as_long_as_it_keeps_it() -> Result<()> {
    let (_place, service) = serve_through(&json!({ "stretch": { "min_ttl_secs": 86_400 } }))?;
    let first = asked(&service)?;
    ensure!(first.addresses.len() == 1 && first.ttls.iter().all(|ttl| *ttl > 86_000), "{first:?}");
    for over in [Over::Udp, Over::Tcp] {
        assert_eq!(addresses(service.resolvers[0], &name("video"), over)?, first.addresses);
    }
    Ok(())
}

#[test]
fn an_address_that_went_is_still_answered_by_who_never_asks_again() -> Result<()> {
    let habit = json!({ "max_ttl_secs": 1, "never_refresh": true });
    let (place, service) = serve_through(&habit)?;
    let kept = asked(&service)?.addresses;
    let gone = if kept.contains(&ip(1)) { 1 } else { 2 };
    let left = 3 - gone;
    place.show_fleet(&[terminated(gone), running(left)])?;
    service.answers_become(&[left])?;
    eventually("the old address is stale", || {
        let reply = asked(&service).map_err(|error| format!("{error:#}"))?;
        if reply.ttls.contains(&0) { Ok(()) } else { Err(format!("{reply:?}")) }
    })?;
    assert_eq!(asked(&service)?.addresses, kept);
    place.arm(&json!({}))?;
    eventually("the new address is answered", || {
        let reply = asked(&service).map_err(|error| format!("{error:#}"))?;
        if reply.addresses.contains(&ip(left)) { Ok(()) } else { Err(format!("{reply:?}")) }
    })
}

#[test]
fn without_a_name_server_a_resolver_fails_or_is_stale_as_it_is_told() -> Result<()> {
    let (place, service) = serve_through(&json!({ "max_ttl_secs": 1 }))?;
    asked(&service)?;
    let dead = json!([{ "dead": true }]);
    place.arm(&json!({ "name_servers": dead, "resolvers": [{ "max_ttl_secs": 1 }] }))?;
    eventually("the resolver fails", || {
        let reply = asked(&service).map_err(|error| format!("{error:#}"))?;
        if reply.rcode == 2 { Ok(()) } else { Err(format!("{reply:?}")) }
    })?;
    let stale = json!({ "serve_stale": { "when": "unreachable" } });
    place.arm(&json!({ "name_servers": dead, "resolvers": [stale] }))?;
    eventually("the resolver is stale", || {
        let reply = asked(&service).map_err(|error| format!("{error:#}"))?;
        if reply.ttls.contains(&30) && reply.addresses.len() == 1 {
            Ok(())
        } else {
            Err(format!("{reply:?}"))
        }
    })
}

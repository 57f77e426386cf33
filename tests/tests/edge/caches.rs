//! What the probe says of resolvers in front of a running edge: each habit of `docs/faults.md`, and what comes close.
//!
//! Caches take the seconds of their TTLs, which are short here.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::dns::{Over, addresses, ask};
use crate::fleet::{all_running, document, ip, name, running, terminated};
use crate::place::Place;
use crate::probe::Probed;
use crate::service::Service;
use crate::waiting::{eventually, now};

const TTL_SECS: u32 = 3;
const CACHED: [&str; 4] = ["--faults", "faults.json", "--resolver", "127.0.0.1:0"];
/// Enough for two addresses, and soon done.
const FEW: [&str; 4] = ["--samples", "60", "--deadline", "12s"];

/// Serves two instances with a short TTL through a resolver with a habit. Its cache is still empty.
fn serve_through(habit: &Value) -> Result<(Place, Service)> {
    serve_with_ttl(TTL_SECS, habit)
}

fn serve_with_ttl(ttl_secs: u32, habit: &Value) -> Result<(Place, Service)> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let mut video = document("video");
    video["record"]["ttl_secs"] = json!(ttl_secs);
    place.write_json("video.json", &video)?;
    place.arm(&json!({ "resolvers": [habit] }))?;
    let service = place.serve(&CACHED)?;
    service.answers_become(&[1, 2])?;
    Ok((place, service))
}

/// Checks the name with the resolver beside its name server.
fn checked(place: &Place, service: &Service, more: &[&str]) -> Result<Probed> {
    let resolver = service.resolvers[0].to_string();
    place.probe(service, &[&["--resolver", &resolver], &FEW[..], more].concat())
}

/// Watches the resolver for so long.
fn watched(place: &Place, service: &Service, lasting: &str) -> Result<Probed> {
    let (server, resolver, name) =
        (service.server()?.to_string(), service.resolvers[0].to_string(), name("video"));
    let arguments =
        ["caches", &name, "--server", &server, "--resolver", &resolver, "--for", lasting, "--format", "json"];
    let ran = place.run("resolver-probe", &arguments)?.plain()?;
    let report = serde_json::from_str(&ran.stdout).with_context(|| format!("{ran:?}"))?;
    Ok(Probed { code: ran.code, report })
}

fn habits(probed: &Probed) -> &Value {
    &probed.report["resolvers"][0]["habits"]
}

/// Returns the finding of this kind.
fn finding<'a>(probed: &'a Probed, id: &str) -> Result<&'a Value> {
    let findings = probed.report["findings"].as_array().context("findings")?;
    findings.iter().find(|finding| finding["id"] == id).with_context(|| format!("{id} in {findings:?}"))
}

/// Lets the resolver keep one of the two addresses, takes that one away, and returns both numbers: gone, left.
fn take_what_is_kept(place: &Place, service: &Service) -> Result<(u8, u8)> {
    let kept = addresses(service.resolvers[0], &name("video"), Over::Udp)?;
    let gone = if kept.contains(&ip(1)) { 1 } else { 2 };
    let left = 3 - gone;
    place.show_fleet(&[terminated(gone), running(left)])?;
    service.answers_become(&[left])?;
    Ok((gone, left))
}

#[test]
fn a_resolver_that_keeps_to_the_ttl_is_ok_and_0() -> Result<()> {
    let (place, service) = serve_through(&json!({}))?;
    let probed = checked(&place, &service, &[])?;
    probed.is(0, &[])?;
    let seen = &probed.report["resolvers"][0];
    ensure!(seen["answered"] == seen["asked"] && seen["authority_ttl_secs"] == TTL_SECS, "{seen}");
    let watched = watched(&place, &service, "8s")?;
    watched.is(0, &[])?;
    assert_eq!(watched.report["schema"], "resolver-probe-caches/1");
    ensure!(habits(&watched).is_null(), "{}", habits(&watched));
    let draws = watched.report["resolvers"][0]["draws"].as_u64().context("draws")?;
    ensure!((2..=4).contains(&draws), "{draws} draws in 8 s");
    Ok(())
}

#[test]
fn a_stretched_ttl_is_a_warning_at_once_or_from_the_second_answer_on() -> Result<()> {
    for hides_first in [false, true] {
        let (place, service) =
            serve_through(&json!({ "stretch": { "min_ttl_secs": 120, "hides_first": hides_first } }))?;
        let probed = checked(&place, &service, &[])?;
        probed.is(1, &["warning ttl-stretched"])?;
        let finding = finding(&probed, "ttl-stretched")?;
        let highest = finding["evidence"]["highest_ttl_secs"].as_u64().context("the highest")?;
        ensure!((118..=120).contains(&highest), "{finding}");
        assert_eq!(finding["resolver"], json!(service.resolvers[0].to_string()));
        assert_eq!(probed.report["resolvers"][0]["signs"][0]["hides_first"], json!(hides_first));
    }
    Ok(())
}

#[test]
fn a_ttl_that_is_cut_is_a_habit_and_no_fault() -> Result<()> {
    let (place, service) = serve_with_ttl(20, &json!({ "max_ttl_secs": 3 }))?;
    checked(&place, &service, &[])?.is(0, &[])?;
    let watched = watched(&place, &service, "23s")?;
    watched.is(0, &[])?;
    assert_eq!(
        (habits(&watched), &watched.report["resolvers"][0]["maximum_ttl_secs"]),
        (&json!(["clamps"]), &json!(3))
    );
    Ok(())
}

#[test]
fn an_address_that_is_never_asked_for_again_is_critical_when_nobody_serves_there() -> Result<()> {
    let (place, service) = serve_through(&json!({ "never_refresh": true }))?;
    let (gone, _) = take_what_is_kept(&place, &service)?;
    let probed = checked(&place, &service, &[])?;
    probed.is(2, &["critical stale-answer"])?;
    let finding = finding(&probed, "stale-answer")?;
    assert_eq!(finding["address"], json!(ip(gone)));
    ensure!(finding["evidence"]["stale_at_least_secs"].as_u64() >= Some(1), "{finding}");
    let rows = probed.report["addresses"].as_array().context("addresses")?;
    let row = rows.iter().find(|row| row["address"] == json!(ip(gone))).context("its row")?;
    assert_eq!((&row["verdict"], &row["answered_by"]), (&json!("stale-answer"), &json!([])));
    assert_eq!(row["resolved_by"], json!([service.resolvers[0].to_string()]));
    Ok(())
}

#[test]
fn an_address_that_runs_out_in_time_is_waited_for_and_ok() -> Result<()> {
    let (place, service) = serve_through(&json!({}))?;
    take_what_is_kept(&place, &service)?;
    checked(&place, &service, &[])?.is(0, &[])
}

#[test]
fn a_deadline_that_comes_before_is_unknown_and_3() -> Result<()> {
    let (place, service) = serve_with_ttl(60, &json!({}))?;
    let (gone, _) = take_what_is_kept(&place, &service)?;
    let probed = checked(&place, &service, &["--timeout", "500ms"])?;
    probed.is(3, &["unknown stale-answer"])?;
    assert_eq!(finding(&probed, "stale-answer")?["address"], json!(ip(gone)));
    Ok(())
}

#[test]
fn with_a_history_a_stale_answer_is_known_without_waiting() -> Result<()> {
    let (place, service) = serve_with_ttl(60, &json!({ "stretch": { "min_ttl_secs": 86_400 } }))?;
    let (gone, left) = take_what_is_kept(&place, &service)?;
    let server = service.server()?;
    let line = |at: i64, what: Value| {
        let at = wall_clock() - at;
        let mut line = json!({ "schema": "resolver-probe-history/1", "at": timestamp(at), "name": name("video"), "server": server, "ttl_secs": 60 });
        line.as_object_mut().context("a line")?.extend(what.as_object().cloned().unwrap_or_default());
        Ok::<_, anyhow::Error>(format!("{line}\n"))
    };
    let lines = [
        line(300, json!({ "appeared": [ip(gone), ip(left)] }))?,
        line(200, json!({ "vanished": [ip(gone)] }))?,
        line(100, json!({ "watching": [ip(left)] }))?,
        line(1, json!({ "watching": [ip(left)] }))?,
    ];
    place.write("history.jsonl", &lines.concat())?;
    let began = now();
    let probed = checked(&place, &service, &["--history", "history.jsonl"])?;
    probed.is(2, &["critical stale-answer", "warning ttl-stretched"])?;
    let stale = &probed.report["resolvers"][0]["stale"][0];
    let (least, most) = (stale["at_least_secs"].as_u64(), stale["at_most_secs"].as_u64());
    ensure!(least >= Some(140) && least < most && most <= Some(260), "{stale}");
    ensure!(began.elapsed().as_secs() < 10, "it waited");
    Ok(())
}

#[test]
fn a_resolver_that_serves_expired_answers_is_told_by_their_ttl() -> Result<()> {
    let (place, service) = serve_through(&json!({ "serve_stale": { "when": "expired" } }))?;
    let watched = watched(&place, &service, "9s")?;
    watched.is(1, &["warning stale-answer"])?;
    assert_eq!(
        (habits(&watched), &watched.report["resolvers"][0]["signs"][0]["sign"]),
        (&json!(["serves-stale"]), &json!("jump"))
    );
    Ok(())
}

#[test]
fn a_resolver_that_waits_before_it_is_stale_is_told_when_no_name_server_answers() -> Result<()> {
    let habit = json!({ "serve_stale": { "when": "unreachable", "ede": 3, "delay_ms": 1800 } });
    let (place, service) = serve_through(&habit)?;
    checked(&place, &service, &[])?.is(0, &[])?;
    place.arm(&json!({ "name_servers": [{ "dead": true }], "resolvers": [habit] }))?;
    eventually("the resolver is stale", || {
        let reply =
            ask(service.resolvers[0], &name("video"), Over::Udp).map_err(|error| format!("{error:#}"))?;
        if reply.ttls.contains(&30) { Ok(()) } else { Err(format!("{reply:?}")) }
    })?;
    let probed = checked(&place, &service, &["--timeout", "200ms"])?;
    probed.is(2, &["critical ns-unreachable", "warning tcp-dead", "warning stale-answer"])?;
    let seen = &probed.report["resolvers"][0];
    ensure!(seen["extended_errors"]["3"].as_u64() >= Some(2), "{seen}");
    ensure!(seen["signs"].to_string().contains("slow-stale"), "{seen}");
    Ok(())
}

#[test]
fn a_dead_resolver_is_a_warning_and_3_tries_are_enough() -> Result<()> {
    let (place, service) = serve_through(&json!({ "dead": true }))?;
    let probed = checked(&place, &service, &[])?;
    probed.is(1, &["warning ns-unreachable"])?;
    assert_eq!(probed.report["resolvers"][0]["answered"], json!(0));
    Ok(())
}

#[test]
fn an_authority_with_the_ttl_of_stale_answers_is_told_and_0() -> Result<()> {
    let (place, service) = serve_with_ttl(30, &json!({}))?;
    let probed = checked(&place, &service, &[])?;
    probed.is(0, &[])?;
    let finding = finding(&probed, "stale-answer")?;
    ensure!(
        finding["severity"] == "info" && finding["message"].to_string().contains("use 20 or 25"),
        "{finding}"
    );
    Ok(())
}

#[test]
fn caches_are_drawn_for_a_person_and_the_first_line_is_for_monitoring() -> Result<()> {
    let (place, service) = serve_through(&json!({ "stretch": { "min_ttl_secs": 60 } }))?;
    let (server, resolver, name) =
        (service.server()?.to_string(), service.resolvers[0].to_string(), name("video"));
    let arguments = ["caches", &name, "--server", &server, "--resolver", &resolver, "--for", "6s"];
    let ran = place.run("resolver-probe", &arguments)?.plain()?.exited(1)?;
    ran.says(&[
        "CACHES WARNING",
        "1 of 1 resolvers stretch TTLs",
        "60*",
        "ttl-stretched",
        "least TTL is 60 s or more",
    ])?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a history is written in real time")]
fn wall_clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}

fn timestamp(second: i64) -> String {
    registrar_core::Timestamp::from_second(second).map_or_else(|_| String::new(), |at| at.to_string())
}

//! `resolver-probe watch` against a running edge: what it tells while things go wrong and right again, and what it
//! leaves behind.

use std::io::Write as _;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::fleet::{all_running, ip, name, running, terminated};
use crate::place::Place;
use crate::service::Service;
use crate::waiting::eventually;
use crate::watching::{Watching, get};

/// What every watch of these tests is given: fast, and against the fleet.
const USUAL: [&str; 6] = ["--truth", "file:fleet.json", "--pool", "video.json", "--format", "json"];
const TWO_SERVERS: [&str; 4] = ["--dns", "127.0.0.1:0", "--dns", "127.0.0.1:0"];

fn watching(place: &Place, service: &Service, more: &[&str]) -> Result<Watching> {
    let rate: &[&str] = if more.contains(&"--rate") { &[] } else { &["--rate", "100"] };
    place.probing(service, "watch", &[&USUAL, rate, more].concat())
}

/// Serves two instances at two name servers, with faults that can be armed.
fn served() -> Result<(Place, Service)> {
    served_with(&json!({}))
}

/// The same with these faults from the beginning.
fn served_with(faults: &Value) -> Result<(Place, Service)> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    place.arm(faults)?;
    let service = place.serve(&[&TWO_SERVERS[..], &["--faults", "faults.json"]].concat())?;
    service.answers_become(&[1, 2])?;
    Ok((place, service))
}

/// One name server answers an address that nobody has.
fn lie(share: f64) -> Value {
    let lies = json!([{ "name": name("video"), "address": "192.0.2.66", "share": share }]);
    json!({ "name_servers": [{}, { "lies": lies }] })
}

#[test]
fn a_stale_record_is_opened_while_it_is_answered_and_closed_when_it_would_have_shown() -> Result<()> {
    let (place, service) = served()?;
    let watch = watching(&place, &service, &[])?;
    watch.tells("appeared", |line| line["address"] == json!(ip(2)))?;
    place.arm(&lie(0.3))?;
    let opened = watch.tells_of("opened", "stale-record")?;
    assert_eq!(opened["schema"], "resolver-probe-watch/1");
    assert_eq!(opened["finding"]["server"], json!(service.servers[1]));
    assert_eq!(
        (&opened["finding"]["severity"], &opened["finding"]["address"]),
        (&json!("critical"), &json!("192.0.2.66"))
    );
    place.arm(&json!({}))?;
    let closed = watch.tells_of("closed", "stale-record")?;
    let times =
        [&opened["since"], &closed["since"], &closed["last_seen_at"], &closed["at"]].map(Value::as_str);
    ensure!(times[0] == times[1] && times[1] < times[2] && times[2] < times[3], "{times:?}");
    watch.signal("TERM")?;
    let ran = watch.ended()?.exited(0)?;
    let told = ran.json_lines()?;
    let opened: Vec<&Value> = told.iter().filter(|line| line["event"] == "opened").collect();
    ensure!(opened.len() == 1, "{opened:?}");
    assert_eq!(told.last().context("a last event")?["event"], "ended");
    Ok(())
}

#[test]
fn a_right_pool_is_watched_to_the_end_without_a_finding() -> Result<()> {
    let (place, service) = served()?;
    let ran = watching(&place, &service, &["--count", "150"])?.ended()?.exited(0)?;
    let told = ran.json_lines()?;
    ensure!(!told.iter().any(|line| line["event"] == "opened"), "{}", ran.stdout);
    let ended = told.last().context("a last event")?;
    assert_eq!(
        (&ended["event"], &ended["verdict"], &ended["exit_code"]),
        (&json!("ended"), &json!("ok"), &json!(0))
    );
    for server in ended["servers"].as_array().context("servers")? {
        ensure!(
            server["queries"].as_u64() >= Some(150) && server["answers"] == server["queries"],
            "{server}"
        );
    }
    Ok(())
}

#[test]
fn what_stands_at_the_end_is_the_exit_code() -> Result<()> {
    let (place, service) = served()?;
    place.arm(&lie(0.5))?;
    let watch = watching(&place, &service, &[])?;
    watch.tells_of("opened", "stale-record")?;
    watch.signal("INT")?;
    watch.ended()?.exited(2)?;
    let (place, service) = served_with(&json!({ "name_servers": [{}, { "dead": true }] }))?;
    eventually("one name server is dead", || {
        let dead = place.probe_with(&service.servers[1..], &["--timeout", "50ms", "--format", "json"]);
        let ran = dead.map_err(|error| format!("{error:#}"))?;
        if ran.stdout.contains("never answered over UDP") { Ok(()) } else { Err(ran.stdout) }
    })?;
    let watch = watching(&place, &service, &["--timeout", "50ms", "--fail-on", "critical"])?;
    watch.tells_of("opened", "ns-unreachable")?;
    watch.signal("HUP")?;
    // A server that does not answer is a warning beside one that does; what it would say is unknown.
    watch.ended()?.exited(3)?;
    Ok(())
}

#[test]
fn the_fleet_is_read_again_when_it_changes() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let service = place.serve(&["--sweep", "1h"])?;
    service.answers_become(&[1, 2])?;
    let watch = watching(&place, &service, &["--refresh", "50ms", "--grace", "1ms"])?;
    watch.tells("truth", |line| line["addresses"].as_object().is_some_and(|all| all.len() == 2))?;
    // The sweep is far away, and nobody tells the registrar.
    place.show_fleet(&[running(1), terminated(2)])?;
    let opened = watch.tells_of("opened", "stale-record")?;
    assert_eq!(opened["finding"]["address"], json!(ip(2)));
    place.write("fleet.json", "{\"Reservations\": [")?;
    watch.tells_of("opened", "truth-incomplete")?;
    place.show_fleet(&all_running(&[1, 2]))?;
    watch.tells_of("closed", "truth-incomplete")?;
    watch.tells_of("closed", "stale-record")?;
    Ok(())
}

#[test]
fn a_watch_that_is_ended_leaves_a_whole_history_and_the_next_one_goes_on() -> Result<()> {
    let (place, service) = served()?;
    let more = ["--history", "video.history", "--textfile", "video.prom"];
    let watch = watching(&place, &service, &more)?;
    watch.tells("appeared", |line| line["address"] == json!(ip(2)))?;
    watch.signal("TERM")?;
    watch.ended()?;
    let history = place.read("video.history")?;
    ensure!(history.ends_with("}\n") && history.contains("\"watching\":["), "{history}");
    let textfile = place.read("video.prom")?;
    ensure!(textfile.contains("resolver_probe_last_run_timestamp_seconds{"), "{textfile}");
    // The power went in the middle of a line, and an instance while nobody watched.
    let mut file = std::fs::OpenOptions::new().append(true).open(place.path("video.history"))?;
    file.write_all(b"{\"schema\":\"resolver-pro")?;
    place.show_fleet(&all_running(&[1]))?;
    service.answers_become(&[1])?;
    let watch = watching(&place, &service, &[&more[..], &["--rate", "300"]].concat())?;
    eventually("the history tells that the address is gone", || {
        let history = place.read("video.history").map_err(|error| error.to_string())?;
        let told = history.contains(&format!("\"vanished\":[\"{}\"]", ip(2)));
        if told { Ok(()) } else { Err(history) }
    })?;
    watch.signal("TERM")?;
    watch.ended()?.exited(0)?;
    let checked = place.probe(&service, &["--history", "video.history", "--samples", "200"])?;
    checked.is(0, &[])
}

#[test]
fn prometheus_is_given_what_is_counted() -> Result<()> {
    let (place, service) = served()?;
    let watch = watching(&place, &service, &["--listen", "127.0.0.1:0"])?;
    let url = watch.complains("metrics: http://")?;
    let address = url.trim_end_matches("/metrics").parse()?;
    let sample = format!(
        "resolver_probe_answers_total{{name=\"{}\",ns=\"{}\",ip=\"{}\"}} ",
        name("video"),
        service.servers[0],
        ip(1)
    );
    let text = eventually("answers are counted", || {
        let text = get(address, "/metrics").map_err(|error| error.to_string())?;
        if text.contains(&sample) { Ok(text) } else { Err(text) }
    })?;
    ensure!(text.starts_with("HTTP/1.1 200 OK") && text.contains("text/plain; version=0.0.4"), "{text}");
    ensure!(text.contains("resolver_probe_success{"), "{text}");
    ensure!(get(address, "/healthz")?.ends_with("\r\n\r\nok\n"));
    ensure!(get(address, "/other")?.starts_with("HTTP/1.1 404"));
    Ok(())
}

#[test]
fn in_a_pipe_a_watch_for_a_person_is_one_line_for_each_event() -> Result<()> {
    let (place, service) = served()?;
    place.arm(&lie(0.5))?;
    let more = ["--truth", "file:fleet.json", "--pool", "video.json", "--rate", "100", "--for", "2s"];
    let ran = place.probing(&service, "watch", &more)?.ended()?.exited(2)?;
    ran.says(&["CRITICAL stale-record: 192.0.2.66 is answered by", "ended: CRITICAL - 2 servers"])?;
    Ok(())
}

#[test]
fn a_watch_that_cannot_begin_is_3_and_says_why() -> Result<()> {
    let (place, service) = served()?;
    place.write("other.history", "{\"schema\":\"resolver-probe-history/1\",\"at\":\"2026-11-21T12:00:00Z\",\"name\":\"audio.edge.example.com\",\"server\":\"192.0.2.53:53\",\"watching\":[]}\n")?;
    place.write("no.history", "hello\n")?;
    let taken = service.servers[0].to_string();
    for (more, complaint) in [
        (["--history", "other.history"].as_slice(), "audio.edge.example.com"),
        (&["--history", "no.history"], "line 1"),
        (&["--history", "gone/video.history"], "gone/video.history"),
        (&["--listen", &taken], "cannot be listened on"),
        (&["--truth", "file:gone.json"], "gone.json"),
        (&["--truth", "file:-"], "standard input"),
        (&["--rate", "0"], "--rate"),
    ] {
        let usual = if more[0] == "--truth" { &["--pool", "video.json"][..] } else { &[] };
        let watch = place.probing(&service, "watch", &[usual, more].concat())?;
        watch.ended()?.exited(3)?.silent()?.complains(&[complaint])?;
    }
    Ok(())
}

#[test]
fn a_resolver_that_still_answers_what_is_gone_is_told_from_the_history() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    place.arm(&json!({ "resolvers": [{ "max_ttl_secs": 1, "never_refresh": true }] }))?;
    let mut document = crate::fleet::document("video");
    document["record"]["ttl_secs"] = json!(1);
    place.write_json("video.json", &document)?;
    let service = place.serve(&["--faults", "faults.json", "--resolver", "127.0.0.1:0"])?;
    service.answers_become(&[1, 2])?;
    let resolver = service.resolvers[0].to_string();
    // The resolver keeps its first answer for ever: whichever it is, that instance goes.
    let kept = crate::dns::addresses(service.resolvers[0], &name("video"), crate::dns::Over::Udp)?;
    let (gone, left) = if kept.contains(&ip(1)) { (1, 2) } else { (2, 1) };
    let more = ["--resolver", &resolver, "--resolver-period", "100ms", "--refresh", "50ms", "--rate", "300"];
    let watch = watching(&place, &service, &[&more[..], &["--grace", "2s"]].concat())?;
    watch.tells("appeared", |line| line["address"] == json!(ip(gone)))?;
    watch.tells("appeared", |line| line["address"] == json!(ip(left)))?;
    place.show_fleet(&[terminated(gone), running(left)])?;
    watch.tells("vanished", |line| line["address"] == json!(ip(gone)))?;
    let opened = watch.tells("opened", |line| {
        line["finding"]["id"] == "stale-answer" && line["finding"]["address"] == json!(ip(gone))
    })?;
    assert_eq!(opened["finding"]["resolver"], json!(resolver));
    assert_eq!(opened["finding"]["severity"], "critical");
    Ok(())
}

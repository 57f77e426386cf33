//! A pool that grows past a hundred instances and shrinks again: its batches, its answers, and its shares.
#![expect(
    clippy::print_stderr,
    reason = "what was measured is shown to whoever asks for it with --nocapture"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::dns::Asker;
use crate::fleet::name;
use crate::place::Place;
use crate::service::Service;
use crate::strict::{Zone, carry_out_with, shares, zone_of};
use crate::waiting::now;

const GROWTH: [usize; 4] = [90, 110, 1_000, 80];
/// The TTL of the records, in seconds.
const TTL_SECS: u64 = 20;
/// How long a thousand records may take to come or go: Route 53 takes 100 changes a second once the burst is spent.
const PATIENCE: Duration = Duration::from_secs(90);
/// How far an instance's share may be from that of its weight.
const SHARE_ERROR: f64 = 0.02;

fn address(number: usize) -> Ipv4Addr {
    let [.., high, low] = number.to_be_bytes();
    Ipv4Addr::new(155, 146, high, low)
}

/// Weights that differ by a factor of ten and have no pattern.
fn weight(number: usize) -> u64 {
    25 + (number as u64 * 7_919) % 231
}

fn instance(number: usize, state: &str) -> Value {
    let tags = json!([
        { "Key": "edge-dns", "Value": "video" },
        { "Key": "edge-dns-weight", "Value": weight(number).to_string() },
    ]);
    json!({
        "InstanceId": format!("i-{number:017x}"),
        "LaunchTime": "2024-01-01T00:00:00+00:00",
        "Placement": { "AvailabilityZone": "us-east-1-wl1-bos-wlz-1" },
        "State": { "Name": state },
        "Tags": tags,
        "NetworkInterfaces": [{
            "Attachment": { "DeviceIndex": 0 },
            "PrivateIpAddresses": [{ "Primary": true, "Association": { "CarrierIp": address(number) } }],
        }],
    })
}

/// Lets EC2 show so many running instances, and the others as terminated.
fn show(place: &Place, running: usize, ever: usize) -> Result<()> {
    let instances: Vec<Value> = (0..ever.max(running))
        .map(|number| instance(number, if number < running { "running" } else { "terminated" }))
        .collect();
    place.write_json("fleet.json", &json!({ "Reservations": [{ "Instances": instances }] }))
}

fn serving(running: usize) -> BTreeSet<Ipv4Addr> {
    (0..running).map(address).collect()
}

/// Says how far the share of any instance is from that of its weight among those that are answered, upwards and at all.
fn share_errors(zone: &Zone) -> Result<(f64, f64)> {
    let fqdn = format!("{}.", name("video"));
    let shares = shares(zone, &fqdn);
    let sum: f64 = shares.values().sum();
    ensure!((sum - 1.0).abs() < 1e-9, "{sum} of the queries are answered");
    let numbers: BTreeMap<String, usize> =
        (0..1_000).map(|number| (address(number).to_string(), number)).collect();
    let weights = shares.keys().map(|address| numbers.get(address).map(|number| weight(*number)));
    let weights: Vec<u64> = weights.collect::<Option<_>>().context("an address of nobody's")?;
    let total: u64 = weights.iter().sum();
    let errors =
        shares.values().zip(weights).map(|(share, weight)| share * total as f64 / weight as f64 - 1.0);
    Ok(errors.fold((0.0, 0.0), |(up, any), error| (f64::max(up, error), f64::max(any, error.abs()))))
}

#[test]
fn every_batch_of_growth_and_shrinkage_keeps_the_rules_and_the_shares() -> Result<()> {
    let place = Place::with_fleet(&[])?;
    place.hold_records(&[])?;
    for running in GROWTH {
        show(&place, running, 1_000)?;
        let (mut batches, mut most) = (0, 0.0);
        loop {
            let planned = carry_out_with(&place, |zone| {
                let (up, _) = share_errors(zone)?;
                most = f64::max(most, up);
                ensure!(up <= SHARE_ERROR, "an instance has {:.1} % more than its share", up * 100.0);
                Ok(())
            });
            match planned.with_context(|| format!("to {running} instances"))? {
                0 => break,
                planned => batches += planned,
            }
            ensure!(batches < 200, "planning does not come to an end");
        }
        let zone = zone_of(&place.records()?)?;
        let (_, error) = share_errors(&zone)?;
        ensure!(error <= SHARE_ERROR, "with {running} instances, a share is {:.1} % off", error * 100.0);
        let answered: BTreeSet<String> = shares(&zone, &format!("{}.", name("video"))).into_keys().collect();
        ensure!(answered == serving(running).iter().map(Ipv4Addr::to_string).collect());
        eprintln!(
            "{running} instances: {batches} batches, {} record sets, shares {:.2} % off, {:.2} % over on the way",
            zone.len(),
            error * 100.0,
            most * 100.0
        );
    }
    Ok(())
}

/// One answer, and when it came.
struct Answer {
    at: Instant,
    rcode: u8,
    addresses: BTreeSet<Ipv4Addr>,
    ttls: BTreeSet<u32>,
}

/// Somebody who asks a name server without a pause.
struct Client {
    stop: Arc<AtomicBool>,
    answers: Arc<Mutex<Vec<Answer>>>,
    asking: JoinHandle<Result<()>>,
}

impl Client {
    fn start(server: SocketAddr) -> Self {
        let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stopped, told) = (stop.clone(), answers.clone());
        let asking = std::thread::spawn(move || {
            let mut asker = Asker::new(server, &name("video"))?;
            while !stopped.load(SeqCst) {
                let reply = asker.ask()?;
                let answer =
                    Answer { at: now(), rcode: reply.rcode, addresses: reply.addresses, ttls: reply.ttls };
                told.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
                // A busy client would only take the server's time on a small machine.
                std::thread::sleep(Duration::from_micros(500));
            }
            Ok(())
        });
        Self { stop, answers, asking }
    }

    fn stop(self) -> Result<Vec<Answer>> {
        self.stop.store(true, SeqCst);
        if let Ok(asked) = self.asking.join() {
            asked?;
        }
        Ok(std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Waits until the zone file holds exactly these instances.
fn becomes(place: &Place, service: &Service, running: usize) -> Result<Zone> {
    let (wanted, start) = (serving(running), now());
    let wanted: BTreeSet<String> = wanted.iter().map(Ipv4Addr::to_string).collect();
    loop {
        let zone = place.records().and_then(|records| zone_of(&records)).unwrap_or_default();
        let held: BTreeSet<String> = shares(&zone, &format!("{}.", name("video"))).into_keys().collect();
        if held == wanted {
            return Ok(zone);
        }
        if start.elapsed() > PATIENCE {
            bail!("{} of {running} instances are answered; {:?}", held.len(), service.told()?.last());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_pool_grows_and_shrinks_under_queries_without_an_empty_answer_or_a_dead_one_beyond_its_ttl() -> Result<()>
{
    let place = Place::with_fleet(&[])?;
    show(&place, GROWTH[0], 0)?;
    let service = place.serve(&["--zone", "zone.json", "--seed", "11"])?;
    becomes(&place, &service, GROWTH[0])?;
    let client = Client::start(service.servers[0]);
    let mut ended = now();
    for running in GROWTH {
        ended = now();
        show(&place, running, if running == 80 { 1_000 } else { 0 })?;
        becomes(&place, &service, running)?;
        eprintln!("{running} instances after {:.1} s", ended.elapsed().as_secs_f64());
    }
    // The last answers show what is left.
    std::thread::sleep(Duration::from_millis(300));
    let answers = client.stop()?;
    let (alive, mut last_dead) = (serving(80), Duration::ZERO);
    for answer in &answers {
        ensure!(answer.rcode == 0 && answer.addresses.len() == 1, "an answer of code {}", answer.rcode);
        ensure!(answer.ttls.iter().all(|ttl| u64::from(*ttl) == TTL_SECS), "TTL {:?}", answer.ttls);
        if answer.at > ended && !answer.addresses.is_subset(&alive) {
            last_dead = last_dead.max(answer.at - ended);
        }
    }
    eprintln!("{} answers; the last dead address after {:.1} s", answers.len(), last_dead.as_secs_f64());
    ensure!(answers.len() > 1_000, "only {} answers", answers.len());
    ensure!(last_dead < Duration::from_secs(TTL_SECS), "dead for {last_dead:?}");
    service.stop()?;
    Ok(())
}

/// Pearson's statistic of counts against shares, as a normal deviate (Wilson and Hilferty).
fn chi_square_deviate(counts: &BTreeMap<String, u64>, expected: &BTreeMap<String, f64>) -> f64 {
    let answers: u64 = counts.values().sum();
    let term = |(address, share): (&String, &f64)| {
        let expected = share * answers as f64;
        (counts.get(address).copied().unwrap_or_default() as f64 - expected).powi(2) / expected
    };
    let statistic: f64 = expected.iter().map(term).sum();
    let spread = 2.0 / (9.0 * (expected.len() - 1) as f64);
    ((statistic / (expected.len() - 1) as f64).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// Serves a thousand instances of unequal weights, asks so often, and compares.
fn a_thousand_have_their_shares(queries: usize) -> Result<()> {
    let place = Place::with_fleet(&[])?;
    show(&place, 1_000, 0)?;
    let service = place.serve(&["--zone", "zone.json", "--seed", "23"])?;
    let zone = becomes(&place, &service, 1_000)?;
    let start = now();
    let mut asker = Asker::new(service.servers[0], &name("video"))?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    asker.ask_many(queries, |reply| {
        let mut addresses = reply.addresses.iter();
        let (Some(address), None) = (addresses.next(), addresses.next()) else {
            bail!("{} addresses", reply.addresses.len())
        };
        *counts.entry(address.to_string()).or_default() += 1;
        Ok(())
    })?;
    let (took, drawn) = (start.elapsed().as_secs_f64(), shares(&zone, &format!("{}.", name("video"))));
    let total: u64 = (0..1_000).map(weight).sum();
    let by_weight = |number: usize| (address(number).to_string(), weight(number) as f64 / total as f64);
    let weights: BTreeMap<String, f64> = (0..1_000).map(by_weight).collect();
    let (of_records, of_weights) =
        (chi_square_deviate(&counts, &drawn), chi_square_deviate(&counts, &weights));
    let (_, error) = share_errors(&zone)?;
    eprintln!(
        "{queries} answers in {took:.1} s; \u{3c7}\u{b2} against the records {of_records:.2}, against the weights \
         {of_weights:.2} standard deviations; shares {:.2} % off at most",
        error * 100.0
    );
    ensure!(counts.keys().eq(weights.keys()), "{} of 1,000 are answered", counts.len());
    // A normal deviate beyond 4.75 comes once in a million times.
    ensure!(of_records < 4.75 && of_weights < 4.75, "{of_records} and {of_weights}");
    ensure!(error <= SHARE_ERROR, "a share is {:.1} % off", error * 100.0);
    service.stop()?;
    Ok(())
}

#[test]
fn a_thousand_instances_of_unequal_weights_are_answered_in_proportion() -> Result<()> {
    a_thousand_have_their_shares(100_000)
}

/// `cargo test --release --workspace --test edge -- --ignored a_million --nocapture`
#[test]
#[ignore = "a million answers take a minute"]
fn a_million_answers_of_a_thousand_instances_are_in_proportion() -> Result<()> {
    a_thousand_have_their_shares(1_000_000)
}

//! How often whole checks are wrong: counts are drawn as a server would draw them, and go through the judgement.
//!
//! The large runs are ignored, since they take minutes. By hand:
//! `cargo test --release -p resolver-probe --lib judge::weights::simulations -- --ignored --nocapture`

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::fixtures::{Row, address, observation_of, reply, request, truth};
use crate::judge::{Seen, judge};
use crate::observation::Observation;
use crate::plan::Aim;
use crate::report::{FindingId, Severity};
use crate::truth::Truth;
use crate::wire::{Rcode, Reply};

/// Weights from 1 to 255 in no order.
fn unequal(addresses: u64) -> Vec<u64> {
    (0..addresses).map(|address| 1 + address * 97 % 255).collect()
}

fn pool(weights: &[u64]) -> Truth {
    let texts: Vec<[String; 3]> = (0..)
        .zip(weights)
        .map(|(last, weight): (u8, _)| [format!("i-{last}"), address(last).to_string(), weight.to_string()])
        .collect();
    let rows: Vec<Row<'_>> =
        texts.iter().map(|[id, ip, weight]| (id.as_str(), ip.as_str(), "running", weight.as_str())).collect();
    truth("", &rows)
}

/// Lets servers draw by these weights until nothing more is wanted, and judges what they answered.
struct Simulation {
    truth: Truth,
    replies: Vec<Reply>,
    ends: Vec<u64>,
    random: StdRng,
}

impl Simulation {
    fn new(truth: &[u64], served: &[u64]) -> Self {
        let sum = |sum: &mut u64, weight: &u64| {
            *sum += weight;
            Some(*sum)
        };
        let of = |(last, _): (u8, &u64)| reply(Rcode::NO_ERROR, Some(address(last)));
        let replies = (0..).zip(served).map(of).collect();
        let ends = served.iter().scan(0, sum).collect();
        Self { truth: pool(truth), replies, ends, random: StdRng::seed_from_u64(5) }
    }

    fn draw(&mut self, server: u8, answers: u64) -> Observation {
        let all = self.ends.last().copied().unwrap();
        let draw = |_| {
            let drawn = self.random.random_range(0..all);
            self.replies[self.ends.partition_point(|end| *end <= drawn)].clone()
        };
        observation_of(server, (0..answers).map(draw))
    }

    /// The findings that are not mere information of one check of so many servers.
    fn check(&mut self, servers: u8, seed: u64) -> Vec<(FindingId, Option<u8>)> {
        let request = crate::check::CheckRequest { seed, ..request(Some(self.truth.clone())) };
        let wanted = Aim::of(&request, usize::from(servers)).plan().unwrap().answers;
        let observations: Vec<Observation> = (1..=servers).map(|server| self.draw(server, wanted)).collect();
        let report = judge(&request, Seen { observations: &observations, ..Seen::default() });
        let serious = report.findings.iter().filter(|finding| finding.severity != Severity::Info);
        serious.map(|finding| (finding.id, finding.address.map(|address| address.octets()[3]))).collect()
    }
}

#[test]
fn correct_servers_are_ok() {
    let mut simulation = Simulation::new(&[10, 20, 30, 40], &[10, 20, 30, 40]);
    for seed in 0..8 {
        assert_eq!(simulation.check(4, seed), [], "seed {seed}");
    }
}

#[test]
fn a_share_off_by_half_is_found_every_time() {
    let mut simulation = Simulation::new(&[10, 20, 30, 40], &[10, 20, 15, 40]);
    for seed in 0..8 {
        assert_eq!(simulation.check(1, seed), [(FindingId::WrongWeights, Some(2))], "seed {seed}");
    }
}

#[test]
#[ignore = "minutes; see the head of the file"]
fn large_false_alarms_of_checks() {
    for (addresses, servers, runs) in [(4, 4, 10_000), (10, 2, 10_000), (100, 1, 10_000)] {
        let weights = unequal(addresses);
        let mut simulation = Simulation::new(&weights, &weights);
        let alarms = (0..runs).filter(|seed| !simulation.check(servers, *seed).is_empty()).count();
        println!("{addresses} addresses at {servers} servers: {alarms} alarms in {runs} checks");
        assert_eq!(alarms, 0);
    }
}

#[test]
#[ignore = "minutes; see the head of the file"]
fn large_power_of_checks() {
    let pool = |percent: u64| -> Vec<u64> {
        std::iter::once(40 * 99 * percent / (100 - percent)).chain((0..99).map(|_| 40)).collect()
    };
    for (percent, runs) in [(1, 1_000), (5, 1_000)] {
        let right = pool(percent);
        // Twice the others: its own weight is half of what it should be.
        let wrong: Vec<u64> =
            (0..).zip(&right).map(|(index, weight)| if index == 0 { *weight } else { weight * 2 }).collect();
        let mut simulation = Simulation::new(&right, &wrong);
        let found =
            (0..runs).filter(|seed| simulation.check(1, *seed) == [(FindingId::WrongWeights, Some(0))]);
        let found = found.count();
        println!("a share of {percent} % off by half: found and named {found} times in {runs} checks");
        assert_eq!(found, usize::try_from(runs).unwrap());
    }
}

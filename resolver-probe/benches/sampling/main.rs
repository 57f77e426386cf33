//! What a check takes, and how often it is wrong, over real sockets on loopback.
//!
//! ```text
//! cargo bench -p resolver-probe --bench sampling -- rate         beside dnsperf, asking one gdnsd (Debian: both packages)
//! cargo bench -p resolver-probe --bench sampling -- memory       peak memory, by the number of samples
//! cargo bench -p resolver-probe --bench sampling -- find         how long it takes to find what is wrong, at 1,000/s
//! cargo bench -p resolver-probe --bench sampling -- alarms 300   so many runs against a correct pool of 100
//! ```

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot be set up has to stop, and prints"
)]

mod pool;
mod rate;

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use registrar_core::Timestamp;
use resolver_probe::{CheckReport, CheckRequest, FindingId, Samples, Severity, check};

use pool::{Pool, Server};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |default: u64| arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(default);
    match arguments.first().map(String::as_str) {
        Some("rate") => rate::beside_dnsperf(number(5)),
        Some("memory") => memory(),
        Some("find") => find(number(3)),
        Some("alarms") => alarms(number(300)),
        _ => println!("say what to measure: rate, memory, find or alarms (see the head of the file)"),
    }
}

/// Runs a check as the command does: on one thread.
fn run(request: CheckRequest) -> CheckReport {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(check(request))
}

fn request(server: SocketAddr, pool: Option<&Pool>, seed: u64) -> CheckRequest {
    let name = pool::NAME.parse().expect("a name");
    let mut request = CheckRequest::new(name, vec![server], Timestamp::UNIX_EPOCH, seed);
    request.truth = pool.map(Pool::truth);
    request
}

fn exactly(samples: u64) -> Samples {
    NonZeroU64::new(samples).map_or(Samples::Auto, Samples::Exactly)
}

/// The peak memory of the process while it takes more and more samples.
fn memory() {
    let server = Server::start(&Pool::equal(100), 1);
    for samples in [1_000, 10_000, 100_000, 1_000_000] {
        let mut request = request(server.address, None, 1);
        (request.samples, request.deadline) = (exactly(samples), Duration::from_secs(600));
        let report = run(request);
        println!("{samples:>9} samples in {:>5.1} s: peak {} KiB", report.duration.as_secs_f64(), peak_kib());
    }
}

fn peak_kib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("?".to_owned(), |line| line.trim().trim_end_matches(" kB").to_owned())
}

/// How long it takes to find what is wrong, in pools of 100, at 1,000 queries a second.
fn find(runs: u64) {
    let equal = Pool::equal(100);
    let stale = Pool::equal(101);
    let large = Pool::with_one_of(5, 100);
    for (what, truth, served, id) in [
        ("a stale record of 1 %", equal.clone(), stale, FindingId::StaleRecord),
        ("a missing address of 1 %", equal.clone(), equal.without(7), FindingId::MissingIp),
        ("a weight of 1 % off by half", equal.clone(), equal.halved(7), FindingId::WrongWeights),
        ("a weight of 5 % off by half", large.clone(), large.halved(0), FindingId::WrongWeights),
    ] {
        let seconds = (0..runs).map(|seed| {
            let server = Server::start(&served, seed);
            let mut request = request(server.address, Some(&truth), seed);
            request.rate = NonZeroU32::new(1_000);
            let report = run(request);
            assert!(report.findings.iter().any(|finding| finding.id == id), "{what}: {:?}", report.findings);
            report.duration.as_secs_f64()
        });
        let mut seconds: Vec<f64> = seconds.collect();
        seconds.sort_by(f64::total_cmp);
        let (fastest, slowest) = (seconds.first().copied(), seconds.last().copied());
        println!(
            "{what}: found {runs} of {runs} times, in {:.1} to {:.1} s",
            fastest.unwrap_or(0.0),
            slowest.unwrap_or(0.0)
        );
    }
}

/// How often a correct pool of 100 unequal weights is not called OK, and how often a share of 5 % that is off by half is
/// called anything else.
fn alarms(runs: u64) {
    let (unequal, large) = (Pool::unequal(100), Pool::with_one_of(5, 100));
    let wrong = |finding: &resolver_probe::Finding| finding.severity != Severity::Info;
    let (mut alarms, mut missed, mut answers) = (0, 0, 0);
    for seed in 0..runs {
        let server = Server::start(&unequal, seed);
        let report = run(request(server.address, Some(&unequal), seed));
        answers += report.servers.iter().map(|server| server.samples.udp).sum::<u64>();
        if report.findings.iter().any(wrong) {
            alarms += 1;
            println!("seed {seed}: {:?}", report.findings);
        }
        let server = Server::start(&large.halved(0), seed);
        let report = run(request(server.address, Some(&large), seed));
        missed += u64::from(!report.findings.iter().any(|finding| finding.id == FindingId::WrongWeights));
    }
    println!("{runs} checks of a correct pool of 100 unequal weights ({answers} answers): {alarms} alarms");
    println!("{runs} checks of a pool of 100 with a share of 5 % off by half: {missed} missed");
}

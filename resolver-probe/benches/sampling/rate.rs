//! Queries a second beside dnsperf, which asks the same gdnsd in the same run.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::pool::NAME;
use crate::{exactly, request, run};

/// Queries of the probe in each round, and seconds of dnsperf's.
const QUERIES: u64 = 300_000;
const SECONDS: &str = "3";
/// Ticks a second of the kernel's accounts on Linux.
const TICKS: f64 = 100.0;

struct Gdnsd(Child);

impl Drop for Gdnsd {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Lets both ask in turn, so many rounds, and prints each round and the medians.
pub(crate) fn beside_dnsperf(rounds: u64) {
    let directory = TempDir::new().expect("a directory");
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|socket| socket.local_addr())
        .expect("a port")
        .port();
    let _gdnsd = start(&directory, port);
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
    let (mut theirs, mut ours, mut costs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let dnsperf = dnsperf(&directory, port);
        let before = cpu_seconds();
        let mut request = request(address, None, round);
        (request.samples, request.deadline) = (exactly(QUERIES), Duration::from_secs(120));
        let report = run(request);
        let answers = report.servers.iter().map(|server| server.samples.udp).sum::<u64>() as f64;
        let (probe, cost) = (answers / report.duration.as_secs_f64(), (cpu_seconds() - before) / answers);
        let cores = cost * probe;
        println!("round {round}: dnsperf {dnsperf:.0}/s, probe {probe:.0}/s with {cores:.2} of a core");
        theirs.push(dnsperf);
        ours.push(probe);
        costs.push(cost * 1e6);
    }
    let (theirs, ours) = (median(theirs), median(ours));
    println!(
        "median: dnsperf {theirs:.0}/s, probe {ours:.0}/s ({:.0} %), {:.1} µs of CPU a query",
        100.0 * ours / theirs,
        median(costs)
    );
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn start(directory: &TempDir, port: u16) -> Gdnsd {
    let path = directory.path().display();
    let config = format!(
        "options => {{ listen => 127.0.0.1, dns_port => {port}, run_dir => \"{path}/run\", state_dir => \"{path}/state\" }}\n\
         plugins => {{ weighted => {{ video => {{ a => [ 192.0.2.1, 10 ], b => [ 192.0.2.2, 20 ] }} }} }}\n"
    );
    let zone = "@ SOA ns1 hostmaster 1 7200 1800 259200 60\n@ NS ns1\nns1 A 127.0.0.1\nvideo.bos.edge 20 DYNA weighted!video\n";
    fs::create_dir(directory.path().join("zones")).expect("a directory");
    fs::write(directory.path().join("config"), config).expect("a file");
    fs::write(directory.path().join("zones/example.com"), zone).expect("a file");
    fs::write(directory.path().join("queries"), format!("{NAME} A\n")).expect("a file");
    let mut command = Command::new("gdnsd");
    command.args(["-c", &path.to_string(), "start"]).stdout(Stdio::null()).stderr(Stdio::null());
    let gdnsd = Gdnsd(command.spawn().expect("gdnsd on the path (Debian: apt-get install gdnsd)"));
    for _ in 0..100 {
        let probed = run(request((Ipv4Addr::LOCALHOST, port).into(), None, 0));
        if probed.servers.iter().any(|server| server.samples.tcp > 0) {
            return gdnsd;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    gdnsd
}

/// Runs dnsperf with as many queries under way, from as many sockets, and returns its queries a second.
fn dnsperf(directory: &TempDir, port: u16) -> f64 {
    let queries = directory.path().join("queries").display().to_string();
    let mut command = Command::new("dnsperf");
    command.args([
        "-s",
        "127.0.0.1",
        "-p",
        &port.to_string(),
        "-d",
        &queries,
        "-l",
        SECONDS,
        "-c",
        "64",
        "-q",
        "64",
    ]);
    let output = command.output().expect("dnsperf on the path (Debian: apt-get install dnsperf)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = text.lines().find_map(|line| line.trim().strip_prefix("Queries per second:"));
    rate.and_then(|rate| rate.trim().parse().ok()).expect("a rate in what dnsperf prints")
}

/// CPU time of this process: fields 14 and 15 of proc(5)'s stat.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3).and_then(|ticks| ticks.parse().ok()).unwrap_or(0.0);
    (ticks(14) + ticks(15)) / TICKS
}

//! The probe beside authorities that others wrote: gdnsd with its weighted plugin, and BIND.
//!
//! On Debian: `apt-get install gdnsd bind9`, then
//! `cargo test -p resolver-probe --test probe real_authorities -- --ignored`.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::run;
use crate::sockets::NAME;

const HEAD: &str = "$TTL 20\n@ SOA ns1 hostmaster 1 7200 1800 259200 60\n@ NS ns1\nns1 A 127.0.0.1\n";

/// Address (last octet of 192.0.2.x) and weight.
type Weights<'a> = &'a [(u8, u8)];

/// An authority that ends with this value, and its files.
struct Authority {
    child: Child,
    address: SocketAddr,
    directory: TempDir,
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Authority {
    fn start(program: &str, arguments: &[&str], directory: TempDir, port: u16) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("{program} could not be started: {error}"));
        Self { child, address: (Ipv4Addr::LOCALHOST, port).into(), directory }
    }

    /// gdnsd, with these weights.
    fn gdnsd(weights: Weights<'_>) -> Self {
        let (directory, port) = (TempDir::new().unwrap(), free_port());
        let path = directory.path().display().to_string();
        let items: Vec<String> =
            weights.iter().map(|(last, weight)| format!("i{last} => [ 192.0.2.{last}, {weight} ]")).collect();
        let options = format!(
            "options => {{ listen => 127.0.0.1, dns_port => {port}, run_dir => \"{path}/run\", state_dir => \"{path}/state\" }}"
        );
        let plugin = format!("plugins => {{ weighted => {{ video => {{ {} }} }} }}", items.join(", "));
        fs::write(directory.path().join("config"), format!("{options}\n{plugin}\n")).unwrap();
        fs::create_dir(directory.path().join("zones")).unwrap();
        let zone = format!("{HEAD}video.bos.edge 20 DYNA weighted!video\n");
        fs::write(directory.path().join("zones/example.com"), zone).unwrap();
        Self::start("gdnsd", &["-c", &path, "start"], directory, port)
    }

    /// BIND, with these addresses.
    fn bind(addresses: &[u8]) -> Self {
        let (directory, port) = (TempDir::new().unwrap(), free_port());
        let path = directory.path().display().to_string();
        let options = format!(
            "options {{ directory \"{path}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; \
             pid-file \"{path}/pid\"; session-keyfile \"{path}/key\"; recursion no; dnssec-validation no; }};\n\
             controls {{}};\nzone \"example.com\" {{ type primary; file \"zone\"; }};\n"
        );
        let config = directory.path().join("named.conf");
        fs::write(&config, options).unwrap();
        write_zone(directory.path(), addresses);
        Self::start("named", &["-g", "-c", &config.display().to_string()], directory, port)
    }

    /// Serves other addresses from now on.
    fn change(&self, addresses: &[u8]) {
        write_zone(self.directory.path(), addresses);
        let status = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

/// Writes the zone as a whole: nobody reads half of it.
fn write_zone(directory: &Path, addresses: &[u8]) {
    let records: String = addresses.iter().map(|last| format!("video.bos.edge A 192.0.2.{last}\n")).collect();
    let fresh = directory.join("zone.fresh");
    fs::write(&fresh, format!("{HEAD}{records}")).unwrap();
    fs::rename(fresh, directory.join("zone")).unwrap();
}

fn free_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A pool and its fleet.
struct Truth(TempDir);

impl Truth {
    fn new(routing: &str, weights: Weights<'_>) -> Self {
        let instances: Vec<Value> = weights
            .iter()
            .map(|(last, weight)| {
                let address =
                    json!({ "Primary": true, "Association": { "CarrierIp": format!("192.0.2.{last}") } });
                json!({
                    "InstanceId": format!("i-{last}"),
                    "State": { "Name": "running" },
                    "Tags": [
                        { "Key": "edge-dns", "Value": "video" },
                        { "Key": "edge-dns-weight", "Value": weight.to_string() },
                    ],
                    "NetworkInterfaces": [{ "PrivateIpAddresses": [address] }],
                })
            })
            .collect();
        let directory = TempDir::new().unwrap();
        let fleet = json!({ "Reservations": [{ "Instances": instances }] });
        let record = json!({ "hosted_zone_id": "Z0123456789ABCDEFGHIJ", "name": NAME, "routing": routing });
        let pool = json!({ "version": 1, "record": record, "members": { "tags": { "edge-dns": "video" } } });
        fs::write(directory.path().join("fleet.json"), fleet.to_string()).unwrap();
        fs::write(directory.path().join("pool.json"), pool.to_string()).unwrap();
        Self(directory)
    }

    fn arguments(&self) -> Vec<String> {
        let path = |name: &str| self.0.path().join(name).display().to_string();
        vec![
            "--truth".to_owned(),
            format!("file:{}", path("fleet.json")),
            "--pool".to_owned(),
            path("pool.json"),
        ]
    }
}

/// The exit code of a check, and its findings as `warning wrong-weights 192.0.2.1`, without mere information.
fn checked(authorities: &[&Authority], truth: Option<&Truth>) -> (i32, BTreeSet<String>) {
    let mut arguments: Vec<String> =
        ["check", NAME, "--format", "json", "--timeout", "2s"].map(str::to_owned).into();
    for authority in authorities {
        arguments.extend(["--server".to_owned(), authority.address.to_string()]);
    }
    arguments.extend(truth.into_iter().flat_map(Truth::arguments));
    let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let report: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output.stderr));
    let words = |finding: &Value| {
        let word = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", word("severity"), word("id"), word("address")).trim_end().to_owned()
    };
    let findings = report["findings"].as_array().unwrap().iter().map(words);
    (output.code, findings.filter(|words| !words.starts_with("info")).collect())
}

/// Checks until the result is this; an authority takes a moment to start, or to read its zone again.
fn finds(authorities: &[&Authority], truth: Option<&Truth>, code: i32, findings: &[&str]) {
    let wanted = (code, findings.iter().map(|words| (*words).to_owned()).collect());
    let mut last = None;
    for _ in 0..100 {
        let seen = checked(authorities, truth);
        if seen == wanted {
            return;
        }
        last = Some(seen);
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{last:?} and not {wanted:?}");
}

const RIGHT: Weights<'_> = &[(1, 10), (2, 20), (3, 30), (4, 40)];

#[test]
#[ignore = "needs gdnsd on the path"]
fn gdnsd_with_the_weights_of_the_fleet_is_ok_again_and_again() {
    let (gdnsd, truth) = (Authority::gdnsd(RIGHT), Truth::new("weighted", RIGHT));
    finds(&[&gdnsd], Some(&truth), 0, &[]);
    for _ in 0..30 {
        assert_eq!(checked(&[&gdnsd], Some(&truth)), (0, BTreeSet::new()));
    }
}

#[test]
#[ignore = "needs gdnsd on the path"]
fn gdnsd_with_one_weight_off_by_half_has_wrong_weights_every_time() {
    let (gdnsd, truth) =
        (Authority::gdnsd(&[(1, 10), (2, 10), (3, 30), (4, 40)]), Truth::new("weighted", RIGHT));
    finds(&[&gdnsd], Some(&truth), 1, &["warning wrong-weights 192.0.2.2"]);
    for _ in 0..30 {
        let found = BTreeSet::from(["warning wrong-weights 192.0.2.2".to_owned()]);
        assert_eq!(checked(&[&gdnsd], Some(&truth)), (1, found));
    }
}

#[test]
#[ignore = "needs gdnsd on the path"]
fn gdnsd_with_as_many_unequal_weights_as_it_takes_is_ok() {
    let weights: Vec<(u8, u8)> =
        (1..=64_u8).map(|last| (last, 1 + (u16::from(last) * 97 % 255) as u8)).collect();
    let (gdnsd, truth) = (Authority::gdnsd(&weights), Truth::new("weighted", &weights));
    finds(&[&gdnsd], Some(&truth), 0, &[]);
}

#[test]
#[ignore = "needs gdnsd on the path"]
fn gdnsd_with_a_record_too_many_or_too_few_is_found() {
    let truth = Truth::new("weighted", RIGHT);
    let stale = Authority::gdnsd(&[RIGHT, &[(9, 1)]].concat());
    finds(&[&stale], Some(&truth), 2, &["critical stale-record 192.0.2.9"]);
    let missing = Authority::gdnsd(&RIGHT[1..]);
    finds(&[&missing], Some(&truth), 1, &["warning missing-ip 192.0.2.1"]);
}

#[test]
#[ignore = "needs gdnsd on the path"]
fn two_gdnsd_that_do_not_answer_alike_are_told_apart_without_a_fleet() {
    let (first, second) = (Authority::gdnsd(RIGHT), Authority::gdnsd(RIGHT));
    finds(&[&first, &second], None, 0, &[]);
    let wrong = Authority::gdnsd(&[(1, 40), (2, 20), (3, 30), (4, 40)]);
    finds(&[&first, &wrong], None, 1, &["warning ns-diverged 192.0.2.1"]);
}

#[test]
#[ignore = "needs BIND's named on the path"]
fn a_record_that_bind_keeps_is_stale_until_its_zone_is_changed() {
    let (bind, truth) = (Authority::bind(&[1, 2, 9]), Truth::new("simple", &RIGHT[..2]));
    finds(&[&bind], Some(&truth), 2, &["critical stale-record 192.0.2.9"]);
    bind.change(&[1, 2]);
    finds(&[&bind], Some(&truth), 0, &[]);
    bind.change(&[1]);
    finds(&[&bind], Some(&truth), 1, &["warning missing-ip 192.0.2.2"]);
}

#[test]
#[ignore = "needs BIND's named on the path"]
fn bind_answers_with_all_addresses_at_once_and_so_without_weights() {
    let (bind, truth) = (Authority::bind(&[1, 2, 3, 4]), Truth::new("weighted", RIGHT));
    finds(&[&bind], Some(&truth), 1, &["warning wrong-weights"]);
}

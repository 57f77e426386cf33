//! Unbound and dnsmasq, as Debian has them, in seven set-ups: what each of them does to a name, told from outside.
//!
//! On Debian: `apt-get install unbound dnsmasq-base`, then
//! `cargo test -p resolver-probe --test probe caches::real -- --ignored`.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use resolver_probe::{CachesReport, CheckReport, Severity, Sign, caches, check};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::authority::Authority;

const TTL_SECS: u32 = 4;

/// A resolver that ends with this value.
struct Cache {
    address: SocketAddr,
    process: Child,
    _files: TempDir,
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Cache {
    fn dnsmasq(authority: SocketAddr, options: &[&str]) -> Self {
        let (files, address) = (tempfile::tempdir().unwrap(), free_address());
        let mut command = Command::new("dnsmasq");
        command.args([
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--user=root",
        ]);
        command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file"]);
        command.arg(format!("--port={}", address.port()));
        command.arg(format!("--server=127.0.0.1#{}", authority.port()));
        Self::start(command.args(options), address, files)
    }

    fn unbound(authority: SocketAddr, options: &[&str]) -> Self {
        let (files, address) = (tempfile::tempdir().unwrap(), free_address());
        let file = files.path().join("unbound.conf");
        std::fs::write(&file, unbound_conf(files.path(), address, authority, options)).unwrap();
        Self::start(Command::new("unbound").arg("-d").arg("-c").arg(file), address, files)
    }

    fn start(command: &mut Command, address: SocketAddr, files: TempDir) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process =
            command.spawn().unwrap_or_else(|error| panic!("{command:?} could not be started: {error}"));
        Self { address, process, _files: files }
    }

    /// Waits until its port is taken: before, one can bind it.
    async fn listens(&self) {
        let listens = async {
            while UdpSocket::bind(self.address).is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(10), listens).await.expect("the cache does not listen");
    }
}

fn unbound_conf(folder: &Path, address: SocketAddr, authority: SocketAddr, options: &[&str]) -> String {
    let (folder, port) = (folder.display(), address.port());
    let options: Vec<String> = options.iter().map(|option| format!("    {option}\n")).collect();
    format!(
        "server:\n    interface: 127.0.0.1\n    port: {port}\n    do-daemonize: no\n    chroot: \"\"\n    username: \"\"\n    \
         directory: \"{folder}\"\n    pidfile: \"{folder}/pid\"\n    use-syslog: no\n    num-threads: 1\n    do-ip6: no\n    \
         module-config: \"iterator\"\n    do-not-query-localhost: no\n{}\
         remote-control:\n    control-enable: no\n\
         stub-zone:\n    name: \"example.com\"\n    stub-addr: 127.0.0.1@{}\n",
        options.concat(),
        authority.port(),
    )
}

fn free_address() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// What was seen of one set-up.
struct Seen {
    /// The authority answers.
    alive: CachesReport,
    /// All of its addresses became others right before.
    changed: CheckReport,
    /// It dies 2 s after the beginning.
    dying: CachesReport,
}

/// Watches a cache while its authority answers, when it has changed, and when it dies.
async fn observe(authority: &mut Authority, cache: &Cache) -> Seen {
    cache.listens().await;
    let alive = caches(authority.caches(cache.address, Duration::from_secs(7))).await;
    authority.becomes(&[11, 12, 13, 14]);
    let changed = check(authority.check(cache.address, Duration::from_secs(9))).await;
    let request = authority.caches(cache.address, Duration::from_secs(9));
    let dies = async {
        sleep(Duration::from_secs(2)).await;
        authority.die();
    };
    let (dying, ()) = tokio::join!(caches(request), dies);
    Seen { alive, changed, dying }
}

impl Seen {
    /// What the cache did while its authority answered, and when it did not any more.
    fn habits(&self) -> (Vec<&str>, Vec<&str>) {
        let of = |report: &CachesReport| -> Vec<&str> {
            report.resolvers[0].signs.iter().map(Sign::habit).collect()
        };
        let (mut alive, mut dying) = (of(&self.alive), of(&self.dying));
        alive.dedup();
        dying.dedup();
        (alive, dying)
    }

    /// What a check says of the cache when its addresses had changed, as `stale-answer warning`.
    fn changed(&self) -> Vec<String> {
        let worth_a_word = self.changed.findings.iter().filter(|finding| finding.severity != Severity::Info);
        worth_a_word.map(|finding| format!("{} {:?}", finding.id, finding.severity).to_lowercase()).collect()
    }

    fn dying_has(&self, wanted: impl Fn(&Sign) -> bool) -> bool {
        self.dying.resolvers[0].signs.iter().any(wanted)
    }

    fn told(&self) -> String {
        let (alive, dying) = (resolver_probe::render_caches_human(&self.alive), &self.dying);
        let changed = resolver_probe::render_human(&self.changed, resolver_probe::Look::default());
        format!("{alive}\n{changed}\n{}", resolver_probe::render_caches_human(dying))
    }
}

/// One set-up, and what has to be said of it.
struct SetUp {
    name: &'static str,
    start: fn(SocketAddr) -> Cache,
    /// Habits while the authority answers, and when it dies.
    habits: (&'static [&'static str], &'static [&'static str]),
    /// Findings of a check when the addresses had changed.
    changed: &'static [&'static str],
    more: fn(&Seen) -> bool,
}

const STALE: &[&str] = &["serves-stale"];
const STRETCHES: &[&str] = &["stretches"];
const BOTH: &[&str] = &["stale-answer warning", "ttl-stretched warning"];

fn is_slow(sign: &Sign) -> bool {
    matches!(sign, Sign::SlowStale { rtt_ms: 1_750..=2_200, .. })
}

fn least_ttl(report: &CachesReport) -> u32 {
    report.resolvers[0].minimum_ttl_at_least_secs.unwrap_or(0)
}

/// The seven set-ups. Without a habit, a cache that fails when its authority is gone is an honest one.
const SET_UPS: [SetUp; 7] = [
    SetUp {
        name: "dnsmasq",
        start: |authority| Cache::dnsmasq(authority, &[]),
        habits: (&[], &[]),
        changed: &[],
        more: |seen| seen.alive.resolvers[0].draws == 2,
    },
    SetUp {
        name: "dnsmasq --min-cache-ttl",
        start: |authority| Cache::dnsmasq(authority, &["--min-cache-ttl=60"]),
        habits: (STRETCHES, STRETCHES),
        changed: BOTH,
        more: |seen| {
            (58..=60).contains(&least_ttl(&seen.alive)) && seen.alive.resolvers[0].lowest_ttl_secs == Some(4)
        },
    },
    SetUp {
        name: "dnsmasq --use-stale-cache",
        start: |authority| Cache::dnsmasq(authority, &["--use-stale-cache=3600"]),
        habits: (STALE, STALE),
        changed: &["stale-answer warning"],
        more: |seen| seen.dying_has(|sign| matches!(sign, Sign::SaysStale { .. })),
    },
    SetUp {
        name: "Unbound",
        start: |authority| Cache::unbound(authority, &[]),
        habits: (&[], &[]),
        changed: &[],
        more: |seen| seen.alive.resolvers[0].draws == 2,
    },
    SetUp {
        name: "Unbound cache-min-ttl",
        start: |authority| Cache::unbound(authority, &["cache-min-ttl: 120"]),
        habits: (STRETCHES, STRETCHES),
        changed: BOTH,
        more: |seen| least_ttl(&seen.alive) == 120,
    },
    SetUp {
        name: "Unbound serve-expired",
        start: |authority| {
            Cache::unbound(authority, &["serve-expired: yes", "serve-expired-client-timeout: 0"])
        },
        habits: (STALE, STALE),
        changed: &["stale-answer warning"],
        // It does not say so; the TTL does.
        more: |seen| seen.dying_has(|sign| matches!(sign, Sign::Plateau { ttl_secs: 30, .. })),
    },
    SetUp {
        name: "Unbound serve-expired after 1.8 s",
        start: |authority| {
            let options = [
                "serve-expired: yes",
                "serve-expired-client-timeout: 1800",
                "ede: yes",
                "ede-serve-expired: yes",
            ];
            Cache::unbound(authority, &options)
        },
        habits: (&[], STALE),
        changed: &[],
        more: |seen| seen.dying_has(is_slow) && seen.dying_has(|sign| matches!(sign, Sign::SaysStale { .. })),
    },
];

#[tokio::test]
#[ignore = "needs Unbound and dnsmasq on the path"]
async fn real_caches_are_told_apart_by_what_they_do() {
    let mut observing = JoinSet::new();
    for set_up in SET_UPS {
        observing.spawn(async move {
            let mut authority = Authority::start(&[1, 2, 3, 4], TTL_SECS).await;
            let cache = (set_up.start)(authority.address);
            let seen = observe(&mut authority, &cache).await;
            (set_up, seen)
        });
    }
    let mut wrong = Vec::new();
    for (set_up, seen) in observing.join_all().await {
        let (alive, dying) = seen.habits();
        let is_right = (alive.as_slice(), dying.as_slice()) == set_up.habits
            && seen.changed() == set_up.changed
            && (set_up.more)(&seen);
        if !is_right {
            wrong.push(format!("=== {}\n{}", set_up.name, seen.told()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! Against real servers, where they are installed: coturn (STUN) and srt-tools (SRT).
//!
//! On Debian: `apt-get install coturn srt-tools`, then
//! `cargo test -p resolver-probe --test probe reach::real -- --ignored`.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use resolver_probe::reach::{Liveness, ReachReport, ReachRequest, ReachTarget, ReplyDetail, reach};
use resolver_probe::{FindingId, Reaching};

use tempfile::TempDir;

use super::checking::checked;

/// A server that ends with this value.
struct Server(Child);

impl Server {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap_or_else(|error| panic!("{program} could not be started: {error}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Asks until the server has started; as long as it has not, its port refuses.
async fn once_started(probe: &str) -> ReachReport {
    let target = ReachTarget::new(Ipv4Addr::LOCALHOST);
    let mut last = None;
    for _ in 0..100 {
        let request = ReachRequest::new(vec![target], probe.parse().unwrap(), 42);
        let report = reach(&request).await.remove(0);
        if report.liveness == Liveness::Alive {
            return report;
        }
        last = Some(report);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never answered: {last:?}");
}

/// Starts coturn with its files in this directory.
fn coturn(directory: &TempDir, port: u16) -> Server {
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (log, pid, database, port_text) = (file("log"), file("pid"), file("db"), port.to_string());
    Server::start(
        "turnserver",
        &[
            "-n",
            "--no-auth",
            "--no-cli",
            "--listening-ip",
            "127.0.0.1",
            "--listening-port",
            &port_text,
            "--log-file",
            &log,
            "--pidfile",
            &pid,
            "--userdb",
            &database,
        ],
    )
}

#[tokio::test]
#[ignore = "needs coturn's turnserver on the path"]
async fn real_coturn_is_alive_and_tells_where_we_come_from() {
    let (port, directory) = (free_port(), tempfile::tempdir().unwrap());
    let _server = coturn(&directory, port);
    let report = once_started(&format!("stun:{port}")).await;
    let Some(ReplyDetail::Stun { reflexive: Some(reflexive), is_error: false, .. }) = report.evidence.reply
    else {
        panic!("{report:?}");
    };
    assert_eq!(reflexive.ip(), Ipv4Addr::LOCALHOST);
}

#[tokio::test]
#[ignore = "needs coturn's turnserver on the path"]
async fn real_coturn_behind_a_name_is_ok_and_a_blackhole_once_it_is_gone() {
    let (port, directory) = (free_port(), tempfile::tempdir().unwrap());
    let server = coturn(&directory, port);
    let probe = format!("stun:{port}");
    assert_eq!(once_started(&probe).await.liveness, Liveness::Alive);
    let report = checked(std::slice::from_ref(&probe), Reaching::default()).await;
    assert_eq!((report.addresses[0].liveness, report.findings), (Some(Liveness::Alive), Vec::new()));
    drop(server);
    let report = checked(&[probe], Reaching::default()).await;
    let ids: Vec<FindingId> = report.findings.iter().map(|finding| finding.id).collect();
    assert_eq!(
        (report.addresses[0].liveness, ids),
        (Some(Liveness::Refused), vec![FindingId::BlackholedEntry])
    );
}

#[tokio::test]
#[ignore = "needs srt-tools' srt-live-transmit on the path"]
async fn real_libsrt_is_alive_and_proposes_its_cipher() {
    let port = free_port();
    let listen = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=0123456789ab&pbkeylen=32");
    let _server = Server::start("srt-live-transmit", &[&listen, "file://con"]);
    let report = once_started(&format!("srt:{port}")).await;
    let expected = ReplyDetail::Srt { version: 5, encryption: 4, mtu: 1500 };
    assert_eq!(report.evidence.reply, Some(expected));
}

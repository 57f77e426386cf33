//! The command line: exit codes, errors with their hints, and what goes to which stream.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

use crate::responder::{by_turns, start_both};
use crate::sockets::{NAME, POOL, fleet};

pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("resolver-probe").unwrap();
    // Help is wrapped to the terminal's width.
    let output = command.args(arguments).env("COLUMNS", "100").output().unwrap();
    Output {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the binary while the test's own servers go on answering.
pub(crate) async fn run_beside(arguments: Vec<String>) -> Output {
    let task = move || run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(task).await.unwrap()
}

struct Files {
    directory: TempDir,
}

impl Files {
    fn new(fleet: &str, pool: &str) -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("fleet.json"), fleet).unwrap();
        std::fs::write(directory.path().join("video.json"), pool).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn check(&self, server: SocketAddr) -> Vec<String> {
        let truth = format!("file:{}", self.path("fleet.json").display());
        let pool = self.path("video.json").display().to_string();
        let server = server.to_string();
        ["check", NAME, "--server", &server, "--truth", &truth, "--pool", &pool].map(str::to_owned).to_vec()
    }

    /// Leaves the directory out of a message.
    fn anonymous(&self, text: &str) -> String {
        text.replace(&format!("{}/", Path::display(self.directory.path())), "")
    }
}

fn nobody() -> SocketAddr {
    "127.0.0.1:9".parse().unwrap()
}

#[tokio::test]
async fn a_name_that_answers_as_expected_exits_0() {
    let server = start_both(|| by_turns(&[1, 2])).await;
    let files = Files::new(&fleet(&[(1, "running"), (2, "running")]), POOL);
    let output = run_beside(files.check(server.address)).await;
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let first = output.stdout.lines().next().unwrap();
    assert!(first.starts_with(&format!("RESOLVER OK - {NAME}: 2 addresses at 1/1 servers")), "{first}");
    assert!(!output.stdout.contains('\u{1b}'), "colour went into a pipe");
}

#[tokio::test]
async fn a_stale_record_exits_2_and_json_says_which() {
    let server = start_both(|| by_turns(&[1, 2])).await;
    let files = Files::new(&fleet(&[(1, "running")]), POOL);
    let mut arguments = files.check(server.address);
    arguments.extend(["--format".to_owned(), "json".to_owned()]);
    let output = run_beside(arguments).await;
    assert_eq!(output.code, 2);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["schema"], "resolver-probe/1");
    assert_eq!(report["findings"][0]["id"], "stale-record");
    assert_eq!(report["findings"][0]["address"], "192.0.2.2");
    assert!(output.stderr.contains("hint: dump the fleet again"), "{}", output.stderr);
}

#[tokio::test]
async fn a_warning_exits_1_unless_only_critical_findings_fail() {
    let server = start_both(|| by_turns(&[1, 2])).await;
    let pool = POOL.replace("\"name\"", "\"ttl_secs\":25,\"name\"");
    let files = Files::new(&fleet(&[(1, "running"), (2, "running")]), &pool);
    let arguments = files.check(server.address);
    assert_eq!(run_beside(arguments.clone()).await.code, 1);
    let lenient = arguments.into_iter().chain(["--fail-on".to_owned(), "critical".to_owned()]);
    assert_eq!(run_beside(lenient.collect()).await.code, 0);
}

#[test]
fn usage_errors_exit_3() {
    for arguments in [
        &["check"][..],
        &[],
        &["check", NAME, "--server", "localhost"],
        &["check", NAME, "--server", "127.0.0.1", "--samples", "0"],
        &["check", NAME, "--server", "127.0.0.1", "--root", "127.0.0.1"],
        &["check", NAME, "--server", "127.0.0.1", "--resolver", "udp://127.0.0.1"],
        &["check", NAME, "--server", "127.0.0.1", "--truth", "file:x.json"],
        &["check", NAME, "--server", "127.0.0.1", "--pool", "x.json"],
        &["check", NAME, "--server", "127.0.0.1", "--truth", "aws", "--pool", "x.json"],
    ] {
        let output = run(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (3, ""), "{arguments:?}: {}", output.stderr);
    }
}

#[tokio::test]
async fn a_check_without_a_server_finds_them_and_says_so() {
    let server = start_both(|| by_turns(&[1, 2])).await;
    let root = server.address.to_string();
    let arguments = ["check", NAME, "--root", &root, "--timeout", "50ms", "--format", "json"];
    let output = run_beside(arguments.map(str::to_owned).to_vec()).await;
    let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["discovery"]["found_by"], "delegation", "{report}");
    assert_eq!(report["servers"][0]["server"], root, "{report}");
}

#[test]
fn certificates_that_are_none_are_named() {
    let files = Files::new(&fleet(&[]), POOL);
    let path = files.path("video.json");
    let output = run(&["check", NAME, "--server", "127.0.0.1", "--ca", path.to_str().unwrap()]);
    assert_eq!(output.code, 3);
    insta::assert_snapshot!(files.anonymous(&output.stderr));
}

#[test]
fn a_bad_name_is_named() {
    let output = run(&["check", "video..example.com", "--server", "127.0.0.1"]);
    assert_eq!(output.code, 3);
    insta::assert_snapshot!(output.stderr);
}

#[test]
fn an_unreadable_fleet_names_file_line_and_path() {
    let files = Files::new("{\"Reservations\": [\n{\"Instances\": [{\"InstanceId\": 7}]}]}", POOL);
    let arguments = files.check(nobody());
    let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(output.code, 3);
    insta::assert_snapshot!(files.anonymous(&output.stderr));
}

#[test]
fn a_pool_document_about_another_name_is_refused() {
    let files = Files::new(&fleet(&[]), &POOL.replace("video.bos", "audio.bos"));
    let arguments = files.check(nobody());
    let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(output.code, 3);
    insta::assert_snapshot!(files.anonymous(&output.stderr));
}

#[test]
fn a_bad_pool_document_is_refused_with_its_own_hint() {
    let files = Files::new(&fleet(&[]), &POOL.replace("\"name\"", "\"ttl_secs\":0,\"name\""));
    let arguments = files.check(nobody());
    let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(output.code, 3);
    insta::assert_snapshot!(files.anonymous(&output.stderr));
}

#[test]
fn help_documents_the_exit_codes() {
    let output = run(&["check", "--help"]);
    assert_eq!(output.code, 0);
    insta::assert_snapshot!(output.stdout);
}

#[test]
fn the_help_of_caches_says_what_its_exit_codes_mean() {
    let output = run(&["caches", "--help"]);
    assert_eq!(output.code, 0);
    insta::assert_snapshot!(output.stdout);
}

#[test]
fn a_history_that_is_none_is_named_with_its_line() {
    let files = Files::new(&fleet(&[]), POOL);
    let path = files.path("history.jsonl");
    std::fs::write(&path, "{\"schema\":\"resolver-probe-history/9\"}\n").unwrap();
    for command in ["check", "caches"] {
        let path = path.to_str().unwrap();
        let output =
            run(&[command, NAME, "--server", "127.0.0.1", "--resolver", "127.0.0.1", "--history", path]);
        assert_eq!((output.code, output.stdout.as_str()), (3, ""));
        insta::assert_snapshot!("a_history_that_is_none", files.anonymous(&output.stderr));
    }
}

#[test]
fn a_history_of_another_name_is_refused() {
    let files = Files::new(&fleet(&[]), POOL);
    let path = files.path("history.jsonl");
    let line = "{\"schema\":\"resolver-probe-history/1\",\"at\":\"2026-11-21T12:00:00Z\",\"name\":\"audio.example.com\",\
                \"server\":\"192.0.2.53:53\",\"watching\":[]}\n";
    std::fs::write(&path, line).unwrap();
    let output = run(&["check", NAME, "--server", "127.0.0.1", "--history", path.to_str().unwrap()]);
    assert_eq!(output.code, 3);
    insta::assert_snapshot!(files.anonymous(&output.stderr));
}

//! Writes a report for a person, and for a program.
//!
//! Pure: a report in, a text out. Colour comes as escape codes, which the caller's stream may drop;
//! everything can be understood without it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use anstyle::{AnsiColor, Style};

use crate::report::{
    AddressVerdict, AnswerReport, CheckReport, Finding, FindingId, ServerReport, Severity, TransportState,
    Verdict,
};

/// Characters of a share's bar at 100 %.
const BAR: usize = 20;
/// Findings that are written out; the JSON form has all.
const MOST_FINDINGS: usize = 20;
/// Addresses that the first line names for one kind of finding.
const MOST_NAMED: usize = 3;

/// Writes the report as one JSON document, followed by a line break.
#[must_use]
pub fn render_json(report: &CheckReport) -> String {
    // Its maps have text keys and its numbers are finite: there is nothing that JSON cannot hold.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// Writes the report for a person: a line for monitoring, a table for each server, and the findings.
///
/// The first line has the form of the Monitoring Plugins, with performance data after a `|`, which
/// therefore stands nowhere else.
#[must_use]
pub fn render_human(report: &CheckReport) -> String {
    let mut text = headline(report);
    for server in &report.servers {
        text.push('\n');
        text.push_str(&server_block(server, report.compared));
    }
    text.push_str(&findings_block(&report.findings));
    text.push('\n');
    text.push_str(&summary(report));
    text
}

fn headline(report: &CheckReport) -> String {
    let (word, style) = match report.verdict {
        Verdict::Ok => ("OK", AnsiColor::Green.on_default()),
        Verdict::Warning => ("WARNING", AnsiColor::Yellow.on_default()),
        Verdict::Critical => ("CRITICAL", AnsiColor::Red.on_default()),
        Verdict::Unknown => ("UNKNOWN", AnsiColor::Magenta.on_default()),
    };
    let word = styled(word, style.bold());
    format!("RESOLVER {word} - {} | {}\n", what_is_wrong(report), performance_data(report))
}

fn what_is_wrong(report: &CheckReport) -> String {
    let mut kinds: BTreeMap<(Severity, FindingId), Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.severity != Severity::Info) {
        kinds.entry((finding.severity, finding.id)).or_default().push(finding);
    }
    if kinds.is_empty() {
        let (addresses, servers) = (report.addresses.len(), report.servers.len());
        let compared = if report.compared { "as expected" } else { "not compared with a fleet" };
        let counted = plural(addresses, "address", "addresses");
        return format!("{}: {counted} at {servers}/{servers} servers, {compared}", report.name);
    }
    let kinds = kinds.iter().map(|((_, id), findings)| kind(*id, findings, report.servers.len()));
    kinds.collect::<Vec<_>>().join(", ")
}

/// Names one kind of finding: `1 stale record (192.0.2.9 at 2/2 servers)`.
fn kind(id: FindingId, findings: &[&Finding], all: usize) -> String {
    let mut by_address: BTreeMap<Ipv4Addr, BTreeSet<SocketAddr>> = BTreeMap::new();
    for finding in findings {
        if let Some(address) = finding.address {
            by_address.entry(address).or_default().extend(finding.server);
        }
    }
    let servers: BTreeSet<SocketAddr> = findings.iter().filter_map(|finding| finding.server).collect();
    let (one, many) = words(id);
    if by_address.is_empty() {
        return match servers.len() {
            0 => one.to_owned(),
            count => format!("{one} at {count}/{all} servers"),
        };
    }
    let named = by_address.iter().take(MOST_NAMED);
    let mut named: Vec<String> =
        named.map(|(address, servers)| format!("{address} at {}/{all} servers", servers.len())).collect();
    if by_address.len() > MOST_NAMED {
        named.push("...".to_owned());
    }
    format!("{} ({})", plural(by_address.len(), one, many), named.join(", "))
}

fn words(id: FindingId) -> (&'static str, &'static str) {
    match id {
        FindingId::StaleRecord => ("stale record", "stale records"),
        FindingId::BlackholedEntry => ("blackholed entry", "blackholed entries"),
        FindingId::ForeignOwner => ("foreign owner", "foreign owners"),
        FindingId::StaleAnswer => ("stale answer", "stale answers"),
        FindingId::WrongWeights => ("wrong weights", "wrong weights"),
        FindingId::ForeignRecord => ("foreign record", "foreign records"),
        FindingId::TtlStretched => ("stretched TTL", "stretched TTLs"),
        FindingId::VantageBlind => ("cannot be judged from here", "cannot be judged from here"),
        FindingId::EmptyAnswer => ("no address", "no addresses"),
        FindingId::MissingIp => ("missing address", "missing addresses"),
        FindingId::NsUnreachable => ("no answer", "no answers"),
        FindingId::Lame => ("lame", "lame"),
        FindingId::TcpDead => ("TCP dead", "TCP dead"),
        FindingId::NsDiverged => ("diverging address", "diverging addresses"),
        FindingId::TtlMismatch => ("wrong TTL", "wrong TTLs"),
        FindingId::TruthIncomplete => ("fleet not seen whole", "fleet not seen whole"),
        FindingId::TooFewSamples => ("too few samples", "too few samples"),
        FindingId::PoolPaused => ("pool paused", "pool paused"),
        FindingId::NegativeTtlLong => ("long negative TTL", "long negative TTLs"),
    }
}

/// Performance data of the Monitoring Plugins: `label=value;warn;crit;min`.
fn performance_data(report: &CheckReport) -> String {
    let of = |verdict| report.addresses.iter().filter(|address| address.verdict == verdict).count();
    let unreachable = report.findings.iter().filter(|finding| finding.id == FindingId::NsUnreachable).count();
    let answers: u64 = report.servers.iter().map(|server| server.samples.udp + server.samples.tcp).sum();
    format!(
        "stale={};;;0 missing={};;;0 unreachable={unreachable};;;0 servers={};;;0 answers={answers};;;0",
        of(AddressVerdict::StaleRecord),
        of(AddressVerdict::MissingIp),
        report.servers.len(),
    )
}

fn server_block(server: &ServerReport, compared: bool) -> String {
    let name = server.name_server.as_ref().map_or_else(String::new, |name| format!("  {name}"));
    let address = styled(&server.server.to_string(), Style::new().bold());
    let mut text = format!("{address}{name}  {}\n", state(server));
    if server.answers.is_empty() {
        return text;
    }
    let instance = server.answers.iter().filter_map(|row| row.instance.as_ref()).map(String::len).max();
    let instance = if compared { instance.unwrap_or(0).max("INSTANCE".len()) } else { 0 };
    let expected = if compared { "EXPECTED  " } else { "" };
    let head = if compared { "INSTANCE" } else { "" };
    let gap = if compared { "  " } else { "" };
    let _ = writeln!(
        text,
        "  {:15}  {:>6}  {:28}  {expected}{head:instance$}{gap}VERDICT",
        "ADDRESS", "COUNT", "SHARE"
    );
    for row in &server.answers {
        text.push_str(&answer_line(row, compared, instance));
    }
    text
}

fn answer_line(row: &AnswerReport, compared: bool, width: usize) -> String {
    let count = row.count;
    let over_tcp = if count == 0 && row.tcp_count > 0 { " (seen over TCP)" } else { "" };
    let mut line = format!(
        "  {:15}  {count:>6}  {:>6}  {:BAR$}  ",
        row.address.to_string(),
        percent(row.share),
        bar(row.share)
    );
    if compared {
        let expected = row.expected_share.map_or("-".to_owned(), percent);
        let instance = row.instance.as_deref().unwrap_or("-");
        let _ = write!(line, "{expected:>8}  {instance:width$}  ");
    }
    let (word, style) = verdict_word(row.verdict);
    let _ = writeln!(line, "{}{over_tcp}", styled(word, style));
    line
}

fn verdict_word(verdict: AddressVerdict) -> (&'static str, Style) {
    let plain = Style::new();
    match verdict {
        AddressVerdict::StaleRecord => ("stale-record", AnsiColor::Red.on_default()),
        AddressVerdict::ForeignOwner => ("foreign-owner", AnsiColor::Red.on_default()),
        AddressVerdict::BlackholedEntry => ("blackholed-entry", AnsiColor::Red.on_default()),
        AddressVerdict::StaleAnswer => ("stale-answer", AnsiColor::Yellow.on_default()),
        AddressVerdict::VantageBlind => ("vantage-blind", AnsiColor::Magenta.on_default()),
        AddressVerdict::MissingIp => ("missing-ip", AnsiColor::Yellow.on_default()),
        AddressVerdict::Unknown => ("unknown", AnsiColor::Magenta.on_default()),
        AddressVerdict::Undecided => ("undecided", AnsiColor::Magenta.on_default()),
        AddressVerdict::Fallback => ("fallback", plain),
        AddressVerdict::Idle => ("idle", plain),
        AddressVerdict::NotJudged => ("not-judged", plain),
        AddressVerdict::Ok => ("ok", AnsiColor::Green.on_default()),
    }
}

/// Sums a server up in one line: `NOERROR, TTL 20 s, 60 answers over UDP, 3 over TCP`.
fn state(server: &ServerReport) -> String {
    let (udp, tcp) = (&server.transport.udp, &server.transport.tcp);
    let mut parts: Vec<String> = match server.rcodes.as_slice() {
        [one] => vec![one.rcode.clone()],
        many => many.iter().map(|rcode| format!("{} x {}", rcode.rcode, rcode.count)).collect(),
    };
    if !server.ttls.is_empty() {
        let ttls: Vec<String> = server.ttls.iter().map(|ttl| format!("{} s", ttl.ttl_secs)).collect();
        parts.push(format!("TTL {}", ttls.join(" and ")));
    }
    parts.push(match udp.state {
        TransportState::Answers => plural_u64(server.samples.udp, "answer over UDP", "answers over UDP"),
        TransportState::Lossy => format!("{} of {} queries answered over UDP", udp.replies, udp.queries),
        TransportState::Dead => "UDP dead".to_owned(),
        TransportState::NotAsked => "UDP not asked".to_owned(),
    });
    parts.push(match tcp.state {
        TransportState::Answers => format!("{} over TCP", tcp.replies),
        TransportState::Lossy => format!("{} of {} over TCP", tcp.replies, tcp.queries),
        TransportState::Dead => "TCP dead".to_owned(),
        TransportState::NotAsked => "TCP not asked".to_owned(),
    });
    let retries = udp.tries - udp.queries.min(udp.tries);
    let odd = [
        (retries, "sent again"),
        (udp.late, "late"),
        (udp.mismatched, "mismatched"),
        (udp.garbage, "garbage"),
        (udp.truncated, "truncated"),
    ];
    let odd = odd.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(odd.map(|(count, what)| format!("{count} {what}")));
    parts.join(", ")
}

fn findings_block(findings: &[Finding]) -> String {
    let mut text = String::new();
    if !findings.is_empty() {
        text.push('\n');
    }
    for finding in findings.iter().take(MOST_FINDINGS) {
        let (word, style) = match finding.severity {
            Severity::Critical => ("CRITICAL", AnsiColor::Red.on_default()),
            Severity::Warning => ("WARNING ", AnsiColor::Yellow.on_default()),
            Severity::Unknown => ("UNKNOWN ", AnsiColor::Magenta.on_default()),
            Severity::Info => ("INFO    ", Style::new()),
        };
        // A message may quote what a file or the system said.
        let message = finding.message.replace('|', "/");
        let _ = writeln!(text, "{} {}: {message}", styled(word, style), finding.id);
    }
    if let Some(more) = findings.len().checked_sub(MOST_FINDINGS).filter(|more| *more > 0) {
        let _ = writeln!(text, "... and {more} more; --format json has all of them");
    }
    text
}

fn summary(report: &CheckReport) -> String {
    let answers: u64 = report.servers.iter().map(|server| server.samples.udp + server.samples.tcp).sum();
    let of = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    format!(
        "{}: {}, {}, {}; {} critical, {}, {} unknown. Seed {}.\n",
        report.name,
        plural(report.servers.len(), "server", "servers"),
        plural_u64(answers, "answer", "answers"),
        plural(report.addresses.len(), "address", "addresses"),
        of(Severity::Critical),
        plural(of(Severity::Warning), "warning", "warnings"),
        of(Severity::Unknown),
        report.seed,
    )
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn bar(share: f64) -> String {
    let filled = (share * BAR as f64).round() as usize;
    // What was answered at all has a mark.
    "#".repeat(filled.clamp(usize::from(share > 0.0), BAR))
}

fn plural(count: usize, one: &str, many: &str) -> String {
    plural_u64(count as u64, one, many)
}

fn plural_u64(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests;

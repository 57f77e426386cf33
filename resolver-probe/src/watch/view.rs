//! The picture of a watch on a terminal: findings, shares against weights, servers, resolvers, what happened.
//!
//! A pure function of how everything stands and of the terminal's size; who draws it is elsewhere. It fits any size:
//! what there is no room for is counted.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use anstyle::{AnsiColor, Style};
use registrar_core::Timestamp;

use super::event::{PresenceWord, ResolverSummary, ServerSummary, Summary};
use super::lines::{clock, printable, span, verdict, word};
use crate::report::{Severity, Verdict};

/// Columns that a bar has at most.
const WIDEST_BAR: usize = 40;
/// Columns of an address.
const ADDRESS: usize = 15;
/// Columns of a share, such as ` 12.5 %`.
const SHARE: usize = 8;
/// Eighths of a row, for sawtooths.
const TEETH: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A line, in pieces of one style each.
type Line = Vec<(Style, String)>;

/// What is drawn.
#[derive(Debug)]
pub struct Picture<'a> {
    /// The name that is watched.
    pub name: &'a str,
    /// How everything stands.
    pub summary: &'a Summary,
    /// What happened, the latest last.
    pub events: &'a [String],
    /// Now.
    pub at: Timestamp,
    /// Whether to use colours.
    pub colour: bool,
}

impl Picture<'_> {
    /// Draws the picture for a terminal of so many columns and rows: one text for each row, and never more.
    #[must_use]
    pub fn draw(&self, columns: usize, rows: usize) -> Vec<String> {
        let summary = self.summary;
        let mut lines = vec![self.head()];
        let room = rows.saturating_sub(1);
        lines.extend(section(findings(summary, self.at), room / 3));
        let resolvers = section(resolvers(&summary.resolvers, columns), room / 4);
        let servers = section(servers(&summary.servers), room / 4);
        let left = rows.saturating_sub(lines.len() + resolvers.len() + servers.len());
        lines.extend(section(shares(summary, columns), left));
        lines.extend(servers);
        lines.extend(resolvers);
        let left = rows.saturating_sub(lines.len() + 1);
        let latest = self.events.len().saturating_sub(left);
        let events: Vec<Line> =
            self.events[latest..].iter().map(|text| vec![plain(text.trim_end().to_owned())]).collect();
        lines.extend(section(events, left + 1));
        lines.truncate(rows);
        lines.into_iter().map(|line| self.written(line, columns)).collect()
    }

    fn head(&self) -> Line {
        let summary = self.summary;
        let colour = match summary.verdict {
            Verdict::Ok => AnsiColor::Green,
            Verdict::Warning => AnsiColor::Yellow,
            Verdict::Critical => AnsiColor::Red,
            Verdict::Unknown => AnsiColor::Magenta,
        };
        let answers: u64 = summary.servers.iter().map(|server| server.answers).sum();
        let since = span(self.at.duration_since(summary.started_at));
        vec![
            (Style::new().bold(), format!("{} ", self.name)),
            (colour.on_default().bold(), verdict(summary.verdict).to_owned()),
            plain(format!(" {answers} answers in {since}, {}", clock(self.at))),
        ]
    }

    /// Cuts a line at the width, and colours what is left.
    fn written(&self, line: Line, columns: usize) -> String {
        let (mut text, mut room) = (String::new(), columns);
        for (style, piece) in line {
            let piece: String = printable(&piece).replace('\n', " ").chars().take(room).collect();
            room -= piece.chars().count();
            if self.colour && style != Style::new() {
                text.push_str(&format!("{style}{piece}{style:#}"));
            } else {
                text.push_str(&piece);
            }
        }
        text
    }
}

fn plain(text: String) -> (Style, String) {
    (Style::new(), text)
}

/// A blank line and what follows it, in so many rows at most.
fn section(mut lines: Vec<Line>, rows: usize) -> Vec<Line> {
    if lines.is_empty() || rows < 2 {
        return Vec::new();
    }
    if lines.len() + 1 > rows {
        let more = lines.len() + 2 - rows;
        lines.truncate(rows - 2);
        lines.push(vec![plain(format!("… and {more} more"))]);
    }
    lines.insert(0, Vec::new());
    lines
}

fn findings(summary: &Summary, at: Timestamp) -> Vec<Line> {
    let line = |standing: &super::Standing| {
        let finding = &standing.finding;
        let style = match finding.severity {
            Severity::Critical => AnsiColor::Red.on_default(),
            Severity::Warning => AnsiColor::Yellow.on_default(),
            Severity::Unknown => AnsiColor::Magenta.on_default(),
            Severity::Info => Style::new(),
        };
        let since = span(at.duration_since(standing.since));
        vec![
            (style.bold(), format!("{} {}", word(finding.severity), finding.id)),
            plain(format!(" for {since}: {}", finding.message)),
        ]
    };
    summary.findings.iter().map(line).collect()
}

/// One row an address: its share over all servers as a bar with a mark where it should end, and at each server.
fn shares(summary: &Summary, columns: usize) -> Vec<Line> {
    let servers = &summary.servers;
    let numbers = servers.len() * SHARE;
    let bar = columns.saturating_sub(ADDRESS + 2 + SHARE + numbers + 1).min(WIDEST_BAR);
    let all = over_all(servers);
    let most = all.values().map(|row| row.share.max(row.expected.unwrap_or(0.0))).fold(0.0, f64::max);
    let mut head = format!("{:ADDRESS$}  {:bar$} {:>SHARE$}", "address", "share of late", "should");
    (1..=servers.len()).for_each(|n| head.push_str(&format!("{n:>SHARE$}")));
    let mut lines = vec![vec![(Style::new().underline(), head)]];
    for (address, row) in all {
        let drawn = drawn(row.share, row.expected, most, bar);
        let should = row.expected.map_or_else(|| "-".to_owned(), percent);
        let style = match (row.expected, summary.compared) {
            (None, true) => AnsiColor::Red.on_default(),
            (Some(_), _) | (None, false) => AnsiColor::Cyan.on_default(),
        };
        let mut line =
            vec![plain(format!("{address:ADDRESS$}  ")), (style, drawn), plain(format!(" {should:>SHARE$}"))];
        line.extend(row.at_servers);
        lines.push(line);
    }
    if lines.len() == 1 { Vec::new() } else { lines }
}

/// One address over all servers.
struct Row {
    share: f64,
    expected: Option<f64>,
    at_servers: Line,
}

fn over_all(servers: &[ServerSummary]) -> BTreeMap<Ipv4Addr, Row> {
    let mut rows = BTreeMap::new();
    let heard = servers.iter().filter(|server| server.answers > 0).count().max(1);
    for address in servers.iter().flat_map(|server| &server.addresses) {
        rows.entry(address.address).or_insert_with(|| {
            let at = |server: &ServerSummary| {
                server.addresses.iter().find(|other| other.address == address.address).cloned()
            };
            let everywhere: Vec<_> = servers.iter().map(at).collect();
            let sum: f64 = everywhere.iter().flatten().map(|of| of.share).sum();
            let at_servers = everywhere.iter().map(|of| match of {
                Some(of) if of.presence == PresenceWord::There => {
                    plain(format!("{:>SHARE$}", percent(of.share)))
                }
                Some(of) if of.presence == PresenceWord::Gone => {
                    (AnsiColor::Yellow.on_default(), format!("{:>SHARE$}", "gone"))
                }
                Some(_) => plain(format!("{:>SHARE$}", "?")),
                None => plain(format!("{:>SHARE$}", "-")),
            });
            Row {
                share: sum / heard as f64,
                expected: address.expected_share,
                at_servers: at_servers.collect(),
            }
        });
    }
    rows
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A bar, and a mark where it should end. Both are drawn against the largest share, so that small ones are seen.
fn drawn(share: f64, expected: Option<f64>, most: f64, width: usize) -> String {
    let place = |share: f64| if most > 0.0 { (share / most * width as f64).round() as usize } else { 0 };
    let mut bar: Vec<char> = (0..width).map(|column| if column < place(share) { '█' } else { ' ' }).collect();
    if let Some(cell) = expected.and_then(|share| bar.get_mut(place(share).saturating_sub(1))) {
        *cell = if *cell == '█' { '▌' } else { '│' };
    }
    bar.into_iter().collect()
}

fn servers(servers: &[ServerSummary]) -> Vec<Line> {
    let line = |(place, server): (usize, &ServerSummary)| {
        let name = server.name_server.as_ref().map_or_else(String::new, |name| format!(" {name}"));
        let lost = server.queries - server.replies;
        let lost = if lost > 0 { format!(", {lost} queries lost") } else { String::new() };
        let ttl = server.ttl_secs.map_or_else(String::new, |ttl| format!(", TTL {ttl} s"));
        let fits =
            server.p_value.map_or_else(String::new, |p| format!(", shares like the weights: p {p:.2}"));
        let answers = server.answers;
        vec![plain(format!("{:>3}  {}{name}: {answers} answers{ttl}{fits}{lost}", place + 1, server.server))]
    };
    servers.iter().enumerate().map(line).collect()
}

/// One row a resolver: the TTLs of its last answers, which fall as its cache grows older.
fn resolvers(resolvers: &[ResolverSummary], columns: usize) -> Vec<Line> {
    let line = |resolver: &ResolverSummary| {
        let width = columns.saturating_sub(60).clamp(10, 60);
        let teeth = &resolver.sawtooth[resolver.sawtooth.len().saturating_sub(width)..];
        let most = teeth.iter().map(|tooth| tooth.ttl_secs).max().unwrap_or(0).max(1);
        let height = |ttl: u32| TEETH[(ttl as usize * (TEETH.len() - 1)).div_ceil(most as usize).min(7)];
        let saw: String = teeth.iter().map(|tooth| height(tooth.ttl_secs)).collect();
        let last = match (teeth.last(), &resolver.failure) {
            (_, Some(why)) => why.clone(),
            (Some(tooth), None) => {
                let addresses: Vec<String> = tooth.addresses.iter().map(ToString::to_string).collect();
                format!("{} for {} s", addresses.join(" "), tooth.ttl_secs)
            }
            (None, None) => "not asked yet".to_owned(),
        };
        vec![
            plain(format!("{:<22} ", resolver.resolver)),
            (AnsiColor::Blue.on_default(), saw),
            plain(format!(" {last}")),
        ]
    };
    resolvers.iter().map(line).collect()
}

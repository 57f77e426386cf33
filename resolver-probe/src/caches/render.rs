//! Writes what was seen of caches for a person, and for a program.
//!
//! Pure: a report in, a text out. The TTLs of each resolver stand in the order of time, so that their sawtooth can be
//! read; colour comes as escape codes, and everything can be understood without it.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::CachesReport;
use crate::report::{Finding, ResolverReport, Severity, Sighting, Verdict};

/// TTLs on one line, and lines of them.
const COLUMNS: usize = 16;
const MOST_LINES: usize = 6;

/// Writes the report as one JSON document, followed by a line break.
#[must_use]
pub fn render_json(report: &CachesReport) -> String {
    // Its maps have text or number keys and its numbers are finite: there is nothing that JSON cannot hold.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// Writes the report for a person: a line for monitoring, a block for each resolver, and the findings.
#[must_use]
pub fn render_human(report: &CachesReport) -> String {
    let mut text = headline(report);
    text.push_str(&authority(report));
    for resolver in &report.resolvers {
        text.push('\n');
        text.push_str(&block(resolver));
    }
    if report
        .resolvers
        .iter()
        .any(|resolver| resolver.sightings.iter().any(|sight| !mark(resolver, sight).is_empty()))
    {
        text.push_str("\n* above the authority's TTL   ! stale, as the resolver says itself\n");
    }
    if !report.findings.is_empty() {
        text.push('\n');
    }
    for finding in &report.findings {
        text.push_str(&line(finding));
    }
    text
}

fn headline(report: &CachesReport) -> String {
    let (word, colour) = match report.verdict {
        Verdict::Ok => ("OK", AnsiColor::Green),
        Verdict::Warning => ("WARNING", AnsiColor::Yellow),
        Verdict::Critical => ("CRITICAL", AnsiColor::Red),
        Verdict::Unknown => ("UNKNOWN", AnsiColor::Magenta),
    };
    let with = |habit: &str| {
        report.resolvers.iter().filter(|seen| seen.habits.iter().any(|has| has == habit)).count()
    };
    let (stretch, stale, clamp) = (with("stretches"), with("serves-stale"), with("clamps"));
    let silent = report.resolvers.iter().filter(|seen| seen.answered == 0).count();
    let all = report.resolvers.len();
    format!(
        "CACHES {} - {}: {stretch} of {all} resolvers stretch TTLs, {stale} serve stale, {silent} do not answer | \
         stretching={stretch};;;0;{all} stale={stale};;;0;{all} clamping={clamp};;;0;{all} silent={silent};;;0;{all}\n",
        styled(word, colour.on_default().bold()),
        report.name,
    )
}

fn authority(report: &CachesReport) -> String {
    let authority = &report.authority;
    let ttl = authority.ttl_secs.map_or("not known".to_owned(), |ttl| format!("{ttl} s"));
    let servers = plural(authority.servers.len() as u64, "name server", "name servers");
    let addresses = plural(authority.addresses.len() as u64, "address", "addresses");
    format!("{servers}: TTL {ttl}, {addresses}; watched for {} s\n", report.watched.as_secs())
}

fn block(resolver: &ResolverReport) -> String {
    let habits = if resolver.habits.is_empty() { "no habit".to_owned() } else { resolver.habits.join(", ") };
    let mut text = format!("{}  {habits}\n", styled(&resolver.resolver, Style::new().bold()));
    let _ = writeln!(text, "  {}", counts(resolver));
    for sign in &resolver.signs {
        let _ = writeln!(text, "  {}: {sign}", sign.habit());
    }
    for (why, count) in &resolver.failures {
        let _ = writeln!(text, "  {count} times: {}", why.replace('|', "/"));
    }
    for stale in &resolver.stale {
        let most = stale.at_most_secs.map_or(String::new(), |most| format!(", at most {most} s"));
        let _ = writeln!(text, "  {} is stale for at least {} s{most}", stale.address, stale.at_least_secs);
    }
    text.push_str(&sawtooth(resolver));
    text
}

fn counts(resolver: &ResolverReport) -> String {
    let mut parts = vec![format!("{} of {} questions answered", resolver.answered, resolver.asked)];
    if let (Some(lowest), Some(highest)) = (resolver.lowest_ttl_secs, resolver.highest_ttl_secs) {
        parts.push(format!("TTL {lowest} to {highest} s"));
        parts.push(format!("at least {}", plural(resolver.caches_at_least.max(1), "cache", "caches")));
        parts.push(plural(resolver.draws, "draw", "draws"));
    }
    if let Some(least) = resolver.minimum_ttl_at_least_secs {
        parts.push(format!("its least TTL is {least} s or more"));
    }
    if let Some(most) = resolver.maximum_ttl_secs {
        parts.push(format!("its highest TTL is {most} s"));
    }
    if !resolver.nsids.is_empty() {
        parts.push(format!("machines {}", resolver.nsids.join(" ")));
    }
    parts.join(", ")
}

/// Writes times and TTLs below each other, some to a line.
fn sawtooth(resolver: &ResolverReport) -> String {
    let seen: Vec<(String, String)> = resolver
        .sightings
        .iter()
        .map(|sight| {
            let ttl = sight.addresses.values().min().map_or("-".to_owned(), ToString::to_string);
            (sight.at.as_secs().to_string(), format!("{ttl}{}", mark(resolver, sight)))
        })
        .collect();
    let width = seen.iter().map(|(at, ttl)| at.len().max(ttl.len())).max().unwrap_or(0);
    let mut text = String::new();
    for part in seen.chunks(COLUMNS).take(MOST_LINES) {
        let row = |pick: fn(&(String, String)) -> &String| {
            part.iter().map(|cell| format!("{:>width$}", pick(cell))).collect::<Vec<_>>().join(" ")
        };
        let _ = writeln!(text, "  second  {}", row(|(at, _)| at));
        let _ = writeln!(text, "  TTL     {}", row(|(_, ttl)| ttl));
    }
    if seen.len() > COLUMNS * MOST_LINES {
        let _ =
            writeln!(text, "  ... and {} more; --format json has them", seen.len() - COLUMNS * MOST_LINES);
    }
    text
}

fn mark(resolver: &ResolverReport, sight: &Sighting) -> &'static str {
    let highest = sight.addresses.values().max().copied();
    if sight.says_stale {
        "!"
    } else if resolver.authority_ttl_secs.is_some() && highest > resolver.authority_ttl_secs {
        "*"
    } else {
        ""
    }
}

fn line(finding: &Finding) -> String {
    let (word, style) = match finding.severity {
        Severity::Critical => ("CRITICAL", AnsiColor::Red.on_default()),
        Severity::Warning => ("WARNING ", AnsiColor::Yellow.on_default()),
        Severity::Unknown => ("UNKNOWN ", AnsiColor::Magenta.on_default()),
        Severity::Info => ("INFO    ", Style::new()),
    };
    // A message may quote what a resolver said; performance data alone stands after a bar.
    format!("{} {}: {}\n", styled(word, style), finding.id, finding.message.replace('|', "/"))
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

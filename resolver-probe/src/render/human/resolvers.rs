//! The resolvers with what their caches do, and whether the addresses are alive.

use anstyle::Style;

use super::Look;
use super::layout::wrapped;
use crate::reach::{Liveness, ReachDocument, Vantage};
use crate::render::words;
use crate::report::{CheckReport, ResolverReport, Severity, StaleInterval};

/// Addresses of one probe that are written out where they are not alive.
const MOST: usize = 10;

/// Writes a line for each resolver, and what is odd about it below.
pub(super) fn block(report: &CheckReport, look: Look) -> String {
    report.resolvers.iter().map(|resolver| of_resolver(resolver, look)).collect()
}

fn of_resolver(resolver: &ResolverReport, look: Look) -> String {
    let name = words::plain(&resolver.resolver);
    let line = wrapped(&format!("resolver {name}: {}", state(resolver)), 0, 2, look.width);
    let mut text = line.replacen(&name, &words::styled(&name, Style::new().bold()), 1);
    let mut tell = |line: String| text.push_str(&wrapped(&words::plain(&line), 2, 4, look.width));
    for stale in &resolver.stale {
        tell(interval(stale));
    }
    if !resolver.habits.is_empty() {
        tell(format!("habits: {}", resolver.habits.join(", ")));
    }
    if !resolver.extended_errors.is_empty() {
        let errors = resolver.extended_errors.iter().map(|(code, count)| format!("{code} x {count}"));
        tell(format!("extended errors (RFC 8914): {}", errors.collect::<Vec<_>>().join(", ")));
    }
    if !resolver.failures.is_empty() {
        let failures = resolver.failures.iter().map(|(why, count)| format!("{why} x {count}"));
        tell(format!("no reply: {}", failures.collect::<Vec<_>>().join(", ")));
    }
    text
}

fn state(resolver: &ResolverReport) -> String {
    let mut parts = vec![
        format!("{} of {} answered", resolver.answered, resolver.asked),
        words::plural(resolver.draws, "generation of its cache", "generations of its cache"),
        words::plural(resolver.answers.len() as u64, "address", "addresses"),
    ];
    if let (Some(low), Some(high)) = (resolver.lowest_ttl_secs, resolver.highest_ttl_secs) {
        let of =
            resolver.authority_ttl_secs.map_or_else(String::new, |ttl| format!(", the authority's {ttl} s"));
        let ttl = if low == high { format!("TTL {low} s") } else { format!("TTL {low} to {high} s") };
        parts.push(ttl + &of);
    }
    if !resolver.nsids.is_empty() {
        parts.push(words::plain(&format!("machines {}", resolver.nsids.join(", "))));
    }
    parts.join(", ")
}

/// Says how long an address was stale: always between two bounds.
fn interval(stale: &StaleInterval) -> String {
    let most = stale.at_most_secs.map_or_else(
        || format!("{} s at least", stale.at_least_secs),
        |most| format!("between {} and {most} s", stale.at_least_secs),
    );
    let gone = clock(stale.gone_by);
    let last = clock(stale.last_answered_at);
    format!("{} stale for {most}: gone by {gone}, still answered at {last}", stale.address)
}

/// The time of day, in UTC; the date is in the other forms.
fn clock(time: registrar_core::Timestamp) -> String {
    time.strftime("%H:%M:%SZ").to_string()
}

/// Writes a line for each probe, and one for each address that is not alive.
pub(super) fn reach_block(report: &CheckReport, look: Look) -> String {
    report.reach.iter().map(|document| of_probe(document, look)).collect()
}

fn of_probe(document: &ReachDocument, look: Look) -> String {
    let from = match document.vantage {
        Vantage::Internet => "the internet",
        Vantage::Carrier => "the carrier's network",
        Vantage::Vpc => "the VPC",
    };
    let mut counts = Vec::new();
    let mut kinds: Vec<Liveness> = document.addresses.iter().map(|report| report.liveness).collect();
    kinds.sort_unstable();
    for kinds in kinds.chunk_by(|a, b| a == b) {
        counts.extend(kinds.first().map(|kind| format!("{} {}", kinds.len(), words::liveness(*kind))));
    }
    let line = format!("{} from {from}: {}", document.probe, counts.join(", "));
    let mut text = wrapped(&words::plain(&line), 0, 2, look.width);
    let told = |severity| matches!(severity, Severity::Critical | Severity::Warning);
    let bad = || document.addresses.iter().filter(|report| told(report.severity));
    let most = if look.verbose { usize::MAX } else { MOST };
    for report in bad().take(most) {
        text.push_str(&wrapped(&words::plain(&report.message), 2, 4, look.width));
    }
    if let Some(more) = bad().count().checked_sub(most).filter(|more| *more > 0) {
        text.push_str(&format!("  ... and {more} more; --verbose lists them\n"));
    }
    text
}

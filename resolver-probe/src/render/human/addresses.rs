//! The table of addresses over all servers: which is bad, and why, in one look.
//!
//! Those that need nobody to look are folded where there are many.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Look;
use super::layout::{Cell, GAP, Side, Table, bar, wrapped};
use crate::render::digest::{self, Pooled};
use crate::render::words;
use crate::report::{AddressReport, AddressVerdict, AnswerReport, CheckReport, ServerReport};
use crate::statistics::Interval;

/// Calm rows that are written out where there are no more.
const FEW: usize = 12;
/// Rows that are written out at most, however bad.
const MOST: usize = 40;
/// The narrowest bar that shows anything.
const NARROWEST_BAR: usize = 8;
/// The widest bar that is not silly.
const WIDEST_BAR: usize = 40;

/// The addresses of a check, worst first.
pub(super) fn block(report: &CheckReport, look: Look) -> String {
    let pooled = digest::pooled(report);
    let rows = digest::worst_first(report).into_iter().map(|address| Row::of_all(report, address, &pooled));
    let place = Place {
        indent: 0,
        seen: ("SERVERS", Side::Left),
        alive: report.addresses.iter().any(|address| address.liveness.is_some()),
        resolvers: !report.resolvers.is_empty(),
        expected: report.compared,
    };
    write(&rows.collect::<Vec<_>>(), place, look)
}

/// The addresses of one server, those first in which it is unlike the others.
pub(super) fn of_server(server: &ServerReport, report: &CheckReport, look: Look) -> String {
    let worst = server.weights.as_ref().filter(|weights| weights.fit.effect.is_sure);
    let worst = worst.and_then(|weights| weights.addresses.get(weights.fit.effect.worst.index));
    let usual = digest::usual_verdicts(report);
    let is_own = |row: &AnswerReport| !usual.contains(&(row.address, row.verdict));
    let rows = server.answers.iter().map(|row| Row::of_one(row, is_own(row), worst == Some(&row.address)));
    let mut rows: Vec<Row> = rows.collect();
    rows.sort_by_key(|row| (row.folds, row.verdict, row.address));
    let seen = ("COUNT", Side::Right);
    write(&rows, Place { indent: 2, seen, alive: false, resolvers: false, expected: report.compared }, look)
}

/// One address, as far as the table shows it.
struct Row {
    address: Ipv4Addr,
    verdict: AddressVerdict,
    /// `2/2` servers, or how many replies of one server.
    seen: String,
    alive: &'static str,
    resolvers: String,
    share: Option<f64>,
    interval: Option<Interval>,
    expected: Option<f64>,
    why: Option<String>,
    /// Whether it is left out where there are many like it.
    folds: bool,
}

impl Row {
    fn of_all(report: &CheckReport, address: &AddressReport, pooled: &BTreeMap<Ipv4Addr, Pooled>) -> Self {
        let pooled = pooled.get(&address.address);
        let resolvers = report.resolvers.len();
        Self {
            address: address.address,
            verdict: address.verdict,
            seen: format!("{}/{}", address.answered_by.len(), report.servers.len()),
            alive: address.liveness.map_or("-", words::liveness),
            resolvers: format!("{}/{resolvers}", address.resolved_by.len()),
            share: pooled.map(|pooled| pooled.share),
            interval: pooled.map(|pooled| pooled.interval),
            expected: address.expected_share,
            why: digest::why(report, address).filter(|_| !words::is_calm(address.verdict)),
            folds: words::is_calm(address.verdict),
        }
    }

    fn of_one(row: &AnswerReport, is_own: bool, is_worst: bool) -> Self {
        let why = match row.expected_share {
            _ if row.count == 0 && row.tcp_count > 0 => Some("seen over TCP".to_owned()),
            Some(expected) if is_worst && expected > 0.0 => {
                Some(format!("{:.2} times its share", row.share / expected))
            }
            Some(_) | None => None,
        };
        Self {
            address: row.address,
            verdict: row.verdict,
            seen: words::thousands(row.count),
            alive: "",
            resolvers: String::new(),
            share: Some(row.share),
            interval: row.interval,
            expected: row.expected_share,
            why,
            folds: !is_own && !is_worst,
        }
    }
}

fn write(rows: &[Row], place: Place, look: Look) -> String {
    let folds = !look.verbose && rows.iter().filter(|row| row.folds).count() > FEW;
    let (shown, folded): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| !(folds && row.folds));
    let most = if look.verbose { usize::MAX } else { MOST };
    let mut text = table(shown.get(..most.min(shown.len())).unwrap_or_default(), place, look);
    if let Some(more) = shown.len().checked_sub(most).filter(|more| *more > 0) {
        text.push_str(&format!("{}... and {more} more; --verbose lists them\n", " ".repeat(place.indent)));
    }
    for line in fold(&folded, !shown.is_empty()) {
        text.push_str(&wrapped(&line, place.indent, place.indent + 2, look.width));
    }
    text
}

/// Where a table stands, and what it has room and reason for.
#[derive(Clone, Copy)]
struct Place {
    indent: usize,
    /// The head of the column that says how often an address was seen.
    seen: (&'static str, Side),
    alive: bool,
    resolvers: bool,
    expected: bool,
}

impl Place {
    /// Leaves columns out until the table fits: what should be answered first, then resolvers.
    fn within(self, fits: impl Fn(Self) -> bool) -> Self {
        let narrower = [self, Self { expected: false, ..self }];
        let narrowest = Self { expected: false, resolvers: false, ..self };
        narrower.into_iter().find(|place| fits(*place)).unwrap_or(narrowest)
    }
}

fn table(rows: &[&Row], place: Place, look: Look) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let place = place.within(|place| place.indent + fill(rows, place, 0).width() <= look.width + GAP);
    let bare = fill(rows, place, 0).width();
    let room = look.width.saturating_sub(place.indent + bare).min(WIDEST_BAR);
    let (head, lines) = fill(rows, place, if room < NARROWEST_BAR { 0 } else { room }).lines();
    let blanks = " ".repeat(place.indent);
    let mut text = format!("{blanks}{head}\n");
    for (row, line) in rows.iter().zip(lines) {
        text.push_str(&format!("{blanks}{line}\n"));
        if let Some(why) = &row.why {
            let indent = place.indent + 4;
            text.push_str(&wrapped(&words::plain(why), indent, indent, look.width));
        }
    }
    text
}

/// Fills a table, with bars of a width; with 0, without.
fn fill(rows: &[&Row], place: Place, bar_width: usize) -> Table {
    let mut heads = vec![("ADDRESS", Side::Left), ("VERDICT", Side::Left), place.seen];
    heads.extend(place.alive.then_some(("ALIVE", Side::Left)));
    heads.extend(place.resolvers.then_some(("RESOLVERS", Side::Left)));
    heads.push(("SHARE", Side::Right));
    heads.extend(place.expected.then_some(("EXPECTED", Side::Right)));
    heads.extend((bar_width > 0).then_some(("", Side::Left)));
    let mut table = Table::new(heads);
    let most = largest(rows);
    for row in rows {
        let mut cells = vec![Cell::new(row.address.to_string()), Cell::styled(words::verdict(row.verdict))];
        cells.push(Cell::new(row.seen.clone()));
        cells.extend(place.alive.then(|| Cell::new(row.alive)));
        cells.extend(place.resolvers.then(|| Cell::new(row.resolvers.clone())));
        let percent = |share: Option<f64>| Cell::new(share.map_or("-".to_owned(), words::percent));
        cells.push(percent(row.share));
        cells.extend(place.expected.then(|| percent(row.expected)));
        if bar_width > 0 {
            let bar = |share| bar(share, row.interval, row.expected, most, bar_width);
            cells.push(Cell::new(row.share.map(bar).unwrap_or_default()));
        }
        table.push(cells);
    }
    table
}

/// The largest share that has to fit; bars are drawn to its scale.
fn largest(rows: &[&Row]) -> f64 {
    let shares = rows.iter().flat_map(|row| {
        [row.share, row.expected, row.interval.map(|interval| interval.high)].into_iter().flatten()
    });
    shares.fold(f64::MIN_POSITIVE, f64::max)
}

/// Sums folded rows up, a line for each verdict: `97 others ok: 0.8% to 1.3% of the answers each`.
fn fold(rows: &[&Row], beside_others: bool) -> Vec<String> {
    let mut by_verdict: BTreeMap<AddressVerdict, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_verdict.entry(row.verdict).or_default().push(row);
    }
    let line = |(verdict, rows): (AddressVerdict, Vec<&Row>)| {
        let (word, style) = words::verdict(verdict);
        let others = match (beside_others, rows.len()) {
            (true, 1) => " other",
            (true, _) => " others",
            (false, _) => "",
        };
        let seen = between(rows.iter().filter_map(|row| row.share));
        let expected = between(rows.iter().filter_map(|row| row.expected));
        let mut line = format!("{}{others} {}", rows.len(), words::styled(word, style));
        if let Some(seen) = seen {
            line.push_str(&format!(": {seen} of the answers each"));
        }
        if let Some(expected) = expected {
            line.push_str(&format!(", {expected} expected"));
        }
        line
    };
    let mut lines: Vec<String> = by_verdict.into_iter().map(line).collect();
    if let Some(last) = lines.last_mut() {
        last.push_str("; --verbose lists them");
    }
    lines
}

fn between(shares: impl Iterator<Item = f64> + Clone) -> Option<String> {
    let (low, high) = (shares.clone().reduce(f64::min)?, shares.reduce(f64::max)?);
    let (low, high) = (words::percent(low), words::percent(high));
    Some(if low == high { low } else { format!("{low} to {high}") })
}

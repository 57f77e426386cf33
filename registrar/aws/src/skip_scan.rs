//! Which page of a hosted zone's listing to read next, when only some names are wanted.
//!
//! Route 53 lists names by their labels in reverse, so the wanted names are met in the order of
//! [`RecordName`], and what lies between them is jumped over. How Route 53 sorts names with escaped
//! characters against others is not documented, so their order is never relied on: a pool's name that has one
//! is a run of its own with what stands below it, which every order of prefixes keeps together, and a cursor at
//! an escaped label is followed and not compared. Nothing is read here.

use std::collections::{BTreeSet, VecDeque};

use registrar_core::leaf::Leaf;
use registrar_core::name::RecordName;
use registrar_core::owner::OWNER_LABEL;

/// Where a page starts: `StartRecordName`, `StartRecordType` and `StartRecordIdentifier`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    pub(crate) name: String,
    pub(crate) r#type: Option<String>,
    pub(crate) identifier: Option<String>,
}

impl Cursor {
    /// Starts at the first record set of a name.
    pub(crate) fn at(name: &RecordName) -> Self {
        Self { name: name.to_fqdn(), r#type: None, identifier: None }
    }
}

/// The names that are still to be read, in runs that are each met in order.
#[derive(Debug)]
pub(crate) struct SkipScan {
    runs: VecDeque<Run>,
}

/// Names whose order among themselves is known.
#[derive(Debug)]
struct Run {
    names: BTreeSet<RecordName>,
    /// The name that all of them share, where only what stands before it can be compared.
    below: Option<RecordName>,
}

impl SkipScan {
    /// Makes a scan for the names of pools, and those below them at which a pool's records may stand.
    pub(crate) fn new(pools: &BTreeSet<RecordName>) -> Self {
        let (escaped, plain): (Vec<_>, Vec<_>) = pools.iter().cloned().partition(is_escaped);
        let plain = Run { names: plain.iter().flat_map(of_pool).collect(), below: None };
        let escaped =
            escaped.into_iter().map(|name| Run { names: of_pool(&name).collect(), below: Some(name) });
        let runs = std::iter::once(plain).chain(escaped).filter(|run| !run.names.is_empty());
        Self { runs: runs.collect() }
    }

    /// Returns where the current run starts, or `None` when every name was read.
    pub(crate) fn start(&self) -> Option<Cursor> {
        self.runs.front().and_then(|run| run.names.first()).map(Cursor::at)
    }

    /// Returns the page to read after one that said where the listing goes on, or that it ends.
    pub(crate) fn after(&mut self, next: Option<&Cursor>) -> Option<Cursor> {
        let run = self.runs.front_mut();
        let goes_on = run.zip(next).and_then(|(run, next)| run.after(next));
        if goes_on.is_some() {
            return goes_on;
        }
        self.runs.pop_front();
        self.start()
    }
}

impl Run {
    /// Returns where it goes on, or `None` where the listing has passed its last name.
    fn after(&mut self, next: &Cursor) -> Option<Cursor> {
        let Ok(name) = next.name.parse::<RecordName>() else { return Some(next.clone()) };
        if self.below.as_ref().is_some_and(|below| !name.is_within(below)) {
            return None;
        }
        if self.is_beyond_comparison(&name) {
            return Some(next.clone());
        }
        self.names.retain(|wanted| *wanted >= name);
        let first = self.names.first()?;
        Some(if *first == name { next.clone() } else { Cursor::at(first) })
    }

    fn is_beyond_comparison(&self, name: &RecordName) -> bool {
        let shared = self.below.as_ref().map_or(0, |below| below.as_str().len());
        let own = name.as_str().len().saturating_sub(shared);
        name.as_str().get(..own).is_none_or(|labels| labels.contains('\\'))
    }
}

/// Returns the names at which a pool's records may stand: its own, that of its owner texts, and its leaves. What is too
/// long to be a name is none.
pub(crate) fn of_pool(name: &RecordName) -> impl Iterator<Item = RecordName> {
    let leaves = Leaf::all().filter_map(|leaf| leaf.name(name).ok());
    std::iter::once(name.clone()).chain(name.child(OWNER_LABEL).ok()).chain(leaves)
}

fn is_escaped(name: &RecordName) -> bool {
    name.as_str().contains('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(names: &[&str]) -> SkipScan {
        SkipScan::new(&names.iter().map(|name| name.parse().unwrap()).collect())
    }

    fn at(name: &str) -> Cursor {
        Cursor { name: name.to_owned(), r#type: None, identifier: None }
    }

    fn inside(name: &str) -> Cursor {
        Cursor { name: name.to_owned(), r#type: Some("A".to_owned()), identifier: Some("x".to_owned()) }
    }

    #[test]
    fn it_starts_at_the_first_name_and_ends_behind_the_last() {
        let mut scan = scan(&["b.example.com", "a.example.com"]);
        assert_eq!(scan.start(), Some(at("a.example.com.")));
        assert_eq!(scan.after(Some(&inside("c.example.com."))), None);
    }

    #[test]
    fn a_name_that_goes_on_is_followed_to_its_end() {
        let mut scan = scan(&["a.example.com"]);
        assert_eq!(scan.after(Some(&inside("a.example.com."))), Some(inside("a.example.com.")));
        assert_eq!(scan.after(None), None);
    }

    #[test]
    fn what_lies_between_two_names_is_jumped_over() {
        let mut scan = scan(&["a.example.com", "x.example.com"]);
        assert_eq!(scan.after(Some(&inside("b.example.com."))), Some(at("x.example.com.")));
        assert_eq!(scan.after(Some(&inside("x.example.com."))), Some(inside("x.example.com.")));
        assert_eq!(scan.after(Some(&inside("y.example.com."))), None);
    }

    #[test]
    fn leaves_are_read_to_their_end_and_what_lies_between_them_is_jumped_over() {
        let mut scan = scan(&["v.example.com"]);
        assert_eq!(scan.start(), Some(at("v.example.com.")), "leaves are on the page of their pool");
        assert_eq!(scan.after(Some(&inside("l00.v.example.com."))), Some(inside("l00.v.example.com.")));
        assert_eq!(scan.after(Some(&inside("l07.v.example.com."))), Some(inside("l07.v.example.com.")));
        assert_eq!(scan.after(Some(&inside("l07x.v.example.com."))), Some(at("l08.v.example.com.")));
        assert_eq!(scan.after(Some(&inside("m.v.example.com."))), Some(at("registrar-owner.v.example.com.")));
        assert_eq!(scan.after(Some(&inside("s.v.example.com."))), None);
    }

    #[test]
    fn escaped_names_are_read_one_by_one_and_never_compared() {
        let mut scan = scan(&["5g.example.com", "*.example.com", "x.example.com"]);
        assert_eq!(scan.start(), Some(at("5g.example.com.")));
        let wildcard = inside("\\052.example.com.");
        assert_eq!(
            scan.after(Some(&wildcard)),
            Some(wildcard.clone()),
            "nothing is known of what it precedes"
        );
        assert_eq!(scan.after(Some(&inside("y.example.com."))), Some(at("\\052.example.com.")));
        assert_eq!(scan.after(Some(&wildcard)), Some(wildcard.clone()), "the name goes on");
        let leaf = inside("l03.\\052.example.com.");
        assert_eq!(scan.after(Some(&leaf)), Some(leaf.clone()), "what stands below it is in order");
        let odd = inside("\\052.l04.\\052.example.com.");
        assert_eq!(scan.after(Some(&odd)), Some(odd.clone()), "nothing is known of what it precedes");
        assert_eq!(
            scan.after(Some(&inside("m.\\052.example.com."))),
            Some(at("registrar-owner.\\052.example.com."))
        );
        assert_eq!(scan.after(Some(&inside("\\053.example.com."))), None);
    }

    #[test]
    fn nothing_wanted_is_nothing_read() {
        assert_eq!(scan(&[]).start(), None);
    }
}

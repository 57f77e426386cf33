//! Which page of a hosted zone's listing to read next, when only some names are wanted.
//!
//! Route 53 lists names by their labels in reverse, so the wanted names are met in the order of
//! [`RecordName`], and what lies between them is jumped over. How Route 53 sorts names with escaped
//! characters against others is not documented, so their order is never relied on: each is a run of its
//! own, and a cursor at one is followed and not compared. Nothing is read here.

use std::collections::{BTreeSet, VecDeque};

use registrar_core::name::RecordName;

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
    runs: VecDeque<BTreeSet<RecordName>>,
}

impl SkipScan {
    pub(crate) fn new(names: &BTreeSet<RecordName>) -> Self {
        let (escaped, plain): (Vec<_>, Vec<_>) = names.iter().cloned().partition(is_escaped);
        let mut runs = VecDeque::from([plain.into_iter().collect::<BTreeSet<_>>()]);
        runs.extend(escaped.into_iter().map(|name| BTreeSet::from([name])));
        runs.retain(|run| !run.is_empty());
        Self { runs }
    }

    /// Returns where the current run starts, or `None` when every name was read.
    pub(crate) fn start(&self) -> Option<Cursor> {
        self.runs.front().and_then(BTreeSet::first).map(Cursor::at)
    }

    /// Returns the page to read after one that said where the listing goes on, or that it ends.
    pub(crate) fn after(&mut self, next: Option<&Cursor>) -> Option<Cursor> {
        let run = self.runs.front_mut();
        let goes_on = run.zip(next).and_then(|(run, next)| within_run(run, next));
        if goes_on.is_some() {
            return goes_on;
        }
        self.runs.pop_front();
        self.start()
    }
}

/// Returns where a run goes on, or `None` where the listing has passed its last name.
fn within_run(run: &mut BTreeSet<RecordName>, next: &Cursor) -> Option<Cursor> {
    let Ok(name) = next.name.parse::<RecordName>() else { return Some(next.clone()) };
    if run.len() == 1 && run.contains(&name) {
        return Some(next.clone());
    }
    if is_escaped(&name) {
        // A run of one escaped name started there and is over; others go on behind this name.
        return run.first().filter(|first| !is_escaped(first)).map(|_| next.clone());
    }
    run.retain(|wanted| *wanted >= name && !is_escaped(wanted));
    let first = run.first()?;
    Some(if *first == name { next.clone() } else { Cursor::at(first) })
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
        assert_eq!(scan.after(Some(&inside("\\053.example.com."))), None);
    }

    #[test]
    fn nothing_wanted_is_nothing_read() {
        assert_eq!(scan(&[]).start(), None);
    }
}

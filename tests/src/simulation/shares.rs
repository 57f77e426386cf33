//! Whether each instance of a tree is answered as often as its own weight says.
//!
//! Route 53 draws an alias by its weight, and then a record of its leaf by the record's weight; both draws together
//! must come to the instance's weight among all weights of the pool. It reads what is published and nothing else.

use std::collections::BTreeMap;

use super::zone::{Entry, Published};

/// How far a share may be from its weight's, relative to it.
const TOLERANCE: f64 = 0.02;

/// Checks the shares of a tree; `settled` takes no rounding of an alias's weight for an excuse.
///
/// While changes are under way, one scale must take every leaf's weights to its alias's within 2 %, or half a unit.
///
/// # Errors
/// When a share is further from its own weight's.
pub(crate) fn check(published: &Published, settled: bool) -> Result<(), String> {
    let mut leaves: BTreeMap<u8, f64> = BTreeMap::new();
    // Where no weight is above 0, Route 53 answers each as often as the others.
    let equal = published.entries.values().all(|entry| weight(entry) == 0.0);
    for (leaf, entry) in published.entries.values().filter_map(|entry| Some((entry.leaf?, entry))) {
        *leaves.entry(leaf).or_default() += if equal { 1.0 } else { weight(entry) };
    }
    let all: f64 = leaves.values().sum();
    let aliases: f64 = published.aliases.values().map(|weight| f64::from(*weight)).sum();
    let (mut least, mut most) = (0.0_f64, f64::INFINITY);
    for (leaf, sum) in &leaves {
        let alias = published.aliases.get(leaf).map_or(0.0, |weight| f64::from(*weight));
        let (low, high) = ((1.0 - TOLERANCE) * sum, (1.0 + TOLERANCE) * sum);
        // Every record of a leaf is off by the same factor: that of its alias.
        let off = (alias / aliases.max(1.0)) / (sum / all) - 1.0;
        let is_weightless = *sum == 0.0;
        if !is_weightless {
            least = least.max(((alias - 0.5) / sum).min(alias / high));
            most = most.min(((alias + 0.5) / sum).max(alias / low));
        }
        let is_wrong = match (is_weightless, settled) {
            (true, _) => alias > 0.0,
            (false, true) => off.abs() > TOLERANCE + 1e-9,
            (false, false) => least > most + 1e-9,
        };
        if is_wrong {
            let weights = &published.aliases;
            return Err(format!("l{leaf:02} is off by {:.1} %: {weights:?} for {leaves:?}", off * 100.0));
        }
    }
    Ok(())
}

fn weight(entry: &Entry) -> f64 {
    f64::from(entry.weight.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(leaves: &[(u8, &[u8])]) -> Published {
        let mut published = Published::default();
        for (leaf, (alias, weights)) in (0..).zip(leaves) {
            published.aliases.insert(leaf, *alias);
            for (number, weight) in weights.iter().enumerate() {
                let entry = Entry { address: None, weight: Some(*weight), leaf: Some(leaf) };
                published.entries.insert(format!("i-{leaf}{number}"), entry);
            }
        }
        published
    }

    #[test]
    fn aliases_that_weigh_what_their_leaves_do_give_each_record_its_share() {
        assert_eq!(check(&tree(&[(200, &[100, 100]), (100, &[100])]), true), Ok(()));
        assert_eq!(check(&tree(&[(2, &[100, 100]), (1, &[100])]), true), Ok(()));
    }

    #[test]
    fn an_alias_that_was_not_weighed_again_is_found() {
        let problem = check(&tree(&[(200, &[100, 100, 100]), (100, &[100])]), false).unwrap_err();
        assert!(problem.contains("off by"), "{problem}");
        assert!(
            check(&tree(&[(7, &[0, 0]), (100, &[100])]), false).is_err(),
            "a leaf of no weight is answered"
        );
    }

    #[test]
    fn rounding_is_an_excuse_only_while_changes_are_under_way() {
        let rounded = tree(&[(100, &[200]), (3, &[5])]);
        assert!(check(&rounded, true).is_err());
        assert_eq!(check(&rounded, false), Ok(()));
        assert!(check(&tree(&[(100, &[200]), (4, &[5])]), false).is_err());
    }
}

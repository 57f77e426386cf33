//! What is linked into what, as `cargo tree` prints it. It runs nothing.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

/// A crate in one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// Packages and what they depend on, each once.
#[derive(Debug, Default)]
pub(crate) struct Tree(BTreeMap<Package, BTreeSet<Package>>);

impl Tree {
    /// Reads lines of a depth and a package: a package's own dependencies follow it where it stands for the first
    /// time, and nowhere else.
    pub(crate) fn read(printed: &str) -> Result<Self> {
        let mut tree = Self::default();
        let mut above: Vec<Package> = Vec::new();
        for line in printed.lines().filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let mut word = || words.next().with_context(|| format!("cargo tree printed {line:?}"));
            let depth: usize = word()?.parse().with_context(|| format!("cargo tree printed {line:?}"))?;
            let name = word()?.to_owned();
            let version = word()?.trim_start_matches('v').to_owned();
            let package = Package { name, version };
            above.truncate(depth);
            if let Some(parent) = above.last() {
                tree.0.entry(parent.clone()).or_default().insert(package.clone());
            }
            tree.0.entry(package.clone()).or_default();
            above.push(package);
        }
        Ok(tree)
    }

    /// Returns a package of that name which nothing else is asked for with.
    pub(crate) fn root(&self, name: &str) -> Option<&Package> {
        self.0.keys().find(|package| package.name == name)
    }

    /// Returns a package and all that it depends on, with what each depends on.
    pub(crate) fn below(&self, root: &Package) -> BTreeMap<&Package, &BTreeSet<Package>> {
        let mut found = BTreeMap::new();
        let mut open = vec![root];
        while let Some((package, dependencies)) = open.pop().and_then(|next| self.0.get_key_value(next)) {
            if found.insert(package, dependencies).is_none() {
                open.extend(dependencies);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_once_counts_wherever_it_stands() {
        let printed = "0 one v0.1.0 (/one)\n1 shared v1.0.0\n2 deep v2.0.0+more\n1 deep v2.0.0+more\n\n\
                       0 two v0.1.0 (/two)\n1 shared v1.0.0 (*)\n";
        let tree = Tree::read(printed).unwrap();
        let names = |root: &str| {
            let below = tree.below(tree.root(root).unwrap());
            below.into_keys().map(|package| package.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names("one"), ["deep", "one", "shared"]);
        assert_eq!(names("two"), ["deep", "shared", "two"]);
        assert!(tree.root("three").is_none() && Tree::read("one v1").is_err());
    }
}

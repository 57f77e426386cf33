//! Leaves: the names below a pool's own at which its instances' records stand where there are too many for one set.
//!
//! There are a hundred of them, `l00.` to `l99.`, so that permissions and other tools can name them beforehand. Which
//! instance stands at which leaf is decided elsewhere.

use std::fmt;
use std::str::FromStr;

use crate::ids::InvalidId;
use crate::name::RecordName;

/// How many leaves a pool may have: each has an alias at the pool's name, and a set holds 100 record sets (Route 53
/// Developer Guide, "Quotas").
pub const MOST_LEAVES: usize = 100;

/// The number of a leaf, 0 to 99, printed as its label: `l00` to `l99`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leaf(u8);

impl Leaf {
    /// Returns the leaf of a number, where there is one.
    #[must_use]
    pub fn new(number: usize) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| usize::from(*number) < MOST_LEAVES).map(Self)
    }

    /// Returns every leaf, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..MOST_LEAVES).filter_map(Self::new)
    }

    /// Returns its number.
    #[must_use]
    pub fn number(self) -> usize {
        usize::from(self.0)
    }

    /// Returns its name below a pool's name.
    ///
    /// # Errors
    /// When that is longer than a DNS name may be.
    pub fn name(self, pool: &RecordName) -> Result<RecordName, InvalidId> {
        pool.child(&self.to_string())
    }

    /// Takes a name apart: the leaf that it would be, and the name below which it stands.
    #[must_use]
    pub fn of(name: &RecordName) -> Option<(Self, RecordName)> {
        Some((name.labels().next()?.parse().ok()?, name.parent()?))
    }
}

impl FromStr for Leaf {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.as_bytes() {
            [b'l', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Ok(Self((tens - b'0') * 10 + (ones - b'0'))),
            _ => Err(InvalidId::new(text, "a leaf's label, l00 to l99")),
        }
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "l{:02}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_reads_back_as_its_label() {
        assert_eq!(Leaf::all().count(), MOST_LEAVES);
        for leaf in Leaf::all() {
            assert_eq!(leaf.to_string().parse(), Ok(leaf));
        }
        for other in ["l0", "l000", "L00", "l0x", "m00", "", "l100"] {
            assert!(other.parse::<Leaf>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_leaf_stands_below_its_pool() {
        let pool: RecordName = "video.edge.example.com".parse().unwrap();
        let name = Leaf::new(7).unwrap().name(&pool).unwrap();
        assert_eq!(name.as_str(), "l07.video.edge.example.com");
        assert_eq!(Leaf::of(&name), Some((Leaf::new(7).unwrap(), pool.clone())));
        assert_eq!(Leaf::of(&pool), None);
    }
}

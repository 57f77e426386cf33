//! Shares of all cases.
//!
//! The random numbers are the caller's.

use rand::Rng;
use serde::{Deserialize, Serialize};

/// A share of all cases, from 0 for none to 1 for every one.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

/// A number that is not a share.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a share from 0 to 1")]
pub struct InvalidShare(pub(super) f64);

impl Share {
    /// Every case.
    pub const ALL: Self = Self(1.0);

    /// Returns every case: what a share is where none is given beside the fault.
    pub(super) const fn all() -> Self {
        Self::ALL
    }

    /// Draws one case, and says whether it falls into this share. No case costs no draw.
    pub(crate) fn hits(self, rng: &mut impl Rng) -> bool {
        self.0 > 0.0 && self.covers(rng.next_u32())
    }

    /// Says whether a uniform draw falls into this share.
    pub(super) fn covers(self, draw: u32) -> bool {
        f64::from(draw) < self.0 * (f64::from(u32::MAX) + 1.0)
    }
}

impl TryFrom<f64> for Share {
    type Error = InvalidShare;

    fn try_from(share: f64) -> Result<Self, InvalidShare> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err(InvalidShare(share)) }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> f64 {
        share.0
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_share_covers_all_none_or_a_part_of_the_draws() {
        assert!(Share::ALL.covers(u32::MAX) && Share::ALL.covers(0));
        assert!(!Share::default().covers(0));
        let half = Share::try_from(0.5).unwrap();
        assert!(half.covers(u32::MAX / 2) && !half.covers(u32::MAX / 2 + 1));
    }

    #[test]
    fn a_share_of_nothing_leaves_the_random_numbers_as_they_are() {
        let (mut used, mut untouched) = (StdRng::seed_from_u64(1), StdRng::seed_from_u64(1));
        assert!(!Share::default().hits(&mut used));
        assert_eq!(used.next_u32(), untouched.next_u32());
        assert!(Share::ALL.hits(&mut used));
    }

    #[test]
    fn what_is_not_between_nothing_and_everything_is_no_share() {
        for bad in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
            assert!(Share::try_from(bad).is_err(), "{bad}");
        }
    }
}

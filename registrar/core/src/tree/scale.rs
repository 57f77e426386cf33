//! The scale on which the sums of leaves become weights of aliases, 1 to 255.
//!
//! All aliases of a pool share one scale, so that each weight follows from its own leaf alone and a change at one leaf
//! rewrites one alias. A scale is kept while it fits. It is not stored: the aliases that stand there tell which it is.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::leaf::Leaf;

/// The largest weight (Route 53 API reference, `ResourceRecordSet`).
const LARGEST_WEIGHT: u64 = 255;

/// Between which weights the heaviest alias is when a scale is chosen: large enough for small errors, with room to grow.
const HEAVIEST: RangeInclusive<u64> = 96..=204;

/// How far an instance's share may be from what its weight asks for while the scale is kept, in millionths. The promise is
/// 2 %; a scale that keeps this has room for the next change.
const KEPT_PPM: u64 = 15_000;

/// How many steps there are from one scale to the next power of two.
const STEPS: u32 = 8;

/// The finest and coarsest scales: from 1/256 to 255 units of weight for each unit of an alias's, since a leaf's weights
/// sum up to between 1 and 25,500.
const LEAST_EXPONENT: i32 = -8;
const MOST_EXPONENT: i32 = 7;

/// A scale: so many units of weight for each unit of an alias's, `mantissa / 8 * 2^exponent`.
///
/// It is one of 128 steps, 7 to 12 % apart, so that two that see the same leaves choose the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scale {
    exponent: i32,
    mantissa: u32,
}

/// The sums of the weights at each leaf that has records.
pub(crate) type Sums = BTreeMap<Leaf, u64>;

impl Scale {
    fn all() -> impl Iterator<Item = Self> {
        let exponents = LEAST_EXPONENT..=MOST_EXPONENT;
        exponents.flat_map(|exponent| (STEPS..2 * STEPS).map(move |mantissa| Self { exponent, mantissa }))
    }

    /// Returns a sum, and what one unit of an alias's weight stands for, both in units so small that they are whole.
    fn in_fine_units(self, sum: u64) -> (u64, u64) {
        let (up, down) = (self.exponent.max(0).unsigned_abs(), self.exponent.min(0).unsigned_abs());
        ((sum * u64::from(STEPS)) << down, u64::from(self.mantissa) << up)
    }

    /// Returns a sum on this scale, rounded, however large that is.
    fn scaled(self, sum: u64) -> u64 {
        let (sum, unit) = self.in_fine_units(sum);
        (2 * sum + unit) / (2 * unit)
    }

    /// Returns the weight of the alias to a leaf whose weights have this sum: 0 only for 0.
    #[must_use]
    pub fn weight(self, sum: u64) -> u8 {
        let least = sum.min(1);
        u8::try_from(self.scaled(sum).clamp(least, LARGEST_WEIGHT)).unwrap_or(u8::MAX)
    }

    /// Returns how far the share of any leaf's records is from what their weights ask for, in millionths; nothing where a
    /// weight does not fit.
    fn deviation_ppm(self, sums: &Sums) -> Option<u64> {
        if !sums.values().all(|sum| self.has_weight_for(*sum)) {
            return None;
        }
        let weighted = |sum: u64| u128::from(self.scaled(sum));
        let total: u128 = sums.values().map(|sum| u128::from(*sum)).sum();
        let total_weight: u128 = sums.values().map(|sum| weighted(*sum)).sum();
        let deviation = |sum: u64| {
            let (has, wants) = (weighted(sum) * total, u128::from(sum) * total_weight);
            has.abs_diff(wants) * 1_000_000 / wants.max(1)
        };
        let worst = sums.values().map(|sum| deviation(*sum)).max().unwrap_or(0);
        Some(u64::try_from(worst).unwrap_or(u64::MAX))
    }

    fn has_weight_for(self, sum: u64) -> bool {
        (sum == 0) == (self.scaled(sum) == 0) && self.scaled(sum) <= LARGEST_WEIGHT
    }

    /// Returns how far rounding takes a weight from its leaf's sum, in millionths, whatever the others have.
    fn rounding_ppm(self, sum: u64) -> Option<u64> {
        let (fine, unit) = self.in_fine_units(sum);
        let off = (self.scaled(sum) * unit).abs_diff(fine);
        self.has_weight_for(sum).then(|| off * 1_000_000 / fine.max(1))
    }

    /// Says whether the weight of an alias is exact enough for its leaf, whatever the others have.
    pub(crate) fn is_exact_for(self, sum: u64) -> bool {
        self.rounding_ppm(sum).is_some_and(|off| off <= KEPT_PPM)
    }

    /// Returns how far shares are off in the worst of several states, and between them, where some leaves are as in the
    /// one and some as in the other.
    fn worst_ppm(self, states: &[Sums]) -> Option<u64> {
        let of_each = states.iter().map(|sums| self.deviation_ppm(sums));
        let changes = states.windows(2).any(|pair| pair[0] != pair[1]);
        let changing = states.iter().filter(|_| changes).flat_map(BTreeMap::values);
        let between = changing.map(|sum| self.rounding_ppm(*sum));
        of_each.chain(between).try_fold(0, |worst, of| Some(worst.max(of?)))
    }

    /// Returns the scale that the aliases which stand there are on, as most of them tell.
    pub(crate) fn observed(weights: &BTreeMap<Leaf, u8>, sums: &Sums) -> Option<Self> {
        let agrees = |scale: Self| {
            let pairs = weights.iter().filter_map(|(leaf, weight)| Some((*weight, *sums.get(leaf)?)));
            pairs.filter(|(weight, sum)| scale.scaled(*sum).max(1) == u64::from(*weight)).count()
        };
        let counted = Self::all().map(|scale| (agrees(scale), scale)).filter(|(count, _)| *count > 0);
        // Of two that fit as many, the finer one: it was chosen for its accuracy.
        counted.max_by_key(|(count, scale)| (*count, std::cmp::Reverse(*scale))).map(|(_, scale)| scale)
    }

    /// Says whether every leaf's records have their share on this scale, with room for the next change.
    pub(crate) fn fits(self, sums: &Sums) -> bool {
        self.deviation_ppm(sums).is_some_and(|off| off <= KEPT_PPM)
    }

    /// Chooses a scale for those of these states in which there are leaves; the present one where there are none.
    pub(crate) fn choose_for(states: &[Sums], now: Option<Self>) -> Option<Self> {
        let states: Vec<Sums> = states.iter().filter(|sums| !sums.is_empty()).cloned().collect();
        if states.is_empty() { now } else { Some(Self::choose(&states, now)) }
    }

    /// Chooses a scale for all of these states, which follow each other; the present one where it fits.
    pub(crate) fn choose(states: &[Sums], now: Option<Self>) -> Self {
        let kept = now.and_then(|now| Some((now.worst_ppm(states)?, now)));
        if let Some((_, now)) = kept.filter(|(worst, _)| *worst <= KEPT_PPM) {
            return now;
        }
        let heaviest = states.iter().flat_map(BTreeMap::values).max().copied().unwrap_or(0);
        let best_of = |weights: RangeInclusive<u64>| {
            let fitting = Self::all().filter(|scale| weights.contains(&scale.scaled(heaviest)));
            fitting.filter_map(|scale| Some((scale.worst_ppm(states)?, scale))).min()
        };
        let roomy = best_of(HEAVIEST).filter(|(worst, _)| *worst <= KEPT_PPM);
        let best =
            roomy.or_else(|| best_of(*HEAVIEST.start()..=LARGEST_WEIGHT).into_iter().chain(kept).min());
        let fallback = || Self::all().find(|scale| scale.scaled(heaviest) <= LARGEST_WEIGHT);
        best.map(|(_, scale)| scale).or_else(fallback).unwrap_or(Self { exponent: 0, mantissa: STEPS })
    }

    /// Says whether some scale gives every leaf its share within what is promised.
    pub(crate) fn exists_for(sums: &Sums) -> bool {
        Self::choose(std::slice::from_ref(sums), None).fits(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(of: &[u64]) -> Sums {
        of.iter().enumerate().map(|(number, sum)| (Leaf::new(number).unwrap(), *sum)).collect()
    }

    fn weights(scale: Scale, sums: &Sums) -> BTreeMap<Leaf, u8> {
        sums.iter().map(|(leaf, sum)| (*leaf, scale.weight(*sum))).collect()
    }

    #[test]
    fn usual_sums_are_exact_within_one_per_cent_and_tell_their_scale() {
        for of in [&[7_500, 7_100, 6_900][..], &[75, 70, 81], &[19_000, 12_000], &[1, 2], &[255, 3_000]] {
            let sums = sums(of);
            let scale = Scale::choose(std::slice::from_ref(&sums), None);
            let off = scale.deviation_ppm(&sums).unwrap();
            assert!(off < 10_000, "{of:?}: {off} millionths on {scale:?}");
            let seen = Scale::observed(&weights(scale, &sums), &sums).unwrap();
            assert_eq!(weights(seen, &sums), weights(scale, &sums), "{of:?}");
        }
    }

    #[test]
    fn a_new_scale_leaves_room_for_heavier_leaves() {
        for of in [&[230, 115][..], &[250, 250], &[7_500, 7_100]] {
            let scale = Scale::choose(&[sums(of)], None);
            assert!(u64::from(scale.weight(of[0])) <= *HEAVIEST.end(), "{of:?}: {scale:?}");
        }
    }

    #[test]
    fn no_scale_is_seen_where_no_alias_is_on_any() {
        let sums = sums(&[7_500, 0]);
        let seen = [0, 1].map(|number| (Leaf::new(number).unwrap(), [3, 0][number]));
        assert_eq!(Scale::observed(&seen.into(), &sums), None);
    }

    #[test]
    fn a_scale_is_kept_while_it_fits() {
        let before = sums(&[7_500, 7_500]);
        let scale = Scale::choose(std::slice::from_ref(&before), None);
        for of in [[7_400, 7_500], [9_000, 7_500], [5_000, 7_500]] {
            assert_eq!(Scale::choose(&[before.clone(), sums(&of)], Some(scale)), scale, "{of:?}");
        }
        assert_ne!(Scale::choose(&[sums(&[20_000, 20_000])], Some(scale)), scale, "no weight is above 255");
        assert_ne!(Scale::choose(&[sums(&[75, 71])], Some(scale)), scale, "it would be too coarse");
    }

    #[test]
    fn one_alias_that_somebody_changed_does_not_hide_the_scale() {
        let sums = sums(&[7_500, 7_100, 6_900, 6_000]);
        let scale = Scale::choose(std::slice::from_ref(&sums), None);
        let mut seen = weights(scale, &sums);
        seen.insert(Leaf::new(1).unwrap(), 3);
        assert_eq!(Scale::observed(&seen, &sums), Some(scale));
    }

    #[test]
    fn the_largest_weight_tells_a_scale_as_any_other_does() {
        let sums = sums(&[700, 700]);
        let largest = sums.keys().map(|leaf| (*leaf, 255)).collect();
        let seen = Scale::observed(&largest, &sums).unwrap();
        assert_eq!((seen.scaled(700), Scale::choose(&[sums], Some(seen))), (255, seen));
    }

    #[test]
    fn a_leaf_of_a_hundredth_of_another_has_no_exact_weight() {
        assert!(!Scale::exists_for(&sums(&[10_000, 150])));
        assert!(Scale::exists_for(&sums(&[10_000, 2_500])));
        assert!(Scale::exists_for(&sums(&[200, 1])), "small sums are exact");
    }

    #[test]
    fn weight_zero_stays_zero_and_nothing_else_becomes_it() {
        let scale = Scale::choose(&[sums(&[20_000, 0])], None);
        assert_eq!((scale.weight(0), scale.weight(1)), (0, 1));
    }

    /// Two releases that follow the same tree agree on its aliases.
    #[test]
    fn every_release_chooses_the_same_scale() {
        let chosen = |states: &[&[u64]], now: Option<(i32, u32)>| {
            let states: Vec<Sums> = states.iter().map(|of| sums(of)).collect();
            let now = now.map(|(exponent, mantissa)| Scale { exponent, mantissa });
            let Scale { exponent, mantissa } = Scale::choose(&states, now);
            (exponent, mantissa)
        };
        let cases = [
            (chosen(&[&[75]], None), (-2, 12)),
            (chosen(&[&[7_500, 7_500]], None), (5, 10)),
            (chosen(&[&[7_500, 7_100, 6_900]], None), (5, 10)),
            (chosen(&[&[19_000, 12_000]], None), (6, 12)),
            (chosen(&[&[25_500, 25_400]], None), (7, 8)),
            (chosen(&[&[1, 2]], None), (-7, 11)),
            (chosen(&[&[1]], None), (-8, 11)),
            (chosen(&[&[255, 3_000]], None), (3, 15)),
            (chosen(&[&[10_000, 150]], None), (5, 12)),
            (chosen(&[&[10_000, 150, 0]], None), (5, 12)),
            (chosen(&[&[7_500, 7_500], &[7_500, 1_300]], None), (5, 13)),
            (chosen(&[&[7_500, 7_500], &[7_500, 1_300], &[40, 1_300]], None), (5, 10)),
            (chosen(&[&[7_500, 7_500]], Some((6, 8))), (6, 8)),
            (chosen(&[&[7_500, 75]], Some((6, 8))), (5, 9)),
            (chosen(&[&[10_000, 150]], Some((6, 8))), (5, 12)),
        ];
        for (case, (found, agreed)) in cases.into_iter().enumerate() {
            assert_eq!(found, agreed, "case {case}");
        }
    }

    #[test]
    fn how_far_a_scale_is_off_is_told_in_millionths() {
        let of_shares =
            |of: &[u64], (exponent, mantissa)| Scale { exponent, mantissa }.deviation_ppm(&sums(of));
        let cases = [
            (of_shares(&[7_500, 7_100, 6_900], (6, 8)), Some(1_785)),
            (of_shares(&[100, 33], (0, 9)), Some(9_501)),
            (of_shares(&[3_000, 20], (4, 11)), Some(102_189)),
            (of_shares(&[3_000, 20], (6, 8)), None),
            (of_shares(&[30_000, 20], (4, 11)), None),
            (of_shares(&[], (0, 8)), Some(0)),
        ];
        let of_one = |sum, (exponent, mantissa)| Scale { exponent, mantissa }.rounding_ppm(sum);
        let one = [
            (of_one(7_500, (6, 8)), Some(1_600)),
            (of_one(33, (0, 9)), Some(11_363)),
            (of_one(33, (-3, 9)), Some(1_420)),
            (of_one(20, (4, 11)), Some(100_000)),
            (of_one(20, (6, 8)), None),
            (of_one(0, (0, 8)), Some(0)),
        ];
        for (case, (found, off)) in cases.into_iter().chain(one).enumerate() {
            assert_eq!(found, off, "case {case}");
        }
    }
}

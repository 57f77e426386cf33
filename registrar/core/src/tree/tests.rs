//! Placement and weights as arithmetic: who moves, how full leaves get, and how right every share is.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::ids::InstanceId;
use crate::leaf::Leaf;

type Instances = BTreeMap<InstanceId, Placed>;

fn id(number: usize) -> InstanceId {
    format!("i-{number:017x}").parse().unwrap()
}

fn new(numbers: std::ops::Range<usize>, weight: impl Fn(usize) -> u8) -> Instances {
    let placed = |number| Placed { leaf: None, is_published: false, weight: weight(number) };
    numbers.map(|number| (id(number), placed(number))).collect()
}

fn request(instances: &Instances, is_tree: bool) -> Request<'_> {
    Request {
        instances,
        is_tree,
        may_be_tree: true,
        room_at_name: 100,
        most_leaves: 100,
        taken: BTreeSet::new(),
        limits: TreeLimits::default(),
    }
}

/// Places, and returns what would then stand where.
fn placed(instances: &Instances, is_tree: bool) -> Instances {
    let leaf_of = place(&request(instances, is_tree)).unwrap_or_default();
    let stand = |(id, placed): (&InstanceId, &Placed)| {
        (id.clone(), Placed { leaf: leaf_of.get(id).copied(), is_published: true, ..*placed })
    };
    instances.iter().map(stand).collect()
}

fn counts(instances: &Instances) -> BTreeMap<Leaf, usize> {
    let mut counts = BTreeMap::new();
    for leaf in instances.values().filter_map(|placed| placed.leaf) {
        *counts.entry(leaf).or_insert(0) += 1;
    }
    counts
}

fn sums(instances: &Instances) -> Sums {
    sums_of(instances.values().filter_map(|placed| Some((placed.leaf?, placed.weight))))
}

/// The largest deviation of any share from what its weight asks for, where the aliases are on a scale of their own.
fn worst_share(instances: &Instances) -> f64 {
    let sums = sums(instances);
    let scale = Scale::choose(std::slice::from_ref(&sums), None);
    let (total, aliases): (u64, u64) =
        (sums.values().sum(), sums.values().map(|sum| u64::from(scale.weight(*sum))).sum());
    let share = |sum: u64| (f64::from(scale.weight(sum)) / aliases as f64) / (sum as f64 / total as f64);
    sums.values().filter(|sum| **sum > 0).map(|sum| (share(*sum) - 1.0).abs()).fold(0.0, f64::max)
}

fn moved(before: &Instances, after: &Instances) -> usize {
    before.iter().filter(|(id, placed)| after.get(*id).is_some_and(|now| now.leaf != placed.leaf)).count()
}

#[test]
fn a_pool_is_one_set_while_it_fits() {
    assert_eq!(place(&request(&new(0..100, |_| 100), false)), None);
    assert_eq!(counts(&placed(&new(0..101, |_| 100), false)).len(), 2);
    assert_eq!(place(&request(&new(0..80, |_| 100), true)), None, "and again when it is small enough");
    assert!(place(&request(&new(0..81, |_| 100), true)).is_some(), "with room between both");
}

#[test]
fn every_size_fits_its_leaves_and_every_share_is_right() {
    let shapes: [fn(usize) -> u8; 5] = [
        |_| 100,
        |n| (n % 255 + 1) as u8,
        |n| if n % 50 == 0 { 255 } else { 1 },
        |n| [0, 3, 200][n % 3],
        |_| 0,
    ];
    for size in [101, 150, 333, 1_000, 2_777, 7_500] {
        for (which, weight) in shapes.iter().enumerate() {
            let instances = placed(&new(0..size, weight), false);
            let counts = counts(&instances);
            assert_eq!(counts.values().sum::<usize>(), size);
            assert_eq!(counts.len(), size.div_ceil(75));
            assert!(counts.values().all(|count| *count <= 100), "{size}, {which}: {counts:?}");
            let worst = worst_share(&instances);
            assert!(worst <= 0.02, "{size} with weights {which}: a share is off by {worst}");
        }
    }
}

#[test]
fn whoever_comes_or_goes_moves_nobody() {
    let before = placed(&new(0..1_000, |n| (n % 200 + 1) as u8), false);
    let mut after = before.clone();
    after.remove(&id(17));
    after.extend(new(5_000..5_001, |_| 77));
    assert_eq!(moved(&before, &placed(&after, true)), 0);
}

#[test]
fn another_leaf_takes_no_more_than_it_needs_from_the_others() {
    let mut before = placed(&new(0..900, |_| 100), false);
    assert_eq!(counts(&before).len(), 12);
    before.extend(new(900..1_080, |_| 100));
    let before = placed(&before, true);
    assert_eq!(counts(&before).len(), 12, "up to ninety in each on average");
    let mut now = before;
    let mut moves = 0;
    for number in 1_080..1_300 {
        let mut more = now.clone();
        more.extend(new(number..number + 1, |_| 100));
        let after = placed(&more, true);
        let gone = moved(&now, &after);
        assert!(gone <= 60, "{gone} moved for one: {:?}", counts(&after));
        assert!(worst_share(&after) <= 0.02, "{:?}", counts(&after));
        moves += gone;
        now = after;
    }
    assert!(counts(&now).len() > 12, "{:?}", counts(&now));
    assert!(moves < 400, "{moves} moved for 220 that came");
}

#[test]
fn a_fleet_that_shrinks_gives_its_leaves_up() {
    let before = placed(&new(0..1_000, |_| 100), false);
    let left: Instances = before
        .iter()
        .filter(|(id, _)| id.as_str().ends_with('0'))
        .map(|(id, it)| (id.clone(), *it))
        .chain(before.iter().filter(|(id, _)| id.as_str().ends_with('1')).map(|(id, it)| (id.clone(), *it)))
        .collect();
    let after = placed(&left, true);
    assert_eq!(counts(&after).len(), left.len().div_ceil(75));
    assert!(worst_share(&after) <= 0.02);
}

#[test]
fn a_leaf_that_lost_nearly_everything_is_filled_again() {
    let before = placed(&new(0..600, |_| 100), false);
    let first = *counts(&before).keys().next().unwrap();
    let mut kept = 0;
    let left: Instances = before
        .iter()
        .filter(|(_, placed)| {
            placed.leaf != Some(first) || {
                kept += 1;
                kept <= 2
            }
        })
        .map(|(id, placed)| (id.clone(), *placed))
        .collect();
    let after = placed(&left, true);
    assert!(worst_share(&after) <= 0.02, "{:?}", counts(&after));
}

#[test]
fn leaves_of_others_are_left_alone() {
    let instances = new(0..300, |_| 100);
    let taken = BTreeSet::from([Leaf::new(0).unwrap(), Leaf::new(2).unwrap()]);
    let leaf_of = place(&Request { taken: taken.clone(), ..request(&instances, false) }).unwrap();
    assert_eq!(leaf_of.len(), 300);
    assert!(leaf_of.values().all(|leaf| !taken.contains(leaf)));
}

#[test]
fn two_that_see_nearly_the_same_fleet_place_nearly_all_alike() {
    let one = placed(&new(0..1_000, |_| 100), false);
    let other = placed(&new(0..1_003, |_| 100), false);
    let differing = moved(&one, &other);
    assert!(differing < 60, "{differing} of a thousand stand elsewhere");
}

fn uneven(number: usize) -> u8 {
    (number * 37 % 250 + 1) as u8
}

fn standing(
    numbers: std::ops::Range<usize>,
    weight: impl Fn(usize) -> u8,
    leaf: impl Fn(usize) -> usize,
) -> Instances {
    let placed =
        |number| Placed { leaf: Leaf::new(leaf(number)), is_published: true, weight: weight(number) };
    numbers.map(|number| (id(number), placed(number))).collect()
}

/// Places in sets of ten, and returns the leaf of each instance as a letter.
fn small(instances: &Instances, is_tree: bool, taken: &[usize]) -> String {
    let request = Request {
        room_at_name: 10,
        most_leaves: 10,
        limits: TreeLimits { in_set: 10 },
        taken: taken.iter().filter_map(|number| Leaf::new(*number)).collect(),
        ..request(instances, is_tree)
    };
    let leaf_of = place(&request).unwrap_or_default();
    let letter = |id| leaf_of.get(id).map_or('-', |leaf: &Leaf| char::from(b'a' + leaf.number() as u8));
    instances.keys().map(letter).collect()
}

fn with(standing: Instances, others: Instances) -> Instances {
    standing.into_iter().chain(others).collect()
}

/// The published first numbers of SplitMix64 from the seed 0, and FNV-1a by another implementation.
#[test]
fn who_belongs_where_is_drawn_by_the_published_functions() {
    let leaf = |number| Leaf::new(number).unwrap();
    let first = [0, 1, 2].map(|number| placement::score(0, leaf(number)));
    assert_eq!(first, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
    let key = placement::key(&"i-0123456789abcdef0".parse().unwrap());
    assert_eq!(key, 0x852a_5730_939d_c415);
    assert_eq!(placement::score(key, leaf(0)), 0xdfa2_541e_2621_9044);
}

/// Executors of two releases see the same fleet while one follows the other: where each instance stands is an agreement.
#[test]
fn every_release_chooses_the_same_leaves_for_who_comes() {
    let one_set = |number: usize| Placed { leaf: None, is_published: true, weight: uneven(number) };
    let one_set: Instances = (0..10).map(|number| (id(number), one_set(number))).collect();
    let third = |number: usize| number % 3;
    let heavy = |number: usize| if number == 0 { 255 } else { 1 };
    let cases = [
        ("equal weights", small(&new(0..30, |_| 100), false, &[]), "abcbdccccaabcbdbbddebacdeeedda"),
        (
            "uneven ones",
            small(&new(0..60, uneven), false, &[]),
            "aiibfccccgahcfdbidfhbacdchiiddhaedfhghcbeabdhbdeihabfeaafeaf",
        ),
        ("none above 0", small(&new(0..30, |_| 0), false, &[]), "abcbdccccaabcbdbbddebacdcbeddd"),
        ("one of all", small(&new(0..30, heavy), false, &[]), "abcbdccccdbbcbdbbddebccdeeedde"),
        (
            "leaves of others",
            small(&new(0..40, uneven), false, &[0, 2]),
            "ggfbfegdggfhhfdbfdfhbhfdhhebddhdedfeggeb",
        ),
        (
            "from one set",
            small(&with(one_set, new(10..40, uneven)), false, &[]),
            "abbbbababaafcfdbfdfebacdcecfdddacdfceece",
        ),
        (
            "beside others",
            small(&with(standing(0..24, uneven, third), new(24..30, uneven)), true, &[]),
            "abcabcabcabcabcabcabcabceeeddd",
        ),
        (
            "beside others, at a leaf of others",
            small(&with(standing(0..24, uneven, third), new(24..50, uneven)), true, &[1]),
            "abcabcabcabcabcabcabcabchhehddhdedfhgheegfhdegdffg",
        ),
        (
            "more than there is room for",
            small(&new(0..101, uneven), false, &[]),
            "aiibfccccgahcfdbidfhjacdchiidjhacdfhghcceabdhbddjhabfehjfjaehbdggaggjegbfgajaggeidfjbjbfibfeijiieeee-",
        ),
    ];
    for (case, found, agreed) in cases {
        assert_eq!(found, agreed, "{case}");
    }
}

#[test]
fn every_release_chooses_the_same_leaves_for_who_stays() {
    let third = |number: usize| number % 3;
    let light = |number: usize| if number < 10 { 250 } else { 1 };
    let of_two = |number: usize| [250, 240, 1][number / 9];
    let faint = |number: usize| if number < 13 { 250 } else { u8::from(number == 13) };
    let cases = [
        (
            "a light leaf beside two heavy ones",
            small(&standing(0..19, of_two, |number| number / 9), true, &[]),
            "aaaaacaacbbbcbbbbbc",
        ),
        ("fewer leaves", small(&standing(0..12, uneven, third), true, &[]), "abbabaabbabb"),
        (
            "of five leaves",
            small(&standing(0..16, uneven, |number| number % 5), true, &[]),
            "abcbbabccaabcaca",
        ),
        (
            "a light leaf",
            small(&standing(0..18, light, |number| number / 9), true, &[]),
            "aaaaaaaaabbbbbbbbb",
        ),
        ("a leaf too light", small(&standing(0..12, light, |number| number / 10), true, &[]), "aaabbaaababb"),
        (
            "a light leaf of others",
            small(&standing(0..12, light, |number| number / 10), true, &[1]),
            "aaaaaaaaaabb",
        ),
        (
            "a light leaf and an empty one",
            small(&standing(0..19, faint, |number| number / 13), true, &[]),
            "aaabbaaababaabbbbbb",
        ),
        (
            "a light leaf and a heavy one with some of weight 0",
            small(
                &standing(0..9, |number| [250, 250, 0, 0, 0, 0, 0, 0, 1][number], |number| number / 8),
                true,
                &[],
            ),
            "abaaaaaab",
        ),
        (
            "a light leaf that would be the heavy one",
            small(
                &standing(0..9, |number| [1, 255, 0, 0, 0, 0, 0, 0, 1][number], |number| number / 8),
                true,
                &[],
            ),
            "baaaaaaab",
        ),
        (
            "a light leaf and one of weight 0",
            small(
                &with(standing(0..12, light, |number| number / 10), standing(12..20, |_| 0, |_| 2)),
                true,
                &[],
            ),
            "aaabaaaababbcccccccc",
        ),
    ];
    for (case, found, agreed) in cases {
        assert_eq!(found, agreed, "{case}");
    }
}

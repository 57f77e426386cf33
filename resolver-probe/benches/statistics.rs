//! What the statistics of one look take: from the usual case, which must be cheap, to the worst.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has to stop")]

use divan::{Bencher, black_box};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use resolver_probe::statistics::{
    Alpha, AnytimeTest, Goal, Settings, goodness_of_fit, homogeneity, independence, plan_samples,
};

fn main() {
    divan::main();
}

/// Weights from 1 to 255 in no order.
fn weights(addresses: usize) -> Vec<u64> {
    (0..addresses as u64).map(|address| 1 + address * 97 % 255).collect()
}

/// Answers by weight, in the order in which they came.
fn answers(weights: &[u64], answers: usize, seed: u64) -> Vec<usize> {
    let ends: Vec<u64> = weights
        .iter()
        .scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect();
    let mut random = StdRng::seed_from_u64(seed);
    let all = *ends.last().expect("there are weights");
    (0..answers)
        .map(|_| {
            let drawn = random.random_range(0..all);
            ends.partition_point(|end| *end <= drawn)
        })
        .collect()
}

fn counts(addresses: usize, of: &[usize]) -> Vec<u64> {
    let mut counts = vec![0; addresses];
    of.iter().for_each(|answer| counts[*answer] += 1);
    counts
}

/// A correct server and many answers: Pearson's χ² is enough.
#[divan::bench(args = [100, 7_500])]
fn fit_of_many_answers(bencher: Bencher, addresses: usize) {
    let weights = weights(addresses);
    let counts: Vec<u64> = weights.iter().map(|weight| weight * 100).collect();
    bencher.bench(|| goodness_of_fit(black_box(&weights), &counts, &Settings::new(1)));
}

/// A correct server and few answers for each address: exact, and ended early.
#[divan::bench(args = [100, 7_500], sample_count = 10)]
fn fit_of_few_answers(bencher: Bencher, addresses: usize) {
    let weights = weights(addresses);
    let counts = counts(addresses, &answers(&weights, 10 * addresses, 1));
    bencher.bench(|| goodness_of_fit(black_box(&weights), &counts, &Settings::new(1)));
}

/// A wrong server: exact with all draws.
#[divan::bench(args = [10, 100], sample_count = 10)]
fn fit_of_a_wrong_server(bencher: Bencher, addresses: usize) {
    let weights = weights(addresses);
    let counts = counts(addresses, &answers(&vec![1; addresses], 50 * addresses, 1));
    bencher.bench(|| goodness_of_fit(black_box(&weights), &counts, &Settings::new(1)));
}

/// Four servers, one of which differs.
#[divan::bench(sample_count = 5)]
fn homogeneity_with_a_deviant() -> usize {
    let weights = weights(100);
    let mut table: Vec<Vec<u64>> = (0..3).map(|seed| counts(100, &answers(&weights, 5_600, seed))).collect();
    table.push(counts(100, &answers(&[1; 100], 5_600, 4)));
    homogeneity(&table, &Settings::new(1)).expect("all servers answered").deviants.len()
}

/// The order of many answers.
#[divan::bench(args = [5_600, 30_000])]
fn independence_of_answers(bencher: Bencher, length: usize) {
    let sequence = answers(&weights(100), length, 1);
    bencher.bench(|| independence(black_box(&sequence), Alpha::default()));
}

/// One look of a running test.
#[divan::bench(args = [100, 7_500])]
fn one_look_of_the_running_test(bencher: Bencher, addresses: usize) {
    let weights = weights(addresses);
    let mut test = AnytimeTest::new(&weights, Alpha::default()).expect("there are weights");
    bencher.bench_local(|| test.observe(black_box(&weights)));
}

/// How many answers are needed.
#[divan::bench]
fn plan(bencher: Bencher) {
    let weights = weights(100);
    bencher.bench(|| plan_samples(black_box(&weights), &Goal::default()));
}

//! How often the tests are wrong: false alarms against correct servers, and wrong servers that are not found.
//!
//! The large runs are ignored, since they take minutes. By hand:
//! `cargo test --release -p resolver-probe --lib simulations -- --ignored --nocapture`

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::urn::Urn;
use super::{
    Alpha, AnytimeTest, Decision, Goal, Method, Settings, Thresholds, goodness_of_fit, homogeneity,
    independence, plan_samples,
};

/// Weights from 1 to 255 in no order.
fn unequal(addresses: usize) -> Vec<u64> {
    (0..addresses as u64).map(|address| 1 + address * 97 % 255).collect()
}

fn urn(weights: &[u64]) -> Urn {
    let sum: u64 = weights.iter().sum();
    Urn::Multinomial(weights.iter().map(|weight| *weight as f64 / sum as f64).collect())
}

fn draw(urn: &Urn, answers: u64, random: &mut StdRng) -> Vec<u64> {
    let mut counts = vec![0; urn.cells()];
    urn.draw(answers, random, &mut counts);
    counts
}

/// Settings by which every deviation matters, so that the level of the p-value itself is measured.
fn strict(alpha: f64, seed: u64, draws: u32) -> Settings {
    let thresholds = Thresholds { total_variation: -1.0, relative_error: 0.0 };
    Settings { alpha: Alpha::new(alpha).unwrap(), thresholds, seed, draws }
}

/// Counts false alarms of goodness of fit.
fn alarms_of_fit(weights: &[u64], answers: u64, runs: u64, settings: impl Fn(u64) -> Settings) -> u64 {
    let (urn, mut random) = (urn(weights), StdRng::seed_from_u64(answers ^ 0x5eed));
    let alarm = |run| {
        let fit = goodness_of_fit(weights, &draw(&urn, answers, &mut random), &settings(run)).unwrap();
        u64::from(fit.decision == Decision::Deviates)
    };
    (0..runs).map(alarm).sum()
}

/// Returns how many alarms chance explains, but for one time in a million.
fn most(runs: u64, alpha: f64) -> u64 {
    let law = super::law::Law::Binomial { draws: runs, share: alpha };
    (0..runs).find(|alarms| law.at_least(alarms + 1) < 1e-6).unwrap_or(runs)
}

/// Answers of a server that has one weight wrong.
fn wrong(weights: &[u64], address: usize, halve: bool) -> Urn {
    let mut wrong: Vec<u64> = weights.iter().map(|weight| weight * 2).collect();
    wrong[address] = if halve { weights[address] } else { weights[address] * 4 };
    urn(&wrong)
}

/// Counts how often a wrong weight is found and named, with as many answers as the plan asks for to find it.
fn found(weights: &[u64], address: usize, halve: bool, runs: u64, goal: &Goal) -> u64 {
    let plan = plan_samples(weights, goal).unwrap();
    let (urn, mut random) = (wrong(weights, address, halve), StdRng::seed_from_u64(77));
    let found = |run| {
        let settings = Settings { alpha: goal.alpha, draws: 60, ..Settings::new(run) };
        let fit = goodness_of_fit(weights, &draw(&urn, plan.proportions, &mut random), &settings).unwrap();
        u64::from(fit.decision == Decision::Deviates && fit.effect.worst.index == address)
    };
    (0..runs).map(found).sum()
}

/// A pool of 100 with one address of 5 % and one of 1 %.
fn pool_of_100() -> Vec<u64> {
    let mut weights = unequal(100);
    (weights[10], weights[20]) = (0, 0);
    let others: u64 = weights.iter().sum();
    (weights[10], weights[20]) = (others * 5 / 94, others / 94 + 1);
    weights
}

#[test]
fn a_correct_server_raises_no_more_alarms_than_stated() {
    for (addresses, answers) in [(2, 30), (10, 40), (10, 5_000)] {
        let alarms = alarms_of_fit(&unequal(addresses), answers, 150, |run| strict(0.05, run, 500));
        assert!(alarms <= most(150, 0.05), "{addresses} addresses, {answers} answers: {alarms}");
    }
}

#[test]
fn a_check_of_a_correct_pool_of_100_is_ok() {
    let settings = |run| Settings { draws: 400, ..Settings::new(run) };
    assert_eq!(alarms_of_fit(&unequal(100), 5_600, 25, settings), 0);
    assert_eq!(alarms_of_fit(&unequal(100), 700, 5, settings), 0);
}

#[test]
fn a_share_of_five_percent_off_by_half_is_found_every_time() {
    let goal = Goal { smallest_share: 0.05, ..Goal::default() };
    assert_eq!(found(&pool_of_100(), 10, true, 10, &goal), 10);
    assert_eq!(found(&[10, 20, 30, 40], 0, true, 10, &Goal::default()), 10);
}

#[test]
#[ignore = "minutes; see the head of the file"]
fn large_false_alarms_of_fit() {
    for (addresses, answers, alpha, runs) in [
        (2, 30, 0.01, 10_000),
        (4, 25, 0.01, 10_000),
        (10, 60, 0.001, 10_000),
        (10, 5_000, 0.001, 10_000),
        (100, 1_000, 0.01, 2_000),
        (100, 30_000, 0.01, 10_000),
    ] {
        let alarms = alarms_of_fit(&unequal(addresses), answers, runs, |run| strict(alpha, run, 2_000));
        println!("fit: {addresses} addresses, {answers} answers, α {alpha}: {alarms} of {runs}");
        assert!(alarms <= most(runs, alpha));
    }
}

#[test]
#[ignore = "minutes; see the head of the file"]
fn large_checks_of_a_correct_pool_of_100() {
    for (answers, runs) in [(150_000, 10_000), (700, 500), (30_000, 500), (5_600, 5_000)] {
        let alarms = alarms_of_fit(&unequal(100), answers, runs, Settings::new);
        println!("check: 100 addresses, {answers} answers, α 1e-6: {alarms} of {runs}");
        assert_eq!(alarms, 0);
    }
}

#[test]
#[ignore = "minutes; see the head of the file"]
fn large_power_of_fit() {
    let pool = pool_of_100();
    for (weights, address, share, halve) in [
        (pool.clone(), 10, 0.05, true),
        (pool.clone(), 10, 0.05, false),
        (pool, 20, 0.01, true),
        (vec![10, 20, 30, 40], 0, 0.1, true),
    ] {
        let goal = Goal { smallest_share: share, ..Goal::default() };
        let plan = plan_samples(&weights, &goal).unwrap();
        let found = found(&weights, address, halve, 10_000, &goal);
        println!(
            "power: {:.4} halved {halve}, {} answers: {found} of 10000",
            plan.smallest_proportion, plan.proportions
        );
        assert!(found >= 9_995);
    }
}

/// The reason why an approximation only acquits: at 5 expected answers, Pearson's χ² is far too sure.
#[test]
fn pearsons_approximation_would_convict_falsely_and_the_exact_p_value_does_not() {
    let fit = goodness_of_fit(&[1, 199], &[17, 983], &Settings::new(1)).unwrap();
    let approximate = super::compare::chi_squared_tail(fit.statistic, fit.degrees);
    assert!(fit.smallest_expected >= 5.0 && approximate < 1e-6, "{approximate}");
    assert!(fit.p_value > 1e-5 && matches!(fit.method, Method::Exact { .. }), "{fit:?}");
    assert_eq!(fit.decision, Decision::Agrees);
}

fn alarms_of_homogeneity(
    weights: &[u64],
    answers: &[u64],
    runs: u64,
    settings: impl Fn(u64) -> Settings,
) -> u64 {
    let (urn, mut random) = (urn(weights), StdRng::seed_from_u64(41));
    let alarm = |run| {
        let table: Vec<Vec<u64>> = answers.iter().map(|answers| draw(&urn, *answers, &mut random)).collect();
        u64::from(!homogeneity(&table, &settings(run)).unwrap().deviants.is_empty())
    };
    (0..runs).map(alarm).sum()
}

#[test]
fn servers_that_answer_alike_raise_no_more_alarms_than_stated() {
    let alarms = alarms_of_homogeneity(&unequal(6), &[40, 60, 25], 60, |run| strict(0.05, run, 600));
    assert!(alarms <= most(60, 0.05), "{alarms}");
}

#[test]
#[ignore = "minutes; see the head of the file"]
fn large_false_alarms_of_homogeneity() {
    for (addresses, answers, alpha, runs) in
        [(6, 40, 0.01, 4_000), (20, 1_000, 0.01, 4_000), (100, 1_400, 0.01, 400)]
    {
        let servers = [answers, answers, answers * 2, answers / 2];
        let alarms =
            alarms_of_homogeneity(&unequal(addresses), &servers, runs, |run| strict(alpha, run, 1_500));
        println!("homogeneity: {addresses} addresses, {answers} answers, α {alpha}: {alarms} of {runs}");
        assert!(alarms <= most(runs, alpha));
    }
    let alarms = alarms_of_homogeneity(&unequal(100), &[5_600; 4], 300, Settings::new);
    println!("homogeneity: 4 servers, 100 addresses, 5600 answers, α 1e-6: {alarms} of 300");
    assert_eq!(alarms, 0);
}

#[test]
#[ignore = "minutes; see the head of the file"]
fn large_false_alarms_of_independence() {
    for (addresses, answers, alpha, runs) in
        [(4, 200, 0.01, 10_000), (100, 1_000, 0.01, 10_000), (100, 5_600, 1e-6, 3_000)]
    {
        let (urn, mut random) = (urn(&unequal(addresses)), StdRng::seed_from_u64(6));
        let level = Alpha::new(alpha).unwrap();
        let alarm = |_| {
            let mut order: Vec<usize> = Vec::new();
            for (address, count) in draw(&urn, answers, &mut random).into_iter().enumerate() {
                order.extend(std::iter::repeat_n(address, count as usize));
            }
            for place in (1..order.len()).rev() {
                order.swap(place, random.random_range(0..=place));
            }
            u64::from(independence(&order, level).unwrap().pattern.is_some())
        };
        let alarms: u64 = (0..runs).map(alarm).sum();
        println!("independence: {addresses} addresses, {answers} answers, α {alpha}: {alarms} of {runs}");
        assert!(alarms <= most(runs, alpha));
    }
}

/// Returns after how many answers a running test raises the alarm, at one look every so many answers.
fn answers_to_alarm(
    weights: &[u64],
    served: &Urn,
    (step, looks): (u64, u64),
    alpha: f64,
    seed: u64,
) -> Option<u64> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut test = AnytimeTest::new(weights, Alpha::new(alpha).unwrap()).unwrap();
    (1..=looks).find(|_| test.observe(&draw(served, step, &mut random)).unwrap()).map(|look| look * step)
}

#[test]
fn a_running_test_of_a_correct_server_keeps_quiet_however_often_it_is_looked_at() {
    let weights = [10, 20, 30, 40];
    let quiet = |seed| answers_to_alarm(&weights, &urn(&weights), (1, 400), 0.05, seed).is_none();
    assert!((0..40).filter(|seed| !quiet(*seed)).count() as u64 <= most(40, 0.05));
}

#[test]
#[ignore = "minutes; see the head of the file"]
fn large_false_alarms_of_the_running_test() {
    for (weights, step, looks, alpha, runs) in [
        (vec![10, 20, 30, 40], 1, 20_000, 0.001, 1_000),
        (unequal(100), 50, 1_000, 0.01, 1_000),
        // 1,000 hours, a look each minute, 10 answers a second.
        (unequal(100), 600, 60_000, 1e-6, 1),
    ] {
        let alarm =
            |seed: &u64| answers_to_alarm(&weights, &urn(&weights), (step, looks), alpha, *seed).is_some();
        let alarms = (0..runs).filter(alarm).count() as u64;
        println!("running: {} addresses, {looks} looks, α {alpha}: {alarms} of {runs}", weights.len());
        assert!(alarms <= most(runs, alpha));
    }
}

#[test]
#[ignore = "minutes; see the head of the file"]
fn large_answers_until_the_running_test_alarms() {
    let (ten, equal) = (vec![10, 20, 30, 40], vec![1; 4]);
    let pool = pool_of_100();
    for (what, weights, served, step, alpha) in [
        ("uniform for 10/20/30/40", &ten, urn(&[1, 1, 1, 1]), 1, 0.001),
        ("10 % missing", &ten, urn(&[0, 20, 30, 40]), 1, 0.001),
        ("25 % low by a fifth", &equal, urn(&[20, 25, 25, 25]), 5, 0.001),
        ("5 % of 100 halved", &pool, wrong(&pool, 10, true), 100, 1e-6),
        ("1 % of 100 halved", &pool, wrong(&pool, 20, true), 100, 1e-6),
    ] {
        let run = |seed| answers_to_alarm(weights, &served, (step, 2_000), alpha, seed).unwrap_or(u64::MAX);
        let mut answers: Vec<u64> = (0..60).map(run).collect();
        answers.sort_unstable();
        println!("running: {what}, α {alpha}: median {}, longest {}", answers[30], answers[59]);
        assert!(answers[59] < u64::MAX);
    }
}

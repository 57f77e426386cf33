//! Whether all servers answer alike, and which of them does not; weights are not needed.
//!
//! Each server is compared with all others together. One that differs makes the others look different too,
//! since it is among those that they are compared with; therefore the most different one is taken
//! out, and the others are compared again among themselves.

use serde::Serialize;

use super::cells::sum;
use super::compare::{chi_squared_tail, compare, holm, seed_of};
use super::urn::Urn;
use super::{Decision, Effect, Method, Settings, StatisticsError};

/// All servers beside each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[must_use]
pub struct Homogeneity {
    /// Pearson's χ² of the table of servers by addresses.
    pub statistic: f64,
    /// Its degrees of freedom.
    pub degrees: usize,
    /// Its p-value, where at least 5 answers are expected in each of its cells. For the record: what is decided
    /// is decided server by server.
    pub approximate: Option<f64>,
    /// The servers that answered, each beside the others.
    pub servers: Vec<ServerDeviation>,
    /// Servers that deviate from those that remain, the worst first. Of two servers that differ, either
    /// may be the wrong one, and both are named.
    pub deviants: Vec<usize>,
}

/// One server beside all others together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerDeviation {
    /// Where it stands in the table.
    pub server: usize,
    /// Answers that it gave.
    pub answers: u64,
    /// Pearson's χ² against the others.
    pub statistic: f64,
    /// How the p-value of that was found.
    pub method: Method,
    /// The p-value of the comparison.
    pub p_value: f64,
    /// The same, corrected for the number of servers as Holm does.
    pub corrected: f64,
    /// How large the difference is; the expected shares are those of all servers together.
    pub effect: Effect,
    /// What follows for this server, beside all others.
    pub decision: Decision,
}

/// Compares the servers: `table` holds, for each of them, how often it answered each address.
///
/// # Errors
///
/// Fewer than two servers answered, or they do not have the same number of addresses.
pub fn homogeneity(table: &[Vec<u64>], settings: &Settings) -> Result<Homogeneity, StatisticsError> {
    let addresses = table.first().map_or(0, Vec::len);
    let mut remaining = Vec::new();
    for (server, row) in table.iter().enumerate() {
        if row.len() != addresses {
            return Err(StatisticsError::Lengths { counts: row.len(), weights: addresses });
        }
        if sum(row, "counts")? > 0 {
            remaining.push(server);
        }
    }
    if remaining.len() < 2 {
        return Err(StatisticsError::TooFewServers { servers: remaining.len() });
    }
    let (statistic, degrees, approximate) = contingency(table, &remaining)?;
    let servers = round(table, &remaining, settings)?;
    let deviants = deviants(table, remaining, &servers, settings)?;
    Ok(Homogeneity { statistic, degrees, approximate, servers, deviants })
}

/// Takes out the most different server as long as there is one.
fn deviants(
    table: &[Vec<u64>],
    mut remaining: Vec<usize>,
    first: &[ServerDeviation],
    settings: &Settings,
) -> Result<Vec<usize>, StatisticsError> {
    let mut deviants = Vec::new();
    let mut servers = first.to_vec();
    loop {
        let deviating = servers.iter().filter(|server| server.decision == Decision::Deviates);
        let order = |left: &&ServerDeviation, right: &&ServerDeviation| {
            left.p_value.total_cmp(&right.p_value).then(right.statistic.total_cmp(&left.statistic))
        };
        let Some(worst) = deviating.min_by(order).map(|worst| worst.server) else { break };
        if remaining.len() == 2 {
            deviants.extend(&remaining);
            break;
        }
        deviants.push(worst);
        remaining.retain(|server| *server != worst);
        servers = round(table, &remaining, settings)?;
    }
    Ok(deviants)
}

/// Compares each of the remaining servers with the others of them.
fn round(
    table: &[Vec<u64>],
    remaining: &[usize],
    settings: &Settings,
) -> Result<Vec<ServerDeviation>, StatisticsError> {
    let totals = totals(table, remaining);
    sum(&totals, "counts")?;
    let columns: Vec<usize> = (0..totals.len()).filter(|column| totals[*column] > 0).collect();
    let null = Urn::without_replacement(columns.iter().map(|column| totals[*column]).collect());
    let level = settings.alpha.split(remaining.len());
    let mut servers: Vec<ServerDeviation> = Vec::with_capacity(remaining.len());
    for server in remaining {
        let counts: Vec<u64> = columns.iter().map(|column| table[*server][*column]).collect();
        let answers = counts.iter().sum();
        let of_server = Settings { seed: seed_of(settings.seed, *server), ..*settings };
        let comparison = compare(&null, &counts, answers, level, &of_server);
        let effect = Effect::new((&null, &counts, answers), &comparison, level, |cell| columns[cell]);
        servers.push(ServerDeviation {
            server: *server,
            answers,
            statistic: comparison.statistic,
            method: comparison.method,
            p_value: comparison.p_value,
            corrected: comparison.p_value,
            effect,
            decision: effect.decide(comparison.p_value, level, settings.thresholds),
        });
    }
    let p_values: Vec<f64> = servers.iter().map(|server| server.p_value).collect();
    for (server, corrected) in servers.iter_mut().zip(holm(&p_values)) {
        server.corrected = corrected;
    }
    Ok(servers)
}

fn totals(table: &[Vec<u64>], servers: &[usize]) -> Vec<u64> {
    let addresses = table.first().map_or(0, Vec::len);
    (0..addresses).map(|column| servers.iter().map(|server| table[*server][column]).sum()).collect()
}

/// Returns Pearson's χ² of the whole table, its degrees of freedom and, where it may be used, its p-value.
fn contingency(table: &[Vec<u64>], servers: &[usize]) -> Result<(f64, usize, Option<f64>), StatisticsError> {
    let totals = totals(table, servers);
    let all = sum(&totals, "counts")? as f64;
    let (mut statistic, mut smallest) = (0.0, f64::INFINITY);
    for server in servers {
        let answers: u64 = table[*server].iter().sum();
        for (column, total) in totals.iter().enumerate().filter(|(_, total)| **total > 0) {
            let expected = answers as f64 * (*total as f64 / all);
            statistic += (table[*server][column] as f64 - expected).powi(2) / expected;
            smallest = smallest.min(expected);
        }
    }
    let columns = totals.iter().filter(|total| **total > 0).count();
    let degrees = (servers.len() - 1) * (columns - 1);
    let approximate = (smallest >= 5.0).then(|| chi_squared_tail(statistic, degrees));
    Ok((statistic, degrees, approximate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(table: &[Vec<u64>]) -> Homogeneity {
        homogeneity(table, &Settings::new(7)).unwrap()
    }

    /// Values of scipy 1.17 (`chi2_contingency` without correction).
    #[test]
    fn the_contingency_table_agrees_with_scipy() {
        let seen = judge(&[vec![30, 50, 20], vec![28, 47, 25], vec![12, 40, 48]]);
        assert!((seen.statistic - 23.883_238_588_58).abs() < 1e-9);
        assert!((seen.approximate.unwrap() - 8.429_644_418_05e-5).abs() < 1e-12);
        assert_eq!(seen.degrees, 4);
        let known =
            [(9.328_769_887_988, 0.009_425), (3.200_329_644_455, 0.201_863), (23.295_758_350_43, 8.737_6e-6)];
        for (server, (statistic, p_value)) in seen.servers.iter().zip(known) {
            assert!((server.statistic - statistic).abs() < 1e-9);
            // The exact p-value lies near the approximate one, and counts for half.
            assert!(server.p_value > p_value && server.p_value < p_value * 4.0, "{server:?}");
        }
        assert!(seen.deviants.is_empty());
    }

    #[test]
    fn only_the_server_that_differs_is_named() {
        let same = vec![400, 300, 200, 100];
        let mut table = vec![same; 4];
        table[2] = vec![400, 200, 300, 100];
        let seen = judge(&table);
        assert_eq!(seen.deviants, [2]);
        assert!([1, 2].contains(&seen.servers[2].effect.worst.index));
        assert!(seen.servers[2].corrected < 1e-6);
    }

    #[test]
    fn two_servers_that_differ_in_their_own_ways_are_both_named() {
        let mut table = vec![vec![300, 300, 300, 300]; 6];
        table[1] = vec![300, 300, 500, 100];
        table[4] = vec![0, 400, 400, 400];
        let mut deviants = judge(&table).deviants;
        deviants.sort_unstable();
        assert_eq!(deviants, [1, 4]);
    }

    #[test]
    fn of_two_servers_that_differ_either_may_be_wrong() {
        assert_eq!(judge(&[vec![100, 0], vec![50, 50]]).deviants, [0, 1]);
    }

    #[test]
    fn a_server_that_did_not_answer_is_left_out() {
        let seen = judge(&[vec![50, 50], vec![0, 0], vec![48, 52]]);
        assert_eq!(seen.servers.iter().map(|server| server.server).collect::<Vec<_>>(), [0, 2]);
        let alone = homogeneity(&[vec![5, 5], vec![0, 0]], &Settings::new(1));
        assert_eq!(alone, Err(StatisticsError::TooFewServers { servers: 1 }));
        let uneven = homogeneity(&[vec![5, 5], vec![1]], &Settings::new(1));
        assert_eq!(uneven, Err(StatisticsError::Lengths { counts: 1, weights: 2 }));
    }

    #[test]
    fn servers_with_the_same_single_address_agree() {
        let seen = judge(&[vec![0, 9], vec![0, 30]]);
        assert_eq!((seen.degrees, seen.deviants.len()), (0, 0));
    }
}

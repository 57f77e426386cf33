//! What the figures are meant to reach, and whether they do.

use serde::Serialize;

use crate::figures::{Figures, Spread};
use crate::report::{Pair, StormReport};

/// The most calls of one warm invocation with one event: fleet, group, records, change.
const WARM_CALLS: f64 = 4.0;
/// The most calls of the registrar in the storm, and the fewest of the reference design.
const STORM_CALLS: u64 = 150;
const BASELINE_STORM_CALLS: u64 = 2_000;

/// What was meant to be reached, and whether it was.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    /// Such as `start at least 25 times faster`.
    pub(crate) goal: String,
    /// What came out.
    pub(crate) measured: String,
    /// Whether it is reached.
    pub(crate) reached: bool,
    /// Whether it also depends on what else the machine is doing.
    pub(crate) depends_on_load: bool,
}

/// Judges processes, invocations and memory.
pub(crate) fn of_processes(pair: &Pair<Figures>) -> Vec<Goal> {
    let Pair { registrar, baseline } = pair;
    let calls = registrar.warm_calls;
    vec![
        ratio("process start to first request, times faster", 25.0, registrar.start_ms, baseline.start_ms),
        ratio("peak memory, times smaller", 4.0, registrar.peak_memory_mib, baseline.peak_memory_mib),
        ratio("one event, times faster", 1.0, registrar.warm_invocation_ms, baseline.warm_invocation_ms),
        ratio("ten events, times faster", 5.0, registrar.batch_of_ten_ms, baseline.batch_of_ten_ms),
        Goal {
            goal: format!("one event, at most {WARM_CALLS} calls"),
            measured: format!("{} calls, {} in the worst process", calls.median, calls.max),
            reached: calls.median <= WARM_CALLS,
            depends_on_load: false,
        },
    ]
}

/// Judges the storm.
pub(crate) fn of_storm(storm: &StormReport) -> Vec<Goal> {
    let ours = &storm.registrar;
    let count =
        |goal: String, measured: String, reached| Goal { goal, measured, reached, depends_on_load: false };
    let records = if ours.right { "right".to_owned() } else { format!("wrong: {}", ours.wrong.join("; ")) };
    let mut goals = vec![
        count(
            format!("storm, at most {STORM_CALLS} calls"),
            ours.calls.to_string(),
            ours.calls <= STORM_CALLS,
        ),
        count("storm, the right records at the end".to_owned(), records, ours.right),
    ];
    if let Some(theirs) = &storm.baseline {
        let goal = format!("storm, more than {BASELINE_STORM_CALLS} calls of the reference design");
        goals.push(count(goal, theirs.calls.to_string(), theirs.calls > BASELINE_STORM_CALLS));
    }
    goals
}

fn ratio(what: &str, least: f64, ours: Spread, theirs: Spread) -> Goal {
    let ratio = theirs.median / ours.median;
    Goal {
        goal: format!("{what}: {least}"),
        measured: format!("{ratio:.1}"),
        reached: ratio >= least,
        depends_on_load: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_of_medians_reaches_its_goal_or_misses_it() {
        let spread = |median| Spread { median, min: median, max: median };
        let goal = ratio("start", 25.0, spread(6.0), spread(250.0));
        assert_eq!((goal.measured.as_str(), goal.reached), ("41.7", true));
        assert!(!ratio("start", 25.0, spread(20.0), spread(250.0)).reached);
    }
}

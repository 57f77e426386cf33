//! A check's metrics in CloudWatch's embedded metric format: one line, which whoever runs in Lambda prints.
//!
//! CloudWatch charges for each metric that a line declares, and not for members beside them, which Logs
//! Insights reads. So what alarms need is declared, and other figures stand beside it.

use registrar_core::Timestamp;
use serde_json::{Value, json};

use crate::report::{AddressVerdict, CheckReport, FindingId, Severity, Verdict};

/// A metric: its name and its unit, as CloudWatch writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
}

/// Every metric that is declared, and so every one that can have an alarm.
///
/// `runs` is 1 for each check that came to its end; a check that did not writes no line. `critical` counts
/// critical findings. `unknown` is 1 where the check could not tell and found nothing worse.
pub const METRICS: &[Metric] = &[
    Metric { name: "runs", unit: "Count" },
    Metric { name: "critical", unit: "Count" },
    Metric { name: "unknown", unit: "Count" },
];

/// The keys of the metrics' dimensions, in the order in which they are named to CloudWatch.
pub const DIMENSIONS: [&str; 2] = ["Deployment", "Pool"];

/// Where a check's metrics belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// The namespace.
    pub namespace: String,
    /// The deployment.
    pub deployment: String,
    /// The pool.
    pub pool: String,
}

/// Writes the metrics of a check that ended at `now`, as one line without its line break.
#[must_use]
pub fn emf(report: &CheckReport, dimensions: &Dimensions, now: Timestamp) -> String {
    let declared: Vec<Value> =
        METRICS.iter().map(|metric| json!({ "Name": metric.name, "Unit": metric.unit })).collect();
    let directive = json!({
        "Namespace": dimensions.namespace,
        "Dimensions": [DIMENSIONS],
        "Metrics": declared,
    });
    let findings = |severity| report.findings.iter().filter(|found| found.severity == severity).count();
    let kinds = |id| report.findings.iter().filter(|found| found.id == id).count();
    let addresses = |verdict| report.addresses.iter().filter(|found| found.verdict == verdict).count();
    let answers: u64 = report.servers.iter().map(|server| server.samples.udp + server.samples.tcp).sum();
    json!({
        "_aws": { "Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive] },
        "Deployment": dimensions.deployment,
        "Pool": dimensions.pool,
        "runs": 1,
        "critical": findings(Severity::Critical),
        "unknown": u8::from(report.verdict == Verdict::Unknown),
        "name": report.name,
        "verdict": report.verdict,
        "warnings": findings(Severity::Warning),
        "not_told": findings(Severity::Unknown),
        "stale": addresses(AddressVerdict::StaleRecord),
        "missing": addresses(AddressVerdict::MissingIp),
        "blackholed": addresses(AddressVerdict::BlackholedEntry),
        "foreign_owners": addresses(AddressVerdict::ForeignOwner),
        "foreign_records": kinds(FindingId::ForeignRecord),
        "unreachable": kinds(FindingId::NsUnreachable),
        "addresses": report.addresses.len(),
        "servers": report.servers.len(),
        "answers": answers,
        "duration_seconds": report.duration.as_secs_f64(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fixtures::{STARTED_AT, observation, request, truth};
    use crate::judge::{Seen, judge};
    use crate::observation::Observation;

    fn line(observations: &[Observation]) -> Value {
        let truth = truth("", &[("i-1", "192.0.2.1", "running", "100")]);
        let report = judge(
            &request(Some(truth)),
            Seen { observations, duration: Duration::from_millis(1500), ..Seen::default() },
        );
        let dimensions = Dimensions {
            namespace: "ResolverProbe".to_owned(),
            deployment: "edge".to_owned(),
            pool: "video".to_owned(),
        };
        let line = emf(&report, &dimensions, STARTED_AT);
        assert!(!line.contains('\n'), "{line}");
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn a_check_that_found_nothing_writes_zeroes_and_one_run() {
        let line = line(&[observation(1, &[(1, 60)])]);
        assert_eq!(
            (line["runs"].as_u64(), line["critical"].as_u64(), line["unknown"].as_u64()),
            (Some(1), Some(0), Some(0))
        );
        assert_eq!(line["duration_seconds"], 1.5);
        assert_eq!(line["verdict"], "ok");
    }

    #[test]
    fn a_stale_record_is_critical_and_counted() {
        let line = line(&[observation(1, &[(1, 30), (9, 30)])]);
        assert_eq!((line["critical"].as_u64(), line["stale"].as_u64()), (Some(1), Some(1)));
    }

    #[test]
    fn a_check_that_could_not_tell_says_so() {
        let line = line(&[]);
        assert_eq!((line["runs"].as_u64(), line["unknown"].as_u64()), (Some(1), Some(1)));
    }

    #[test]
    fn every_declared_metric_and_dimension_has_a_value() {
        let line = line(&[observation(1, &[(1, 60)])]);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "ResolverProbe");
        assert_eq!(directive["Dimensions"], json!([["Deployment", "Pool"]]));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric}");
        }
        for dimension in DIMENSIONS {
            assert!(line[dimension].is_string(), "{dimension}");
        }
    }
}

//! A scheduled probe that may do too much or too little, or that nobody watches.

use super::{Break, assert_found};
use crate::Check;
use crate::prober as agreement;

const fn broken(from: &'static str, to: &'static str, check: Check, told: &'static str) -> Break {
    Break { template: "prober.yaml", from, to, check, told }
}

#[test]
fn a_probe_that_may_do_too_much_or_too_little_is_found() {
    assert_found(&[
        broken(
            "                  - ec2:DescribeInstances\n",
            "",
            agreement::actions,
            "ec2:DescribeInstances is needed",
        ),
        broken(
            "Action: [ssm:GetParametersByPath, ssm:GetParameters]",
            "Action: [ssm:GetParametersByPath, ssm:GetParameters, ssm:PutParameter]",
            agreement::actions,
            "ssm:PutParameter is allowed, and nothing needs it",
        ),
        broken(
            "Action: route53:ListResourceRecordSets",
            "Action: [route53:ListResourceRecordSets, route53:ChangeResourceRecordSets]",
            agreement::actions,
            "route53:ChangeResourceRecordSets is allowed",
        ),
        broken(
            "${DeploymentName}/pools/*",
            "${DeploymentName}/state/*",
            agreement::actions,
            "ssm:GetParameters is needed",
        ),
        broken(
            "Effect: Deny\n                Action:\n",
            "Effect: Allow\n                Action:\n",
            agreement::actions,
            "Lambda's business",
        ),
    ]);
}

#[test]
fn a_probe_that_nobody_hears_is_found() {
    assert_found(&[
        broken(
            "Critical: { Name: critical }",
            "Critical: { Name: criticals }",
            agreement::metrics,
            "criticals",
        ),
        broken("Runs: { Name: runs }", "Runs: { Name: critical }", agreement::metrics, "runs is published"),
        broken(
            "        - { Name: Pool, Value: !Ref PoolName }\n",
            "",
            agreement::metrics,
            "ProbeCriticalAlarm watches",
        ),
        broken(
            "POWERTOOLS_METRICS_NAMESPACE: !FindInMap [Metrics, Namespace, Name]",
            "POWERTOOLS_METRICS_NAMESPACE: Registrar",
            agreement::metrics,
            "publishes in Registrar",
        ),
        broken("PROBE_VANTAGE: vpc", "PROBE_FROM: vpc", agreement::environment, "PROBE_FROM"),
        broken(
            "          PROBE_POOL: !Ref PoolName\n",
            "",
            agreement::environment,
            "does not set PROBE_POOL",
        ),
        broken(
            "REGISTRAR_CONFIG_PATH: !Sub /registrar/${DeploymentName}/pools",
            "REGISTRAR_CONFIG_PATH: !Sub /registrar/${DeploymentName}",
            agreement::paths,
            "looks for documents",
        ),
        broken(
            "Default: udp:5000,send=70696e67,expect=706f6e67",
            "Default: udp:5000,send=ping,expect=pong",
            agreement::reach,
            "does not understand",
        ),
    ]);
}

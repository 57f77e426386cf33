//! Settings, events, metrics and documents that the code does not know.

use registrar_infra::checks::{alarms, documents, events};

use super::{assert_found, of_registrar};
use crate::read;
use crate::registrar as agreement;

#[test]
fn settings_that_the_code_does_not_know_are_found() {
    assert_found(&[
        of_registrar("REGISTRAR_QUEUE_URL:", "REGISTRAR_QUEUE:", agreement::environment, "REGISTRAR_QUEUE"),
        of_registrar(
            "          POWERTOOLS_METRICS_NAMESPACE: Registrar\n",
            "",
            agreement::environment,
            "does not set",
        ),
        of_registrar(
            "REGISTRAR_CONFIG_PATH: !Sub /registrar/${DeploymentName}/pools",
            "REGISTRAR_CONFIG_PATH: !Sub /registrar/${DeploymentName}",
            agreement::paths,
            "looks for documents",
        ),
        of_registrar(
            "Name: !Sub /registrar/${DeploymentName}/pools/${PoolName}",
            "Name: !Sub /registrar/${DeploymentName}/${PoolName}",
            agreement::paths,
            "no parameter is /registrar/edge/pools/video",
        ),
        of_registrar(
            "Name: !Sub /registrar/${DeploymentName}/stack",
            "Name: !Sub /registrar/${DeploymentName}/pools/stack",
            agreement::paths,
            "StackParameter is /registrar/edge/pools/stack",
        ),
        of_registrar(
            "REGISTRAR_QUEUE_URL: !Ref Queue",
            "REGISTRAR_QUEUE_URL: !Ref DeadLetterQueue",
            agreement::paths,
            "no queue that it reads",
        ),
        of_registrar(
            "HostedZoneName: !Ref HostedZoneName\n      DnsRoleArn",
            "HostedZone: !Ref HostedZoneName\n      DnsRoleArn",
            documents::properties,
            "nobody reads the property HostedZone",
        ),
        of_registrar("\"ttl_secs\":", "\"ttl\":", documents::pools, "ttl"),
        of_registrar("\"when_empty\":\"fallback\",", "", documents::pools, "fallback"),
        of_registrar(
            "\"address\":\"${AddressKind}\"",
            "\"address\":\"carrier-ip\"",
            documents::pools,
            "private-ip",
        ),
        of_registrar(
            "two resources share.\n      Value: !Sub\n        - >-\n          {\"version\":1,",
            "two resources share.\n      Value: !Sub\n        - >-\n          {\"version\":1,\"weight\":{\"default\":50},",
            documents::pools,
            "another document",
        ),
    ]);
}

#[test]
fn events_that_nobody_knows_or_gets_are_found() {
    assert_found(&[
        of_registrar(
            "[EC2 Instance State-change Notification]",
            "[EC2 Instance State Change]",
            events::pairs,
            "no rule lets \"EC2 Instance State-change",
        ),
        of_registrar(
            "          - EC2 Instance Launch Successful\n",
            "",
            events::pairs,
            "EC2 Instance Launch Successful",
        ),
        of_registrar("source: [aws.ssm]", "source: [aws.ssm, aws.s3]", events::pairs, "aws.s3"),
        of_registrar(
            "errorCode: [{ exists: false }]",
            "errorCode: [{ exists: true }]",
            events::samples_pass,
            "AssociateAddress",
        ),
        of_registrar(
            "eventName: [AssociateAddress, DisassociateAddress]",
            "eventName: [AssociateAddress]",
            events::samples_pass,
            "DisassociateAddress",
        ),
        of_registrar(
            "\"detail-type\":\"Scheduled Event\"",
            "\"detail-type\":\"Sweep\"",
            events::schedule,
            "is no sweep",
        ),
        of_registrar(
            "prefix: !Sub /registrar/${DeploymentName}/state/orders/",
            "prefix: !Sub /registrar/${DeploymentName}/state/",
            agreement::parameter_changes,
            "state/pools/video",
        ),
    ]);
}

#[test]
fn alarms_that_watch_nothing_or_tell_nobody_are_found() {
    assert_found(&[
        of_registrar("MetricName: held_back", "MetricName: held", alarms::known, "Registrar held"),
        of_registrar(
            "MetricName=\\\"records\\\"",
            "MetricName=\\\"record\\\"",
            alarms::known,
            "Registrar record ",
        ),
        of_registrar(
            "{Registrar,Deployment,Pool,state}",
            "{Registrar,Deployment,state}",
            alarms::known,
            "members",
        ),
        of_registrar(
            "MetricName: gaps",
            "MetricName: gap",
            alarms::complete,
            "no alarm watches Registrar gaps",
        ),
        of_registrar(
            "TreatMissingData: breaching",
            "TreatMissingData: notBreaching",
            alarms::complete,
            "DeadManAlarm",
        ),
        of_registrar(
            "      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref AWS::NoValue]\n",
            "",
            alarms::told,
            "DeadLettersAlarm tells others",
        ),
        of_registrar(
            "POWERTOOLS_METRICS_NAMESPACE: Registrar",
            "POWERTOOLS_METRICS_NAMESPACE: Edge",
            alarms::known,
            "HeldBackAlarm",
        ),
    ]);
    let alarms = alarms::explained(&read("registrar.yaml"), "### `DeadManAlarm`");
    assert!(alarms.iter().any(|problem| problem.contains("GapsAlarm")), "{alarms:?}");
}

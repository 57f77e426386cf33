//! Templates that were broken in one place: the check that is meant to see it does, with words about it.

use registrar_infra::checks::{
    alarms, delivery, documents, events, fleet, nested, permissions, requests, surface, wildcards,
};
use registrar_infra::template::{self, Template};

use crate::registrar as agreement;
use crate::{Check, read};

struct Break {
    template: &'static str,
    /// What stands there, once or more; its first place is broken.
    from: &'static str,
    to: &'static str,
    check: Check,
    /// What the check tells.
    told: &'static str,
}

const fn of_registrar(from: &'static str, to: &'static str, check: Check, told: &'static str) -> Break {
    Break { template: "registrar.yaml", from, to, check, told }
}

const fn of_dns_role(from: &'static str, to: &'static str, check: Check, told: &'static str) -> Break {
    Break { template: "dns-role.yaml", from, to, check, told }
}

const fn of_main(from: &'static str, to: &'static str, told: &'static str) -> Break {
    Break { template: "main.yaml", from, to, check: nested_stacks, told }
}

fn nested_stacks(template: &Template) -> Vec<String> {
    nested::stacks(template, &template::all().unwrap_or_default())
}

const fn of_fleet(from: &'static str, to: &'static str, check: Check, told: &'static str) -> Break {
    Break { template: "fleet.yaml", from, to, check, told }
}

fn assert_found(breaks: &[Break]) {
    for broken in breaks {
        let whole = read(broken.template);
        let told = || (broken.check)(&whole);
        assert!(told().is_empty(), "{} has problems before it is broken: {:?}", broken.template, told());
        let place = whole.text.find(broken.from).unwrap_or_else(|| panic!("{:?} is not there", broken.from));
        let mut text = whole.text.clone();
        text.replace_range(place..place + broken.from.len(), broken.to);
        let template = Template::parse(broken.template, &text).unwrap_or_else(|error| panic!("{error:?}"));
        let problems = (broken.check)(&template);
        let found = problems.iter().any(|problem| problem.contains(broken.told));
        assert!(found, "{:?} for {:?} was not found: {problems:?}", broken.to, broken.from);
    }
}

#[test]
fn permissions_that_are_missing_or_too_many_are_found() {
    assert_found(&[
        of_registrar(
            "                  - ec2:DescribeInstances\n",
            "",
            agreement::actions,
            "ec2:DescribeInstances is needed",
        ),
        of_registrar(
            "ssm:GetParameters]",
            "ssm:GetParameters, ssm:GetParameterHistory]",
            agreement::actions,
            "nothing needs it",
        ),
        of_registrar("[CREATE, DELETE]", "[CREATE, DELETE, UPSERT]", requests::decided, "UPSERT"),
        of_registrar("RecordTypes: [A]", "RecordTypes: [A, CNAME]", requests::decided, "CNAME"),
        of_registrar(
            "${DeploymentName}/state/*",
            "${DeploymentName}/*",
            requests::decided,
            "ssm:PutParameter",
        ),
        of_registrar(
            "'${RecordName},l??.${RecordName}'",
            "'${RecordName},*.${RecordName}'",
            requests::decided,
            "l0.video",
        ),
        of_registrar(
            "route53:ChangeResourceRecordSetsNormalizedRecordNames: registrar-owner.*",
            "route53:ChangeResourceRecordSetsNormalizedRecordNames: '*'",
            requests::decided,
            "TXT",
        ),
        of_registrar(
            "aws:ResourceTag/${SelectorTagKey}",
            "aws:ResourceTag/edge",
            requests::decided,
            "CompleteLifecycleAction",
        ),
        of_registrar("Resource: !Ref DnsRoleArn", "Resource: '*'", requests::decided, "sts:AssumeRole"),
        of_registrar(
            "                  - sqs:ReceiveMessage\n",
            "",
            agreement::actions,
            "sqs:ReceiveMessage is needed",
        ),
    ]);
}

#[test]
fn wildcards_that_are_wider_or_unexplained_are_found() {
    assert_found(&[
        of_registrar(
            "                # EC2 and Auto Scaling know no resources for their Describe actions; the Region is the narrowest limit.\n",
            "",
            wildcards::reasons,
            "Resource: '*'",
        ),
        of_registrar(
            "Resource: !GetAtt Queue.Arn\n              - Sid: WriteTheLog",
            "Resource: '*'\n              - Sid: WriteTheLog",
            wildcards::narrowest,
            "sqs:SendMessage on everything",
        ),
        of_registrar(
            "Action: route53:GetChange",
            "Action: route53:Get*",
            wildcards::narrowest,
            "route53:Get*",
        ),
        of_registrar(
            "      PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]\n",
            "",
            permissions::boundaries,
            "FunctionRole has not the boundary",
        ),
    ]);
}

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
            "PoolParameter is",
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
            "PoolDocument: !GetAtt PoolParameter.Value",
            "PoolDocument: '{}'",
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
            alarms::complete,
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

#[test]
fn messages_that_would_be_lost_or_late_are_found() {
    assert_found(&[
        of_registrar("      SqsManagedSseEnabled: true\n", "", delivery::queues, "Queue is not encrypted"),
        of_registrar(
            "aws:SecureTransport: 'false'",
            "aws:SecureTransport: 'true'",
            delivery::queues,
            "Queue can be used without TLS",
        ),
        of_registrar(
            "        deadLetterTargetArn: !GetAtt DeadLetterQueue.Arn\n",
            "",
            delivery::queues,
            "Queue has no dead-letter queue",
        ),
        of_registrar(
            "      RetentionInDays: !Ref LogRetentionDays\n",
            "",
            delivery::logs,
            "LogGroup keeps its lines for ever",
        ),
        of_registrar(
            "LogGroup: !Ref LogGroup",
            "LogGroup: /aws/lambda/other",
            delivery::logs,
            "no log group of the stack",
        ),
        of_registrar(
            "          RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 3600 }\n",
            "",
            delivery::targets,
            "InstanceStateRule has no RetryPolicy",
        ),
        of_registrar(
            "          DeadLetterConfig: { Arn: !GetAtt DeadLetterQueue.Arn }\n",
            "",
            delivery::targets,
            "InstanceStateRule has no DeadLetterConfig",
        ),
        of_registrar(
            "                  - !GetAtt SpotRule.Arn\n",
            "",
            delivery::targets,
            "SpotRule may not send to Queue",
        ),
        of_registrar(
            "Resource: [!GetAtt Queue.Arn, !GetAtt DeadLetterQueue.Arn]",
            "Resource: !GetAtt Queue.Arn",
            delivery::targets,
            "Sweep may not send to DeadLetterQueue",
        ),
        of_registrar("[ReportBatchItemFailures]", "[]", delivery::mappings, "hand back"),
        of_registrar(
            "MaximumBatchingWindowInSeconds: 0",
            "MaximumBatchingWindowInSeconds: 5",
            delivery::mappings,
            "batching window",
        ),
        of_registrar(
            "      ScalingConfig: { MaximumConcurrency: 2 }\n",
            "",
            delivery::mappings,
            "no bounded concurrency",
        ),
        of_registrar("VisibilityTimeout: 720", "VisibilityTimeout: 600", delivery::mappings, "six times"),
    ]);
}

#[test]
fn an_order_in_which_a_record_comes_back_is_found() {
    assert_found(&[
        of_registrar(
            "    Type: AWS::Lambda::EventSourceMapping\n    DependsOn: Registration\n",
            "    Type: AWS::Lambda::EventSourceMapping\n",
            delivery::order,
            "EventSourceMapping does not depend",
        ),
        of_registrar(
            "    Type: AWS::Scheduler::Schedule\n    DependsOn: Registration\n",
            "    Type: AWS::Scheduler::Schedule\n",
            delivery::order,
            "Sweep does not depend",
        ),
        of_registrar(
            "    Type: AWS::Events::Rule\n    DependsOn: Registration\n",
            "    Type: AWS::Events::Rule\n",
            delivery::order,
            "InstanceStateRule does not depend",
        ),
        of_registrar("    DependsOn: RecordsPolicy\n", "", delivery::permissions_first, "RecordsPolicy"),
    ]);
}

#[test]
fn parameters_that_nobody_understands_or_that_take_anything_are_found() {
    assert_found(&[
        of_registrar(
            "Parameters: [CodeBucket, CodeKey, Architecture]",
            "Parameters: [CodeBucket, CodeKey]",
            surface::described,
            "Architecture stands in 0 groups",
        ),
        of_registrar(
            "    Description: What the package was built for.\n",
            "",
            surface::described,
            "Architecture is not described",
        ),
        of_registrar(
            "    AllowedValues: [arm64, x86_64]\n",
            "",
            surface::described,
            "Architecture takes any String",
        ),
        of_registrar("    Default: arm64\n", "", agreement::surface, "Architecture has the default None"),
        of_registrar("  ProbeCommand:\n", "  Probe:\n", agreement::surface, "no output ProbeCommand"),
    ]);
}

#[test]
fn a_fleet_that_a_wavelength_zone_would_not_start_or_drain_is_found() {
    assert_found(&[
        of_fleet("VolumeType: gp2", "VolumeType: gp3", fleet::launches, "volume of \"gp3\""),
        of_fleet(
            "AssociateCarrierIpAddress: true",
            "AssociatePublicIpAddress: true",
            fleet::launches,
            "no Carrier IP",
        ),
        of_fleet("HttpTokens: required", "HttpTokens: optional", fleet::launches, "IMDSv2"),
        of_fleet("DefaultResult: CONTINUE", "DefaultResult: ABANDON", fleet::hooks, "keeps other hooks"),
        of_fleet(
            "LifecycleHookName: dns-drain",
            "LifecycleHookName: drain",
            fleet::hooks,
            "no hook dns-drain",
        ),
        of_fleet(
            "HeartbeatTimeout: !Ref DrainTimeoutSeconds",
            "HeartbeatTimeout: 30",
            fleet::hooks,
            "resolvers forgot",
        ),
        of_fleet(
            "Value: !Ref SelectorTagValue, PropagateAtLaunch: true",
            "Value: !Ref SelectorTagValue, PropagateAtLaunch: false",
            fleet::tags,
            "the tag",
        ),
    ]);
}

#[test]
fn another_accounts_role_that_may_or_trusts_more_is_found() {
    assert_found(&[
        of_dns_role("RecordTypes: [A]", "RecordTypes: [A, AAAA]", requests::decided_elsewhere, "AAAA"),
        of_dns_role("[CREATE, DELETE]", "[CREATE]", requests::decided_elsewhere, "DELETE"),
        of_dns_role(
            "ArnLike: { aws:PrincipalArn: !Ref RegistrarRoleArn }",
            "ArnLike: { aws:PrincipalArn: '*:*:*:*:*:*' }",
            requests::trusted,
            "other",
        ),
        of_dns_role(
            "'aws:PrincipalTag/registrar:deployment': !Ref DeploymentName",
            "'aws:PrincipalTag/registrar:deployment': [edge, edge-2]",
            requests::trusted,
            "edge-2",
        ),
        of_dns_role(
            "      Tags: [{ Key: 'registrar:deployment', Value: !Ref DeploymentName }]\n",
            "",
            permissions::tagged,
            "DnsRole has not",
        ),
    ]);
}

#[test]
fn nested_stacks_that_do_not_fit_are_found() {
    assert_found(&[
        of_main("TemplateURL: fleet.yaml", "TemplateURL: fleets.yaml", "there is no fleets.yaml"),
        of_main("        CodeKey: !Ref CodeKey\n", "", "CodeKey: has no default"),
        of_main(
            "        AllowPing: !Ref AllowPing\n",
            "        AllowPings: !Ref AllowPing\n",
            "AllowPings: is no parameter",
        ),
        of_main("Network.Outputs.WavelengthSubnetId", "Network.Outputs.SubnetId", "no output SubnetId"),
        of_main(
            "${Registrar.Outputs.PoolParameterName}",
            "${Registrar.Outputs.Parameter}",
            "no output Parameter",
        ),
        of_main(
            "AutoScalingGroupName: !Sub ${DeploymentName}-${PoolName}",
            "AutoScalingGroupName: !Sub ${PoolName}",
            "does not know the group",
        ),
    ]);
}

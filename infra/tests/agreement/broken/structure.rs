//! Messages that are lost, orders that are wrong, and stacks that do not fit.

use registrar_infra::checks::{delivery, fleet, surface};

use super::{assert_found, of_fleet, of_main, of_registrar};
use crate::registrar as agreement;

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
            "    Type: AWS::Lambda::EventSourceMapping\n    DependsOn: [Registration, PoolParameter]\n",
            "    Type: AWS::Lambda::EventSourceMapping\n",
            delivery::order,
            "EventSourceMapping does not depend",
        ),
        of_registrar(
            "    Type: AWS::Scheduler::Schedule\n    DependsOn: [Registration, PoolParameter]\n",
            "    Type: AWS::Scheduler::Schedule\n",
            delivery::order,
            "Sweep does not depend",
        ),
        of_registrar(
            "    Type: AWS::Events::Rule\n    DependsOn: [Registration, PoolParameter]\n",
            "    Type: AWS::Events::Rule\n",
            delivery::order,
            "InstanceStateRule does not depend",
        ),
        of_registrar(
            "    Type: AWS::SSM::Parameter\n    DependsOn: Registration\n",
            "    Type: AWS::SSM::Parameter\n",
            delivery::order,
            "PoolParameter does not depend",
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
            "!GetAtt Registrar.Outputs.PoolParameterName",
            "!Sub '${Registrar.Outputs.Parameter}'",
            "no output Parameter",
        ),
        of_main(
            "AutoScalingGroupName: !Sub ${DeploymentName}-${PoolName}",
            "AutoScalingGroupName: !Sub ${PoolName}",
            "does not know the group",
        ),
    ]);
}

//! Permissions that are too few, too many, or too wide.

use registrar_infra::checks::{permissions, requests, wildcards};

use super::{assert_found, of_dns_role, of_registrar};
use crate::registrar as agreement;

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

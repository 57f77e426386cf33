//! What is sent to AWS for the truth and the records: for policies, and for whoever reviews them.
//!
//! It is a list and sends nothing; the calls are behind the feature `aws`.

/// Every IAM action that a look at a pool needs (Service Authorization Reference), in alphabetical order. None of
/// them changes anything.
///
/// `sts:AssumeRole` is needed only where the hosted zone is reached through a role, whose own policy then allows
/// the action of Route 53.
pub const ACTIONS: &[&str] = &[
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "ec2:DescribeInstances",
    "route53:ListResourceRecordSets",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "sts:AssumeRole",
];

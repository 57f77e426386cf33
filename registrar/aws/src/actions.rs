//! Every operation that the ports send, with the IAM action that allows it: for policies, and for whoever reviews them.
//!
//! It is a list and grants nothing. [`calls`](crate::calls) refuses what is not on it before it is sent, so that
//! no operation is used which a policy made from the list would deny.

/// Who sends an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeededBy {
    /// The function; most of them the operator's command as well.
    Function,
    /// The operator's command only.
    Operator,
}

/// An operation and what allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action {
    /// The IAM action, such as `sqs:ChangeMessageVisibility` (Service Authorization Reference).
    pub name: &'static str,
    /// The operation on the wire, such as `sqs:ChangeMessageVisibilityBatch`.
    pub operation: &'static str,
    /// Who sends it.
    pub needed_by: NeededBy,
}

/// Every action, in alphabetical order.
///
/// `sts:AssumeRole` is needed only where a hosted zone is reached through a role, whose own policy then allows
/// the actions of Route 53. IAM lets everybody call `sts:GetCallerIdentity`.
pub const ACTIONS: &[Action] = &[
    function("autoscaling:CompleteLifecycleAction"),
    function("autoscaling:DescribeAutoScalingGroups"),
    function("autoscaling:DescribeAutoScalingInstances"),
    function("autoscaling:DescribeLifecycleHooks"),
    function("autoscaling:RecordLifecycleActionHeartbeat"),
    function("ec2:DescribeAvailabilityZones"),
    function("ec2:DescribeInstances"),
    function("route53:ChangeResourceRecordSets"),
    function("route53:GetChange"),
    function("route53:GetHostedZone"),
    function("route53:ListResourceRecordSets"),
    // Both forms of the operation need the action of the single one.
    Action {
        name: "sqs:ChangeMessageVisibility",
        operation: "sqs:ChangeMessageVisibilityBatch",
        needed_by: NeededBy::Function,
    },
    function("sqs:SendMessage"),
    function("ssm:DeleteParameter"),
    function("ssm:GetParameters"),
    function("ssm:GetParametersByPath"),
    function("ssm:PutParameter"),
    function("sts:AssumeRole"),
    Action {
        name: "sts:GetCallerIdentity",
        operation: "sts:GetCallerIdentity",
        needed_by: NeededBy::Operator,
    },
];

const fn function(name: &'static str) -> Action {
    Action { name, operation: name, needed_by: NeededBy::Function }
}

/// Says whether an operation may be sent.
pub(crate) fn is_listed(operation: &str) -> bool {
    ACTIONS.iter().any(|action| action.operation == operation)
}

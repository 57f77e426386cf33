//! What the code needs, reads and writes, for the templates to agree with.

/// Returns every IAM action that the function's adapters need.
pub(crate) fn actions() -> Vec<&'static str> {
    vec![
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLifecycleHooks",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInstances",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "route53:ChangeResourceRecordSets",
        "route53:GetChange",
        "route53:GetHostedZone",
        "route53:ListResourceRecordSets",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
        "ssm:DeleteParameter",
        "ssm:GetParameters",
        "ssm:GetParametersByPath",
        "ssm:PutParameter",
        "sts:AssumeRole",
    ]
}

/// Returns the metrics, with the keys of their dimensions.
pub(crate) fn metrics() -> Vec<(String, Vec<std::collections::BTreeSet<String>>)> {
    let forms: [(&str, &[&[&str]]); 11] = [
        ("members", &[&["Deployment", "Pool", "state"]]),
        ("records", &[&["Deployment", "Pool"]]),
        ("blackholes_removed", &[&["Deployment", "Pool"]]),
        ("changes", &[&["Deployment", "Pool", "action"]]),
        ("held_back", &[&["Deployment"], &["Deployment", "Pool", "reason"]]),
        ("gaps", &[&["Deployment"], &["Deployment", "source"]]),
        ("drains", &[&["Deployment", "outcome"]]),
        ("aws_calls", &[&["Deployment", "operation"]]),
        ("event_age_seconds", &[&["Deployment"]]),
        ("reconcile_seconds", &[&["Deployment"]]),
        ("reconciles", &[&["Deployment"]]),
    ];
    let keys = |keys: &&[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
    forms.iter().map(|(name, forms)| ((*name).to_owned(), forms.iter().map(keys).collect())).collect()
}

/// Returns the pairs of source and detail type that the trigger parser knows.
pub(crate) fn events() -> Vec<(&'static str, &'static str)> {
    vec![
        ("aws.ec2", "EC2 Instance State-change Notification"),
        ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
        ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
        ("aws.ec2", "AWS API Call via CloudTrail"),
        ("aws.autoscaling", "EC2 Instance-launch Lifecycle Action"),
        ("aws.autoscaling", "EC2 Instance-terminate Lifecycle Action"),
        ("aws.autoscaling", "EC2 Instance Launch Successful"),
        ("aws.autoscaling", "EC2 Instance Terminate Successful"),
        ("aws.ssm", "Parameter Store Change"),
        ("aws.events", "Scheduled Event"),
    ]
}

/// Returns the variables that the function reads.
pub(crate) fn variables() -> Vec<&'static str> {
    vec![
        "REGISTRAR_DEPLOYMENT",
        "REGISTRAR_CONFIG_PATH",
        "REGISTRAR_QUEUE_URL",
        "POWERTOOLS_METRICS_NAMESPACE",
        "AWS_LAMBDA_LOG_LEVEL",
    ]
}

/// Returns the properties of the custom resource.
pub(crate) fn properties() -> Vec<&'static str> {
    vec![
        "DeploymentName",
        "DnsRoleArn",
        "HostedZoneId",
        "HostedZoneName",
        "PoolDocument",
        "PoolName",
        "Release",
        "ServiceTimeout",
        "ServiceToken",
    ]
}

/// Says whether a change of a parameter matters to the deployment `edge`.
pub(crate) fn concerns(name: &str) -> bool {
    name.starts_with("/registrar/edge/pools/") || name.starts_with("/registrar/edge/state/orders/")
}

/// Returns the path of the documents of the deployment `edge`, and the name of its pool `video`'s.
pub(crate) fn paths() -> (String, String) {
    ("/registrar/edge/pools".to_owned(), "/registrar/edge/pools/video".to_owned())
}

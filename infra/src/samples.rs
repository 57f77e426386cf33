//! Parameters to try the templates with: the required ones alone, everything given, and what lies between.
//!
//! The templates agree on names, so one table serves all of them.

use crate::parameters::Given;
use crate::stack::{Stack, given};
use crate::template::Template;

/// A value for each parameter that decides something. Those without a default are always given.
const VALUES: &[(&str, &str)] = &[
    ("AdditionalGroupNames", "edge-audio"),
    ("AdditionalRecordNames", "audio.bos.edge.example.com,data.bos.edge.example.com"),
    ("AlarmTopicArn", "arn:aws:sns:us-east-1:123456789012:alarms"),
    ("AllowPing", "true"),
    ("AutoScalingGroupNames", "edge-video,edge-audio"),
    ("CarrierCidrs", "155.146.0.0/17,2600:1000::/28"),
    ("ClientName", "video.edge.example.com"),
    ("CloudTrailEvents", "true"),
    ("CodeBucket", "packages"),
    ("CodeKey", "registrar-0.1.0.zip"),
    ("DefaultAddress", "192.0.2.1"),
    ("FallbackAddress", "192.0.2.1"),
    ("FallbackTarget", "192.0.2.1"),
    ("HostedZoneId", "Z0123456789ABCDEFGHIJ"),
    ("HostedZoneName", "edge.example.com"),
    ("KeyPairName", "operators"),
    ("Location1Cidrs", "155.146.0.0/17,2600:1000::/28"),
    ("Location1Target", "video.bos.edge.example.com"),
    ("Location2Cidrs", "10.2.0.0/16"),
    ("Location2Name", "verizon-nyc"),
    ("Location2Target", "video.nyc.edge.example.com"),
    ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/boundary"),
    ("ProbeCodeBucket", "packages"),
    ("ProberAvailabilityZone", "us-east-1a"),
    ("ProberRoleArn", "arn:aws:iam::123456789012:role/edge-prober-FunctionRole-*"),
    ("RecordName", "video.bos.edge.example.com"),
    ("RegistrarRoleArn", "arn:aws:iam::123456789012:role/edge-FunctionRole-*"),
    ("SecurityGroupId", "sg-0123456789abcdef0"),
    ("SecurityGroupIds", "sg-0123456789abcdef0"),
    ("SessionManager", "true"),
    ("SshCidr", "192.0.2.0/24"),
    ("SubnetId", "subnet-0123456789abcdef0"),
    ("SubnetIds", "subnet-0123456789abcdef0,subnet-0123456789abcdef1"),
    ("WavelengthZone", "us-east-1-wl1-bos-wlz-1"),
    ("WavelengthZones", "us-east-1-wl1-bos-wlz-1,us-east-1-wl1-nyc-wlz-1"),
    ("Weight", "50"),
];

/// Of several parameters with defaults, a rule of these templates demands one.
const DEMANDED: &[(&str, &str)] = &[("steering.yaml", "DefaultAddress"), ("prober.yaml", "ProbeCodeBucket")];

/// The role in the account of the hosted zone.
pub const DNS_ROLE: (&str, &str) = ("DnsRoleArn", "arn:aws:iam::210987654321:role/registrar-dns");

/// What main.yaml cannot make in another account's hosted zone.
const NOT_ELSEWHERE: &[(&str, &str)] =
    &[("ClientName", ""), ("ProberAvailabilityZone", ""), ("ProbeCodeBucket", "")];

/// Returns the parameters of a template that must be given, and `more`.
#[must_use]
pub fn sample(template: &Template, more: &[(&str, &str)]) -> Given {
    let is_demanded = |name: &str| {
        let without =
            template.entry("Parameters", name).is_some_and(|parameter| parameter.get("Default").is_none());
        without || DEMANDED.contains(&(template.name.as_str(), name))
    };
    let pairs: Vec<_> = VALUES.iter().filter(|(name, _)| is_demanded(name)).chain(more).copied().collect();
    given(&pairs)
}

/// Returns the parameters that a template is checked with: as few as possible, as many as possible, and as many with
/// the hosted zone in another account.
#[must_use]
pub fn variants(template: &Template) -> Vec<Given> {
    let there = |pairs: &[(&str, &str)]| {
        let there: Vec<_> =
            pairs.iter().filter(|(name, _)| template.entry("Parameters", name).is_some()).copied().collect();
        given(&there)
    };
    let many = there(VALUES);
    let mut variants = vec![sample(template, &[]), many.clone()];
    if template.entry("Parameters", DNS_ROLE.0).is_some() {
        let mut elsewhere = many;
        elsewhere.extend(given(&[DNS_ROLE]));
        if template.name == "main.yaml" {
            elsewhere.extend(there(NOT_ELSEWHERE));
        }
        variants.push(elsewhere);
    }
    variants
}

/// Returns the stacks of all variants.
///
/// # Errors
/// Where a template refuses them, or cannot be worked out.
pub fn stacks(template: &Template) -> Result<Vec<Stack>, Vec<String>> {
    let mut stacks = Vec::new();
    for given in variants(template) {
        match Stack::new(template, &given, "us-east-1") {
            Ok(stack) => stacks.push(stack),
            Err(refusals) => return Err(refusals.iter().map(ToString::to_string).collect()),
        }
    }
    Ok(stacks)
}

/// Runs a check on each of a template's stacks, and returns each problem once.
pub fn on_stacks(template: &Template, check: impl Fn(&Stack) -> Vec<String>) -> Vec<String> {
    let mut problems: Vec<String> = match stacks(template) {
        Ok(stacks) => stacks.iter().flat_map(check).collect(),
        Err(problems) => problems,
    };
    problems.sort();
    problems.dedup();
    problems
}

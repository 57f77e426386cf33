//! Parameters to try the templates with: the required ones alone, everything given, and what lies between.
//!
//! The templates agree on names, so one table serves all of them.

use crate::parameters::Given;
use crate::stack::{Stack, given};
use crate::template::Template;

/// What has no default.
const REQUIRED: &[(&str, &str)] = &[
    ("ClientName", "video.edge.example.com"),
    ("CodeBucket", "packages"),
    ("CodeKey", "registrar-0.1.0.zip"),
    ("HostedZoneId", "Z0123456789ABCDEFGHIJ"),
    ("HostedZoneName", "edge.example.com"),
    ("Location1Cidrs", "155.146.0.0/17,2600:1000::/28"),
    ("Location1Target", "video.bos.edge.example.com"),
    ("DefaultAddress", "192.0.2.1"),
    ("RecordName", "video.bos.edge.example.com"),
    ("RecordNames", "video.bos.edge.example.com"),
    ("SecurityGroupId", "sg-0123456789abcdef0"),
    ("SubnetId", "subnet-0123456789abcdef0"),
    ("WavelengthZone", "us-east-1-wl1-bos-wlz-1"),
];

/// What may be given besides.
const OPTIONAL: &[(&str, &str)] = &[
    ("AdditionalRecordNames", "audio.bos.edge.example.com,data.bos.edge.example.com"),
    ("AlarmTopicArn", "arn:aws:sns:us-east-1:123456789012:alarms"),
    ("AllowPing", "true"),
    ("AutoScalingGroupNames", "edge-video,edge-audio"),
    ("CloudTrailEvents", "true"),
    ("FallbackTarget", "192.0.2.1"),
    ("KeyPairName", "operators"),
    ("Location2Cidrs", "10.2.0.0/16"),
    ("Location2Name", "verizon-nyc"),
    ("Location2Target", "video.nyc.edge.example.com"),
    ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/boundary"),
    ("ProberAvailabilityZone", "us-east-1a"),
    ("SessionManager", "true"),
    ("SshCidr", "192.0.2.0/24"),
    ("WavelengthZones", "us-east-1-wl1-bos-wlz-1,us-east-1-wl1-nyc-wlz-1"),
    ("Weight", "50"),
];

/// The role in the account of the hosted zone.
pub const DNS_ROLE: (&str, &str) = ("DnsRoleArn", "arn:aws:iam::210987654321:role/registrar-dns");

/// Returns the required parameters of a template, and `more`.
#[must_use]
pub fn sample(template: &Template, more: &[(&str, &str)]) -> Given {
    let mut sample = of(template, REQUIRED);
    sample.extend(given(more));
    sample
}

/// Returns the parameters that a template is checked with: as few as possible, as many as possible, and as many with
/// the hosted zone in another account.
#[must_use]
pub fn variants(template: &Template) -> Vec<Given> {
    let few = of(template, REQUIRED);
    let mut many = few.clone();
    many.extend(of(template, OPTIONAL));
    let mut elsewhere = many.clone();
    elsewhere.extend(of(template, &[DNS_ROLE]));
    let mut variants = vec![few, many, elsewhere];
    variants.dedup();
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

fn of(template: &Template, table: &[(&str, &str)]) -> Given {
    let pairs: Vec<(&str, &str)> =
        table.iter().filter(|(name, _)| template.entry("Parameters", name).is_some()).copied().collect();
    given(&pairs)
}

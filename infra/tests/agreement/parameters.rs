//! Bad parameters are refused before anything is created, in words that say what to do.

use registrar_infra::checks::surface;

use crate::{assert_none, read};

type Bad = (&'static [(&'static str, &'static str)], &'static str);

const REGISTRAR: &[Bad] = &[
    (&[("DeploymentName", "Edge")], "must be 1 to 32 characters"),
    (&[("DeploymentName", "")], "must be 1 to 32 characters"),
    (&[("DeploymentName", "an-edge-of-more-than-32-characters")], "must be 1 to 32 characters"),
    (&[("PoolName", "video_1")], "must be 1 to 32 characters"),
    (&[("HostedZoneId", "/hostedzone/Z0123456789")], "must be the id of a hosted zone"),
    (&[("HostedZoneId", "z0123456789")], "must be the id of a hosted zone"),
    (&[("HostedZoneName", "edge.example.com.")], "without a final dot"),
    (&[("HostedZoneName", "Edge.example.com")], "in lower case"),
    (&[("RecordName", "video.edge.example.com.")], "without a final dot"),
    (&[("RecordName", "Video.edge.example.com")], "in lower case"),
    (&[("RecordName", "*.edge.example.com")], "must be a domain name"),
    (&[("RecordName", "video..example.com")], "must be a domain name"),
    (&[("RecordName", "")], "must be a domain name"),
    (&[("RecordName", "vi?eo.example.com")], "must be a domain name"),
    (&[("TtlSeconds", "0")], "must be a whole number from 1 to 86400"),
    (&[("TtlSeconds", "86401")], "must be a whole number from 1 to 86400"),
    (&[("TtlSeconds", "020")], "must be a whole number from 1 to 86400"),
    (&[("TtlSeconds", "20.5")], "must be a whole number from 1 to 86400"),
    (&[("TtlSeconds", "1e2")], "must be a whole number from 1 to 86400"),
    (&[("TtlSeconds", "twenty")], "must be a whole number from 1 to 86400"),
    (&[("AddressKind", "ipv6")], "is not one of"),
    (&[("PoolState", "deleted")], "is not one of"),
    (&[("Architecture", "mips")], "is not one of"),
    (&[("Architecture", "ARM64")], "is not one of"),
    (&[("CloudTrailEvents", "yes")], "is not one of"),
    (&[("LogRetentionDays", "2")], "is not one of"),
    (&[("WavelengthZones", "us-east-1-wl1-bos-wlz-1,")], "separated by commas"),
    (&[("WavelengthZones", "us-east-1-wl1-bos-wlz-1, us-east-1-foe-wlz-1a")], "separated by commas"),
    (&[("WavelengthZones", "US-EAST-1")], "must be names of zones"),
    (&[("AutoScalingGroupNames", "*")], "without wildcards"),
    (&[("AutoScalingGroupNames", "edge-?")], "without wildcards"),
    (&[("AutoScalingGroupNames", "a,,b")], "separated by commas"),
    (&[("SelectorTagKey", "a key")], "must be the key of a tag"),
    (&[("SelectorTagKey", "a\"key")], "must be the key of a tag"),
    (&[("SelectorTagValue", "*")], "must be the value of a tag"),
    (&[("SelectorTagKey", ""), ("SelectorTagValue", "")], "Give SelectorTagKey or AutoScalingGroupNames"),
    (&[("SelectorTagValue", "")], "Give both SelectorTagKey and SelectorTagValue"),
    (
        &[("SelectorTagKey", ""), ("AutoScalingGroupNames", "a")],
        "Give both SelectorTagKey and SelectorTagValue",
    ),
    (&[("SelectorTagKey", "aws:autoscaling:groupName")], "AutoScalingGroupNames"),
    (&[("FallbackTarget", "192.0.2.256")], "must be an IPv4 address"),
    (&[("FallbackTarget", "192.0.2")], "must be an IPv4 address"),
    (&[("FallbackTarget", "2001:db8::1")], "must be an IPv4 address"),
    (&[("FallbackTarget", "region.example.com.")], "without a final dot"),
    (&[("FallbackTarget", "video.bos.edge.example.com")], "FallbackTarget is RecordName itself"),
    (&[("AdditionalRecordNames", "audio.example.com,*.example.com")], "must be domain names"),
    (&[("AdditionalRecordNames", "audio.example.com.")], "without a final dot"),
    (&[("DnsRoleArn", "registrar-dns")], "must be the ARN of a role"),
    (&[("DnsRoleArn", "arn:aws:iam::123456789012:user/dns")], "must be the ARN of a role"),
    (&[("DnsRoleArn", "arn:aws:iam::123456789012:role/*")], "must be the ARN of a role"),
    (&[("PermissionsBoundaryArn", "boundary")], "must be the ARN of a policy"),
    (&[("AlarmTopicArn", "arn:aws:sqs:us-east-1:123456789012:alarms")], "must be the ARN of an SNS topic"),
    (&[("SweepSchedule", "rate(1 minutes)")], "must be rate(1 minute)"),
    (&[("SweepSchedule", "rate(2 hours)")], "must be rate(1 minute)"),
    (&[("SweepSchedule", "1 minute")], "must be rate(1 minute)"),
    (&[("CodeBucket", "My_Bucket")], "must be the name of a bucket"),
    (&[("CodeBucket", "s3://packages")], "must be the name of a bucket"),
    (&[("CodeKey", "registrar.tar.gz")], "must be the key of a zip"),
    (&[("CodeKey", ".zip")], "must be the key of a zip"),
];

const NETWORK: &[Bad] = &[
    (&[("WavelengthZone", "us-east-1a")], "must be the name of a Wavelength zone"),
    (&[("VpcCidr", "10.0.0.0/8")], "must be an IPv4 range"),
    (&[("VpcCidr", "10.0.0.256/16")], "must be an IPv4 range"),
    (&[("ProberAvailabilityZone", "us-east-1-wl1-bos-wlz-1")], "must be an availability zone"),
    (&[("ServicePort", "80")], "out of range"),
    (&[("ClientCidr", "0.0.0.0")], "must be an IPv4 range"),
    (&[("SshCidr", "0.0.0.0/0")], "must be an IPv4 range"),
    (&[("AllowPing", "yes")], "is not one of"),
];

const FLEET: &[Bad] = &[
    (&[("InstanceType", "t3.micro")], "is not one of"),
    (&[("InstanceType", "c5.xlarge")], "is not sold in this Wavelength zone"),
    (
        &[("InstanceType", "t3.xlarge"), ("WavelengthZone", "eu-west-3-cmn-wlz-1a")],
        "is not sold in the Wavelength zones",
    ),
    (&[("MinSize", "2"), ("MaxSize", "2")], "MaxSize has to be more than MinSize"),
    (&[("MaxSize", "100")], "out of range"),
    (&[("DrainTimeoutSeconds", "30")], "out of range"),
    (&[("DrainTimeoutSeconds", "7201")], "out of range"),
    (&[("Weight", "0")], "must be a whole number from 1 to 255"),
    (&[("Weight", "256")], "must be a whole number from 1 to 255"),
    (&[("AutoScalingGroupName", "edge*")], "must be 1 to 128 characters"),
];

const STEERING: &[Bad] = &[
    (&[("DefaultAddress", "")], "Give DefaultAddress or DefaultName"),
    (&[("DefaultName", "region.edge.example.com")], "Give DefaultAddress or DefaultName"),
    (&[("DefaultAddress", "192.0.2.256")], "must be an IPv4 address"),
    (&[("Location1Target", "video.edge.example.com")], "Location1Target is ClientName itself"),
    (&[("Location1Cidrs", "10.0.0.0/25")], "must be IPv4 ranges"),
    (&[("Location1Name", "a name")], "must be 1 to 16 characters"),
    (&[("Location2Name", "nyc")], "Give Location2Name, Location2Cidrs and Location2Target, or none"),
    (
        &[
            ("Location2Name", "carrier"),
            ("Location2Cidrs", "10.0.0.0/8"),
            ("Location2Target", "a.example.com"),
        ],
        "Location1Name and Location2Name are the same",
    ),
    (&[("ClientName", "Video.example.com")], "in lower case"),
    (&[("DefaultAddress", ""), ("DefaultName", "192.0.2.256")], "must be a domain name"),
];

const PROBER: &[Bad] = &[
    (&[("ProbeCodeBucket", "")], "Give ProbeCodeBucket (with ProbeCodeKey) or ProbeImageUri"),
    (&[("ProbeImageUri", "123456789012.dkr.ecr.us-east-1.amazonaws.com/probe:1")], "and not both"),
    (&[("ProbeCodeBucket", ""), ("ProbeImageUri", "probe:latest")], "must be an image in Amazon ECR"),
    (&[("ProbeReach", "icmp:")], "must be stun:PORT"),
    (&[("ProbeReach", "udp:5000,send=7,expect=70")], "must be stun:PORT"),
    (&[("ProbeSchedule", "rate(1 hour)")], "must be rate(1 minute)"),
];

const DNS_ROLE: &[Bad] = &[
    (&[("RegistrarRoleArn", "arn:aws:iam::123456789012:role/*")], "must be the ARN of a role"),
    (&[("RegistrarRoleArn", "arn:aws:iam::*:role/edge-FunctionRole-*")], "must be the ARN of a role"),
    (&[("RegistrarRoleArn", "*")], "must be the ARN of a role"),
    (&[("ProberRoleArn", "arn:aws:iam::123456789012:root")], "must be the ARN of a role"),
    (&[("RecordName", "*.example.com")], "must be a domain name"),
];

const MAIN: &[Bad] = &[
    (
        &[("FallbackAddress", "192.0.2.1"), ("FallbackName", "a.example.com")],
        "Give FallbackAddress or FallbackName",
    ),
    (&[("FallbackName", "video.bos.edge.example.com")], "FallbackName is RecordName itself"),
    (&[("ClientName", "video.edge.example.com")], "ClientName needs CarrierCidrs"),
    (
        &[("ClientName", "video.edge.example.com"), ("CarrierCidrs", "10.0.0.0/8")],
        "ClientName needs FallbackAddress",
    ),
    (&[("ProberAvailabilityZone", "us-east-1a")], "ProberAvailabilityZone needs ProbeCodeBucket"),
    (&[("ProbeCodeBucket", "packages")], "The probe needs ProberAvailabilityZone"),
    (&[("CarrierCidrs", "10.0.0.0/25")], "must be IPv4 ranges"),
    (&[("WavelengthZone", "us-east-1a")], "must be the name of a Wavelength zone"),
];

#[test]
fn bad_parameters_of_the_prober_are_refused() {
    assert_none(&surface::refused(&read("prober.yaml"), PROBER), "prober.yaml");
}

#[test]
fn bad_parameters_of_the_role_in_another_account_are_refused() {
    assert_none(&surface::refused(&read("dns-role.yaml"), DNS_ROLE), "dns-role.yaml");
}

#[test]
fn bad_parameters_of_the_whole_are_refused() {
    assert_none(&surface::refused(&read("main.yaml"), MAIN), "main.yaml");
}

#[test]
fn bad_parameters_of_the_control_plane_are_refused() {
    assert_none(&surface::refused(&read("registrar.yaml"), REGISTRAR), "registrar.yaml");
}

#[test]
fn bad_parameters_of_the_network_are_refused() {
    assert_none(&surface::refused(&read("network.yaml"), NETWORK), "network.yaml");
}

#[test]
fn bad_parameters_of_the_fleet_are_refused() {
    assert_none(&surface::refused(&read("fleet.yaml"), FLEET), "fleet.yaml");
}

#[test]
fn bad_parameters_of_the_steering_are_refused() {
    assert_none(&surface::refused(&read("steering.yaml"), STEERING), "steering.yaml");
}

#[test]
fn what_must_be_given_is_asked_for() {
    let template = read("registrar.yaml");
    let refusals =
        registrar_infra::parameters::accept(&template, &registrar_infra::stack::given(&[])).unwrap_err();
    let asked: Vec<&str> = refusals.iter().map(|refusal| refusal.subject.as_str()).collect();
    assert_eq!(asked, ["CodeBucket", "CodeKey", "HostedZoneId", "HostedZoneName", "RecordName"]);
}

//! A table of requests that the function's role must allow or must not: where least privilege ends.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::checks::permissions::of_function;
use crate::policy::{self, Decision, Request};
use crate::samples::{DNS_ROLE, sample};
use crate::stack::{ACCOUNT, Stack};
use crate::template::Template;

/// The name of the sample's pool, as IAM normalises it.
pub(super) const NAME: &str = "video.bos.edge.example.com";

const OWNER: &str = "registrar-owner.video.bos.edge.example.com";
/// Parameters.
type Pairs = &'static [(&'static str, &'static str)];

/// The policies of a role.
type Policies = Result<Vec<Value>, String>;

const TAGGED: Pairs = &[];
const NAMED: Pairs = &[("AutoScalingGroupNames", "edge-video,edge-audio")];
const MORE_NAMES: Pairs = &[("AdditionalRecordNames", "audio.edge.example.com,data.edge.example.com")];
const ELSEWHERE: Pairs = &[DNS_ROLE];

/// Adds the condition keys of a change of records.
pub(super) fn change(request: Request, actions: &[&str], types: &[&str], names: &[&str]) -> Request {
    request
        .with_all("route53:ChangeResourceRecordSetsActions", actions)
        .with_all("route53:ChangeResourceRecordSetsRecordTypes", types)
        .with_all("route53:ChangeResourceRecordSetsNormalizedRecordNames", names)
}

#[derive(Clone)]
struct Case {
    given: Pairs,
    request: Request,
    allowed: bool,
}

/// Every request of the table is decided as it should be.
#[must_use]
pub fn decided(template: &Template) -> Vec<String> {
    let cases = [records(), records_elsewhere(), groups(), parameters(), queues()].concat();
    problems(template, cases, &of_function)
}

/// In the account of the hosted zone, the role that the function assumes may do just what its own could.
#[must_use]
pub fn decided_elsewhere(template: &Template) -> Vec<String> {
    problems(template, records(), &|stack| policy::of_role(stack, "DnsRole"))
}

/// The role in the account of the hosted zone is assumed by the deployment's function, and by nobody else.
#[must_use]
pub fn trusted(template: &Template) -> Vec<String> {
    let stack = match Stack::new(template, &sample(template, &[]), "us-east-1") {
        Ok(stack) => stack,
        Err(refusals) => return vec![format!("{refusals:?}")],
    };
    let mut problems = Vec::new();
    for (id, role) in stack.of_type("AWS::IAM::Role") {
        let trust = role.properties["AssumeRolePolicyDocument"].clone();
        for (account, name, tag, expected) in [
            (ACCOUNT, "edge-FunctionRole-1A2B3C4D5E6F", "edge", Decision::Allowed),
            (ACCOUNT, "edge-FunctionRole-1A2B3C4D5E6F", "edge-2", Decision::NotAllowed),
            (ACCOUNT, "other", "edge", Decision::NotAllowed),
            ("999999999999", "edge-FunctionRole-1A2B3C4D5E6F", "edge", Decision::NotAllowed),
        ] {
            let request = Request::new("sts:AssumeRole", "*")
                .by(&format!("arn:aws:iam::{account}:root"))
                .with("aws:PrincipalArn", &format!("arn:aws:iam::{account}:role/{name}"))
                .with("aws:PrincipalTag/registrar:deployment", tag);
            let decision = policy::decide(std::slice::from_ref(&trust), &request);
            if decision != Ok(expected) {
                problems.push(format!("{id} and {name} of {account} tagged {tag}: {decision:?}"));
            }
        }
    }
    problems
}

fn problems(template: &Template, cases: Vec<Case>, role: &dyn Fn(&Stack) -> Policies) -> Vec<String> {
    let mut of: BTreeMap<Pairs, Policies> = BTreeMap::new();
    let mut problems = Vec::new();
    for Case { given, request, allowed } in cases {
        let policies = of.entry(given).or_insert_with(|| {
            let stack = Stack::new(template, &sample(template, given), "us-east-1");
            stack.map_err(|refusals| format!("{refusals:?}")).and_then(|stack| role(&stack))
        });
        match policies.as_ref().map_err(Clone::clone).and_then(|policies| policy::decide(policies, &request))
        {
            Ok(decision) if (decision == Decision::Allowed) == allowed => {}
            Ok(decision) => problems.push(format!("with {given:?}, {request:?} is {decision:?}")),
            Err(problem) => problems.push(problem),
        }
    }
    problems
}

fn case(given: Pairs, allowed: bool, request: Request) -> Case {
    Case { given, request, allowed }
}

fn on_records(actions: &[&str], types: &[&str], names: &[&str]) -> Request {
    let request = Request::new(
        "route53:ChangeResourceRecordSets",
        "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
    );
    change(request, actions, types, names)
}

fn records() -> Vec<Case> {
    let leaf = |number: &str| format!("l{number}.{NAME}");
    let other_zone =
        Request::new("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z9999999999999999999");
    let mut cases = vec![
        case(TAGGED, true, on_records(&["CREATE"], &["A"], &[NAME])),
        case(TAGGED, true, on_records(&["CREATE", "DELETE"], &["A"], &[NAME, &leaf("00"), &leaf("99")])),
        case(TAGGED, false, on_records(&["UPSERT"], &["A"], &[NAME])),
        case(TAGGED, false, on_records(&["CREATE", "UPSERT"], &["A"], &[NAME])),
        case(TAGGED, false, on_records(&["CREATE"], &["AAAA"], &[NAME])),
        case(TAGGED, false, on_records(&["CREATE"], &["CNAME"], &[NAME])),
        case(TAGGED, false, on_records(&["DELETE"], &["NS"], &["edge.example.com"])),
        case(TAGGED, false, on_records(&["CREATE"], &["A"], &["edge.example.com"])),
        case(TAGGED, false, on_records(&["CREATE"], &["A"], &["www.edge.example.com"])),
        case(TAGGED, false, on_records(&["CREATE"], &["A"], &[NAME, "www.edge.example.com"])),
        case(TAGGED, false, on_records(&["CREATE"], &["A"], &["l0.video.bos.edge.example.com"])),
        case(TAGGED, false, on_records(&["CREATE"], &["A"], &["l100.video.bos.edge.example.com"])),
        case(TAGGED, false, on_records(&["CREATE"], &["A"], &["l00.www.edge.example.com"])),
        case(TAGGED, false, on_records(&["CREATE"], &["A"], &["xvideo.bos.edge.example.com"])),
        case(TAGGED, false, on_records(&["CREATE"], &["A"], &["video.bos.edge.example.com.evil.example"])),
        // The owner's mark of a pool with simple routing, beside its addresses.
        case(TAGGED, true, on_records(&["CREATE"], &["A", "TXT"], &[NAME, OWNER])),
        case(TAGGED, true, on_records(&["DELETE"], &["TXT"], &[OWNER])),
        case(TAGGED, false, on_records(&["CREATE"], &["TXT"], &[NAME])),
        case(TAGGED, false, on_records(&["UPSERT"], &["TXT"], &[OWNER])),
        case(TAGGED, false, on_records(&["CREATE"], &["TXT"], &["registrar-owner.www.edge.example.com"])),
        case(TAGGED, false, on_records(&["CREATE"], &["CNAME", "TXT"], &[NAME, OWNER])),
        case(TAGGED, false, change(other_zone, &["CREATE"], &["A"], &[NAME])),
        case(TAGGED, false, on_records(&["CREATE"], &["A"], &["audio.edge.example.com"])),
        case(
            TAGGED,
            false,
            Request::new("route53:DeleteHostedZone", "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"),
        ),
        case(
            TAGGED,
            false,
            Request::new("route53:GetHostedZone", "arn:aws:route53:::hostedzone/Z9999999999999999999"),
        ),
    ];
    for name in ["audio.edge.example.com", "l42.data.edge.example.com", NAME] {
        cases.push(case(MORE_NAMES, true, on_records(&["CREATE"], &["A"], &[name])));
    }
    let owner = "registrar-owner.data.edge.example.com";
    cases.push(case(
        MORE_NAMES,
        true,
        on_records(&["CREATE"], &["A", "TXT"], &["data.edge.example.com", owner]),
    ));
    cases.push(case(MORE_NAMES, false, on_records(&["CREATE"], &["A"], &["other.edge.example.com"])));
    cases
}

fn records_elsewhere() -> Vec<Case> {
    let assume = |arn: &str| Request::new("sts:AssumeRole", arn);
    vec![
        case(ELSEWHERE, true, assume(DNS_ROLE.1)),
        case(ELSEWHERE, false, assume("arn:aws:iam::210987654321:role/other")),
        case(TAGGED, false, assume(DNS_ROLE.1)),
        case(ELSEWHERE, false, on_records(&["CREATE"], &["A"], &[NAME])),
        case(
            ELSEWHERE,
            false,
            Request::new(
                "route53:ListResourceRecordSets",
                "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
            ),
        ),
        case(ELSEWHERE, false, Request::new("route53:GetChange", "arn:aws:route53:::change/C0123456789")),
    ]
}

fn groups() -> Vec<Case> {
    let on = |region: &str, name: &str| {
        let arn = format!(
            "arn:aws:autoscaling:{region}:{ACCOUNT}:autoScalingGroup:0a1b:autoScalingGroupName/{name}"
        );
        Request::new("autoscaling:CompleteLifecycleAction", &arn).with("aws:RequestedRegion", region)
    };
    let here = |name: &str| on("us-east-1", name);
    vec![
        case(TAGGED, true, here("any").with("aws:ResourceTag/edge-dns", "video")),
        case(TAGGED, false, here("any").with("aws:ResourceTag/edge-dns", "audio")),
        case(TAGGED, false, here("any").with("aws:ResourceTag/other", "video")),
        case(TAGGED, false, here("any")),
        case(TAGGED, false, on("us-west-2", "any").with("aws:ResourceTag/edge-dns", "video")),
        case(NAMED, true, here("edge-video")),
        case(NAMED, true, here("edge-audio")),
        case(NAMED, false, here("edge-data").with("aws:ResourceTag/edge-dns", "video")),
        case(NAMED, false, here("edge-video-2")),
        case(NAMED, false, on("us-west-2", "edge-video")),
        case(
            NAMED,
            false,
            Request::new("autoscaling:SetDesiredCapacity", "*").with("aws:RequestedRegion", "us-east-1"),
        ),
        case(
            TAGGED,
            false,
            Request::new("ec2:DescribeInstances", "*").with("aws:RequestedRegion", "us-west-2"),
        ),
        case(
            TAGGED,
            false,
            Request::new("ec2:TerminateInstances", "*").with("aws:RequestedRegion", "us-east-1"),
        ),
    ]
}

fn parameters() -> Vec<Case> {
    let on = |action: &str, name: &str| {
        Request::new(&format!("ssm:{action}"), &format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter{name}"))
    };
    let mut cases = vec![
        case(TAGGED, true, on("GetParametersByPath", "/registrar/edge/pools")),
        case(TAGGED, false, on("GetParametersByPath", "/registrar")),
        case(TAGGED, false, on("GetParametersByPath", "/")),
        case(TAGGED, false, on("GetParameters", "/registrar/edge-2/pools/video")),
        case(TAGGED, false, on("GetParameters", "/registrar/edges")),
        case(TAGGED, false, on("GetParameters", "/other")),
        case(TAGGED, false, on("GetParameterHistory", "/registrar/edge/pools/video")),
    ];
    for action in ["PutParameter", "DeleteParameter"] {
        cases.extend([
            case(TAGGED, true, on(action, "/registrar/edge/state/pools/video")),
            case(TAGGED, false, on(action, "/registrar/edge/pools/video")),
            case(TAGGED, false, on(action, "/registrar/edge/state")),
            case(TAGGED, false, on(action, "/registrar/edge-2/state/pools/video")),
        ]);
    }
    cases
}

fn queues() -> Vec<Case> {
    let on = |action: &str, name: &str| {
        Request::new(&format!("sqs:{action}"), &format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"))
    };
    vec![
        case(TAGGED, true, on("SendMessage", "registrar-edge")),
        case(TAGGED, false, on("SendMessage", "registrar-edge-dead-letters")),
        case(TAGGED, false, on("ReceiveMessage", "registrar-edge-2")),
        case(TAGGED, false, on("PurgeQueue", "registrar-edge")),
        case(
            TAGGED,
            false,
            Request::new("logs:CreateLogGroup", &format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:x")),
        ),
        case(TAGGED, false, Request::new("lambda:InvokeFunction", "*")),
    ]
}

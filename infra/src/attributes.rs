//! What resources are called: what `Ref` and `Fn::GetAtt` return for them.
//!
//! A type that no template refers to needs nothing here; its attributes are made up of its logical id.
//! Source: CloudFormation template reference, "Return values" of each type.

use serde_json::{Value, json};

use crate::parameters::text;
use crate::stack::{ACCOUNT, Resource, STACK_NAME};

/// Returns the ARN of the stack itself.
pub(crate) fn stack_id(region: &str) -> String {
    let id = "51af3dc0-da77-11e4-872e-1234567db123";
    format!("arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{STACK_NAME}/{id}")
}

/// Returns what `Ref` of a resource returns.
pub(crate) fn reference(region: &str, kind: &str, id: &str, properties: &Value) -> String {
    let name = |property: &str| {
        properties.get(property).map_or_else(|| format!("{STACK_NAME}-{id}-1A2B3C4D5E6F"), text)
    };
    let path = name("Name");
    match kind {
        "AWS::SQS::Queue" => format!("https://sqs.{region}.amazonaws.com/{ACCOUNT}/{}", name("QueueName")),
        "AWS::SNS::Topic" => format!("arn:aws:sns:{region}:{ACCOUNT}:{}", name("TopicName")),
        "AWS::Lambda::Function" => name("FunctionName"),
        "AWS::IAM::Role" => name("RoleName"),
        "AWS::Logs::LogGroup" => name("LogGroupName"),
        "AWS::CloudWatch::Alarm" => name("AlarmName"),
        "AWS::CloudWatch::Dashboard" => name("DashboardName"),
        "AWS::AutoScaling::AutoScalingGroup" => name("AutoScalingGroupName"),
        "AWS::SSM::Parameter" | "AWS::Events::Rule" | "AWS::Scheduler::Schedule" => path,
        "AWS::EC2::VPC" => format!("vpc-{id}"),
        "AWS::EC2::Subnet" => format!("subnet-{id}"),
        "AWS::EC2::SecurityGroup" => format!("sg-{id}"),
        "AWS::EC2::LaunchTemplate" => format!("lt-{id}"),
        _ => id.to_owned(),
    }
}

/// Returns the ARN of a resource.
pub(crate) fn arn(region: &str, resource: &Resource) -> String {
    let reference = &resource.reference;
    let local = |service: &str, path: &str| format!("arn:aws:{service}:{region}:{ACCOUNT}:{path}{reference}");
    match resource.kind.as_str() {
        "AWS::SQS::Queue" => {
            let name = reference.rsplit('/').next().unwrap_or(reference);
            format!("arn:aws:sqs:{region}:{ACCOUNT}:{name}")
        }
        "AWS::SNS::Topic" => reference.clone(),
        "AWS::IAM::Role" => {
            let path = resource.properties.get("Path").map_or_else(|| "/".to_owned(), text);
            format!("arn:aws:iam::{ACCOUNT}:role{path}{reference}")
        }
        "AWS::Lambda::Function" => local("lambda", "function:"),
        "AWS::Logs::LogGroup" => format!("{}:*", local("logs", "log-group:")),
        "AWS::CloudWatch::Alarm" => local("cloudwatch", "alarm:"),
        "AWS::Events::Rule" => local("events", "rule/"),
        "AWS::Scheduler::Schedule" => {
            let group = resource.properties.get("GroupName").map_or_else(|| "default".to_owned(), text);
            local("scheduler", &format!("schedule/{group}/"))
        }
        other => {
            let service = other.split("::").nth(1).unwrap_or_default().to_ascii_lowercase();
            local(&service, "")
        }
    }
}

/// Returns an attribute of a resource: its ARN, a part of it that its properties give, or a made-up value.
pub(crate) fn attribute(region: &str, id: &str, resource: &Resource, attribute: &str) -> Value {
    match (resource.kind.as_str(), attribute) {
        (_, "Arn") => json!(arn(region, resource)),
        ("AWS::SQS::Queue", "QueueUrl") => json!(resource.reference),
        ("AWS::SQS::Queue", "QueueName") => {
            json!(resource.reference.rsplit('/').next().unwrap_or(&resource.reference))
        }
        (_, "LatestVersionNumber" | "DefaultVersionNumber") => json!("1"),
        _ => {
            resource.properties.get(attribute).cloned().unwrap_or_else(|| json!(format!("{id}.{attribute}")))
        }
    }
}

//! The protocols: which service and operation a request is for, its input, and how answers are written.
//!
//! Nothing here knows the world.

pub(crate) mod authorization;
pub(crate) mod element;
pub(crate) mod paging;
pub(crate) mod params;
pub(crate) mod refusal;
pub(crate) mod reply;

use hyper::http::request::Parts;
use serde_json::Value;

use crate::operation::{Operation, Service};
use params::Params;
use refusal::Refusal;

const ROUTE_53_VERSION: &str = "2013-04-01";
const EC2_VERSION: &str = "2016-11-15";
const AUTO_SCALING_VERSION: &str = "2011-01-01";
const STS_VERSION: &str = "2011-06-15";

/// A request with its service and operation, as far as they can be told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) service: Service,
    /// The name that the request gives, known or not.
    pub(crate) name: String,
    pub(crate) operation: Option<Operation>,
    pub(crate) input: Result<Input, Refusal>,
}

/// The input of an operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    /// Of the query protocol.
    Form(Params),
    /// Of the JSON protocol; an object.
    Json(Value),
    /// Of Route 53: the resource's id, the query and the body.
    Rest { id: String, query: Params, body: String },
}

impl Request {
    /// Tells what a request is for, or returns `None` where no service would know it.
    pub(crate) fn route(parts: &Parts, body: &str) -> Option<Self> {
        let path = parts.uri.path();
        if let Some(resource) = path.strip_prefix('/').and_then(|path| path.strip_prefix(ROUTE_53_VERSION)) {
            return Some(Self::route_53(parts, resource, body));
        }
        if let Some(target) = parts.headers.get("x-amz-target") {
            return Self::json(target.to_str().ok()?, body);
        }
        Self::query(body)
    }

    fn route_53(parts: &Parts, resource: &str, body: &str) -> Self {
        let segments: Vec<&str> = resource.split('/').filter(|segment| !segment.is_empty()).collect();
        let (operation, id) = match (parts.method.as_str(), segments.as_slice()) {
            ("GET", ["hostedzone", id, "rrset"]) => (Some(Operation::ListResourceRecordSets), *id),
            ("POST", ["hostedzone", id, "rrset"]) => (Some(Operation::ChangeResourceRecordSets), *id),
            ("GET", ["hostedzone", id]) => (Some(Operation::GetHostedZone), *id),
            ("GET", ["change", id]) => (Some(Operation::GetChange), *id),
            _ => (None, ""),
        };
        let name = operation
            .map_or_else(|| format!("{} {resource}", parts.method), |operation| operation.name().to_owned());
        let query = Params::parse(parts.uri.query().unwrap_or_default());
        let input = Ok(Input::Rest { id: id.to_owned(), query, body: body.to_owned() });
        Self { service: Service::Route53, name, operation, input }
    }

    fn json(target: &str, body: &str) -> Option<Self> {
        let (prefix, name) = target.split_once('.')?;
        let service = match prefix {
            "AmazonSSM" => Service::Ssm,
            "AmazonSQS" => Service::Sqs,
            _ => return None,
        };
        let input = match serde_json::from_str(body) {
            Ok(value @ Value::Object(_)) => Ok(Input::Json(value)),
            Ok(_) => Err(Refusal::bad_request("SerializationException", "The input is not an object")),
            Err(error) => Err(Refusal::bad_request("SerializationException", error.to_string())),
        };
        Some(Self { service, name: name.to_owned(), operation: Operation::of(service, name), input })
    }

    fn query(body: &str) -> Option<Self> {
        let mut params = Params::parse(body);
        let name = params.take("Action")?;
        let service = match params.take("Version")?.as_str() {
            EC2_VERSION => Service::Ec2,
            AUTO_SCALING_VERSION => Service::AutoScaling,
            STS_VERSION => Service::Sts,
            _ => return None,
        };
        let operation = Operation::of(service, &name);
        Some(Self { service, name, operation, input: Ok(Input::Form(params)) })
    }

    /// Returns the body as it came, of a service whose requests are not taken apart here; else nothing.
    pub(crate) fn body(&self) -> &str {
        match &self.input {
            Ok(Input::Rest { body, .. }) => body,
            Ok(Input::Form(_) | Input::Json(_)) | Err(_) => "",
        }
    }

    /// Prints what the request asks for in one line.
    pub(crate) fn summary(&self) -> String {
        match &self.input {
            Err(refusal) => refusal.message.clone(),
            Ok(Input::Form(params)) => form_summary(params),
            Ok(Input::Json(value)) => value.to_string(),
            Ok(Input::Rest { id, query, body }) => {
                let count = |action: &str| body.matches(&format!("<Action>{action}</Action>")).count();
                let query = query.iter().map(|(name, value)| format!(" {name}={value}"));
                let counts = ["DELETE", "CREATE", "UPSERT"].map(|action| (action, count(action)));
                let counts = counts.into_iter().filter(|(_, count)| *count > 0);
                let counts = counts.map(|(action, count)| format!(" {count} {action}"));
                format!("{id}{}", query.chain(counts).collect::<String>())
            }
        }
    }
}

/// Prints parameters, and each filter as its name and values.
fn form_summary(params: &Params) -> String {
    let mut words: Vec<String> = Vec::new();
    for (name, value) in params.iter() {
        match name.strip_prefix("Filter.").and_then(|rest| rest.split_once('.')) {
            Some((_, "Name")) => {}
            Some((index, _)) => {
                let filter = params.peek(&format!("Filter.{index}.Name")).unwrap_or_default();
                let prefix = format!("{filter}=");
                match words.last_mut().filter(|word| word.starts_with(&prefix)) {
                    Some(word) => word.push_str(&format!(",{value}")),
                    None => words.push(format!("{prefix}{value}")),
                }
            }
            None => words.push(format!("{name}={value}")),
        }
    }
    words.join(" ")
}

/// Returns the namespace of a service's XML.
pub(crate) fn namespace(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
        Service::AutoScaling => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
        Service::Route53 => "https://route53.amazonaws.com/doc/2013-04-01/",
        Service::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        Service::Ssm | Service::Sqs => "",
    }
}

//! A refused call, and how each protocol writes it.
//!
//! Which call is refused is decided by the services.

use serde_json::json;

use super::element::Element;
use super::reply::Reply;
use crate::operation::Service;

/// An error of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: u16,
    /// The code by which clients tell errors apart.
    pub(crate) code: String,
    /// The message, for people.
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// Builds an error with status 400, which most are.
    pub(crate) fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// Builds the error by which a service says that it is asked too often.
    ///
    /// Sources: EC2 Developer Guide, "Request throttling"; the common errors of each API reference.
    pub(crate) fn throttled(service: Service) -> Self {
        match service {
            Service::Ec2 => Self::new(503, "RequestLimitExceeded", "Request limit exceeded."),
            Service::AutoScaling | Service::Route53 | Service::Sts => {
                Self::bad_request("Throttling", "Rate exceeded")
            }
            Service::Ssm => Self::bad_request("ThrottlingException", "Rate exceeded"),
            Service::Sqs => Self::new(403, "RequestThrottled", "Request was throttled."),
        }
    }

    /// Builds the error for an operation that the service does not have.
    pub(crate) fn unknown_operation(service: Service, name: &str) -> Self {
        match service {
            Service::Ec2 => Self::bad_request(
                "InvalidAction",
                format!("The action {name} is not valid for this web service."),
            ),
            Service::AutoScaling | Service::Sts => {
                Self::bad_request("InvalidAction", format!("Could not find operation {name}"))
            }
            Service::Route53 => Self::new(404, "UnknownOperationException", format!("No operation {name}")),
            Service::Ssm | Service::Sqs => {
                Self::bad_request("UnknownOperationException", format!("No operation {name}"))
            }
        }
    }

    /// Writes the error as the service does.
    pub(crate) fn reply(&self, service: Service, request_id: &str) -> Reply {
        let Self { status, code, message } = self;
        match service {
            Service::Ec2 => {
                let error = Element::new("Error").field("Code", code).field("Message", message);
                let errors = Element::new("Response").list("Errors", [error]).field("RequestID", request_id);
                Reply::xml(*status, "text/xml;charset=UTF-8", errors.document(""))
            }
            Service::AutoScaling | Service::Sts | Service::Route53 => {
                let error = Element::new("Error")
                    .field("Type", if *status < 500 { "Sender" } else { "Receiver" })
                    .field("Code", code)
                    .field("Message", message);
                let response = Element::new("ErrorResponse").with(error).field("RequestId", request_id);
                Reply::xml(*status, "text/xml", response.document(super::namespace(service)))
            }
            Service::Ssm => Reply::json(*status, "1.1", &json!({ "__type": code, "message": message })),
            Service::Sqs => {
                let shape = format!("com.amazonaws.sqs#{code}");
                let reply = Reply::json(*status, "1.0", &json!({ "__type": shape, "message": message }));
                reply.with_header("x-amzn-query-error", format!("{};Sender", sqs_query_code(code)))
            }
        }
    }
}

/// Returns the code that SQS's retired query protocol had for an error; SDKs prefer it where it is sent.
fn sqs_query_code(code: &str) -> String {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
        "BatchEntryIdsNotDistinct"
        | "EmptyBatchRequest"
        | "InvalidBatchEntryId"
        | "MessageNotInflight"
        | "TooManyEntriesInBatchRequest"
        | "UnsupportedOperation" => format!("AWS.SimpleQueueService.{code}"),
        other => other.to_owned(),
    }
}

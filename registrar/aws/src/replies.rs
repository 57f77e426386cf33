//! What came of a submitted batch, in the words of the core's executor.
//!
//! Whether to submit again is the executor's decision. It must never be told that nothing happened where
//! something may have: whatever was sent and not answered is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_route53::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_route53::error::SdkError;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use registrar_core::execute::Reply;

use crate::errors::{Kind, PortError};

pub(crate) const CHANGE: &str = "route53:ChangeResourceRecordSets";

/// Whether a request has left: before that, nothing can have happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<AtomicBool>);

impl Sent {
    pub(crate) fn has_left(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "Sent"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Reads a failure of `ChangeResourceRecordSets`.
pub(crate) fn failed(error: &SdkError<ChangeResourceRecordSetsError, HttpResponse>, has_left: bool) -> Reply {
    use ChangeResourceRecordSetsError as Refused;
    let told = PortError::from_sdk(CHANGE, error);
    match error.as_service_error() {
        Some(Refused::PriorRequestNotComplete(_)) => Reply::PriorRequestNotComplete,
        Some(Refused::InvalidChangeBatch(invalid)) if !invalid.messages().is_empty() => {
            Reply::InvalidChangeBatch(invalid.messages().to_vec())
        }
        Some(Refused::InvalidChangeBatch(invalid)) => {
            let message = invalid.message().map_or(told.message, str::to_owned);
            Reply::InvalidChangeBatch(vec![message])
        }
        Some(_) => match told.kind {
            Kind::Throttled => Reply::Throttled,
            Kind::Denied | Kind::NotFound => Reply::Denied(denied(&told)),
            Kind::Unreachable => Reply::Lost(told.to_string()),
            // InvalidInput, or a code that the model does not have: nothing was applied.
            Kind::Other => {
                let listed = error.raw_response().map(listed_messages).unwrap_or_default();
                Reply::InvalidChangeBatch(if listed.is_empty() { vec![told.message] } else { listed })
            }
        },
        None if has_left => Reply::Lost(told.to_string()),
        None => Reply::Denied(format!("{told}; nothing was sent")),
    }
}

/// Reads the messages of an answer whose root is `InvalidChangeBatch`, as the API reference of
/// `ChangeResourceRecordSets` shows it; the SDK reads only the form whose root is `ErrorResponse`.
fn listed_messages(answer: &HttpResponse) -> Vec<String> {
    let body = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default());
    let Some((_, listed)) = body.split_once("<InvalidChangeBatch") else { return Vec::new() };
    let messages = listed.split("<Message>").skip(1).filter_map(|rest| rest.split_once("</Message>"));
    messages.map(|(message, _)| unescape(message)).collect()
}

fn unescape(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain.replace("&apos;", "'").replace("&amp;", "&")
}

fn denied(told: &PortError) -> String {
    let hint = if told.message.starts_with("NoSuchHostedZone") {
        " (hint: check record.hosted_zone_id, and record.role_arn where the hosted zone is another account's)"
    } else if told.message.starts_with("NoSuchHealthCheck") {
        " (hint: a record names a health check that was deleted; take it off the record)"
    } else {
        ""
    };
    format!("{told}{hint}")
}

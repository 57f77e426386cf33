//! What went wrong with a call, in one line that names the operation, the service's code and its message.
//!
//! It carries no credentials and no signed address. Whether to try again is for the caller to say; the
//! SDK has tried as often as it may.

use std::error::Error;
use std::future::Future;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;

use crate::clients::Deadline;

/// Longest message that is kept, in characters: EC2 appends encoded policies of several thousand.
const LONGEST_MESSAGE: usize = 500;

/// Codes of requests that were one too many (`aws-runtime`, `THROTTLING_ERRORS`; `TooManyUpdates` is
/// SSM's).
const THROTTLED: [&str; 12] = [
    "EC2ThrottledException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TooManyUpdates",
];

/// Codes of requests whose sender may not send them.
const FORBIDDEN: [&str; 5] =
    ["AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired", "UnauthorizedOperation"];

/// Codes of requests whose signature or credentials are not accepted.
const UNAUTHENTICATED: [&str; 12] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Codes of requests about something that does not exist.
const NOT_FOUND: [&str; 7] = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchChange",
    "NoSuchHealthCheck",
    "NoSuchHostedZone",
    "ParameterNotFound",
    "ParameterVersionNotFound",
    "QueueDoesNotExist",
];

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The account's budget is spent, on their side or on ours.
    Throttled,
    /// No permission, or no credentials that are accepted.
    Denied,
    /// What was asked about does not exist.
    NotFound,
    /// No answer came in time, or none that could be read.
    Unreachable,
    /// Anything else that the service said.
    Other,
}

/// A call that failed, as often as it was tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {message}")]
pub struct PortError {
    /// The operation, such as `ec2:DescribeInstances`.
    pub operation: &'static str,
    /// What the service said, its code first, or why no answer came.
    pub message: String,
    /// What kind of failure it was.
    pub kind: Kind,
}

impl PortError {
    pub(crate) fn new(operation: &'static str, kind: Kind, message: impl Into<String>) -> Self {
        Self { operation, message: message.into(), kind }
    }

    /// Nothing was sent, or nothing came back, before the time was up.
    pub(crate) fn out_of_time(operation: &'static str) -> Self {
        Self::new(operation, Kind::Unreachable, "no answer came before the deadline")
    }

    /// Reads what the SDK says of a failure.
    pub(crate) fn from_sdk<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(refused) => {
                let status = refused.raw().status().as_u16();
                if refused.raw().status().is_success() {
                    return Self::unreadable(operation, status, error);
                }
                Self::refused(operation, refused.err().code(), refused.err().message(), status)
            }
            SdkError::TimeoutError(_) => {
                Self::new(operation, Kind::Unreachable, "no answer came within the time of an attempt")
            }
            SdkError::ResponseError(answer) => {
                let status = answer.raw().status().as_u16();
                Self::unreadable(operation, status, error)
            }
            other => match credentials_problem(other) {
                Some(problem) => Self::new(operation, Kind::Denied, problem),
                None => Self::new(operation, Kind::Unreachable, bounded(&chain(other))),
            },
        }
    }

    /// Something came that says neither yes nor no.
    fn unreadable(operation: &'static str, status: u16, error: &(dyn Error + 'static)) -> Self {
        let message = format!("the answer (HTTP {status}) could not be read: {}", chain(error));
        Self::new(operation, Kind::Unreachable, bounded(&message))
    }

    fn refused(operation: &'static str, code: Option<&str>, text: Option<&str>, status: u16) -> Self {
        let kind = kind_of(code, status);
        let code = code.map_or_else(|| format!("HTTP {status}"), str::to_owned);
        let mut message = match text.filter(|text| !text.is_empty()) {
            Some(text) => bounded(&format!("{code}: {}", without_tokens(text))),
            None => code.clone(),
        };
        if FORBIDDEN.contains(&code.as_str()) {
            message.push_str(&format!(" (hint: allow {operation} in the IAM policy of the caller's role)"));
        } else if UNAUTHENTICATED.contains(&code.as_str()) {
            message.push_str(" (hint: renew the credentials, and check the clock)");
        }
        Self::new(operation, kind, message)
    }
}

/// Leaves out what is written like a lifecycle action's token, which Auto Scaling repeats in its refusals:
/// whoever has one can complete the action.
fn without_tokens(text: &str) -> String {
    let part_of_one = |character: char| character.is_ascii_hexdigit() || character == '-';
    let mut kept = String::with_capacity(text.len());
    for piece in text.split_inclusive(|character| !part_of_one(character)) {
        let word = piece.trim_end_matches(|character| !part_of_one(character));
        let groups: Vec<usize> = word.split('-').map(str::len).collect();
        let shown = if groups == [8, 4, 4, 4, 12] { "(a token)" } else { word };
        kept.push_str(shown);
        kept.push_str(&piece[word.len()..]);
    }
    kept
}

fn kind_of(code: Option<&str>, status: u16) -> Kind {
    match code {
        Some(code) if THROTTLED.contains(&code) => Kind::Throttled,
        Some(code) if FORBIDDEN.contains(&code) || UNAUTHENTICATED.contains(&code) => Kind::Denied,
        Some(code) if NOT_FOUND.contains(&code) => Kind::NotFound,
        Some(_) | None if status == 429 => Kind::Throttled,
        Some(_) | None if status == 401 || status == 403 => Kind::Denied,
        Some(_) | None if status >= 500 => Kind::Unreachable,
        Some(_) | None => Kind::Other,
    }
}

/// Says why a request could not be signed, where that is what happened.
///
/// A role that may not be assumed hides below several layers that only say that something failed, so its
/// own code and message are looked for.
fn credentials_problem(error: &(dyn Error + 'static)) -> Option<String> {
    layers(error).find_map(|layer| layer.downcast_ref::<CredentialsError>())?;
    let refused = layers(error).find_map(|layer| layer.downcast_ref::<AssumeRoleError>());
    let assumed = refused.map(|refused| {
        let refusal = PortError::refused("sts:AssumeRole", refused.code(), refused.message(), 0).message;
        format!("the role could not be assumed: {refusal}")
    });
    Some(assumed.unwrap_or_else(|| bounded(&format!("no credentials: {}", chain(error)))))
}

/// Returns an error and what lies below it.
fn layers<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let layer = next?;
        next = layer.source();
        Some(layer)
    })
}

/// Joins what an error and its sources say, each thing once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for layer in layers(error) {
        let text = layer.to_string();
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
    }
    said.join(": ")
}

/// Cuts a message to what a person reads, and keeps it on one line.
pub(crate) fn bounded(text: &str) -> String {
    let one_line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut kept: String = one_line.clone().take(LONGEST_MESSAGE).collect();
    if one_line.count() > LONGEST_MESSAGE {
        kept.push('…');
    }
    kept
}

/// Sends one call and waits for its answer, retries of the SDK included, until the deadline.
pub(crate) async fn send<T, E>(
    operation: &'static str,
    deadline: Deadline,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, PortError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if deadline.has_passed() {
        return Err(PortError::out_of_time(operation));
    }
    let answer = match tokio::time::timeout_at(deadline.0, call).await {
        Err(_) => Err(PortError::out_of_time(operation)),
        Ok(answer) => answer.map_err(|error| PortError::from_sdk(operation, &error)),
    };
    match &answer {
        Ok(_) => tracing::debug!(operation, "answered"),
        Err(error) => tracing::debug!(operation, kind = ?error.kind, message = error.message, "failed"),
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_operation_code_and_what_to_do() {
        let error = PortError::refused(
            "ec2:DescribeInstances",
            Some("UnauthorizedOperation"),
            Some("You are not authorized."),
            403,
        );
        assert_eq!(
            error.to_string(),
            "ec2:DescribeInstances failed: UnauthorizedOperation: You are not authorized. (hint: allow \
             ec2:DescribeInstances in the IAM policy of the caller's role)"
        );
        assert_eq!(error.kind, Kind::Denied);
    }

    #[test]
    fn a_token_that_auto_scaling_repeats_is_not_told() {
        let token = "87654321-4321-4321-4321-210987654321";
        let text =
            format!("No active Lifecycle Action found with token {token}. Instance i-0123456789abcdef0");
        let error = PortError::refused(
            "autoscaling:CompleteLifecycleAction",
            Some("ValidationError"),
            Some(&text),
            400,
        );
        let told = "ValidationError: No active Lifecycle Action found with token (a token). Instance i-0123456789abcdef0";
        assert_eq!(error.message, told);
    }

    #[test]
    fn kinds_follow_the_code_before_the_status() {
        assert_eq!(kind_of(Some("RequestLimitExceeded"), 503), Kind::Throttled);
        assert_eq!(kind_of(Some("NoSuchHostedZone"), 404), Kind::NotFound);
        assert_eq!(kind_of(Some("InternalError"), 500), Kind::Unreachable);
        assert_eq!(kind_of(Some("ValidationError"), 400), Kind::Other);
        assert_eq!(kind_of(None, 403), Kind::Denied);
    }

    #[test]
    fn a_message_of_megabytes_is_cut_and_stays_on_one_line() {
        let cut = bounded(&"x\n".repeat(1_000_000));
        assert_eq!(cut.chars().count(), LONGEST_MESSAGE + 1);
        assert!(!cut.contains('\n'));
    }
}

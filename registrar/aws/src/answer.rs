//! The answer to a custom-resource request, put where CloudFormation waits for it.
//!
//! The address is a secret: whoever has it can answer in the function's name. It is never logged.

use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use std::time::Duration;

use crate::Deadline;

/// How often an answer is tried: without one a stack hangs for an hour.
const ATTEMPTS: u32 = 5;

/// What one attempt gets of the time that is left, at least.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(300);

/// Why an answer did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CloudFormation did not take the answer: {0}")]
pub struct AnswerError(String);

/// Puts `body` at `url`, a few times where that fails.
///
/// # Errors
/// When it was not taken before the deadline.
pub async fn put_answer(url: &str, body: &str, deadline: Deadline) -> Result<(), AnswerError> {
    let mut problem = "there was no time left".to_owned();
    for attempt in 0..ATTEMPTS {
        // One that hangs leaves time for others.
        let time = (deadline.remaining() / 3).max(SHORTEST_ATTEMPT).min(deadline.remaining());
        match tokio::time::timeout(time, put(url, body)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => problem = error,
            Err(_) => "no answer in time".clone_into(&mut problem),
        }
        let pause = Duration::from_millis(200) * 2_u32.pow(attempt);
        if deadline.remaining() < pause {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    Err(AnswerError(problem))
}

/// The pre-signed address is signed without a content type, and refuses a request that has one.
async fn put(url: &str, body: &str) -> Result<(), String> {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(Duration::from_secs(2))
        .read_timeout(Duration::from_secs(5))
        .build();
    let connector = default_connector(&settings, Some(aws_smithy_async_sleep()))
        .ok_or_else(|| "there is no HTTP client".to_owned())?;
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("PUT").map_err(|error| error.to_string())?;
    request.set_uri(url).map_err(|_| "the address is not one".to_owned())?;
    request.headers_mut().insert("content-type", "");
    request.headers_mut().insert("content-length", body.len().to_string());
    let response = connector.call(request).await.map_err(|error| describe(&error))?;
    let status = response.status().as_u16();
    if (200..300).contains(&status) { Ok(()) } else { Err(format!("status {status}")) }
}

/// Tells what failed without the address, which some errors repeat.
fn describe(error: &aws_smithy_runtime_api::client::result::ConnectorError) -> String {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_io() {
        "the connection failed"
    } else {
        "the request failed"
    };
    kind.to_owned()
}

fn aws_smithy_async_sleep() -> aws_smithy_async::rt::sleep::SharedAsyncSleep {
    aws_smithy_async::rt::sleep::SharedAsyncSleep::new(aws_smithy_async::rt::sleep::TokioSleep::new())
}

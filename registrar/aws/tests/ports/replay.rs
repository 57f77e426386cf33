//! Recorded answers for the real SDK clients, and what was asked of them.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_route53::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use registrar_aws::{Aws, Deadline, Settings, ZoneAccess};

/// An answer with status 200.
pub(crate) fn ok(body: impl Into<String>) -> ReplayEvent {
    answer(200, body)
}

/// An answer.
pub(crate) fn answer(status: u16, body: impl Into<String>) -> ReplayEvent {
    let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.into()));
    ReplayEvent::new(HttpRequest::new(SdkBody::empty()), response)
}

/// An error as the query protocols and Route 53 write it.
pub(crate) fn refused(status: u16, code: &str, message: &str) -> ReplayEvent {
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
    answer(status, format!("<ErrorResponse>{error}<RequestId>00000000-example</RequestId></ErrorResponse>"))
}

/// An error as EC2 writes it.
pub(crate) fn ec2_refused(status: u16, code: &str, message: &str) -> ReplayEvent {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    answer(
        status,
        format!("<Response><Errors>{error}</Errors><RequestID>00000000-example</RequestID></Response>"),
    )
}

/// The ports over answers that come in this order, and the client that keeps the requests.
pub(crate) fn replay(answers: Vec<ReplayEvent>) -> (Aws, StaticReplayClient) {
    replay_with(answers, Settings::default())
}

/// The same with settings.
pub(crate) fn replay_with(answers: Vec<ReplayEvent>, settings: Settings) -> (Aws, StaticReplayClient) {
    let client = StaticReplayClient::new(answers);
    (Aws::from_sdk_config(&config(SharedHttpClient::new(client.clone())), settings), client)
}

/// The ports over answers after which nobody answers any more.
pub(crate) fn replay_then_silence(answers: Vec<ReplayEvent>) -> Aws {
    replay_then_silence_with(answers, Settings::default())
}

/// The same with settings.
pub(crate) fn replay_then_silence_with(answers: Vec<ReplayEvent>, settings: Settings) -> Aws {
    let left = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(answers.len()));
    let client = SharedHttpClient::new(StaticReplayClient::new(answers));
    let silent = http_client_fn(move |settings, components| {
        let inner = client.http_connector(settings, components);
        SharedHttpConnector::new(ThenSilence { inner, left: left.clone() })
    });
    Aws::from_sdk_config(&config(silent), settings)
}

#[derive(Debug)]
struct ThenSilence {
    inner: SharedHttpConnector,
    left: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl HttpConnector for ThenSilence {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        use std::sync::atomic::Ordering::SeqCst;
        match self.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => self.inner.call(request),
            Err(_) => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

/// A configuration that comes from no environment.
pub(crate) fn config(client: SharedHttpClient) -> SdkConfig {
    let credentials = Credentials::new("AKIDEXAMPLE", "a-secret-key", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(client)
        .build()
}

/// The bodies that were sent, in order.
pub(crate) fn bodies(client: &StaticReplayClient) -> Vec<String> {
    let body = |request: &HttpRequest| {
        String::from_utf8(request.body().bytes().unwrap_or_default().to_vec()).unwrap()
    };
    client.actual_requests().map(body).collect()
}

/// The addresses that were asked, in order.
pub(crate) fn uris(client: &StaticReplayClient) -> Vec<String> {
    client.actual_requests().map(|request| request.uri().to_owned()).collect()
}

/// A deadline that no test reaches.
pub(crate) fn soon() -> Deadline {
    within_secs(60)
}

pub(crate) fn within_secs(secs: u64) -> Deadline {
    Deadline::after(Duration::from_secs(secs))
}

/// A hosted zone of the own account.
pub(crate) fn own_zone() -> ZoneAccess {
    ZoneAccess { id: "Z0123456789ABCDEFGHIJ".parse().unwrap(), role_arn: None }
}

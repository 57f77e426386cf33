//! One set of SDK clients for one execution environment, and the time that each call may take.
//!
//! Connecting makes no network call: credentials are fetched when the first request is signed. It does
//! not know any operation; each port's module does.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_sdk_route53::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_route53::config::{HttpClient as _, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::http_client_fn;
use tokio::time::Instant;

use crate::accounts::Accounts;
use crate::calls::{CallCounter, CallCounts};

/// The first wait before a retry; it doubles from there, with jitter.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The longest wait before a retry.
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// How much longer an attempt at EC2 may take: a page of a thousand instances is several megabytes.
const LARGE_PAGES: u32 = 2;

/// When a call has to be over, whatever came of it; retries and waits stay inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// Returns the deadline that is `duration` from now.
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// Returns the earlier of this deadline and the one that is `duration` from now.
    pub(crate) fn or_after(self, duration: Duration) -> Self {
        Self(self.0.min(Instant::now() + duration))
    }

    /// Returns how much time is left, zero when it has passed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Returns the deadline that is `duration` before this one.
    #[must_use]
    pub fn earlier_by(self, duration: Duration) -> Self {
        Self(self.0.checked_sub(duration).unwrap_or(self.0))
    }

    /// Says whether nothing may be started any more.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }
}

/// How calls are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How often a request is sent at most before its failure is told.
    pub attempts: u32,
    /// How long one attempt may take, from signing to the last byte; twice that for EC2, whose pages are
    /// large. The SDK sets no such limit itself.
    pub attempt_timeout: Duration,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// The share of an account's Route 53 budgets that is spent here, above 0 and up to 1.
    pub route53_share: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attempts: 8,
            attempt_timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(1),
            route53_share: 0.8,
        }
    }
}

impl Settings {
    fn retry(&self) -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(self.attempts.max(1))
            .with_initial_backoff(FIRST_BACKOFF)
            .with_max_backoff(LONGEST_BACKOFF)
    }

    /// A time to connect and a time for the whole attempt, which covers the reading too: with the same
    /// connector settings everywhere, all services share one connector.
    fn timeouts(&self, attempt: Duration) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connect_timeout)
            .operation_attempt_timeout(attempt)
            .build()
    }
}

/// The ports, over one set of SDK clients that all clones share.
#[derive(Clone, Debug)]
pub struct Aws {
    pub(crate) inner: Arc<Clients>,
}

/// The clients behind [`Aws`].
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) autoscaling: aws_sdk_autoscaling::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) accounts: Accounts,
    pub(crate) sdk: SdkConfig,
    pub(crate) counter: CallCounter,
}

/// Builds a service's client configuration: the shared one, the counter and the way of retrying.
macro_rules! client {
    ($sdk:ident, $config:expr, $counter:expr, $retries:expr) => {
        $sdk::Client::from_conf(
            $sdk::config::Builder::from($config)
                .interceptor($counter.clone())
                .retry_partition($retries.clone())
                .build(),
        )
    };
}

impl Aws {
    /// Connects with what the environment and the SDK's own files say: Region, credentials, endpoints,
    /// proxies. No request is sent where the Region is given by either.
    pub async fn connect(settings: Settings) -> Self {
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .http_client(https_client())
            .retry_config(settings.retry())
            .timeout_config(settings.timeouts(settings.attempt_timeout))
            .load()
            .await;
        Self::from_sdk_config(&sdk, settings)
    }

    /// Connects with a configuration that somebody else has loaded; retries and timeouts are replaced by
    /// those of `settings`.
    #[must_use]
    pub fn from_sdk_config(sdk: &SdkConfig, settings: Settings) -> Self {
        let mut builder = sdk
            .to_builder()
            .retry_config(settings.retry())
            .timeout_config(settings.timeouts(settings.attempt_timeout))
            .http_client(sdk.http_client().unwrap_or_else(https_client));
        builder.set_app_name(app_name().or_else(|| sdk.app_name().cloned()));
        builder.set_time_source(Some(sdk.time_source().unwrap_or_default()));
        let sdk = builder.build();
        let counter = CallCounter::default();
        let retries = retry_partition();
        let large = settings.timeouts(settings.attempt_timeout * LARGE_PAGES);
        let with_large_pages = sdk.to_builder().timeout_config(large).build();
        let inner = Clients {
            ec2: client!(aws_sdk_ec2, &with_large_pages, counter, retries),
            autoscaling: client!(aws_sdk_autoscaling, &sdk, counter, retries),
            ssm: client!(aws_sdk_ssm, &sdk, counter, retries),
            sqs: client!(aws_sdk_sqs, &sdk, counter, retries),
            accounts: Accounts::new(sdk.clone(), retries, counter.clone(), settings.route53_share),
            sdk,
            counter,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns how often each operation was sent so far, retries included.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        self.inner.counter.counts()
    }
}

/// Attempts and deadline bound the retries of each call, and nothing else does. The SDK would share a quota
/// among all calls of the process besides, which a throttled hour uses up, so that the next call fails at
/// its first answer.
fn retry_partition() -> RetryPartition {
    RetryPartition::custom("registrar").token_bucket(TokenBucket::unlimited()).build()
}

/// The user agent carries `app/registrar-<version>`; the SDK refuses a slash in it.
fn app_name() -> Option<AppName> {
    AppName::new(concat!("registrar-", env!("CARGO_PKG_VERSION"))).ok()
}

/// Builds the client that the SDK would build by default, once for all services, and only when the first
/// request needs it: the SDK would parse the machine's certificates again for each service that is merely
/// configured, which is most of what connecting costs.
fn https_client() -> SharedHttpClient {
    let client = Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    });
    http_client_fn(move |settings, components| client.http_connector(settings, components))
}

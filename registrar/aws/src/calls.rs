//! Counts what goes out on the wire, by operation, retries included, and refuses what no policy allows.
//!
//! It counts and does not limit; the Route 53 limiter is `budget`. What may go out is the list in `actions`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_route53::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_route53::config::{ConfigBag, HttpClient as _, Intercept, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, Metadata};

use crate::actions;

/// How often each operation was sent, by names such as `ec2:DescribeInstances`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounts(BTreeMap<String, u64>);

impl CallCounts {
    /// Returns what was sent since an earlier count; operations that were not are left out.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let newer = |(name, count): (&String, &u64)| {
            let more = count.saturating_sub(earlier.of(name));
            (more > 0).then(|| (name.clone(), more))
        };
        Self(self.0.iter().filter_map(newer).collect())
    }

    /// Returns how often one operation was sent.
    #[must_use]
    pub fn of(&self, operation: &str) -> u64 {
        self.0.get(operation).copied().unwrap_or(0)
    }

    /// Returns how many requests were sent in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Returns the operations that were sent, in alphabetical order, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(operation, count)| (operation.as_str(), *count))
    }
}

impl fmt::Display for CallCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (operation, count)) in self.iter().enumerate() {
            write!(f, "{}{operation} {count}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// The interceptor that counts; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallCounter(Arc<Mutex<BTreeMap<String, u64>>>);

impl CallCounter {
    pub(crate) fn counts(&self) -> CallCounts {
        CallCounts(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn count(&self, operation: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(operation) {
            Some(count) => *count += 1,
            None => {
                counts.insert(operation.to_owned(), 1);
            }
        }
    }

    /// Wraps a client whose only operation is `operation`: the provider of assumed roles builds its STS
    /// client itself and takes no interceptor.
    pub(crate) fn counting(&self, inner: SharedHttpClient, operation: &'static str) -> SharedHttpClient {
        let counter = self.clone();
        http_client_fn(move |settings, components| {
            let inner = inner.http_connector(settings, components);
            SharedHttpConnector::new(CountingConnector { inner, counter: counter.clone(), operation })
        })
    }
}

#[dyn_dispatch_hint]
impl Intercept for CallCounter {
    fn name(&self) -> &'static str {
        "CallCounter"
    }

    /// The earliest hook at which an operation is known.
    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match operation(config) {
            Some(operation) if !actions::is_listed(&operation) => Err(NotListed(operation).into()),
            Some(_) | None => Ok(()),
        }
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(operation) = operation(config) {
            self.count(&operation);
        }
        Ok(())
    }
}

/// An operation that policies do not allow.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not in the list of actions, and is not sent")]
struct NotListed(String);

/// Names an operation as IAM does: "Auto Scaling" and "Route 53" are what the SDK calls the services.
fn operation(config: &ConfigBag) -> Option<String> {
    let call = config.load::<Metadata>()?;
    Some(format!("{}:{}", call.service().to_ascii_lowercase().replace(' ', ""), call.name()))
}

#[derive(Debug)]
struct CountingConnector {
    inner: SharedHttpConnector,
    counter: CallCounter,
    operation: &'static str,
}

impl HttpConnector for CountingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.counter.count(self.operation);
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_sdk_route53::config::{Credentials, SharedCredentialsProvider};
    use aws_smithy_http_client::test_util::StaticReplayClient;

    use super::*;
    use crate::errors::send;
    use crate::{Aws, Deadline, Settings};

    #[test]
    fn a_difference_holds_only_what_was_sent_in_between() {
        let counter = CallCounter::default();
        counter.count("ec2:DescribeInstances");
        counter.count("ssm:GetParameters");
        let before = counter.counts();
        counter.count("ec2:DescribeInstances");
        counter.count("route53:GetChange");
        let difference = counter.counts().since(&before);
        let calls: Vec<_> = difference.iter().collect();
        assert_eq!(calls, [("ec2:DescribeInstances", 1), ("route53:GetChange", 1)]);
        assert_eq!(difference.to_string(), "ec2:DescribeInstances 1, route53:GetChange 1");
        assert_eq!((counter.counts().total(), difference.of("ssm:GetParameters")), (4, 0));
    }
    #[tokio::test]
    async fn an_operation_that_no_policy_allows_is_never_sent() {
        let answers = StaticReplayClient::new(Vec::new());
        let credentials = Credentials::new("AKIDEXAMPLE", "a-secret-key", None, None, "tests");
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(answers.clone())
            .build();
        let aws = Aws::from_sdk_config(&sdk, Settings::default());
        let call = aws.inner.ssm.describe_parameters().send();
        let error = send("ssm:DescribeParameters", Deadline::after(Duration::from_secs(5)), call).await;
        let problem = error.unwrap_err().to_string();
        assert!(problem.contains("ssm:DescribeParameters is not in the list of actions"), "{problem}");
        assert_eq!((answers.actual_requests().count(), aws.calls().total()), (0, 0));
    }
}

//! Route 53 clients by account: the own one, and one for each role that hosted zones are reached through.
//!
//! A role is assumed when its first request is signed, and again shortly before its credentials expire;
//! both are the SDK's business. Budgets belong to accounts, so two roles of one account share theirs.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_sdk_route53::Client;
use aws_sdk_route53::config::SharedCredentialsProvider;
use aws_sdk_route53::config::retry::RetryPartition;
use registrar_core::ids::{HostedZoneId, RoleArn};
use tokio::sync::Mutex;

use crate::budget::Limiter;
use crate::calls::CallCounter;

/// How the sessions of assumed roles are named in the other account's logs.
const SESSION_NAME: &str = "registrar";

/// A hosted zone and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZoneAccess {
    /// The hosted zone.
    pub id: HostedZoneId,
    /// The role to assume for it, where it belongs to another account.
    pub role_arn: Option<RoleArn>,
}

/// One way into an account: a client, and the account's budget.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) client: Client,
    pub(crate) limiter: Limiter,
}

/// Every way that was used so far.
#[derive(Debug)]
pub(crate) struct Accounts {
    sdk: SdkConfig,
    retries: RetryPartition,
    counter: CallCounter,
    share: f64,
    own: Account,
    assumed: Mutex<BTreeMap<RoleArn, Account>>,
}

impl Accounts {
    pub(crate) fn new(sdk: SdkConfig, retries: RetryPartition, counter: CallCounter, share: f64) -> Self {
        let own = account(&sdk, &retries, &counter, Limiter::new(share));
        Self { sdk, retries, counter, share, own, assumed: Mutex::new(BTreeMap::new()) }
    }

    /// Returns the account that a hosted zone is reached through; nothing is sent for it.
    pub(crate) async fn of(&self, zone: &ZoneAccess) -> Account {
        let Some(role) = &zone.role_arn else { return self.own.clone() };
        let mut assumed = self.assumed.lock().await;
        if let Some(known) = assumed.get(role) {
            return known.clone();
        }
        let of_account = assumed.iter().find(|(known, _)| account_id(known) == account_id(role));
        let limiter =
            of_account.map_or_else(|| Limiter::new(self.share), |(_, account)| account.limiter.clone());
        let account = account(&self.assuming(role).await, &self.retries, &self.counter, limiter);
        assumed.insert(role.clone(), account.clone());
        account
    }

    /// Returns the configuration whose requests are signed as `role`.
    async fn assuming(&self, role: &RoleArn) -> SdkConfig {
        let mut sts = self.sdk.to_builder();
        let http = self.sdk.http_client();
        sts.set_http_client(http.map(|http| self.counter.counting(http, "sts:AssumeRole")));
        let provider = AssumeRoleProvider::builder(role.as_str())
            .session_name(SESSION_NAME)
            .configure(&sts.build())
            .build()
            .await;
        self.sdk.to_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
    }
}

fn account(sdk: &SdkConfig, retries: &RetryPartition, counter: &CallCounter, limiter: Limiter) -> Account {
    let config = aws_sdk_route53::config::Builder::from(sdk)
        .interceptor(counter.clone())
        .interceptor(limiter.clone())
        .retry_partition(retries.clone())
        .build();
    Account { client: Client::from_conf(config), limiter }
}

/// The account number in a role's ARN.
fn account_id(role: &RoleArn) -> Option<&str> {
    role.as_str().split(':').nth(4)
}

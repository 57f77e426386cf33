//! What Route 53 says of a change: PENDING, or INSYNC.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, Result};
use registrar_aws::{Aws, Deadline, Settings, ZoneAccess};
use resolver_probe::arguments::PropagateArgs;
use resolver_probe::propagate::{ChangeState, ChangeStatus};

/// What credentials, and then each question, may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks GetChange.
pub(super) struct Route53 {
    aws: Aws,
    zone: ZoneAccess,
    change_id: String,
}

impl Route53 {
    /// Connects, where a change is named.
    pub(super) async fn of(arguments: &PropagateArgs) -> Result<Option<Box<dyn ChangeStatus>>> {
        let (Some(change_id), Some(id)) = (&arguments.change_id, &arguments.hosted_zone_id) else {
            return Ok(None);
        };
        let connecting = tokio::time::timeout(PATIENCE, Aws::connect(Settings::default()));
        let aws = connecting.await.context(
            "credentials and Region were not found in time (hint: set AWS_REGION and AWS_PROFILE)",
        )?;
        let zone = ZoneAccess { id: id.clone(), role_arn: arguments.truth.dns_role_arn.clone() };
        // The API prints it as /change/C0123456789ABCDEFGHIJ, and takes the last part alone.
        let change_id = change_id.rsplit('/').next().unwrap_or(change_id).to_owned();
        Ok(Some(Box::new(Self { aws, zone, change_id })))
    }
}

impl ChangeStatus for Route53 {
    fn status(&mut self) -> Pin<Box<dyn Future<Output = Result<ChangeState, String>> + Send + '_>> {
        Box::pin(async {
            let asked = self.aws.change_is_in_sync(&self.zone, &self.change_id, Deadline::after(PATIENCE));
            match asked.await {
                Ok(true) => Ok(ChangeState::InSync),
                Ok(false) => Ok(ChangeState::Pending),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

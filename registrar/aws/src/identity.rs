//! Who is asking, and where: the caller's ARN from STS, and the Region that requests go to.
//!
//! It serves errors and audit lines only; no decision depends on it.

use crate::clients::{Aws, Deadline};
use crate::errors::{Kind, PortError, send};

const CALLER: &str = "sts:GetCallerIdentity";

impl Aws {
    /// Returns the Region that requests go to, where one is set.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.inner.sdk.region().map(AsRef::as_ref)
    }

    /// Asks STS whose credentials these are.
    ///
    /// # Errors
    /// When it does not answer or refuses.
    pub async fn caller_arn(&self, deadline: Deadline) -> Result<String, PortError> {
        let sts = aws_sdk_sts::config::Builder::from(&self.inner.sdk).interceptor(self.inner.counter.clone());
        let call = aws_sdk_sts::Client::from_conf(sts.build()).get_caller_identity();
        let identity = send(CALLER, deadline, call.send()).await?;
        let nobody = || PortError::new(CALLER, Kind::Other, "the answer names nobody");
        identity.arn().map(str::to_owned).ok_or_else(nobody)
    }
}

//! What Route 53 says of a hosted zone itself: its name, whether it is private, and its name servers.
//!
//! Its record sets are another port's. Whether it is the right one is the core's business.

use registrar_core::preflight::HostedZoneFacts;

use crate::accounts::ZoneAccess;
use crate::budget::Cost;
use crate::clients::{Aws, Deadline};
use crate::convert;
use crate::errors::{Kind, PortError, send};
use crate::route53::budget_spent;

const GET: &str = "route53:GetHostedZone";

impl Aws {
    /// Asks for a hosted zone.
    ///
    /// # Errors
    /// When Route 53 does not answer, refuses, or does not know it ([`Kind::NotFound`]).
    pub async fn hosted_zone(
        &self,
        zone: &ZoneAccess,
        deadline: Deadline,
    ) -> Result<HostedZoneFacts, PortError> {
        let account = self.inner.accounts.of(zone).await;
        let granted = account.limiter.acquire(Cost::REQUEST, deadline).await;
        granted.map_err(|spent| budget_spent(GET, spent))?;
        let call = account.client.get_hosted_zone().id(zone.id.as_str());
        let answer = send(GET, deadline, call.send()).await?;
        convert::hosted_zone_facts(&zone.id, &answer)
            .map_err(|problem| PortError::new(GET, Kind::Other, problem))
    }

    /// Asks how many record sets a hosted zone has; none where the answer does not say.
    ///
    /// # Errors
    /// When Route 53 does not answer, refuses, or does not know it ([`Kind::NotFound`]).
    pub async fn record_count(
        &self,
        zone: &ZoneAccess,
        deadline: Deadline,
    ) -> Result<Option<u64>, PortError> {
        let account = self.inner.accounts.of(zone).await;
        let granted = account.limiter.acquire(Cost::REQUEST, deadline).await;
        granted.map_err(|spent| budget_spent(GET, spent))?;
        let call = account.client.get_hosted_zone().id(zone.id.as_str());
        let answer = send(GET, deadline, call.send()).await?;
        Ok(convert::record_count(&answer))
    }
}

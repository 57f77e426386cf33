//! The hosted zones of the world: one strict model of Route 53 for each account.
//!
//! The rules are the model's. Here is only which account a hosted zone belongs to, and through which
//! role it may be reached.

use registrar_core::ids::HostedZoneId;
use registrar_core::name::RecordName;
use registrar_core::record_set::RecordSet;
use registrar_local::route53::{Route53Model, Settings};

use super::accounts::{Caller, account_of};
use super::{World, WorldError};
use crate::wire::refusal::Refusal;

/// Where a hosted zone is, and who may reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ZoneAccess {
    account: String,
    /// The only role that may; without one, everybody of the account.
    role: Option<String>,
    pub(crate) origin: RecordName,
    pub(crate) is_private: bool,
}

impl World {
    /// Puts a hosted zone with record sets into the world's own account.
    ///
    /// # Errors
    /// When the id or the name is not one, the id is taken, or a record set does not fit.
    pub fn put_hosted_zone(
        &mut self,
        id: &str,
        origin: &str,
        records: Vec<RecordSet>,
    ) -> Result<(), WorldError> {
        let account = self.account.clone();
        self.create_hosted_zone(id, origin, records, account, None)
    }

    /// Puts a hosted zone into the account of a role, through which alone it can be reached.
    ///
    /// # Errors
    /// When the role's ARN is not one, and as `put_hosted_zone` does.
    pub fn put_hosted_zone_of_role(
        &mut self,
        role: &str,
        id: &str,
        origin: &str,
        records: Vec<RecordSet>,
    ) -> Result<(), WorldError> {
        let account = account_of(role).ok_or_else(|| WorldError(format!("{role:?} is not a role's ARN")))?;
        let account = account.to_owned();
        self.put_role(role);
        self.create_hosted_zone(id, origin, records, account, Some(role.to_owned()))
    }

    /// Makes a hosted zone private: it answers in a VPC, and has no delegation set. Its record sets follow the
    /// same rules.
    ///
    /// # Errors
    /// When there is no such hosted zone.
    pub fn make_private(&mut self, id: &str) -> Result<(), WorldError> {
        let (zone, _) = self.zone(id)?;
        self.zones.entry(zone).and_modify(|access| access.is_private = true);
        Ok(())
    }

    /// Deletes a hosted zone with everything in it.
    ///
    /// # Errors
    /// When there is no such hosted zone.
    pub fn delete_hosted_zone(&mut self, id: &str) -> Result<(), WorldError> {
        let (zone, access) = self.zone(id)?;
        let account = access.account.clone();
        self.zones.remove(&zone);
        self.model_of(&account).delete_hosted_zone(&zone).map_err(WorldError::from_display)
    }

    /// Returns every record set of a hosted zone in listing order, outside all limits and access.
    ///
    /// # Errors
    /// When there is no such hosted zone.
    pub fn records(&self, id: &str) -> Result<Vec<RecordSet>, WorldError> {
        let (zone, access) = self.zone(id)?;
        let model = self.route53.get(&access.account);
        let model = model.ok_or_else(|| WorldError(format!("no hosted zone has the id {id:?}")))?;
        model.records(&zone).map_err(WorldError::from_display)
    }

    /// Returns the model that holds a hosted zone, for what only the model can tell.
    ///
    /// # Errors
    /// When there is no such hosted zone.
    pub fn route53_model(&mut self, id: &str) -> Result<&mut Route53Model, WorldError> {
        let (_, access) = self.zone(id)?;
        let account = access.account.clone();
        Ok(self.model_of(&account))
    }

    fn zone(&self, id: &str) -> Result<(HostedZoneId, &ZoneAccess), WorldError> {
        let zone: HostedZoneId = id.parse().map_err(WorldError::from_display)?;
        let access = self.zones.get(&zone);
        let access = access.ok_or_else(|| WorldError(format!("no hosted zone has the id {id:?}")))?;
        Ok((zone, access))
    }

    fn create_hosted_zone(
        &mut self,
        id: &str,
        origin: &str,
        records: Vec<RecordSet>,
        account: String,
        role: Option<String>,
    ) -> Result<(), WorldError> {
        let id: HostedZoneId = id.parse().map_err(WorldError::from_display)?;
        let origin: RecordName = origin.parse().map_err(WorldError::from_display)?;
        if self.zones.contains_key(&id) {
            return Err(WorldError(format!("the hosted zone {id} is there already")));
        }
        let model = self.model_of(&account);
        model.create_hosted_zone(id.clone(), origin.clone(), records).map_err(WorldError::from_display)?;
        self.zones.insert(id, ZoneAccess { account, role, origin, is_private: false });
        Ok(())
    }

    /// Returns the model of an account.
    pub(crate) fn model_of(&mut self, account: &str) -> &mut Route53Model {
        let settings: Settings = self.route53_settings;
        self.route53.entry(account.to_owned()).or_insert_with(|| Route53Model::new(settings))
    }

    /// Refuses a caller that may not reach a hosted zone. One that does not exist is for the model to say.
    pub(crate) fn may_reach(
        &self,
        caller: &Caller,
        zone: &HostedZoneId,
        action: &str,
    ) -> Result<(), Refusal> {
        let Some(access) = self.zones.get(zone) else { return Ok(()) };
        let through_role = access.role.is_none() || access.role == caller.role;
        if access.account == caller.account && through_role {
            return Ok(());
        }
        let problem = format!(
            "User: {} is not authorized to perform: route53:{action} on resource: arn:aws:route53:::hostedzone/{zone}",
            caller.arn()
        );
        Err(Refusal::new(403, "AccessDenied", problem))
    }
}

//! CloudFormation's custom-resource requests, and the answers that they wait for.
//!
//! It reads and writes the two documents; what a request does to records is decided elsewhere. A request
//! that can be answered is never refused here: what is wrong with its properties is part of it, so that
//! CloudFormation gets the reason at once and does not wait for an hour.
//!
//! Properties: `DeploymentName`; `HostedZoneId`, `HostedZoneName` and `DnsRoleArn` for the hosted zone of the
//! records; `PoolName` and `PoolDocument` for one pool, `Pools` (names to documents) for several. A document is a
//! string of JSON or an object, whose numbers and booleans CloudFormation has made strings. Others, such as
//! `ServiceToken`, mean nothing here.

mod properties;
mod remains;
mod response;
#[cfg(test)]
mod tests;
mod url;

pub use properties::{MEANT_FOR_CLOUDFORMATION, PROPERTIES, PropertyError, ResourceProperties};
pub use remains::Remains;
pub use response::{CustomResourceResponse, LARGEST_RESPONSE, ResponseStatus};
pub use url::ResponseUrl;

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{DeploymentName, PoolName};
use crate::json::raw::Fields;
use crate::pool::Pool;
use crate::trigger::Dropped;

/// What a request is called where it is dropped.
const REQUEST: &str = "custom-resource request";

/// The longest identifier of a request that is repeated in the answer, in bytes.
const LONGEST_IDENTIFIER: usize = 512;

/// The longest physical resource id, in bytes (CloudFormation user guide, "Custom resource response objects").
const LONGEST_PHYSICAL_ID: usize = 1024;

/// What CloudFormation wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// The stack is made.
    Create,
    /// The resource's properties changed.
    Update,
    /// The stack, or the resource in it, goes.
    Delete,
}

/// What a deletion is to undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// A creation that succeeded: the deployment's records are to be retired.
    Creation,
    /// A creation that was refused: the records, if there are any, are somebody else's.
    Nothing,
    /// A creation that failed after it had begun, or of which CloudFormation never heard: it may have been cut off
    /// anywhere, or have been on the way to being refused. Only what evidence allows may go.
    Unconfirmed,
}

/// One request of CloudFormation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomResourceRequest {
    /// What is wanted.
    pub kind: RequestKind,
    /// Where the answer goes. It is a secret.
    pub response_url: ResponseUrl,
    /// The stack.
    pub stack_id: String,
    /// The request.
    pub request_id: String,
    /// The resource's name in the template.
    pub logical_resource_id: String,
    /// The resource's type in the template, such as `Custom::RegistrarPools`.
    pub resource_type: String,
    /// What an earlier answer called the resource; absent when it is created.
    pub physical_resource_id: Option<String>,
    /// What the template says, or what is wrong with it.
    pub properties: Result<ResourceProperties, PropertyError>,
    /// What a deletion goes by.
    pub remains: Remains,
    /// What it said before an update; absent where that cannot be read, or never could be.
    pub old_properties: Option<ResourceProperties>,
}

impl CustomResourceRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// When it lacks what an answer needs.
    pub(crate) fn from_fields(fields: &Fields<'_>) -> Result<Self, Dropped> {
        let missing = |field| Dropped::BadDetail { detail_type: REQUEST, field };
        let identifier = |field| {
            let text = fields.text(field).filter(|text| is_identifier(text, LONGEST_IDENTIFIER));
            text.ok_or(missing(field))
        };
        let kind = match fields.text("RequestType").as_deref() {
            Some("Create") => RequestKind::Create,
            Some("Update") => RequestKind::Update,
            Some("Delete") => RequestKind::Delete,
            Some(_) | None => return Err(missing("RequestType")),
        };
        let response_url = fields.text("ResponseURL").and_then(|text| ResponseUrl::parse(&text));
        let physical_id = fields.text("PhysicalResourceId");
        Ok(Self {
            kind,
            response_url: response_url.ok_or(missing("ResponseURL"))?,
            stack_id: identifier("StackId")?,
            request_id: identifier("RequestId")?,
            logical_resource_id: identifier("LogicalResourceId")?,
            resource_type: fields.text("ResourceType").unwrap_or_default(),
            physical_resource_id: physical_id.filter(|text| is_identifier(text, LONGEST_PHYSICAL_ID)),
            properties: ResourceProperties::parse(fields.raw("ResourceProperties")),
            remains: Remains::read(fields.raw("ResourceProperties")),
            old_properties: fields
                .raw("OldResourceProperties")
                .and_then(|old| ResourceProperties::parse(Some(old)).ok()),
        })
    }

    /// Returns the deployment that the request is about: the one it names, otherwise the function's own.
    #[must_use]
    pub fn deployment<'a>(&'a self, own: &'a DeploymentName) -> &'a DeploymentName {
        let named = self.properties.as_ref().ok().and_then(|properties| properties.deployment.as_ref());
        named.unwrap_or(own)
    }

    /// Says what a deletion is to undo; a request that is no deletion undoes nothing.
    ///
    /// Any id that a creation may have been answered with will do, whichever deployment it names.
    #[must_use]
    pub fn undo(&self) -> Undo {
        if self.kind != RequestKind::Delete {
            return Undo::Nothing;
        }
        let id = self.physical_resource_id.as_deref().unwrap_or_default();
        if id.starts_with(REFUSED_PREFIX) {
            return Undo::Nothing;
        }
        let created = id.strip_prefix(CREATED_PREFIX).map(str::parse::<DeploymentName>);
        if matches!(created, Some(Ok(_))) { Undo::Creation } else { Undo::Unconfirmed }
    }

    /// Returns the deployment that an update would leave behind: the resource was made for it, and names another now.
    #[must_use]
    pub fn left_deployment(&self, own: &DeploymentName) -> Option<DeploymentName> {
        let id = self.physical_resource_id.as_deref().filter(|_| self.kind == RequestKind::Update)?;
        let made_for: DeploymentName = id.strip_prefix(CREATED_PREFIX)?.parse().ok()?;
        (made_for != *self.deployment(own)).then_some(made_for)
    }

    /// Returns the pools that an update takes out of the resource, as their documents were.
    #[must_use]
    pub fn left_pools(&self) -> Vec<Pool> {
        let names = |properties: &ResourceProperties| properties.documents.keys().cloned().collect();
        let kept: BTreeSet<PoolName> = self.properties.as_ref().map(names).unwrap_or_default();
        let before = self.old_properties.as_ref().filter(|_| self.kind == RequestKind::Update);
        let before = before.map(ResourceProperties::pools).unwrap_or_default();
        before.into_iter().filter(|pool| !kept.contains(&pool.name)).collect()
    }

    /// Answers that it is done, with what the template may read by `GetAtt`.
    pub fn succeed(&self, own: &DeploymentName, data: BTreeMap<String, String>) -> CustomResourceResponse {
        let physical_id = self.physical_resource_id.clone();
        let physical_id = physical_id.unwrap_or_else(|| created_id(self.deployment(own)));
        CustomResourceResponse::new(self, ResponseStatus::Success, String::new(), physical_id, data)
    }

    /// Answers that it could not be done, and that nothing was changed.
    ///
    /// A creation that was refused gets an id of its own: CloudFormation deletes what it could not create, and
    /// must not retire records that this resource never made, such as those of another stack that has the
    /// same names.
    pub fn fail(&self, own: &DeploymentName, reason: impl Into<String>) -> CustomResourceResponse {
        self.failed(own, REFUSED_PREFIX, reason.into())
    }

    /// Answers that it could not be done, after records may have been changed: the deletion that follows a creation
    /// has to remove what was made.
    pub fn fail_midway(&self, own: &DeploymentName, reason: impl Into<String>) -> CustomResourceResponse {
        self.failed(own, FAILED_PREFIX, reason.into())
    }

    fn failed(&self, own: &DeploymentName, prefix: &str, reason: String) -> CustomResourceResponse {
        let physical_id = self.physical_resource_id.clone();
        let physical_id = physical_id.unwrap_or_else(|| format!("{prefix}{}", self.deployment(own)));
        CustomResourceResponse::new(self, ResponseStatus::Failed, reason, physical_id, BTreeMap::new())
    }
}

const CREATED_PREFIX: &str = "registrar-";

/// A colon is no part of a deployment's name, so that no deployment's id starts like this.
const REFUSED_PREFIX: &str = "registrar:refused:";

/// It is no id of a creation that succeeded either.
const FAILED_PREFIX: &str = "registrar:failed:";

/// The same for as long as the deployment has its name: an answer with another id makes CloudFormation
/// delete the old resource.
fn created_id(deployment: &DeploymentName) -> String {
    format!("{CREATED_PREFIX}{deployment}")
}

/// Identifiers are repeated in an answer of bounded size, so they must not need escapes.
fn is_identifier(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

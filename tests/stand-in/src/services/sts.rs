//! STS: `AssumeRole` and `GetCallerIdentity`.
//!
//! Source: STS API reference, version 2011-06-15. Trust is simple: a role of the world may be assumed by
//! anybody, and no other role exists.

use super::{Context, query_reply};
use crate::operation::Operation;
use crate::wire::element::Element;
use crate::wire::params::Params;
use crate::wire::refusal::Refusal;
use crate::wire::reply::Reply;
use crate::world::World;
use crate::world::accounts::{account_of, assumed_role_arn};

/// How long credentials last in seconds: the least, the most, and the default (API reference, `AssumeRole`).
const SHORTEST_SECS: usize = 900;
const LONGEST_SECS: usize = 43_200;
const DEFAULT_SECS: usize = 3_600;
const VALIDATION: &str = "ValidationError";
const ROLE_ID: &str = "AROA0000000000000000";

pub(super) fn answer(world: &mut World, context: Context<'_>, params: Params) -> Result<Reply, Refusal> {
    let result = match context.operation {
        Operation::AssumeRole => assume_role(world, context, params)?,
        _ => caller_identity(context, params)?,
    };
    Ok(query_reply(context, result))
}

fn assume_role(world: &mut World, context: Context<'_>, mut params: Params) -> Result<Element, Refusal> {
    let role = params.take("RoleArn").unwrap_or_default();
    let name = params.take("RoleSessionName").unwrap_or_default();
    let secs = params.take_number("DurationSeconds", VALIDATION)?.unwrap_or(DEFAULT_SECS);
    drop(params.take("ExternalId"));
    params.finish(VALIDATION)?;
    check(&role, &name, secs)?;
    let Some((access_key_id, session)) = world.assume(&role, &name, i64::try_from(secs).unwrap_or(i64::MAX))
    else {
        let user = context.caller.arn();
        let problem =
            format!("User: {user} is not authorized to perform: sts:AssumeRole on resource: {role}");
        return Err(Refusal::new(403, "AccessDenied", problem));
    };
    let credentials = Element::new("Credentials")
        .field("AccessKeyId", access_key_id)
        .field("SecretAccessKey", "0".repeat(40))
        .field("SessionToken", session.token)
        .field("Expiration", session.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"));
    let user = Element::new("AssumedRoleUser")
        .field("AssumedRoleId", format!("{ROLE_ID}:{name}"))
        .field("Arn", assumed_role_arn(&role, &name));
    Ok(Element::new("AssumeRoleResult").with(credentials).with(user))
}

fn check(role: &str, name: &str, secs: usize) -> Result<(), Refusal> {
    let problem = if account_of(role).is_none() || !role.contains(":role/") {
        format!("{role} is invalid")
    } else if !(2..=64).contains(&name.len()) {
        format!("Value '{name}' at 'roleSessionName' failed to satisfy constraint: 2 to 64 characters")
    } else if !(SHORTEST_SECS..=LONGEST_SECS).contains(&secs) {
        format!(
            "Value '{secs}' at 'durationSeconds' failed to satisfy constraint: {SHORTEST_SECS} to {LONGEST_SECS}"
        )
    } else {
        return Ok(());
    };
    Err(Refusal::bad_request(VALIDATION, problem))
}

fn caller_identity(context: Context<'_>, params: Params) -> Result<Element, Refusal> {
    params.finish(VALIDATION)?;
    let caller = context.caller;
    let user_id = match &caller.session {
        Some(session) => format!("{ROLE_ID}:{session}"),
        None => "AIDA0000000000000000".to_owned(),
    };
    Ok(Element::new("GetCallerIdentityResult")
        .field("Arn", caller.arn())
        .field("UserId", user_id)
        .field("Account", &caller.account))
}

//! Accounts, roles, and who a request comes from.
//!
//! Permissions are modelled for one thing only: a hosted zone of another account is reached through a
//! role, and through no other.

use std::collections::BTreeMap;

use registrar_core::{SignedDuration, Timestamp};

use super::World;
use crate::wire::authorization::Credential;
use crate::wire::refusal::Refusal;

/// Who makes a request, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    /// The role that was assumed; none for the account's own credentials.
    pub(crate) role: Option<String>,
    /// The session of the role.
    pub(crate) session: Option<String>,
    pub(crate) region: String,
}

impl Caller {
    /// Returns the ARN that refusals name.
    pub(crate) fn arn(&self) -> String {
        match (&self.role, &self.session) {
            (Some(role), Some(session)) => assumed_role_arn(role, session),
            _ => format!("arn:aws:iam::{}:user/stand-in", self.account),
        }
    }
}

/// A role that may be assumed, and how often it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) assumed: u64,
}

/// Credentials that were issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) expires_at: Timestamp,
}

/// Returns the account of an ARN such as `arn:aws:iam::123456789012:role/name`.
pub(crate) fn account_of(arn: &str) -> Option<&str> {
    let account = arn.strip_prefix("arn:aws:iam::")?.split(':').next()?;
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

/// Returns the ARN of a session of a role.
pub(crate) fn assumed_role_arn(role: &str, session: &str) -> String {
    let account = account_of(role).unwrap_or_default();
    let name = role.rsplit('/').next().unwrap_or_default();
    format!("arn:aws:sts::{account}:assumed-role/{name}/{session}")
}

impl World {
    /// Lets a role be assumed by anybody.
    pub fn put_role(&mut self, arn: &str) {
        self.roles.entry(arn.to_owned()).or_default();
    }

    /// Returns how often each role was assumed.
    #[must_use]
    pub fn assumed_roles(&self) -> BTreeMap<String, u64> {
        self.roles.iter().map(|(arn, role)| (arn.clone(), role.assumed)).collect()
    }

    /// Issues credentials of a role, which lets later requests be recognised by their access key id.
    pub(crate) fn assume(&mut self, role: &str, name: &str, secs: i64) -> Option<(String, Session)> {
        let now = self.now();
        self.roles.get_mut(role)?.assumed += 1;
        let number = self.sessions.len() + 1;
        let session = Session {
            role: role.to_owned(),
            name: name.to_owned(),
            token: format!("session-token-{number}"),
            expires_at: now.checked_add(SignedDuration::from_secs(secs)).unwrap_or(Timestamp::MAX),
        };
        let access_key_id = format!("ASIA{number:016}");
        self.sessions.insert(access_key_id.clone(), session.clone());
        Some((access_key_id, session))
    }

    /// Tells who signed a request. Credentials that were not issued here are the world's own account's.
    pub(crate) fn caller(&self, credential: Credential) -> Result<Caller, Refusal> {
        let Credential { access_key_id, region, session_token } = credential;
        let Some(session) = self.sessions.get(&access_key_id) else {
            return Ok(Caller { account: self.account.clone(), role: None, session: None, region });
        };
        if session_token.as_ref() != Some(&session.token) {
            let problem = "The security token included in the request is invalid.";
            return Err(Refusal::new(403, "InvalidClientTokenId", problem));
        }
        if session.expires_at <= self.now() {
            let problem = "The security token included in the request is expired";
            return Err(Refusal::new(403, "ExpiredToken", problem));
        }
        let account = account_of(&session.role).unwrap_or_default().to_owned();
        let (role, name) = (session.role.clone(), session.name.clone());
        Ok(Caller { account, role: Some(role), session: Some(name), region })
    }
}

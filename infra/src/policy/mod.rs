//! IAM policies: whether a request is allowed by what a role or a queue says.
//!
//! One account is meant throughout: boundaries, session policies and the policies of other accounts are not part of
//! it. What it does not know, such as `NotAction`, is an error and never a guess. Source: IAM user guide, "Policy
//! evaluation logic".

mod condition;
mod find;
mod pattern;

pub use find::{all, of_resource, of_role, role_of};

use std::collections::BTreeMap;

use serde_json::Value;

/// A request as IAM sees it.
#[derive(Clone, Debug)]
pub struct Request {
    action: String,
    resource: String,
    principal: Option<String>,
    context: BTreeMap<String, Vec<String>>,
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it, and none denies it.
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

impl Request {
    /// Asks for an action, such as `sqs:SendMessage`, on a resource's ARN, or on `*` where it has none.
    #[must_use]
    pub fn new(action: &str, resource: &str) -> Self {
        Self {
            action: action.to_owned(),
            resource: resource.to_owned(),
            principal: None,
            context: BTreeMap::new(),
        }
    }

    /// Sets a condition key of one value.
    #[must_use]
    pub fn with(self, key: &str, value: &str) -> Self {
        self.with_all(key, &[value])
    }

    /// Sets a condition key of several values.
    #[must_use]
    pub fn with_all(mut self, key: &str, values: &[&str]) -> Self {
        self.context
            .insert(key.to_ascii_lowercase(), values.iter().map(|value| (*value).to_owned()).collect());
        self
    }

    /// Says which service, or which account's root, asks where the policy is a resource's.
    #[must_use]
    pub fn by(mut self, principal: &str) -> Self {
        self.principal = Some(principal.to_owned());
        self
    }
}

/// Decides a request by the statements of policies.
///
/// # Errors
/// Where a statement says what is not known here.
pub fn decide(policies: &[Value], request: &Request) -> Result<Decision, String> {
    let mut decision = Decision::NotAllowed;
    for statement in policies.iter().flat_map(statements) {
        if !applies(statement, request)? {
            continue;
        }
        match statement["Effect"].as_str() {
            Some("Allow") => decision = Decision::Allowed,
            Some("Deny") => return Ok(Decision::Denied),
            _ => return Err(format!("{} is no effect", statement["Effect"])),
        }
    }
    Ok(decision)
}

/// Returns the statements of a policy, of which there may be one or several.
pub fn statements(policy: &Value) -> impl Iterator<Item = &Value> {
    let statement = &policy["Statement"];
    let several = statement.as_array().map_or_else(|| std::slice::from_ref(statement), Vec::as_slice);
    several.iter().filter(|statement| !statement.is_null())
}

/// Returns what may be one text or several.
#[must_use]
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

const KNOWN: [&str; 6] = ["Sid", "Effect", "Action", "Resource", "Principal", "Condition"];

fn applies(statement: &Value, request: &Request) -> Result<bool, String> {
    let keys = statement.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    if let Some(unknown) = keys.into_iter().find(|key| !KNOWN.contains(key)) {
        return Err(format!("{unknown} is not known here"));
    }
    let actions = texts(&statement["Action"]);
    let action = request.action.to_ascii_lowercase();
    if !actions.iter().any(|wanted| pattern::matches(&wanted.to_ascii_lowercase(), &action)) {
        return Ok(false);
    }
    // A trust policy names no resource: the role that it belongs to is meant.
    let resources = statement.get("Resource").map_or(vec!["*"], texts);
    if !resources.iter().any(|wanted| pattern::matches(wanted, &request.resource)) {
        return Ok(false);
    }
    if let Some(principal) = statement.get("Principal")
        && !is_meant(principal, request.principal.as_deref())
    {
        return Ok(false);
    }
    condition::holds(&statement["Condition"], &request.context)
}

/// Says whether a principal means whoever asks: everybody, or the account or service by its name.
fn is_meant(principal: &Value, asks: Option<&str>) -> bool {
    let named = [texts(&principal["AWS"]), texts(&principal["Service"])].concat();
    *principal == "*" || named.contains(&"*") || asks.is_some_and(|asks| named.contains(&asks))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy() -> Value {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["sqs:Send*", "sqs:receivemessage"], "Resource": "arn:aws:sqs:*:1:own"},
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:DeleteMessage",
                "Resource": "*"},
        ]})
    }

    fn decided(request: &Request) -> Decision {
        decide(&[policy()], request).unwrap()
    }

    #[test]
    fn a_statement_allows_what_its_wildcards_match_and_a_denial_wins() {
        let send = Request::new("sqs:SendMessage", "arn:aws:sqs:us-east-1:1:own");
        assert_eq!(decided(&send), Decision::Allowed);
        assert_eq!(
            decided(&Request::new("SQS:ReceiveMessage", "arn:aws:sqs:us-east-1:1:own")),
            Decision::Allowed
        );
        assert_eq!(
            decided(&Request::new("sqs:SendMessage", "arn:aws:sqs:us-east-1:1:other")),
            Decision::NotAllowed
        );
        assert_eq!(
            decided(&Request::new("sqs:PurgeQueue", "arn:aws:sqs:us-east-1:1:own")),
            Decision::NotAllowed
        );
        assert_eq!(decided(&send.with("aws:SecureTransport", "false")), Decision::Denied);
    }

    #[test]
    fn a_principal_is_whoever_asks() {
        let delete = Request::new("sqs:DeleteMessage", "x");
        assert_eq!(decided(&delete), Decision::NotAllowed);
        assert_eq!(decided(&delete.clone().by("events.amazonaws.com")), Decision::Allowed);
        assert_eq!(decided(&delete.by("sns.amazonaws.com")), Decision::NotAllowed);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let policy = json!({"Statement": {"Effect": "Allow", "NotAction": "x:Y", "Resource": "*"}});
        assert_eq!(
            decide(&[policy], &Request::new("x:Z", "*")),
            Err("NotAction is not known here".to_owned())
        );
    }
}

//! What an operator ordered beside the documents: to leave a pool alone for a while, or to let held removals go.
//!
//! An order stands in an SSM parameter of its own, so that a stack update does not undo it, and every order ends by
//! itself. This only says which order is in force; the guard says what it allows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{DeploymentName, InstanceId, PoolName};
use crate::json::{self, JsonError};

/// Characters of a reason: enough for a sentence and a ticket, and two of them fit a parameter.
const LONGEST_REASON: usize = 200;

/// Bytes that a standard SSM parameter holds (Parameter Store quotas).
pub const LARGEST_PARAMETER: usize = 4 * 1024;

/// The version of [`OrdersDocument`]'s form.
const VERSION: u32 = 1;

/// The orders about every pool, as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Pools to be left alone.
    pub pauses: BTreeMap<PoolName, Pause>,
    /// Removals to be let go.
    pub releases: BTreeMap<PoolName, Release>,
}

/// An order to look at a pool and change nothing, until it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why.
    pub reason: String,
    /// When it was given.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// An order to let removals go that the guard holds back. It works once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// What tells it from other releases of the pool, so that it is not used twice.
    pub id: String,
    /// Why.
    pub reason: String,
    /// When it ends, used or not.
    pub until: Timestamp,
    /// The instances whose records it names; where it names none, those that are over the removal budget.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub only: BTreeSet<InstanceId>,
}

impl Release {
    /// Says whether the release lets a record go that is held for want of budget.
    #[must_use]
    pub fn covers(&self, instance: &InstanceId) -> bool {
        self.only.is_empty() || self.names(instance)
    }

    /// Says whether the release names the instance.
    #[must_use]
    pub fn names(&self, instance: &InstanceId) -> bool {
        self.only.contains(instance)
    }
}

/// The orders about one pool, as the operator's command writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrdersDocument {
    /// The pause, where one was ordered.
    pub pause: Option<Pause>,
    /// The last release, used or not.
    pub release: Option<Release>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause: Option<Pause>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release: Option<Release>,
}

/// Orders that cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrdersError {
    /// The text is not an orders document.
    #[error("the orders cannot be read: {0}")]
    Malformed(JsonError),
    /// Another release wrote it.
    #[error("the orders are of version {0}, which this release does not read (hint: use a newer release)")]
    Version(u32),
    /// A reason is empty, too long or has control characters.
    #[error("the reason {0:?} is not a line of 1 to {LONGEST_REASON} characters")]
    Reason(String),
    /// It names too many instances.
    #[error(
        "the orders have {0} bytes and a parameter holds {LARGEST_PARAMETER} (hint: name fewer instances at a time)"
    )]
    TooLarge(usize),
}

impl OrdersDocument {
    /// Reads the document.
    ///
    /// # Errors
    /// When it is not JSON of version 1.
    pub fn parse(text: &str) -> Result<Self, OrdersError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = json::parse(text).map_err(OrdersError::Malformed)?;
        if version != VERSION {
            return Err(OrdersError::Version(version));
        }
        let Form { pause, release, .. } = json::parse(text).map_err(OrdersError::Malformed)?;
        Ok(Self { pause, release })
    }

    /// Writes the document.
    ///
    /// # Errors
    /// When a reason is not a line of 1 to 200 characters, or it does not fit into a parameter.
    pub fn to_text(&self) -> Result<String, OrdersError> {
        let pause = self.pause.as_ref().map(|pause| &pause.reason);
        let release = self.release.as_ref().map(|release| &release.reason);
        for reason in pause.into_iter().chain(release) {
            check_reason(reason)?;
        }
        let form = Form { version: VERSION, pause: self.pause.clone(), release: self.release.clone() };
        // Strings, times and ids always serialize.
        let text = serde_json::to_string(&form).unwrap_or_default();
        if text.len() > LARGEST_PARAMETER { Err(OrdersError::TooLarge(text.len())) } else { Ok(text) }
    }

    /// Says whether nothing in it is in force any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        let over = |until: Timestamp| until <= now;
        self.pause.as_ref().is_none_or(|pause| over(pause.until))
            && self.release.as_ref().is_none_or(|release| over(release.until))
    }
}

/// Checks the reason of an order.
///
/// # Errors
/// When it is not a line of 1 to 200 characters.
pub fn check_reason(reason: &str) -> Result<(), OrdersError> {
    let length = reason.chars().count();
    if reason.trim().is_empty() || length > LONGEST_REASON || reason.chars().any(char::is_control) {
        return Err(OrdersError::Reason(reason.chars().take(80).collect()));
    }
    Ok(())
}

impl Orders {
    /// Takes in the orders about a pool. A release that was used already is left out.
    pub fn add(&mut self, pool: &PoolName, document: OrdersDocument, used_release: Option<&str>) {
        if let Some(pause) = document.pause {
            self.pauses.insert(pool.clone(), pause);
        }
        if let Some(release) = document.release.filter(|release| used_release != Some(release.id.as_str())) {
            self.releases.insert(pool.clone(), release);
        }
    }

    /// Returns the pause that is in force.
    #[must_use]
    pub fn pause(&self, pool: &PoolName, now: Timestamp) -> Option<&Pause> {
        self.pauses.get(pool).filter(|pause| now < pause.until)
    }

    /// Returns the release that is in force.
    #[must_use]
    pub fn release(&self, pool: &PoolName, now: Timestamp) -> Option<&Release> {
        self.releases.get(pool).filter(|release| now < release.until)
    }
}

/// The command that gives an order, for a hint.
pub(crate) struct OrderCommand<'a> {
    pub(crate) verb: &'static str,
    pub(crate) deployment: &'a DeploymentName,
    pub(crate) pool: &'a PoolName,
}

impl fmt::Display for OrderCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "registrar {}", self.verb)?;
        if self.deployment.as_str() != "default" {
            write!(f, " --deployment {}", self.deployment)?;
        }
        write!(f, " --pool {}", self.pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    fn release(only: &[&str]) -> Release {
        Release {
            id: "r1".to_owned(),
            reason: "the fleet was rebuilt".to_owned(),
            until: at("10:15:00"),
            only: only.iter().map(|id| id.parse().unwrap()).collect(),
        }
    }

    fn document() -> OrdersDocument {
        let pause = Pause { reason: "maintenance".to_owned(), since: at("10:00:00"), until: at("12:00:00") };
        OrdersDocument { pause: Some(pause), release: Some(release(&["i-01"])) }
    }

    #[test]
    fn a_document_reads_back_as_it_was_written() {
        for document in [document(), OrdersDocument::default()] {
            assert_eq!(OrdersDocument::parse(&document.to_text().unwrap()), Ok(document));
        }
    }

    #[test]
    fn another_version_and_unknown_keys_are_refused() {
        assert_eq!(OrdersDocument::parse(r#"{"version":2,"x":1}"#), Err(OrdersError::Version(2)));
        for text in [r#"{"version":1,"pauze":{}}"#, "", "[]", r#"{"pause":null}"#] {
            assert!(matches!(OrdersDocument::parse(text), Err(OrdersError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn an_order_ends_by_itself_and_a_release_works_once() {
        let pool: PoolName = "video".parse().unwrap();
        let mut orders = Orders::default();
        orders.add(&pool, document(), Some("r0"));
        assert!(orders.pause(&pool, at("11:59:59")).is_some());
        assert!(orders.pause(&pool, at("12:00:00")).is_none());
        assert!(orders.release(&pool, at("10:14:59")).is_some());
        assert!(orders.release(&pool, at("10:15:00")).is_none());
        let mut used = Orders::default();
        used.add(&pool, document(), Some("r1"));
        assert!(used.release(&pool, at("10:00:00")).is_none() && used.pause(&pool, at("10:00:00")).is_some());
        assert!(!document().is_over(at("11:59:59")) && document().is_over(at("12:00:00")));
    }

    #[test]
    fn a_release_that_names_nobody_covers_everybody_and_names_nobody() {
        let id: InstanceId = "i-02".parse().unwrap();
        assert!(release(&[]).covers(&id) && !release(&[]).names(&id));
        assert!(!release(&["i-01"]).covers(&id));
        assert!(release(&["i-02"]).covers(&id) && release(&["i-02"]).names(&id));
    }

    #[test]
    fn what_does_not_fit_a_parameter_is_refused_before_it_is_written() {
        let ids: Vec<String> = (0..300).map(|number| format!("i-{number:017x}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let document = OrdersDocument { pause: None, release: Some(release(&ids)) };
        assert!(matches!(document.to_text(), Err(OrdersError::TooLarge(_))));
        for reason in ["", "  ", "two\nlines", &"x".repeat(201)] {
            assert!(check_reason(reason).is_err(), "{reason:?}");
        }
        assert_eq!(check_reason(&"ü".repeat(200)), Ok(()));
    }
}

//! What may be wrong with a resolver, changeable while it runs.
//!
//! Faults are described here and acted upon elsewhere.

use std::num::NonZeroU8;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

/// Longest time for which an expired answer is given where nothing else is said: Unbound's default.
const STALE_FOR_SECS: u32 = 86_400;
/// TTL of a stale answer where nothing else is said (RFC 8767 §4).
const STALE_TTL_SECS: u32 = 30;

/// What is wrong with a resolver; nothing by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResolverFaults {
    /// Answers nothing, neither over UDP nor over TCP.
    pub dead: bool,
    /// How many caches are behind the address, of which one is drawn for each query.
    pub caches: NonZeroU8,
    /// Keeps answers for longer than they may be kept.
    pub stretch: Option<Stretch>,
    /// Keeps no answer for longer than that, which is allowed.
    pub max_ttl_secs: Option<u32>,
    /// Gives expired answers.
    pub serve_stale: Option<ServeStale>,
    /// Never asks again for what it has; once it has expired, it is stale as `serve_stale` says, or with
    /// a TTL of 0.
    pub never_refresh: bool,
}

/// A least TTL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// The least TTL.
    pub min_ttl_secs: u32,
    /// Shows it from the second answer on only, as dnsmasq does; Unbound shows it at once.
    #[serde(default)]
    pub hides_first: bool,
}

/// How expired answers are given (RFC 8767).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeStale {
    /// When.
    pub when: StaleWhen,
    /// With which TTL: 30 as the RFC recommends and Unbound does, or 0 as dnsmasq does.
    #[serde(default = "stale_ttl_secs")]
    pub ttl_secs: u32,
    /// With which extended error (RFC 8914), to whoever speaks EDNS: 3 is a stale answer.
    #[serde(default)]
    pub ede: Option<u16>,
    /// After how many milliseconds: 1800 where the client waits for the name servers first.
    #[serde(default)]
    pub delay_ms: u32,
    /// For how long after they expired.
    #[serde(default = "stale_for_secs")]
    pub for_secs: u32,
}

/// When expired answers are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaleWhen {
    /// Once after each expiry; the name servers are asked behind it.
    Expired,
    /// When no name server answers.
    Unreachable,
}

const fn stale_ttl_secs() -> u32 {
    STALE_TTL_SECS
}

const fn stale_for_secs() -> u32 {
    STALE_FOR_SECS
}

impl Default for ResolverFaults {
    fn default() -> Self {
        Self {
            dead: false,
            caches: NonZeroU8::MIN,
            stretch: None,
            max_ttl_secs: None,
            serve_stale: None,
            never_refresh: false,
        }
    }
}

impl ResolverFaults {
    /// Returns for how long a record is kept.
    pub(super) fn kept_secs(&self, ttl_secs: u32) -> u32 {
        let least = self.stretch.as_ref().map_or(0, |stretch| stretch.min_ttl_secs);
        ttl_secs.min(self.max_ttl_secs.unwrap_or(u32::MAX)).max(least)
    }
}

/// Reads and changes the faults of a running resolver. What it keeps stays.
#[derive(Clone, Debug)]
pub struct ResolverFaultsHandle(Arc<RwLock<Arc<ResolverFaults>>>);

impl ResolverFaultsHandle {
    pub(super) fn new(faults: ResolverFaults) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(faults))))
    }

    /// Returns the faults as they are now.
    #[must_use]
    pub fn get(&self) -> Arc<ResolverFaults> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the faults from the next query on.
    pub fn set(&self, faults: ResolverFaults) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_from_json_and_each_is_optional() {
        let none: ResolverFaults = serde_json::from_str("{}").unwrap();
        assert_eq!(none, ResolverFaults::default());
        let text = r#"{"dead": true, "caches": 4, "stretch": {"min_ttl_secs": 60, "hides_first": true},
            "max_ttl_secs": 3600, "never_refresh": true,
            "serve_stale": {"when": "unreachable", "ttl_secs": 0, "ede": 3, "delay_ms": 1800, "for_secs": 5}}"#;
        let faults: ResolverFaults = serde_json::from_str(text).unwrap();
        let (read, written): (serde_json::Value, _) =
            (serde_json::from_str(text).unwrap(), serde_json::to_value(&faults).unwrap());
        assert_eq!(read, written);
        let faults: ResolverFaults = serde_json::from_str(r#"{"serve_stale": {"when": "expired"}}"#).unwrap();
        let stale = faults.serve_stale.unwrap();
        assert_eq!((stale.ttl_secs, stale.ede, stale.delay_ms, stale.for_secs), (30, None, 0, 86_400));
    }

    #[test]
    fn what_cannot_be_armed_is_refused_with_its_path() {
        for (bad, path) in [
            (r#"{"caches": 0}"#, "caches"),
            (r#"{"stretch": 60}"#, "stretch"),
            (r#"{"stretch": {"min_ttl_secs": -1}}"#, "stretch.min_ttl_secs"),
            (r#"{"serve_stale": {"when": "sometimes"}}"#, "serve_stale.when"),
            (r#"{"serve_stale": {"ttl_secs": 30}}"#, "serve_stale"),
            (r#"{"stale": {}}"#, "stale"),
        ] {
            let error = registrar_core::json::parse::<ResolverFaults>(bad).unwrap_err();
            assert_eq!(error.path, path, "{bad}: {error}");
        }
    }

    #[test]
    fn a_ttl_is_kept_between_the_least_and_the_most() {
        let faults = ResolverFaults {
            stretch: Some(Stretch { min_ttl_secs: 60, hides_first: false }),
            max_ttl_secs: Some(300),
            ..ResolverFaults::default()
        };
        assert_eq!([0, 100, 900].map(|ttl_secs| faults.kept_secs(ttl_secs)), [60, 100, 300]);
        assert_eq!(ResolverFaults::default().kept_secs(7), 7);
    }
}

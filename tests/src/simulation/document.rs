//! A pool's document, as far as it changes in the tests.
//!
//! It prints the JSON that an operator writes; it does not validate it.

use registrar_core::ids::PoolName;
use registrar_core::name::RecordName;
use registrar_core::pool::{PoolState, Routing, WhenEmpty};
use serde_json::{Value, json};

use super::{ORIGIN, hosted_zone, known};

/// The address behind a pool whose document has a fallback.
pub(crate) const FALLBACK: &str = "198.51.100.1";

/// What a pool's document says at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The pool.
    pub pool: PoolName,
    /// `record.ttl_secs`.
    pub ttl_secs: u32,
    /// `record.routing`.
    pub routing: Routing,
    /// `weight.default`.
    pub default_weight: u8,
    /// `guard.max_removals.count`; the percentage is 30 and the window 900 s.
    pub removals: u32,
    /// `guard.when_empty`.
    pub when_empty: WhenEmpty,
    /// `state`.
    pub state: PoolState,
    /// Whether somebody left a mistake in it.
    pub broken: bool,
}

/// One edit of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentChange {
    /// Another TTL.
    Ttl(u32),
    /// Another default weight.
    DefaultWeight(u8),
    /// Another removal budget.
    Removals(u32),
    /// Something else when the pool is empty.
    WhenEmpty(WhenEmpty),
    /// Another state.
    State(PoolState),
    /// Another routing.
    Routing(Routing),
    /// A mistake, or its correction.
    Broken(bool),
}

impl Document {
    /// Writes the document of a pool: all defaults but a small budget, which a small fleet can spend.
    #[must_use]
    pub fn of(pool: &PoolName) -> Self {
        Self {
            pool: pool.clone(),
            ttl_secs: 20,
            routing: Routing::Weighted,
            default_weight: 100,
            removals: 1,
            when_empty: WhenEmpty::Remove,
            state: PoolState::Active,
            broken: false,
        }
    }

    /// Edits it.
    pub fn change(&mut self, change: DocumentChange) {
        match change {
            DocumentChange::Ttl(ttl_secs) => self.ttl_secs = ttl_secs,
            DocumentChange::DefaultWeight(weight) => self.default_weight = weight,
            DocumentChange::Removals(count) => self.removals = count,
            DocumentChange::WhenEmpty(when_empty) => self.when_empty = when_empty,
            DocumentChange::State(state) => self.state = state,
            DocumentChange::Routing(routing) => self.routing = routing,
            DocumentChange::Broken(broken) => self.broken = broken,
        }
    }

    /// Says whether the registrar can follow it: a fallback needs weighted routing and members that weigh.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let falls_back = self.when_empty == WhenEmpty::Fallback;
        !self.broken && (!falls_back || (self.routing == Routing::Weighted && self.default_weight > 0))
    }

    /// Puts right what the registrar cannot follow.
    pub fn repair(&mut self) {
        self.broken = false;
        if !self.is_usable() {
            self.when_empty = WhenEmpty::Remove;
        }
    }

    /// Returns the name that clients ask for.
    #[must_use]
    pub fn name(&self) -> RecordName {
        known(&format!("{}.{ORIGIN}", self.pool))
    }

    /// Returns the smallest weight of a member.
    #[must_use]
    pub fn smallest_weight(&self) -> u8 {
        u8::from(self.when_empty == WhenEmpty::Fallback)
    }

    /// Prints it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut guard = json!({
            "max_removals": { "percent": 30, "count": self.removals, "window_secs": 900 },
            "when_empty": when_empty(self.when_empty),
        });
        if self.when_empty == WhenEmpty::Fallback
            && let Some(guard) = guard.as_object_mut()
        {
            guard.insert("fallback".to_owned(), Value::from(FALLBACK));
        }
        let document = json!({
            "version": 1,
            "record": {
                "hosted_zone_id": hosted_zone(),
                "name": self.name().as_str(),
                "ttl_secs": self.ttl_secs,
                "routing": self.routing.to_string(),
            },
            "members": { "tags": { "edge-dns": self.pool } },
            "weight": { "default": self.default_weight },
            "guard": guard,
            "state": state(self.state),
        });
        if self.broken { format!("{document}]") } else { document.to_string() }
    }
}

fn when_empty(when_empty: WhenEmpty) -> &'static str {
    match when_empty {
        WhenEmpty::Remove => "remove",
        WhenEmpty::KeepLast => "keep-last",
        WhenEmpty::Fallback => "fallback",
    }
}

fn state(state: PoolState) -> &'static str {
    match state {
        PoolState::Active => "active",
        PoolState::Paused => "paused",
        PoolState::Retired => "retired",
    }
}

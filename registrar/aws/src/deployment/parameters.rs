//! What SSM holds of a deployment: pool documents, orders of operators, and what must survive a restart.
//!
//! | parameter | written by |
//! |---|---|
//! | `<config path>/<pool>` | the stack or the operator |
//! | `/registrar/<deployment>/state/orders/<pool>` | the operator's command |
//! | `/registrar/<deployment>/state/pools/<pool>` | whoever executes |
//! | `/registrar/<deployment>/state/places/<number>` | whoever looks |
//!
//! A parameter that cannot be used is an error of its own pool, or a note; it never hides another one.

use std::collections::{BTreeMap, BTreeSet};

use registrar_core::Timestamp;
use registrar_core::ids::{DeploymentName, PoolName};
use registrar_core::orders::{Orders, OrdersDocument};
use registrar_core::places::Places;
use registrar_core::pool::Pool;
use registrar_core::state_document::PoolStateDocument;

use crate::{Aws, Deadline, Parameter, PortError};

/// Where a deployment's parameters are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterPaths {
    root: String,
    config: String,
}

impl ParameterPaths {
    /// Names the paths of a deployment; `config` is where its pool documents are, if not at
    /// `/registrar/<deployment>/pools`.
    #[must_use]
    pub fn new(deployment: &DeploymentName, config: Option<&str>) -> Self {
        let root = format!("/registrar/{deployment}");
        let config =
            config.map_or_else(|| format!("{root}/pools"), |path| path.trim_end_matches('/').to_owned());
        Self { root, config }
    }

    /// Returns the path of the pool documents.
    #[must_use]
    pub fn config(&self) -> &str {
        &self.config
    }

    /// Returns the name of a pool's document.
    #[must_use]
    pub fn document(&self, pool: &PoolName) -> String {
        format!("{}/{pool}", self.config)
    }

    /// Returns the path below which everything is that the registrar writes itself.
    #[must_use]
    pub fn states(&self) -> String {
        format!("{}/state", self.root)
    }

    /// Returns the name of the parameter with a pool's state.
    #[must_use]
    pub fn state(&self, pool: &PoolName) -> String {
        format!("{}/state/pools/{pool}", self.root)
    }

    /// Returns the name of the parameter with an operator's orders for a pool.
    #[must_use]
    pub fn orders(&self, pool: &PoolName) -> String {
        format!("{}/state/orders/{pool}", self.root)
    }

    pub(super) fn places(&self, number: usize) -> String {
        format!("{}/state/places/{number}", self.root)
    }

    /// Says whether a change of this parameter matters: a document's, or an operator's order.
    #[must_use]
    pub fn concerns(&self, name: &str) -> bool {
        let under = |path: &str| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        under(&self.config) || under(&format!("{}/state/orders", self.root))
    }

    fn config_is_under_root(&self) -> bool {
        self.config.strip_prefix(&self.root).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Everything that SSM holds of a deployment, as it was read at once.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// When the read started.
    pub read_at: Timestamp,
    /// The pools, by name.
    pub pools: Vec<Pool>,
    /// The size of each pool's document in bytes.
    pub document_bytes: BTreeMap<PoolName, usize>,
    orders: BTreeMap<PoolName, OrdersDocument>,
    /// Pools whose state cannot be read: nothing may count against their budgets.
    pub(super) unreadable_states: BTreeSet<PoolName>,
    /// What survived for each pool.
    pub states: BTreeMap<PoolName, PoolStateDocument>,
    /// The version of each pool's state.
    pub(super) versions: BTreeMap<PoolName, i64>,
    /// Where each pool's records were last.
    pub places: Places,
    /// Parameters that could not be used.
    pub notes: Vec<String>,
    documents: BTreeMap<String, String>,
}

impl Parameters {
    /// Reads everything.
    ///
    /// # Errors
    /// When SSM does not answer: nothing is known then.
    pub async fn read(
        aws: &Aws,
        paths: &ParameterPaths,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Self, PortError> {
        let mut found = aws.parameters_under(&paths.root, deadline).await?;
        // A policy may allow the documents' own path and not the one above it.
        if !paths.config_is_under_root() || found.is_empty() {
            found.extend(aws.parameters_under(&paths.config, deadline).await?);
        }
        let mut read = Self::none(now);
        for (name, parameter) in found {
            read.add(paths, name, parameter);
        }
        Ok(read)
    }

    /// Nothing, for those who may not depend on SSM.
    pub(super) fn none(now: Timestamp) -> Self {
        Self {
            read_at: now,
            pools: Vec::new(),
            document_bytes: BTreeMap::new(),
            orders: BTreeMap::new(),
            unreadable_states: BTreeSet::new(),
            states: BTreeMap::new(),
            versions: BTreeMap::new(),
            places: Places::default(),
            notes: Vec::new(),
            documents: BTreeMap::new(),
        }
    }

    /// Says whether the same documents and orders were read.
    #[must_use]
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.documents == other.documents
    }

    /// Returns the orders of an operator as they stand, used releases left out.
    #[must_use]
    pub fn orders(&self) -> Orders {
        self.orders_where(&self.states)
    }

    /// Returns the orders as they stood where `states` say which releases were used.
    pub(super) fn orders_where(&self, states: &BTreeMap<PoolName, PoolStateDocument>) -> Orders {
        let mut orders = Orders::default();
        for (pool, document) in &self.orders {
            let state = states.get(pool).or_else(|| self.states.get(pool));
            let used = state.and_then(|state| state.used_release.as_deref());
            orders.add(pool, document.clone(), used);
        }
        orders
    }

    /// Returns the order document of a pool, as the operator's command wrote it last.
    #[must_use]
    pub fn orders_of(&self, pool: &PoolName) -> OrdersDocument {
        self.orders.get(pool).cloned().unwrap_or_default()
    }

    fn add(&mut self, paths: &ParameterPaths, name: String, parameter: Parameter) {
        let under = |path: &str| name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
        if let Some(pool) = under(&paths.config) {
            match pool.parse::<PoolName>() {
                Ok(pool) => self.add_pool(pool, &parameter.value),
                Err(error) => self.notes.push(format!(
                    "parameter {name} is not named like a pool, and is ignored: {error} (hint: pools are named \
                     [a-z0-9-]{{1,32}}, right under {})",
                    paths.config
                )),
            }
            self.documents.insert(name, parameter.value);
        } else if let Some(pool) = under(&format!("{}/state/orders", paths.root)) {
            let orders = OrdersDocument::parse(&parameter.value).map_err(|error| error.to_string());
            match (pool.parse::<PoolName>(), orders) {
                (Ok(pool), Ok(orders)) => drop(self.orders.insert(pool, orders)),
                (Err(error), _) => self.unusable(&name, &error.to_string()),
                (Ok(_), Err(error)) => self.unusable(&name, &error),
            }
            self.documents.insert(name, parameter.value);
        } else if let Some(pool) = under(&format!("{}/state/pools", paths.root)) {
            let state = PoolStateDocument::parse(&parameter.value).map_err(|error| error.to_string());
            match (pool.parse::<PoolName>(), state) {
                (Ok(pool), Ok(state)) => {
                    self.versions.insert(pool.clone(), parameter.version);
                    self.states.insert(pool, state);
                }
                (Err(error), _) => self.unusable(&name, &error.to_string()),
                (Ok(pool), Err(error)) => {
                    self.unusable(&name, &error);
                    self.unreadable_states.insert(pool);
                }
            }
        } else if under(&format!("{}/state/places", paths.root)).is_some()
            && let Err(error) = self.places.read(&parameter.value)
        {
            self.unusable(&name, &error.to_string());
        }
    }

    fn add_pool(&mut self, pool: PoolName, text: &str) {
        self.document_bytes.insert(pool.clone(), text.len());
        self.pools.push(Pool::read(pool, text));
    }

    fn unusable(&mut self, name: &str, error: &str) {
        self.notes.push(format!("parameter {name} cannot be used, and is ignored: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documents_and_orders_concern_the_registrar() {
        let deployment: DeploymentName = "edge".parse().unwrap();
        let paths = ParameterPaths::new(&deployment, None);
        assert!(paths.concerns("/registrar/edge/pools/video"));
        assert!(paths.concerns("/registrar/edge/state/orders/video"));
        assert!(!paths.concerns("/registrar/edge/state/pools/video"), "its own writing would wake it again");
        assert!(!paths.concerns("/registrar/edge-2/pools/video"));
        assert!(!paths.concerns("/registrar/edge/pools-of-others/video"));
        let elsewhere = ParameterPaths::new(&deployment, Some("/dns/pools/"));
        assert_eq!(elsewhere.document(&"video".parse().unwrap()), "/dns/pools/video");
        assert!(elsewhere.concerns("/dns/pools/video"));
    }
}

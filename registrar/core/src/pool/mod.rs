//! Pools: the document that an operator writes, and the validated policy made from it.

mod document;
mod policy;

pub use document::{PoolDocument, json_schema};
pub use policy::{DocumentError, Fallback, Policy, PoolState, RemovalLimit, Routing, Selector, WhenEmpty};

use crate::ids::PoolName;

/// One pool as it was read: its name, and its policy or what is wrong with its document.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The pool's name.
    pub name: PoolName,
    /// The policy, or the reason why the pool is held as it is.
    pub policy: Result<Policy, DocumentError>,
}

impl Pool {
    /// Reads a pool's document.
    #[must_use]
    pub fn read(name: PoolName, document: &str) -> Self {
        Self { name, policy: Policy::parse(document) }
    }

    /// Names the file of the document in its error.
    #[must_use]
    pub fn in_file(mut self, file: &str) -> Self {
        if let Err(error) = &mut self.policy {
            error.path = format!("{file}: {}", error.path);
        }
        self
    }
}

//! SSM parameters.

use registrar_core::Timestamp;
use serde::Serialize;

use super::World;

/// An SSM parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its value.
    pub value: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// Counts from 1 with each write.
    pub version: u64,
    /// When it was last written.
    pub modified_at: Timestamp,
}

impl World {
    /// Writes a parameter, as an operator or a stack would.
    pub fn put_parameter(&mut self, name: &str, value: &str) {
        self.write_parameter(name, value, None);
    }

    /// Deletes a parameter. Says whether it was there.
    pub fn delete_parameter(&mut self, name: &str) -> bool {
        self.parameters.remove(name).is_some()
    }

    /// Returns a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.get(name)
    }

    /// Writes a parameter and returns its version.
    pub(crate) fn write_parameter(&mut self, name: &str, value: &str, kind: Option<String>) -> u64 {
        let before = self.parameters.get(name);
        let version = before.map_or(0, |before| before.version) + 1;
        let kind = kind.or_else(|| before.map(|before| before.kind.clone()));
        let kind = kind.unwrap_or_else(|| "String".to_owned());
        let modified_at = self.now();
        let value = value.to_owned();
        self.parameters.insert(name.to_owned(), Parameter { value, kind, version, modified_at });
        version
    }
}

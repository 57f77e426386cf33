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
    /// The values of its earlier versions, the latest last.
    #[serde(skip)]
    pub(crate) earlier: Vec<String>,
}

impl Parameter {
    /// Returns the value of a version, which is kept for a hundred versions (Parameter Store quotas).
    pub(crate) fn value_of(&self, version: u64) -> Option<&str> {
        if version == self.version {
            return Some(&self.value);
        }
        let back = usize::try_from(self.version.checked_sub(version)?).ok()?;
        self.earlier.get(self.earlier.len().checked_sub(back)?).map(String::as_str)
    }
}

/// Versions of a parameter that are kept (Parameter Store quotas), the latest included.
const MOST_VERSIONS: usize = 100;

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
        let modified_at = self.now();
        let before = self.parameters.remove(name);
        let version = before.as_ref().map_or(0, |before| before.version) + 1;
        let kind = kind.or_else(|| before.as_ref().map(|before| before.kind.clone()));
        let kind = kind.unwrap_or_else(|| "String".to_owned());
        let mut earlier = before.map_or_else(Vec::new, |before| {
            let mut earlier = before.earlier;
            earlier.push(before.value);
            earlier
        });
        earlier.drain(..earlier.len().saturating_sub(MOST_VERSIONS - 1));
        let value = value.to_owned();
        self.parameters.insert(name.to_owned(), Parameter { value, kind, version, modified_at, earlier });
        version
    }
}

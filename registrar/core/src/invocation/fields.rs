//! A JSON object whose values stay raw until each is asked for, so that a bad one spoils only itself.
//!
//! Raw values are skipped without recursion, however deep they are nested.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// The fields of one object; of fields with the same name, the last.
pub(crate) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Reads an object.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the fields' names and JSON texts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.get()))
    }

    /// Returns the JSON text of a field, which is absent where it is `null`.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|value| value.get()).filter(|text| *text != "null")
    }

    /// Returns a field that can be read as a `T`.
    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// Returns a field that is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name)
    }

    /// Returns a field that is a whole number, or a string that holds one.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        let raw = self.raw(name)?;
        raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(raw).parse().ok()
    }
}

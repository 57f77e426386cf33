//! A template: its text, its sections, and which of its resources need which others.
//!
//! Nothing is resolved here; [`crate::stack`] does that for given parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::yaml::{self, YamlError};

/// A template.
#[derive(Clone, Debug)]
pub struct Template {
    /// The file's name, for messages.
    pub name: String,
    /// The text, with its comments.
    pub text: String,
    pub(crate) document: Map<String, Value>,
}

/// Why a template could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file could not be read.
    #[error("{path} could not be read")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The text is not YAML.
    #[error("{name} is not a template")]
    Yaml {
        /// The template.
        name: String,
        /// Why.
        #[source]
        source: YamlError,
    },
    /// The text holds something else than an object.
    #[error("{0} is not an object")]
    NoObject(String),
}

/// Returns the folder of the templates.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Reads all templates of the folder, by name.
///
/// # Errors
/// Where a file cannot be read, or is no template.
pub fn all() -> Result<Vec<Template>, TemplateError> {
    let unreadable = |source| TemplateError::File { path: folder().display().to_string(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder()).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| Template::read(path)).collect()
}

impl Template {
    /// Reads a template of the folder, such as `registrar.yaml`.
    ///
    /// # Errors
    /// Where the file cannot be read, or is no template.
    pub fn named(name: &str) -> Result<Self, TemplateError> {
        Self::read(&folder().join(name))
    }

    fn read(path: &Path) -> Result<Self, TemplateError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TemplateError::File { path: path.display().to_string(), source })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::parse(&name, &text)
    }

    /// Reads a template's text.
    ///
    /// # Errors
    /// Where it is not the YAML of an object.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateError> {
        let document =
            yaml::read(text).map_err(|source| TemplateError::Yaml { name: name.to_owned(), source })?;
        match document {
            Value::Object(document) => Ok(Self { name: name.to_owned(), text: text.to_owned(), document }),
            _ => Err(TemplateError::NoObject(name.to_owned())),
        }
    }

    /// Returns the entries of a section, such as `Parameters`; none where it is absent.
    pub fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        let fields = self.document.get(name).and_then(Value::as_object);
        fields.into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns one entry of a section.
    #[must_use]
    pub fn entry(&self, section: &str, name: &str) -> Option<&Value> {
        self.document.get(section)?.get(name)
    }

    /// Returns the resources of a type, by logical id, unresolved.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.section("Resources").filter(move |(_, resource)| resource["Type"] == kind)
    }

    /// Returns the resources that a resource needs, itself excluded: by `DependsOn`, or because it names them,
    /// or because one of those does.
    #[must_use]
    pub fn needs(&self, logical_id: &str) -> BTreeSet<String> {
        let direct: BTreeMap<&str, BTreeSet<String>> =
            self.section("Resources").map(|(id, resource)| (id, named_in(resource))).collect();
        let mut needed = BTreeSet::new();
        let mut open = vec![logical_id.to_owned()];
        while let Some(id) = open.pop() {
            for next in direct.get(id.as_str()).into_iter().flatten() {
                if direct.contains_key(next.as_str()) && needed.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        needed
    }
}

fn named_in(resource: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match &resource["DependsOn"] {
        Value::String(name) => names.extend([name.clone()]),
        Value::Array(several) => names.extend(several.iter().filter_map(Value::as_str).map(str::to_owned)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
    collect(&resource["Properties"], &mut names);
    names
}

/// Collects what `Ref`, `Fn::GetAtt` and `Fn::Sub` name.
pub(crate) fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, argument) in fields {
                let first = if argument.is_array() { &argument[0] } else { argument };
                match (key.as_str(), first.as_str()) {
                    ("Ref" | "Fn::GetAtt", Some(name)) => drop(names.insert(name.to_owned())),
                    ("Fn::Sub", Some(text)) => names.extend(placeholders(text)),
                    _ => {}
                }
                collect(argument, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns what a text of `Fn::Sub` names, without attributes.
fn placeholders(text: &str) -> impl Iterator<Item = String> {
    let inside = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    inside.map(|(name, _)| name.split('.').next().unwrap_or(name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_needs_what_it_names_and_what_those_need() {
        let text = "Resources:\n  A: {Type: T, DependsOn: B}\n  B: {Type: T, Properties: {x: !GetAtt C.Arn}}\n\
                    \x20 C: {Type: T, Properties: {x: !Sub 'a-${D.Arn}-${AWS::Region}'}}\n  D: {Type: U}\n";
        let template = Template::parse("t", text).unwrap();
        assert_eq!(template.needs("A").into_iter().collect::<Vec<_>>(), ["B", "C", "D"]);
        assert!(template.needs("D").is_empty());
        assert_eq!(template.of_type("T").count(), 3);
    }

    #[test]
    fn a_text_that_is_no_object_is_refused() {
        assert!(Template::parse("t", "- a\n").is_err());
    }
}

//! The parameters of a request in the query protocol, each of which has to be asked for.
//!
//! What nobody asked for is refused at the end: a parameter that the stand-in does not model would
//! otherwise be ignored without anybody noticing.

use std::collections::BTreeMap;

use crate::wire::refusal::Refusal;

/// The parameters that nobody has taken yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(BTreeMap<String, String>);

/// How a service writes lists: EC2 as `InstanceId.1`, the others as `InstanceIds.member.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lists {
    Ec2,
    Query,
}

impl Params {
    /// Reads a form or a query string.
    pub(crate) fn parse(encoded: &str) -> Self {
        Self(form_urlencoded::parse(encoded.as_bytes()).into_owned().collect())
    }

    /// Returns a parameter and leaves it.
    pub(crate) fn peek(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes a parameter.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Takes a parameter that is a number.
    pub(crate) fn take_number(&mut self, name: &str, code: &str) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.take(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Refusal::bad_request(code, format!("{name} must be a number, not '{text}'"))),
        }
    }

    /// Takes a list, in the order of its indices.
    pub(crate) fn take_list(&mut self, name: &str, lists: Lists) -> Vec<String> {
        let prefix = match lists {
            Lists::Ec2 => format!("{name}."),
            Lists::Query => format!("{name}.member."),
        };
        let index = |key: &str| key.strip_prefix(&prefix)?.parse::<u32>().ok();
        let mut found: Vec<(u32, String)> =
            self.0.keys().filter_map(|key| Some((index(key)?, key.clone()))).collect();
        found.sort();
        found.into_iter().filter_map(|(_, key)| self.0.remove(&key)).collect()
    }

    /// Refuses what is left.
    pub(crate) fn finish(self, code: &str) -> Result<(), Refusal> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Refusal::bad_request(code, format!("The parameter {name} is not recognized"))),
        }
    }
}

//! The order of a listing, and its pages.
//!
//! Source: API reference, `ListResourceRecordSets`. Record sets are not judged here.

use registrar_core::name::RecordName;
use registrar_core::record_set::{RecordSet, RecordType, SetKey};

/// Most record sets on one page (API reference, `ListResourceRecordSets`).
pub(crate) const LARGEST_PAGE: usize = 300;

/// Where a page begins: at this name, type and set identifier, or after it where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The name.
    pub name: RecordName,
    /// The type; the first one of the name if absent.
    pub r#type: Option<RecordType>,
    /// The set identifier, which needs a type beside it.
    pub set_identifier: Option<String>,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The record sets, ordered by name, type and set identifier.
    pub records: Vec<RecordSet>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

/// The place of a record set in a listing: by name with its labels in reverse, then by type and set
/// identifier in ASCII order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListingKey {
    pub(crate) name: RecordName,
    /// The type's name. Types sort as text here, which their enum does not.
    pub(crate) r#type: String,
    pub(crate) set_identifier: Option<String>,
}

impl ListingKey {
    pub(crate) fn of(record: &RecordSet) -> Self {
        Self {
            name: record.name.clone(),
            r#type: record.r#type.to_string(),
            set_identifier: record.set_identifier.clone(),
        }
    }

    /// Returns the place before every record set of the name.
    pub(crate) fn start_of_name(name: &RecordName) -> Self {
        Self { name: name.clone(), r#type: String::new(), set_identifier: None }
    }

    /// Returns the place of, or before, every record set of the name and type.
    pub(crate) fn start_of_set(set: &SetKey) -> Self {
        Self { name: set.name.clone(), r#type: set.r#type.to_string(), set_identifier: None }
    }

    /// Returns the name and type.
    pub(crate) fn set_key(&self) -> SetKey {
        SetKey { name: self.name.clone(), r#type: RecordType::from(self.r#type.clone()) }
    }
}

impl From<&Cursor> for ListingKey {
    fn from(cursor: &Cursor) -> Self {
        Self {
            name: cursor.name.clone(),
            r#type: cursor.r#type.as_ref().map(RecordType::to_string).unwrap_or_default(),
            set_identifier: cursor.set_identifier.clone(),
        }
    }
}

impl From<&ListingKey> for Cursor {
    fn from(key: &ListingKey) -> Self {
        let SetKey { name, r#type } = key.set_key();
        Self { name, r#type: Some(r#type), set_identifier: key.set_identifier.clone() }
    }
}

//! The cursor of a paged read, and the guard that ends it when the cursor does not move.
//!
//! A cursor that was seen before would be followed for ever, so it ends the reading as a failure: what
//! lies behind it is unknown, not absent.

use std::collections::BTreeSet;

use registrar_core::inventory::{Gap, GapSource};

use crate::errors::{Kind, PortError};

/// Where a paged read has got to.
#[derive(Debug)]
pub(crate) struct Pages<T> {
    operation: &'static str,
    number: usize,
    seen: BTreeSet<T>,
}

impl<T: Ord> Pages<T> {
    pub(crate) fn new(operation: &'static str) -> Self {
        Self { operation, number: 1, seen: BTreeSet::new() }
    }

    /// Goes on to the page behind `cursor`.
    ///
    /// # Errors
    /// When the cursor was followed before.
    pub(crate) fn advance(&mut self, cursor: T) -> Result<(), PortError> {
        self.number += 1;
        if self.seen.insert(cursor) {
            return Ok(());
        }
        Err(PortError::new(self.operation, Kind::Other, "its cursor does not move: it was followed before"))
    }

    /// Describes a failure on the current page as a gap.
    pub(crate) fn gap(&self, source: GapSource, error: &PortError) -> Gap {
        let reason = format!("{} failed on page {}: {}", error.operation, self.number, error.message);
        Gap::new(source, reason).denied(error.kind == Kind::Denied)
    }
}

/// Returns a token that says there is more; services write "no more" as nothing or as an empty text.
pub(crate) fn more(token: Option<&str>) -> Option<String> {
    token.filter(|token| !token.is_empty()).map(str::to_owned)
}

//! Where a name server gets its zones and the time from.
//!
//! Both are the caller's: nothing here reads a clock.

use std::sync::{Arc, Mutex, PoisonError};

use registrar_core::Timestamp;
use registrar_core::name::RecordName;

use crate::route53::{PublishedZone, Route53Model};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a name server answers from. It is asked once for every query.
pub trait ZoneSource: Send + Sync {
    /// Returns the zone that answers for a name, as a server sees it that knows every change up to
    /// `as_of`; `None` where the name is in none.
    fn zone_of(&self, name: &RecordName, as_of: Timestamp) -> Option<Arc<PublishedZone>>;
}

impl ZoneSource for Mutex<Route53Model> {
    fn zone_of(&self, name: &RecordName, as_of: Timestamp) -> Option<Arc<PublishedZone>> {
        let model = self.lock().unwrap_or_else(PoisonError::into_inner);
        model.published(model.hosted_zone_of(name)?, as_of).ok()
    }
}

/// One state of one zone, which never changes.
impl ZoneSource for Arc<PublishedZone> {
    fn zone_of(&self, name: &RecordName, _: Timestamp) -> Option<Arc<PublishedZone>> {
        name.is_within(self.origin()).then(|| Arc::clone(self))
    }
}

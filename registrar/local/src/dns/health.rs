//! Whether a record set is healthy, as far as a hosted zone tells.
//!
//! Health checks are not evaluated: what has one, or none, is healthy. Only an alias that evaluates its target is not,
//! where nothing healthy stands at the target (Developer Guide, "Evaluate target health").

use registrar_core::record_set::RecordSet;

use crate::route53::PublishedZone;

/// How many aliases are followed, so that a loop ends.
const LONGEST_CHAIN: usize = 8;

/// Says whether a record set may answer. An alias to another hosted zone may: nothing is known of its target here.
pub(crate) fn is_healthy(zone: &PublishedZone, record: &RecordSet) -> bool {
    within(zone, record, LONGEST_CHAIN)
}

fn within(zone: &PublishedZone, record: &RecordSet, left: usize) -> bool {
    match &record.alias_target {
        Some(target) if target.evaluate_target_health && target.hosted_zone_id == zone.id().as_str() => {
            let mut targets = zone.set(&target.dns_name, &record.r#type);
            left > 0 && targets.any(|target| within(zone, target, left - 1))
        }
        Some(_) | None => true,
    }
}

//! Faults of the services that the edge calls, to be armed by a test, a demonstration or a file.

use serde::Deserialize;

/// What goes wrong on the way to EC2 and Route 53.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeFaults {
    /// What Route 53 does.
    pub route53: Route53Faults,
}

/// How many of the next calls to Route 53 go wrong, and how. They are used up in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Route53Faults {
    /// Changes that are throttled.
    pub throttle: u32,
    /// Changes that come while another one is in progress.
    pub prior_request_not_complete: u32,
    /// Changes that are applied and whose reply is lost.
    pub lose_reply: u32,
    /// Changes that never arrive and whose reply is lost.
    pub lose_request: u32,
    /// Listings that fail.
    pub fail_listing: u32,
    /// Listings that end in the middle.
    pub truncate_listing: u32,
}

/// Uses one of `count` up, if there is one left.
pub(super) fn use_up(count: &mut u32) -> bool {
    let armed = *count > 0;
    *count = count.saturating_sub(1);
    armed
}

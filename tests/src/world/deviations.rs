//! Where the registrar is known to deviate from the design, so that the model can look for others.
//!
//! Each switch has an ignored test in `tests/model.rs` that shows the deviation. Once it is mended, the
//! switch goes and the test is no longer ignored.

/// A change to weighted routing gives a member the pool's weight at first, whatever its tag says.
pub const WEIGHTS_LAG_BEHIND_ROUTING: bool = true;

/// A relaunch that was seen is forgotten at a partial read, and an older terminal event counts again.
pub const LAUNCHES_ARE_FORGOTTEN: bool = true;

/// An empty pool whose document goes from `fallback` to `keep-last` makes a plan that lint refuses.
pub const FALLBACK_NEVER_BECOMES_KEEP_LAST: bool = true;

/// A removal whose reply was lost is forgotten when the edge plans what the budget still allows.
pub const LOST_REPLIES_COST_NOTHING: bool = true;

/// A dead record goes while the listing is incomplete, its fallback does not come, and lint refuses both.
pub const LINT_REFUSES_TO_WAIT_FOR_A_FALLBACK: bool = true;

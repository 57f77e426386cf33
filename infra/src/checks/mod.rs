//! The checks: functions from a template to the problems that they find in it.
//!
//! What the code expects is an argument or comes from registrar-core, so that a check never holds a list of its own
//! that could fall behind.

pub mod alarms;
pub mod delivery;
pub mod documents;
pub mod events;
pub mod fleet;
pub mod function;
pub mod nested;
pub mod permissions;
pub mod prober;
pub mod requests;
pub mod surface;
pub mod wildcards;

use serde_json::Value;

/// Says whether a property is set, to anything but nothing.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Number(_) => true,
    }
}

/// Returns a number that may be written as a text.
fn number(value: &Value) -> Option<f64> {
    crate::parameters::text(value).parse().ok()
}

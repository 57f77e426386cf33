//! What the registrar reads from outside: one function for each target, for cargo-fuzz and for the tests.
//!
//! Each panics where a promise is broken.

use registrar_core::fuzzing;
use registrar_local::dns::fuzzing::dns_query as answer;

/// A target: what hostile input is given to.
pub type Target = fn(&[u8]);

/// The targets by name, which is also the folder of their corpus.
pub const TARGETS: [(&str, Target); 11] = [
    ("event", event),
    ("pool_document", pool_document),
    ("pool_state", pool_state),
    ("orders", orders),
    ("places", places),
    ("reviewed_plan", reviewed_plan),
    ("fleet_dump", fleet_dump),
    ("groups_dump", groups_dump),
    ("records_dump", records_dump),
    ("plan", plan),
    ("dns_query", dns_query),
];

/// Reads what the function is invoked with.
pub fn event(payload: &[u8]) {
    kept(fuzzing::event(payload));
}

/// Reads a pool's document.
pub fn pool_document(text: &[u8]) {
    kept(fuzzing::pool_document(text));
}

/// Reads what is kept of a pool.
pub fn pool_state(text: &[u8]) {
    kept(fuzzing::pool_state(text));
}

/// Reads an operator's orders.
pub fn orders(text: &[u8]) {
    kept(fuzzing::orders(text));
}

/// Reads where pools were.
pub fn places(text: &[u8]) {
    kept(fuzzing::places(text));
}

/// Reads a plan that somebody reviewed.
pub fn reviewed_plan(text: &[u8]) {
    kept(fuzzing::reviewed_plan(text));
}

/// Reads the AWS CLI's dump of a fleet.
pub fn fleet_dump(text: &[u8]) {
    kept(fuzzing::fleet_dump(text));
}

/// Reads the AWS CLI's dump of Auto Scaling groups.
pub fn groups_dump(text: &[u8]) {
    kept(fuzzing::groups_dump(text));
}

/// Reads the AWS CLI's dump of record sets.
pub fn records_dump(text: &[u8]) {
    kept(fuzzing::records_dump(text));
}

/// Plans for a whole world.
pub fn plan(world: &[u8]) {
    kept(fuzzing::plan(world));
}

/// Answers a request to the embedded edge's name server.
pub fn dns_query(octets: &[u8]) {
    kept(answer(octets));
}

fn kept(promise: Result<(), String>) {
    if let Err(broken) = promise {
        panic!("{broken}");
    }
}

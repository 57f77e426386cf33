//! The operator's command against a stand-in of AWS on the wire: the built program, with real requests.

#![cfg(feature = "aws")]

mod adopt;
mod apply;
mod edge;
mod orders;
mod plan;
mod status;
mod trouble;

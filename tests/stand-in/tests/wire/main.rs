//! What the stand-in answers on the wire, rule by rule.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod autoscaling;
mod binary;
mod client;
mod ec2;
mod event_source;
mod faults;
mod protocols;
mod route53;
mod runtime_api;
mod sqs;
mod ssm;
mod sts;

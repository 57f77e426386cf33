//! The registrar's ports on AWS: what it reads from EC2, Auto Scaling, Route 53 and SSM, and what it writes.
//!
//! Every port reads to the end and says what it could not read: a page that fails or a cursor that does
//! not move is a gap, never an end. Nothing here decides which record should stand; that is
//! registrar-core's business. Only `convert` knows the SDK's types.

mod accounts;
mod actions;
mod answer;
mod availability_zones;
mod budget;
mod calls;
mod clients;
mod convert;
pub mod deployment;
mod elements;
mod errors;
mod fleet;
mod groups;
mod hooks;
mod hosted_zones;
mod identity;
mod pages;
mod parameters;
mod queue;
mod replies;
mod route53;
mod skip_scan;

pub use accounts::ZoneAccess;
pub use actions::{ACTIONS, Action, NeededBy};
pub use answer::{AnswerError, put_answer};
pub use calls::CallCounts;
pub use clients::{Aws, Deadline, Settings};
pub use errors::{Kind, PortError};
pub use fleet::FleetQuery;
pub use hooks::HookReply;
pub use parameters::Parameter;
pub use queue::Visibility;

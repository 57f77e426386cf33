//! A strict stand-in, on the wire, for the AWS services that the registrar calls.
//!
//! One loopback port answers for EC2, Auto Scaling, Route 53, SSM, SQS and STS as their own protocols want
//! it, so that any SDK can be pointed at it with `AWS_ENDPOINT_URL`. Behind it is a `World`, which tests build,
//! look at and change while it is served; Route 53's rules are those of `registrar-local`'s strict model. Calls
//! are logged, and faults are armed for each operation: errors, lost replies, hanging and cut answers.
//!
//! It is strict: what is malformed, over a limit or not modelled is refused, never ignored. Signatures have to
//! be there, for the right service, but are not verified; the Region that they are for is the one that is asked.
//!
//! `RuntimeApi` is the other side of a Lambda: it hands invocations to a `bootstrap` process.
//!
//! It models no permissions but those of hosted zones in other accounts, and nothing scales by itself.

mod calls;
mod clock;
mod control;
mod document;
mod event_source;
mod events;
mod faults;
mod ministack;
mod operation;
mod runtime_api;
mod server;
mod services;
mod serving;
mod wire;
mod world;

pub use calls::Call;
pub use clock::{Clock, ManualClock};
pub use event_source::Delivery;
pub use faults::{Effect, Fault};
pub use ministack::{MINISTACK_VERSION, Ministack};
pub use operation::{Operation, Service, UnknownOperation};
pub use registrar_local::route53::Settings as Route53Settings;
pub use runtime_api::{Invocation, Outcome, RuntimeApi};
pub use server::StandIn;
pub use world::{
    ActionResult, AvailabilityZone, EndedBy, FurtherAddress, Group, Hook, Instance, InstanceState,
    LifecycleAction, Membership, Message, Parameter, Queue, Transition, World, WorldError, ZoneType,
};

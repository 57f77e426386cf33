//! The services: each turns the input of an operation into its answer, and changes the world.
//!
//! Faults and the call log are around them, not in them.

mod autoscaling;
mod ec2;
mod record_xml;
mod route53;
mod sqs;
mod ssm;
mod sts;

pub(crate) use sqs::{md5_of, message_attributes};

use crate::operation::{Operation, Service};
use crate::wire::element::Element;
use crate::wire::paging::Bend;
use crate::wire::refusal::Refusal;
use crate::wire::reply::Reply;
use crate::wire::{Input, namespace};
use crate::world::World;
use crate::world::accounts::Caller;

/// What a service is asked, beside its input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) operation: Operation,
    pub(crate) caller: &'a Caller,
    pub(crate) bend: &'a Bend,
    pub(crate) request_id: &'a str,
    /// Where the stand-in is reached, without a slash at the end.
    pub(crate) endpoint: &'a str,
}

impl Context<'_> {
    /// Says whether something that is in a Region, or in the world's own, is in the one that was asked.
    pub(crate) fn sees(&self, world: &World, region: Option<&str>) -> bool {
        region.unwrap_or(&world.region) == self.caller.region
    }
}

/// Answers a call.
///
/// # Errors
/// When the service refuses it.
pub(crate) fn answer(world: &mut World, context: Context<'_>, input: Input) -> Result<Reply, Refusal> {
    match (context.operation.service(), input) {
        (Service::Ec2, Input::Form(params)) => ec2::answer(world, context, params),
        (Service::AutoScaling, Input::Form(params)) => autoscaling::answer(world, context, params),
        (Service::Sts, Input::Form(params)) => sts::answer(world, context, params),
        (Service::Route53, Input::Rest { id, query, body }) => {
            route53::answer(world, context, &id, query, &body)
        }
        (Service::Ssm, Input::Json(input)) => ssm::answer(world, context, input),
        (Service::Sqs, Input::Json(input)) => sqs::answer(world, context, input),
        // Routing pairs each service with its own form of input.
        (service, _) => Err(Refusal::unknown_operation(service, context.operation.name())),
    }
}

/// Builds the answer of a service with the query protocol, whose result stands in a wrapper.
fn query_reply(context: Context<'_>, result: Element) -> Reply {
    let name = context.operation.name();
    let metadata = Element::new("ResponseMetadata").field("RequestId", context.request_id);
    let response = Element::new(&format!("{name}Response")).with(result).with(metadata);
    Reply::xml(200, "text/xml", response.document(namespace(context.operation.service())))
}

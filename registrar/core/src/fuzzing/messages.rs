//! Hostile payloads of the function: batches, bare events, drain tickets and custom-resource requests.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Kept, is_line, promise};
use crate::custom_resource::{CustomResourceRequest, LARGEST_RESPONSE};
use crate::drain::DrainTicket;
use crate::ids::DeploymentName;
use crate::inventory::EventMemory;
use crate::invocation::{Content, Discarded, Invocation, Message};
use crate::trigger::Trigger;

/// The most records of a queue's batch (Lambda API reference, `CreateEventSourceMapping`).
const MOST_MESSAGES: usize = 10_000;
/// The longest line about a discarded message: reason and excerpt.
const LONGEST_LINE: usize = 410;
/// The longest body that SQS takes, in bytes.
const LARGEST_BODY: usize = 1024 * 1024;
/// The largest payload that is read again as two others, whose memory would count as the registrar's, in bytes.
const LARGEST_COMPARED: usize = 16 * 1024;
/// Two addresses for one answer.
const ADDRESSES: [&str; 2] = [
    "https://bucket.s3.amazonaws.com/a?X-Amz-Signature=1",
    "https://else.s3.amazonaws.com/b?X-Amz-Signature=2",
];

/// Reads a payload, and follows what it asks for as far as that goes without AWS.
pub fn event(payload: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(payload);
    let own: DeploymentName = "default".parse().map_err(|error| format!("{error}"))?;
    let invocation = Invocation::parse(&text, &own);
    if invocation.messages().len() > MOST_MESSAGES.min(text.len()) {
        return Err(format!("{} messages in {} bytes", invocation.messages().len(), text.len()));
    }
    let mut memory = EventMemory::default();
    for message in invocation.messages() {
        read(message, &own, &mut memory)?;
    }
    match &invocation {
        Invocation::CustomResource(request) => {
            hides_where_it_answers(&text, &own)?;
            answered(request, &own)
        }
        Invocation::Unusable(discarded) => told(discarded),
        Invocation::Batch(_) | Invocation::Event(_) | Invocation::Everything => Ok(()),
    }
}

fn read(message: &Message, own: &DeploymentName, memory: &mut EventMemory) -> Kept {
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 50);
    promise(message.receive_count > 0, || "a message that was never received".to_owned())?;
    let age = message.age(now);
    promise(age.is_none_or(|age| !age.is_negative()), || format!("an age of {age:?}"))?;
    match &message.content {
        Err(discarded) => told(discarded),
        Ok(Content::Trigger(trigger)) => noted(trigger, memory, now),
        Ok(Content::Ticket(ticket)) => visited(ticket, own, now),
    }
}

/// What is discarded is told on a line of bounded length that shows no signature.
fn told(discarded: &Discarded) -> Kept {
    is_line("a discarded message", &discarded.to_string(), LONGEST_LINE)?;
    let shown = discarded.to_string().to_lowercase();
    let secret = ["x-amz-signature", "signature=", "responseurl\""].into_iter().find(|it| shown.contains(it));
    secret.map_or(Ok(()), |secret| Err(format!("{secret} is shown of a discarded message")))
}

/// A trigger is about one instance at most, and proves nothing from the future nor for ever.
fn noted(trigger: &Trigger, memory: &mut EventMemory, now: Timestamp) -> Kept {
    memory.note(trigger, now);
    let Some(instance) = trigger.instance() else { return Ok(()) };
    let known = memory.terminal(instance, None, now);
    let ahead = known.is_some_and(|event| event.at > now + SignedDuration::from_mins(1));
    promise(!ahead, || format!("{instance} ended in the future"))?;
    let later = now + SignedDuration::from_secs(901);
    promise(memory.terminal(instance, None, later).is_none(), || format!("{instance} ended for ever"))
}

/// A ticket is of this deployment, is read as it was written, and comes to an end.
fn visited(ticket: &DrainTicket, own: &DeploymentName, now: Timestamp) -> Kept {
    promise(ticket.deployment == *own, || "another deployment's ticket was taken".to_owned())?;
    let body = ticket.to_body();
    promise(body.len() <= LARGEST_BODY, || format!("a ticket of {} bytes", body.len()))?;
    match DrainTicket::parse(&body) {
        Some(Ok(again)) if again == *ticket => {}
        other => return Err(format!("{body} is read as {other:?}")),
    }
    // INSYNC is waited for 15 minutes, and the longest TTL is a day.
    let end = now + SignedDuration::from_hours(25);
    let waited = ticket.clone().in_sync(now).next(end);
    promise(matches!(waited, crate::drain::TicketStep::Complete), || format!("{waited:?} after a day"))
}

/// What a payload shows does not depend on the address that its answer goes to, which is a secret.
fn hides_where_it_answers(text: &str, own: &DeploymentName) -> Kept {
    if text.len() > LARGEST_COMPARED {
        return Ok(());
    }
    let mut payload: Value = serde_json::from_str(text).map_err(|error| format!("{text}: {error}"))?;
    let shown = ADDRESSES.map(|url| {
        if let Some(address) = payload.get_mut("ResponseURL") {
            *address = url.into();
        }
        format!("{:?}", Invocation::parse(&payload.to_string(), own))
    });
    promise(shown[0] == shown[1], || format!("{} and {} are told apart", shown[0], shown[1]))
}

/// Every request that is taken can be answered, and its address stays a secret.
fn answered(request: &CustomResourceRequest, own: &DeploymentName) -> Kept {
    let _ = (request.undo(), request.left_deployment(own), request.left_pools());
    let problem = request.properties.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let data =
        BTreeMap::from([("Problem".to_owned(), problem.repeat(9)), ("Empty".to_owned(), String::new())]);
    for answer in
        [request.succeed(own, data), request.fail(own, problem.repeat(9)), request.fail_midway(own, problem)]
    {
        let body = answer.to_body();
        promise(body.len() <= LARGEST_RESPONSE, || format!("an answer of {} bytes", body.len()))?;
        serde_json::from_str::<Value>(&body).map_err(|error| format!("{body}: {error}"))?;
    }
    Ok(())
}

//! The published reference design in the same world: each event by itself, one describe and one change.
//!
//! "Enabling load-balancing of non-HTTP(s) traffic on AWS Wavelength" (AWS Compute Blog): UPSERT of one weighted record
//! on `running`, DELETE of it on `terminated`. Where it says nothing it is given the kinder choice: as many functions at
//! once as there are events, Lambda's two retries of an asynchronous invocation (after 1 and 2 minutes), and the address
//! of an instance that is gone, which EC2 does not tell any more. It has no sweep, and one name holds 100 records.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use registrar_core::ids::HostedZoneId;
use registrar_core::record_set::{RecordSet, RecordType};
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::edge::lock;
use registrar_local::route53::{ModelChange, Route53Error};

use crate::exposure::Figures;
use crate::storm::{Happening, Number, start};
use crate::world::{HOSTED_ZONE, NAME, World};

/// Its TTL, in seconds.
const TTL_SECS: u32 = 30;
/// Weighted records of one name.
const MOST_IN_SET: usize = 100;
/// How often the SDK sends a request.
const SDK_ATTEMPTS: u32 = 3;
/// A describe and the way to Route 53.
const BEFORE_CHANGE: SignedDuration = SignedDuration::from_millis(200);
/// After an invocation that failed, by how many did: Lambda tries an asynchronous one three times.
const LAMBDA_RETRIES: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_mins(2)];
/// How long is waited for a state that does not come.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// One request that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    at: Timestamp,
    happening: Happening,
    invocations: usize,
    sends: u32,
}

/// Plays a storm and returns what it came to.
pub(crate) fn play(mut world: World, seed: u64) -> Figures {
    let mut random = fastrand::Rng::with_seed(seed);
    // It could not have registered more before.
    world.open_account(world.before.iter().take(MOST_IN_SET).map(|number| record(*number)).collect());
    let Ok(zone) = HOSTED_ZONE.parse::<HostedZoneId>() else { return Figures::default() };
    let mut attempts: BinaryHeap<Reverse<Attempt>> = BinaryHeap::new();
    let (mut calls, mut changes) = (0, 0);
    while let Some(at) = next_moment(&world, &attempts) {
        world.advance(at);
        while let Some(message) = world.queue.pop_front() {
            let at = message.visible_at + BEFORE_CHANGE;
            let happening = message.happening;
            if matches!(happening, Happening::Runs(_) | Happening::Terminated(_)) {
                attempts.push(Reverse(Attempt { at, happening, invocations: 1, sends: 1 }));
            }
        }
        while let Some(Reverse(attempt)) = attempts.peek().copied().filter(|next| next.0.at <= world.now) {
            attempts.pop();
            let Some((number, change)) = change(attempt.happening) else { continue };
            calls += 1;
            let reply = lock(&world.model).change_record_sets(&zone, &[change], world.now);
            match reply {
                Ok(_) => {
                    changes += 1;
                    let addresses = std::iter::once(number.address());
                    match attempt.happening {
                        Happening::Runs(_) => world.exposure.published(addresses, world.now),
                        _ => world.exposure.withdrawn(addresses, world.now),
                    }
                }
                Err(refused) => attempts.extend(again(attempt, &refused, &mut random).map(Reverse)),
            }
        }
    }
    let alive = world.alive();
    let end = world.now.max(start()) + PATIENCE;
    Figures { calls, changes, ttl_secs: TTL_SECS, ..world.exposure.figures(&alive, start(), end) }
}

fn next_moment(world: &World, attempts: &BinaryHeap<Reverse<Attempt>>) -> Option<Timestamp> {
    let attempt = attempts.peek().map(|next| next.0.at);
    attempt.into_iter().chain(world.next_happening()).min()
}

/// Returns when it is tried again: by the SDK where Route 53 is busy, or else by Lambda.
fn again(attempt: Attempt, refused: &Route53Error, random: &mut fastrand::Rng) -> Option<Attempt> {
    let is_busy = matches!(refused, Route53Error::Throttling | Route53Error::PriorRequestNotComplete);
    if is_busy && attempt.sends < SDK_ATTEMPTS {
        // The SDK's standard mode: a random part of 1 s, doubled each time.
        let most = 1_000_u64 << (attempt.sends - 1);
        let wait = SignedDuration::from_millis(random.u64(0..=most).cast_signed());
        return Some(Attempt { at: attempt.at + wait, sends: attempt.sends + 1, ..attempt });
    }
    let wait = LAMBDA_RETRIES.get(attempt.invocations - 1)?;
    let at = attempt.at + *wait + BEFORE_CHANGE;
    Some(Attempt { at, invocations: attempt.invocations + 1, sends: 1, ..attempt })
}

fn change(happening: Happening) -> Option<(Number, ModelChange)> {
    match happening {
        Happening::Runs(number) => Some((number, ModelChange::upsert(record(number)))),
        Happening::Terminated(number) => Some((number, ModelChange::delete(record(number)))),
        Happening::ShutsDown(_) | Happening::Ttl(_) => None,
    }
}

#[expect(clippy::expect_used, reason = "the name is a constant of this program")]
fn record(number: Number) -> RecordSet {
    let name = NAME.parse().expect("a name");
    let mut record = RecordSet::simple(name, RecordType::A, TTL_SECS, vec![number.address().to_string()]);
    record.set_identifier = number.id().map(|id| id.to_string());
    record.weight = Some(100);
    record
}

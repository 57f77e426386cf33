//! The part of a check that asks resolvers: beside the sampling, and after it for as long as something is open.
//!
//! What they answered is judged elsewhere.

use tokio::time::Instant;

use crate::check::CheckRequest;
use crate::observation::Observation;
use crate::resolver::Resolver;
use crate::staleness::{Asker, Authority, Known, Resolved, Run, Told, learn, look, wait_out};

/// Takes a short look at the resolvers while the name servers are being sampled.
pub(crate) async fn beside_sampling(
    request: &CheckRequest,
    resolvers: Vec<Resolver>,
    began: Instant,
) -> Vec<Asker> {
    look(resolvers, &run(request, began)).await
}

/// Makes of the samples what resolvers are compared with. Where they are a few too few to tell that an address is
/// gone, the rest is asked for at once: the TTL after which a cache may not have it any more counts from then on.
pub(crate) async fn authority(
    request: &CheckRequest,
    observations: &[Observation],
    with_resolvers: bool,
    began: Instant,
) -> Authority {
    let mut authority = Authority::sampled(observations, began.elapsed(), request.truth.as_ref());
    if with_resolvers {
        learn(&mut authority, 1, &run(request, began)).await;
    }
    authority
}

/// Asks on where a resolver answers what no name server did.
pub(crate) async fn after_sampling(
    request: &CheckRequest,
    askers: Vec<Asker>,
    mut authority: Authority,
    began: Instant,
) -> Resolved {
    if askers.is_empty() {
        return Resolved { authority, series: Vec::new() };
    }
    let history = request.history.as_ref();
    let known = Known { truth: request.truth.as_ref(), history, started_at: request.started_at };
    let told = Told::new(request.progress.clone(), 0);
    let run = Run { told, ..run(request, began) };
    let askers = wait_out(askers, &mut authority, known, &run).await;
    Resolved { authority, series: askers.into_iter().map(|asker| asker.series).collect() }
}

fn run(request: &CheckRequest, began: Instant) -> Run {
    Run {
        name: request.name.clone(),
        began,
        end: began + request.deadline,
        timeout: request.timeout,
        rate: request.rate.map(|rate| rate.get().into()),
        seed: request.seed,
        // Beside the sampling, that is what is told of.
        told: Told::default(),
    }
}

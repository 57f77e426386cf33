//! A check from request to report: rounds of sampling until nothing is open, within the deadline.
//!
//! It reads no clock and no environment: durations and the seed come with the request.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use registrar_core::Timestamp;
use registrar_core::name::RecordName;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::discover::{DiscoverRequest, Discovery, discover};
use crate::judge;
use crate::observation::Observation;
use crate::plan::{self, Samples};
use crate::reaching::{self, Reaching};
use crate::records::RecordInventory;
use crate::report::CheckReport;
use crate::resolver::Resolver;
use crate::sampler::{IN_FLIGHT, Manner, Sampler};
use crate::statistics::Alpha;
use crate::truth::Truth;
use crate::wire::Question;

/// Sockets that are open at a time: half of what systems commonly allow a process.
const MOST_SOCKETS: u64 = 512;

/// What to check, and how.
#[derive(Debug)]
pub struct CheckRequest {
    /// The name that clients ask for.
    pub name: RecordName,
    /// The name servers to ask; they are taken to be authoritative for the name. Without any, they are found.
    pub servers: Vec<SocketAddr>,
    /// Where finding them begins, in place of the root servers.
    pub roots: Vec<SocketAddr>,
    /// The resolver that is asked for the name servers where the root servers lead nowhere.
    pub finder: Option<Resolver>,
    /// Resolvers that are asked for the name themselves.
    pub resolvers: Vec<Resolver>,
    /// What the name should answer, where that is known.
    pub truth: Option<Truth>,
    /// What the hosted zone holds at the name, where that was listed.
    pub records: Option<RecordInventory>,
    /// Why a truth that was asked for is not there, or only in part: each makes the check unknown.
    pub untold: Vec<String>,
    /// What the addresses are asked to see whether they are alive.
    pub reaching: Reaching,
    /// How many sampling queries go to each server.
    pub samples: Samples,
    /// How long each try of a query waits; a query over UDP has four.
    pub timeout: Duration,
    /// When the check ends, done or not. What was not done is in the report.
    pub deadline: Duration,
    /// Datagrams a second to each server at most; without it, 64 queries are always under way.
    pub rate: Option<NonZeroU32>,
    /// Probability of a false alarm that all tests of the check have together.
    pub alpha: Alpha,
    /// The time at which the check begins.
    pub started_at: Timestamp,
    /// Where message ids come from. The same seed sends the same ids.
    pub seed: u64,
}

impl CheckRequest {
    /// Asks as many times as it takes, for 1 s a try and 30 s in all, without a truth.
    #[must_use]
    pub fn new(name: RecordName, servers: Vec<SocketAddr>, started_at: Timestamp, seed: u64) -> Self {
        Self {
            name,
            servers,
            roots: Vec::new(),
            finder: None,
            resolvers: Vec::new(),
            truth: None,
            records: None,
            untold: Vec::new(),
            reaching: Reaching::default(),
            samples: Samples::Auto,
            timeout: Duration::from_secs(1),
            deadline: Duration::from_secs(30),
            rate: None,
            alpha: Alpha::default(),
            started_at,
            seed,
        }
    }
}

/// Finds the name servers where none are given, asks every one until what is answered is known, or the
/// deadline passes, asks the addresses whether they are alive, and judges all of it.
///
/// It needs a tokio runtime with I/O and time, and never fails: what goes wrong is in the report.
pub async fn check(mut request: CheckRequest) -> CheckReport {
    let began = Instant::now();
    let end = began + request.deadline;
    let discovery = if request.servers.is_empty() { Some(find(&mut request).await) } else { None };
    let (tell, over) = watch::channel(false);
    let observations = {
        let observe = observe(&request, over);
        tokio::pin!(observe);
        tokio::select! {
            observations = &mut observe => observations,
            () = tokio::time::sleep_until(end - reaching::reserve(&request)) => {
                // The samplers stop at once and keep what they have.
                tell.send_replace(true);
                observe.await
            }
        }
    };
    let reached = reaching::reach(&request, &observations, end).await;
    judge::judge(&request, &observations, discovery, reached, began.elapsed())
}

/// Finds the name servers, within half of the time.
async fn find(request: &mut CheckRequest) -> Discovery {
    let found = discover(DiscoverRequest {
        name: request.name.clone(),
        roots: request.roots.clone(),
        resolver: request.finder.take(),
        timeout: request.timeout,
        limit: request.deadline / 2,
        seed: request.seed,
    })
    .await;
    if !found.belongs_to_others() {
        request.servers = found.servers().map(|(server, _)| server).collect();
    }
    found
}

async fn observe(request: &CheckRequest, over: watch::Receiver<bool>) -> Vec<Observation> {
    let mut samplers = samplers(request);
    let truth = request.truth.as_ref();
    loop {
        let observations: Vec<Observation> =
            samplers.iter().map(|sampler| sampler.observation.clone()).collect();
        let wanted = plan::wanted(request.samples, truth, &observations);
        let open = |observed: &Observation| observed.stopped.is_none() && observed.udp.queries < wanted;
        if !observations.iter().any(open) {
            return observations;
        }
        samplers = round(samplers, wanted, &over).await;
    }
}

fn samplers(request: &CheckRequest) -> Vec<Sampler> {
    let mut servers = request.servers.clone();
    servers.sort_unstable();
    servers.dedup();
    let manner = Manner {
        question: Arc::new(Question::new(&request.name)),
        timeout: request.timeout,
        rate: request.rate,
        in_flight: (MOST_SOCKETS / servers.len().max(1) as u64).clamp(1, IN_FLIGHT),
    };
    let mut seeds = StdRng::seed_from_u64(request.seed);
    servers.into_iter().map(|server| Sampler::new(server, manner.clone(), seeds.random())).collect()
}

/// Lets every server have its queries, all servers side by side.
async fn round(samplers: Vec<Sampler>, wanted: u64, over: &watch::Receiver<bool>) -> Vec<Sampler> {
    let mut rounds = JoinSet::new();
    for sampler in samplers {
        rounds.spawn(sampler.round(wanted, over.clone()));
    }
    let mut samplers = rounds.join_all().await;
    samplers.sort_by_key(|sampler| sampler.observation.server);
    samplers
}

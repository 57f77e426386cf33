//! A check from request to report: rounds of sampling until nothing is open, within the deadline.
//!
//! It reads no clock and no environment: durations and the seed come with the request.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use registrar_core::Timestamp;
use registrar_core::name::RecordName;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::discover::{DiscoverRequest, Discovery, discover};
use crate::history::History;
use crate::judge::{Seen, judge};
use crate::observation::Observation;
use crate::plan::Samples;
use crate::progress::{Phase, Progress, ProgressState};
use crate::reaching::{self, Reaching};
use crate::records::RecordInventory;
use crate::report::CheckReport;
use crate::resolver::Resolver;
use crate::resolving;
use crate::sampling::observe;
use crate::statistics::{Alpha, Goal};
use crate::truth::Truth;

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
    /// What the name answered before, where that was watched.
    pub history: Option<History>,
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
    /// Datagrams a second to each server at most; without it, 1,000, and to a server on this machine as
    /// many as 64 queries that are always under way make.
    pub rate: Option<NonZeroU32>,
    /// Probability of a false alarm that all tests of the check have together.
    pub alpha: Alpha,
    /// Probability that a wrong weight of a share that is judged is found, above 0 and below 1.
    pub power: f64,
    /// The smallest share whose weight is judged, 0 to 1: half or double of it is found. Addresses with less than
    /// a tenth of it may stay unseen.
    pub smallest_share: f64,
    /// The time at which the check begins.
    pub started_at: Timestamp,
    /// Where message ids come from. The same seed sends the same ids.
    pub seed: u64,
    /// Who is told how far the check has come.
    pub progress: Option<Arc<dyn Progress>>,
}

impl CheckRequest {
    /// Asks as many times as it takes, for 1 s a try and 60 s in all, without a truth.
    #[must_use]
    pub fn new(name: RecordName, servers: Vec<SocketAddr>, started_at: Timestamp, seed: u64) -> Self {
        Self {
            name,
            servers,
            roots: Vec::new(),
            finder: None,
            resolvers: Vec::new(),
            history: None,
            truth: None,
            records: None,
            untold: Vec::new(),
            reaching: Reaching::default(),
            samples: Samples::Auto,
            timeout: Duration::from_secs(1),
            deadline: Duration::from_secs(60),
            rate: None,
            alpha: Alpha::default(),
            power: Goal::default().power,
            smallest_share: Goal::default().smallest_share,
            started_at,
            seed,
            progress: None,
        }
    }

    /// Tells whoever watches how far the check has come.
    pub(crate) fn tell(&self, state: &ProgressState) {
        if let Some(progress) = &self.progress {
            progress.report(state);
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
    let kept = reaching::reserve(&request, end.saturating_duration_since(Instant::now()));
    let resolvers = std::mem::take(&mut request.resolvers);
    let with_resolvers = !resolvers.is_empty();
    let sampling = async {
        let observations = sample(&request, end - kept).await;
        let authority = resolving::authority(&request, &observations, with_resolvers, began).await;
        (observations, authority)
    };
    let resolving = resolving::beside_sampling(&request, resolvers, began);
    let ((observations, authority), askers) = tokio::join!(sampling, resolving);
    let (resolved, reached) = tokio::join!(
        resolving::after_sampling(&request, askers, authority, began),
        reaching::reach(&request, &observations, end),
    );
    let seen = Seen { observations: &observations, discovery, resolved, reached, duration: began.elapsed() };
    judge(&request, seen)
}

/// Samples every server, until the end at most.
async fn sample(request: &CheckRequest, end: Instant) -> Vec<Observation> {
    let (tell, over) = watch::channel(false);
    let observe = observe(request, over);
    tokio::pin!(observe);
    tokio::select! {
        observations = &mut observe => observations,
        () = tokio::time::sleep_until(end) => {
            // The samplers stop at once and keep what they have.
            tell.send_replace(true);
            observe.await
        }
    }
}

/// Finds the name servers, within half of the time.
async fn find(request: &mut CheckRequest) -> Discovery {
    request.tell(&ProgressState::new(Phase::Finding, 0));
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

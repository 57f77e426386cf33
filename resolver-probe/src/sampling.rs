//! Sampling of all servers side by side, in rounds, until nothing is open.
//!
//! What is open is for the plan to say, and what one server is asked for its sampler.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use crate::check::CheckRequest;
use crate::observation::Observation;
use crate::plan::{Aim, Target};
use crate::progress::{Phase, ProgressState};
use crate::sampler::{IN_FLIGHT, Manner, Sampler};
use crate::wire::Question;

/// Sockets that are open at a time: half of what systems commonly allow a process.
const MOST_SOCKETS: u64 = 512;
/// How often whoever watches is told how far sampling has come.
const TELLING: Duration = Duration::from_millis(100);

/// Asks every server until nothing is open, or `over` says stop.
pub(crate) async fn observe(request: &CheckRequest, over: watch::Receiver<bool>) -> Vec<Observation> {
    let done = Arc::new(AtomicU64::new(0));
    let mut samplers = samplers(request, &done);
    let aim = Aim::of(request, samplers.len());
    let told = Told { request, done, servers: samplers.len() as u64, began: Instant::now() };
    loop {
        let observations: Vec<Observation> =
            samplers.iter().map(|sampler| sampler.observation.clone()).collect();
        let wanted = aim.wanted(&observations);
        let open = |observed: &Observation| observed.stopped.is_none() && observed.udp.queries < wanted;
        if !observations.iter().any(open) {
            return observations;
        }
        let target = aim.target(&observations);
        let target = Target { answers: target.answers.max(wanted), ..target };
        samplers = told.beside(round(samplers, wanted, &over), target).await;
    }
}

/// Tells whoever watches how far sampling has come.
struct Told<'a> {
    request: &'a CheckRequest,
    done: Arc<AtomicU64>,
    servers: u64,
    began: Instant,
}

impl Told<'_> {
    /// Tells it as long as this takes.
    async fn beside<T>(&self, work: impl Future<Output = T>, target: Target) -> T {
        tokio::pin!(work);
        let mut ticks = interval(TELLING);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = ticks.tick() => self.tell(target),
            }
        }
    }

    fn tell(&self, target: Target) {
        let done = self.done.load(Ordering::Relaxed);
        let seconds = self.began.elapsed().as_secs_f64();
        self.request.tell(&ProgressState {
            done,
            rate_per_sec: (done > 0 && seconds > 0.0).then(|| done as f64 / seconds),
            because: Some(target.because),
            share: Some(target.share),
            ..ProgressState::new(Phase::Sampling, target.answers.saturating_mul(self.servers))
        });
    }
}

fn samplers(request: &CheckRequest, done: &Arc<AtomicU64>) -> Vec<Sampler> {
    let mut servers: Vec<SocketAddr> = request.servers.clone();
    servers.sort_unstable();
    servers.dedup();
    let manner = Manner {
        question: Arc::new(Question::new(&request.name)),
        timeout: request.timeout,
        rate: request.rate,
        in_flight: (MOST_SOCKETS / servers.len().max(1) as u64).clamp(1, IN_FLIGHT),
        done: Arc::clone(done),
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

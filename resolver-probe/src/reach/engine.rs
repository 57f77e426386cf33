//! Many addresses at once, each asked by the probe and, beside it, by an ICMP echo request.
//!
//! It gathers evidence and hands it to the verdict; it never fails, since what goes wrong is evidence.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::conversation::{Conversation, Manner};
use super::evidence::{Echo, ReachEvidence, Rtt, micros};
use super::probe::ReachProbe;
use super::report::ReachReport;
use super::request::Speech;
use super::vantage::{Approach, ReachTarget, Vantage};
use super::{connect, deep, sockets};

/// Addresses that are asked at a time: all that one weighted record set can hold.
pub(crate) const AT_A_TIME: usize = 100;

/// Which addresses to ask, what, and from where.
#[derive(Clone, Debug)]
pub struct ReachRequest {
    /// The addresses; one that stands there twice is asked once, as it stands there first.
    pub targets: Vec<ReachTarget>,
    /// What each is asked.
    pub probe: ReachProbe,
    /// Where this runs.
    pub vantage: Vantage,
    /// How long a try waits for its reply; within it, a datagram is repeated up to three times.
    pub timeout: Duration,
    /// Tries of an address that answers, one a second; one that does not is tried once.
    pub tries: NonZeroU16,
    /// When everything ends, done or not. What was not done is in the reports.
    pub deadline: Duration,
    /// Whose certificates are believed in QUIC handshakes.
    #[cfg(feature = "encrypted")]
    pub trust: crate::resolver::Trust,
    /// Where ids and jitter come from.
    pub seed: u64,
}

impl ReachRequest {
    /// Asks once, for 5 s an address and 30 s in all, from the internet.
    #[must_use]
    pub fn new(targets: Vec<ReachTarget>, probe: ReachProbe, seed: u64) -> Self {
        Self {
            targets,
            probe,
            vantage: Vantage::default(),
            timeout: Duration::from_secs(5),
            tries: NonZeroU16::MIN,
            deadline: Duration::from_secs(30),
            #[cfg(feature = "encrypted")]
            trust: crate::resolver::Trust::default(),
            seed,
        }
    }
}

/// Asks every address, and returns a report of each, in the order of the addresses.
///
/// It needs a tokio runtime with I/O and time.
pub async fn reach(request: &ReachRequest) -> Vec<ReachReport> {
    let over = Instant::now() + request.deadline;
    let manner = Manner { timeout: request.timeout, tries: request.tries.get(), over };
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let mut seeds = StdRng::seed_from_u64(request.seed);
    let mut asking = JoinSet::new();
    let wanted = deep::Wanted::of(request).map(Arc::new);
    for target in targets(request) {
        let approach = request.vantage.approach(&target, request.probe.transport());
        let (probe, vantage, wanted) = (request.probe.clone(), request.vantage, wanted.clone());
        let (permits, random) = (Arc::clone(&permits), StdRng::seed_from_u64(seeds.random()));
        asking.spawn(async move {
            let evidence = match approach {
                Approach::Sees(at) | Approach::Blind(at, _) => {
                    let question = Question { probe: &probe, wanted: wanted.as_deref(), manner };
                    when_allowed(at, question, random, &permits).await
                }
                Approach::Nowhere(_) => ReachEvidence::default(),
            };
            ReachReport::new(&target, &probe, vantage, approach, evidence)
        });
    }
    let mut reports = asking.join_all().await;
    reports.sort_by_key(|report| report.address);
    reports
}

fn targets(request: &ReachRequest) -> Vec<ReachTarget> {
    let mut targets = request.targets.clone();
    targets.sort_by_key(|target| target.address);
    targets.dedup_by_key(|target| target.address);
    targets
}

/// What an address is asked, and how.
#[derive(Clone, Copy, Debug)]
struct Question<'a> {
    probe: &'a ReachProbe,
    wanted: Option<&'a deep::Wanted>,
    manner: Manner,
}

async fn when_allowed(
    at: Ipv4Addr,
    question: Question<'_>,
    random: StdRng,
    permits: &Semaphore,
) -> ReachEvidence {
    match timeout_at(question.manner.over, permits.acquire()).await {
        Ok(_permit) => gather(at, question, random).await,
        Err(_elapsed) => ReachEvidence { unfinished: true, ..ReachEvidence::default() },
    }
}

/// Probes, and sends an echo request beside it, whose answer is waited for only where the probe has none.
async fn gather(at: Ipv4Addr, question: Question<'_>, mut random: StdRng) -> ReachEvidence {
    let beside = StdRng::from_rng(&mut random);
    let probing = ask(at, question, random);
    let Some(_port) = question.probe.port() else { return probing.await };
    let echoing = echo(at, question.manner, beside);
    tokio::pin!(probing, echoing);
    let mut early = None;
    let mut evidence = loop {
        tokio::select! {
            biased;
            evidence = &mut probing => break evidence,
            echo = &mut echoing, if early.is_none() => early = Some(echo),
        }
    };
    let told_enough = evidence.replies > 0 || evidence.obstacle.is_some() || evidence.failure.is_some();
    evidence.echo = Some(match early {
        Some(echo) => echo,
        None if told_enough => Echo::NotAwaited,
        None => echoing.await,
    });
    evidence
}

async fn ask(at: Ipv4Addr, question: Question<'_>, random: StdRng) -> ReachEvidence {
    let Question { probe, wanted, manner } = question;
    let port = probe.port().map_or(0, NonZeroU16::get);
    let server = SocketAddrV4::new(at, port);
    let (evidence, rtts) = match Speech::of(probe) {
        None => connect::run(server, manner, random).await,
        Some(speech) => {
            let socket = match speech {
                Speech::Echo => sockets::echo(at),
                _ => sockets::udp(server).map_err(|error| error.to_string()),
            };
            match socket {
                Ok(socket) => {
                    let conversation = Conversation::new(socket, speech, random);
                    match wanted {
                        Some(wanted) => deep::run(conversation, server, wanted, manner).await,
                        None => conversation.run(manner).await,
                    }
                }
                Err(why) => (ReachEvidence { failure: Some(why), ..ReachEvidence::default() }, Vec::new()),
            }
        }
    };
    ReachEvidence { rtt: Rtt::of(rtts), ..evidence }
}

async fn echo(at: Ipv4Addr, manner: Manner, random: StdRng) -> Echo {
    let socket = match sockets::echo(at) {
        Ok(socket) => socket,
        Err(why) => return Echo::NotAsked { why },
    };
    let manner = Manner { tries: 1, ..manner };
    let (evidence, rtts) = Conversation::new(socket, Speech::Echo, random).run(manner).await;
    match (rtts.first(), evidence.obstacle, evidence.failure) {
        (Some(rtt), _, _) => Echo::Answered { rtt_us: micros(*rtt) },
        (None, Some(obstacle), _) => Echo::Stopped { obstacle },
        (None, None, Some(why)) => Echo::NotAsked { why },
        (None, None, None) => Echo::Silent,
    }
}

//! Asks resolvers over time, and the name's own servers beside them, until an end.
//!
//! What is asked next is decided by what was answered; nothing is judged here beyond that. Questions to one resolver
//! come one after the other, a second apart at least: a TTL that should count down has to be seen twice.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use registrar_core::Timestamp;
use registrar_core::name::RecordName;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Asked, Authority, Reference, STALE_TTL_SECS, Series, suspects};
use crate::exchange::{self, Patience};
use crate::history::History;
use crate::progress::{Phase, Progress, ProgressState};
use crate::resolver::{Resolver, ResolverReply, Transport};
use crate::truth::Truth;
use crate::wire::{Asking, Question};

/// Between two questions to a resolver: longer than the second in which TTLs are counted.
pub(crate) const EVERY: Duration = Duration::from_millis(1_050);
/// Questions of a short look: enough to see a TTL stand still for two seconds.
const LOOK: usize = 4;
/// The same where the last answer was 30, which only the next one can explain.
const LONGEST_LOOK: usize = 6;
/// Questions in a row without any reply, after which a resolver is given up.
const LOST: usize = 2;
/// Queries to each name server a second while an address is waited for: that it has not come back.
const GUARD_QUERIES: u64 = 4;
/// Queries to each name server a second while its answers are still too few to tell that an address is gone.
const LEARN_QUERIES: u64 = 200;
/// Queries under way to one name server.
const IN_FLIGHT: u64 = 16;
/// Where turns are counted from before anything is waited for, so that no two have the same ids.
const FIRST_TURN: u64 = 1 << 32;
/// A query to a name server is sent so often at most.
const TRIES: u32 = 3;

/// When, whom and how to ask.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) name: RecordName,
    /// What times are counted from.
    pub(crate) began: Instant,
    /// When nothing is asked any more, and nothing waited for.
    pub(crate) end: Instant,
    /// How long each try of a query to a name server waits.
    pub(crate) timeout: Duration,
    /// Datagrams a second to each name server at most.
    pub(crate) rate: Option<u64>,
    pub(crate) seed: u64,
    pub(crate) told: Told,
}

/// Who is told how many questions to resolvers are over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) progress: Option<Arc<dyn Progress>>,
    pub(crate) wanted: u64,
    done: Arc<AtomicU64>,
}

impl Told {
    pub(crate) fn new(progress: Option<Arc<dyn Progress>>, wanted: u64) -> Self {
        Self { progress, wanted, done: Arc::default() }
    }

    fn another(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(progress) = &self.progress {
            let wanted = self.wanted.max(done);
            progress.report(&ProgressState { done, ..ProgressState::new(Phase::Resolving, wanted) });
        }
    }
}

/// What is known beside the answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) truth: Option<&'a Truth>,
    pub(crate) history: Option<&'a History>,
    pub(crate) started_at: Timestamp,
}

/// What resolvers answered, and the authority beside them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) authority: Authority,
    pub(crate) series: Vec<Series>,
}

/// One resolver, and what it answered so far.
#[derive(Debug)]
pub(crate) struct Asker {
    resolver: Resolver,
    /// When it may be asked next.
    next: Option<Instant>,
    pub(crate) series: Series,
}

impl Asker {
    pub(crate) fn new(resolver: Resolver) -> Self {
        let series = Series::new(resolver.spec().to_string());
        Self { resolver, next: None, series }
    }

    /// Asks once, a second after the question before.
    async fn ask(&mut self, run: &Run) {
        if let Some(next) = self.next
            && !pause(next, run).await
        {
            return;
        }
        // What is not over at the end was not asked, as far as anybody can tell.
        let asked = timeout_at(run.end, self.resolver.ask(&run.name, true)).await;
        self.next = Some(Instant::now() + EVERY);
        if let Ok(exchange) = asked {
            self.series.note(Asked { at: run.began.elapsed(), outcome: exchange.outcome });
            run.told.another();
        }
    }

    fn is_lost(&self) -> bool {
        self.series.lost_in_a_row() >= LOST
    }

    /// Says whether a short look is over.
    fn has_looked(&self) -> bool {
        let asked = self.series.asked.len();
        let last = self.series.points().last().map(|point| point.ttl_secs);
        let enough = if last == Some(STALE_TTL_SECS) { LONGEST_LOOK } else { LOOK };
        self.is_lost() || asked >= enough
    }
}

impl Known<'_> {
    fn beside<'a>(&'a self, authority: &'a Authority) -> Reference<'a> {
        let Self { truth, history, started_at } = *self;
        Reference { authority, truth, history, started_at }
    }
}

/// Takes a short look at every resolver, all side by side: some questions, a second apart.
pub(crate) async fn look(resolvers: Vec<Resolver>, run: &Run) -> Vec<Asker> {
    let mut asking = JoinSet::new();
    for (place, resolver) in resolvers.into_iter().enumerate() {
        let run = run.clone();
        asking.spawn(async move {
            let mut asker = Asker::new(resolver);
            loop {
                asker.ask(&run).await;
                if asker.has_looked() || Instant::now() >= run.end {
                    return (place, asker);
                }
            }
        });
    }
    in_order(asking).await
}

/// Goes on asking the resolvers that answer what the authority does not, until each such address is either dropped or
/// proven to be stale, and the authority, whether it is gone there. The authority is asked once more in any case: what
/// resolvers failed to answer is their fault only if it still does.
pub(crate) async fn wait_out(
    mut askers: Vec<Asker>,
    authority: &mut Authority,
    known: Known<'_>,
    run: &Run,
) -> Vec<Asker> {
    for turn in 0.. {
        learn_once(authority, turn, run).await;
        let reference = known.beside(authority);
        let end = reference.at(run.end.saturating_duration_since(run.began));
        let open: Vec<bool> = askers
            .iter()
            .map(|asker| !asker.is_lost() && suspects::is_open(&reference, &asker.series, end))
            .collect();
        if !open.contains(&true) || Instant::now() >= run.end {
            break;
        }
        askers = ask_those(askers, &open, run).await;
    }
    askers
}

/// Asks the authority until its answers are enough to tell of any address whether it is gone, or so many seconds
/// are over.
pub(crate) async fn learn(authority: &mut Authority, most_secs: u64, run: &Run) {
    for turn in 0..most_secs {
        let next = Instant::now() + Duration::from_secs(1);
        if authority.missing().is_empty() {
            return;
        }
        // Beyond those of the sampling and of the waiting.
        learn_once(authority, FIRST_TURN + turn, run).await;
        // A server that does not answer will not do so for being asked more often.
        let is_over = authority.missing().is_empty() || !authority.all_answer() || turn + 1 == most_secs;
        if is_over || !pause(next, run).await {
            return;
        }
    }
}

/// Asks every resolver each `every`, and the authority beside them.
pub(crate) async fn watch(
    askers: Vec<Asker>,
    authority: &mut Authority,
    every: Duration,
    run: &Run,
) -> Vec<Asker> {
    let mut asking = JoinSet::new();
    for (place, mut asker) in askers.into_iter().enumerate() {
        let run = run.clone();
        asking.spawn(async move {
            let mut next = Instant::now();
            loop {
                asker.ask(&run).await;
                next = (next + every).max(Instant::now());
                if !pause(next, &run).await {
                    return (place, asker);
                }
            }
        });
    }
    let guard = async {
        for turn in 0.. {
            let next = Instant::now() + EVERY;
            learn_once(authority, turn, run).await;
            if !pause(next, run).await {
                return;
            }
        }
    };
    let (askers, ()) = tokio::join!(in_order(asking), guard);
    askers
}

/// Waits until then, and says whether there is time left.
async fn pause(until: Instant, run: &Run) -> bool {
    sleep_until(until.min(run.end)).await;
    Instant::now() < run.end
}

async fn in_order(mut asking: JoinSet<(usize, Asker)>) -> Vec<Asker> {
    let mut askers = BTreeMap::new();
    while let Some(joined) = asking.join_next().await {
        askers.extend(joined.ok());
    }
    askers.into_values().collect()
}

async fn ask_those(askers: Vec<Asker>, open: &[bool], run: &Run) -> Vec<Asker> {
    let mut asking = JoinSet::new();
    for (place, mut asker) in askers.into_iter().enumerate() {
        let (run, is_open) = (run.clone(), open.get(place).copied().unwrap_or(false));
        asking.spawn(async move {
            if is_open {
                asker.ask(&run).await;
            }
            (place, asker)
        });
    }
    in_order(asking).await
}

/// Asks every name server for as many answers as it lacks, or a few.
async fn learn_once(authority: &mut Authority, turn: u64, run: &Run) {
    let missing = authority.missing();
    let most = run.rate.unwrap_or(LEARN_QUERIES).min(LEARN_QUERIES);
    let mut asking = JoinSet::new();
    for (place, server) in authority.worth_asking().into_iter().enumerate() {
        let queries = missing.get(&server).copied().unwrap_or(0).max(GUARD_QUERIES).min(most);
        for worker in 0..queries.min(IN_FLIGHT) {
            let share = queries / IN_FLIGHT + u64::from(worker < queries % IN_FLIGHT);
            // Every worker has ids of its own, and in every turn others.
            let seed =
                run.seed ^ (turn << 24 | (place as u64) << 8 | worker).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            asking.spawn(ask_server(server, share, StdRng::seed_from_u64(seed), run.clone()));
        }
    }
    let mut replies: Vec<(SocketAddr, Duration, ResolverReply)> =
        asking.join_all().await.into_iter().flatten().collect();
    replies.sort_by_key(|(_, at, _)| *at);
    for (server, at, reply) in replies {
        authority.note(server, at, &reply);
    }
}

/// Asks one name server so many times, one after the other, until it is silent.
async fn ask_server(
    server: SocketAddr,
    queries: u64,
    mut random: StdRng,
    run: Run,
) -> Vec<(SocketAddr, Duration, ResolverReply)> {
    let question = Question::new(&run.name);
    let patience = Patience { tries: TRIES, timeout: run.timeout };
    let mut replies = Vec::new();
    for _ in 0..queries {
        let ask = exchange::ask(server, &question, Asking::default(), patience, &mut random);
        let Ok(exchange) = timeout_at(run.end, ask).await else { break };
        let Ok(answered) = exchange.outcome else { break };
        let transport = if exchange.truncated { Transport::Tcp } else { Transport::Udp };
        let reply = ResolverReply::of(&answered.message, transport, answered.rtt, exchange.truncated);
        replies.push((server, run.began.elapsed(), reply));
    }
    replies
}

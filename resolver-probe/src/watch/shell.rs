//! Gives the engine of a watch sockets, time and an end.
//!
//! One asker for each server and each resolver, a search for name servers now and then, and the truth, each a task
//! that sends what it found into one queue; the state hears of it in order. The queue is bounded: who is
//! faster than the judgement waits.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use registrar_core::Timestamp;
use registrar_core::name::RecordName;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::asking::{Asking, Message, ask_resolver, ask_server, find_servers, read_truth};
use super::event::{Event, Summary};
use super::state::{State, WatchSettings};
use crate::history::{History, HistoryLine};
use crate::resolver::Resolver;
use crate::truth::Truth;

/// Messages that wait to be heard.
const QUEUE: usize = 256;
/// How often everything is judged.
const TICK: Duration = Duration::from_secs(1);

/// Where a truth comes from that may change.
pub trait TruthSource: Send {
    /// Looks whether there is another truth than the last time: the first look returns one, or why there is none.
    fn look(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Truth>, String>> + Send + '_>>;
}

/// Tells the time of day.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Makes the resolver that is asked for name servers where the root servers lead nowhere.
pub type Finder = Box<dyn FnMut() -> Option<Resolver> + Send>;

/// What to watch, and how.
pub struct WatchRequest {
    /// What is watched, and how carefully.
    pub settings: WatchSettings,
    /// The name servers to ask; without any, they are looked for.
    pub servers: Vec<SocketAddr>,
    /// Where looking for them begins, in place of the root servers.
    pub roots: Vec<SocketAddr>,
    /// Who is asked for them where the root servers lead nowhere.
    pub finder: Finder,
    /// How often they are looked for again.
    pub rediscover: Duration,
    /// Resolvers that are asked for the name, and how often each is.
    pub resolvers: Vec<Resolver>,
    /// Between two questions to one resolver.
    pub resolver_period: Duration,
    /// What should be answered, and how often that is looked at.
    pub truth: Option<Box<dyn TruthSource>>,
    /// Between two looks.
    pub refresh: Duration,
    /// What an earlier watch kept.
    pub history: History,
    /// How long each try of a query waits; a query over UDP has four.
    pub timeout: Duration,
    /// Queries a second to each server.
    pub rate: f64,
    /// How long to watch; for ever without.
    pub length: Option<Duration>,
    /// Queries to each server after which the watch ends; for ever without.
    pub count: Option<u64>,
    /// Between two summaries.
    pub every: Duration,
    /// Where message ids and jitter come from.
    pub seed: u64,
    /// The time of day.
    pub clock: Clock,
}

impl fmt::Debug for WatchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchRequest").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Is told what a watch sees.
pub trait Watcher {
    /// Takes what happened, in order.
    ///
    /// # Errors
    /// Where nobody takes it any more, which ends the watch.
    fn happened(&mut self, events: &[Event]) -> io::Result<()>;

    /// Takes lines for the history.
    fn keep(&mut self, lines: &[HistoryLine], at: Timestamp);

    /// Takes how everything stands, about once a second.
    ///
    /// # Errors
    /// Where nobody takes it any more, which ends the watch.
    fn stands(&mut self, state: &State, at: Timestamp) -> io::Result<()>;
}

/// Watches until it is stopped, or as long as was wanted, and returns the exit code.
///
/// It needs a tokio runtime with I/O and time. What goes wrong with the name is an event.
///
/// # Errors
/// Where nobody takes what is told any more.
pub async fn watch(
    request: WatchRequest,
    watcher: &mut dyn Watcher,
    stop: impl Future<Output = ()>,
    exit_code: impl Fn(&Summary) -> u8,
) -> io::Result<u8> {
    let (mut shell, mut messages) = Shell::start(request);
    let end = shell.length.map(|length| Instant::now() + length);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut summaries = interval(shell.every);
    summaries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first summary is due after the first period.
    summaries.tick().await;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            () = at(end) => break,
            _ = ticks.tick() => {
                let now = (shell.clock)();
                shell.state.tick(now);
                shell.tell(watcher, now)?;
                watcher.stands(&shell.state, now)?;
            }
            _ = summaries.tick() => shell.state.summarize((shell.clock)()),
            // The shell holds a sender itself, so that there is always a next message.
            Some(message) = messages.recv() => shell.hear(message),
        }
        if shell.is_done() {
            break;
        }
    }
    let now = (shell.clock)();
    let code = shell.state.end(now, exit_code);
    shell.tell(watcher, now)?;
    watcher.stands(&shell.state, now)?;
    Ok(code)
}

async fn at(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// The state with the tasks around it, which end with this value.
struct Shell {
    state: State,
    name: RecordName,
    clock: Clock,
    length: Option<Duration>,
    count: Option<u64>,
    every: Duration,
    asking: Asking,
    askers: BTreeMap<SocketAddr, JoinSet<()>>,
    queries: BTreeMap<SocketAddr, u64>,
    sender: mpsc::Sender<Message>,
    random: StdRng,
    _tasks: JoinSet<()>,
}

impl Shell {
    fn start(request: WatchRequest) -> (Self, mpsc::Receiver<Message>) {
        let (sender, messages) = mpsc::channel(QUEUE);
        let mut random = StdRng::seed_from_u64(request.seed);
        let name = request.settings.name.clone();
        let mut state = State::new(request.settings, request.history, (request.clock)());
        let resolvers = request.resolvers.iter().map(|resolver| resolver.spec().to_string()).collect();
        state.start(resolvers, request.rate, request.seed);
        let mut tasks = JoinSet::new();
        for (place, resolver) in request.resolvers.into_iter().enumerate() {
            let random = StdRng::from_rng(&mut random);
            let (name, sender) = (name.clone(), sender.clone());
            tasks.spawn(ask_resolver(place, resolver, name, request.resolver_period, random, sender));
        }
        if let Some(source) = request.truth {
            tasks.spawn(read_truth(source, request.refresh, sender.clone()));
        }
        let asking = Asking { timeout: request.timeout, rate: request.rate };
        if request.servers.is_empty() {
            let found = (name.clone(), request.roots, request.timeout, request.rediscover, request.seed);
            tasks.spawn(find_servers(found, request.finder, sender.clone()));
        }
        let mut shell = Self {
            state,
            name,
            clock: request.clock,
            length: request.length,
            count: request.count,
            every: request.every,
            asking,
            askers: BTreeMap::new(),
            queries: BTreeMap::new(),
            sender,
            random,
            _tasks: tasks,
        };
        if !request.servers.is_empty() {
            shell.ask(request.servers.into_iter().map(|server| (server, None)).collect());
        }
        (shell, messages)
    }

    /// Asks these servers from now on, and no others.
    fn ask(&mut self, servers: BTreeMap<SocketAddr, Option<String>>) {
        self.askers.retain(|server, _| servers.contains_key(server));
        self.queries.retain(|server, _| servers.contains_key(server));
        for server in servers.keys() {
            self.queries.entry(*server).or_default();
            if !self.askers.contains_key(server) {
                let mut tasks = JoinSet::new();
                ask_server(&mut tasks, (*server, &self.name), &self.asking, &mut self.random, &self.sender);
                self.askers.insert(*server, tasks);
            }
        }
        self.state.servers(servers, (self.clock)());
    }

    fn hear(&mut self, message: Message) {
        let now = (self.clock)();
        match message {
            Message::Udp(server, exchange) => {
                if let Some(queries) = self.queries.get_mut(&server) {
                    *queries += 1;
                }
                self.state.answer(server, &exchange, now);
            }
            Message::Tcp(server, failure) => self.state.answer_over_tcp(server, failure, now),
            Message::Resolved(place, exchange) => self.state.resolved(place, &exchange, now),
            Message::Truth(read) => self.state.truth(read, now),
            Message::Found(found) => {
                self.state.discovered(&found, now);
                let servers: BTreeMap<_, _> = found.servers().collect();
                // A search that failed says nothing against servers that were found before.
                if !found.belongs_to_others() && !servers.is_empty() {
                    self.ask(servers);
                }
            }
        }
    }

    fn tell(&mut self, watcher: &mut dyn Watcher, at: Timestamp) -> io::Result<()> {
        let lines = self.state.history_lines();
        if !lines.is_empty() {
            watcher.keep(&lines, at);
        }
        let events = self.state.events();
        if events.is_empty() { Ok(()) } else { watcher.happened(&events) }
    }

    /// Says whether every server was asked as often as was wanted.
    fn is_done(&self) -> bool {
        let enough = |count: u64| self.queries.values().all(|queries| *queries >= count);
        !self.queries.is_empty() && self.count.is_some_and(enough)
    }
}

/// Waits for about so long: half of it at least, half more at most, so that watches do not march in step.
pub(super) async fn pause(period: Duration, random: &mut StdRng) {
    tokio::time::sleep(period.mul_f64(0.5 + random.random::<f64>())).await;
}

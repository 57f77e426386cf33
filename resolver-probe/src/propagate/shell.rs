//! Gives the engine of a propagation sockets, time and an end.
//!
//! The askers are those of a watch.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::report::PropagationReport;
use super::state::{ChangeState, News, PropagateSettings, State};
use crate::resolver::Resolver;
use crate::watch::asking::{Asking, Message, ask_resolver, ask_server, find_servers};
use crate::watch::{Clock, Finder};

/// Messages that wait to be heard.
const QUEUE: usize = 256;
/// Between two questions to Route 53 at first, and at most: its API is shared by a whole account, and each question
/// that says PENDING waits longer for the next.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Somebody who knows how far a change is, such as Route 53's GetChange.
pub trait ChangeStatus: Send {
    /// Asks how far it is; an error says why that could not be told.
    fn status(&mut self) -> Pin<Box<dyn Future<Output = Result<ChangeState, String>> + Send + '_>>;
}

/// What to wait for, and how.
pub struct PropagateRequest {
    /// What is waited for.
    pub settings: PropagateSettings,
    /// The name servers to ask; without any, they are found.
    pub servers: Vec<SocketAddr>,
    /// Where finding them begins, in place of the root servers.
    pub roots: Vec<SocketAddr>,
    /// Who is asked for them where the root servers lead nowhere.
    pub finder: Finder,
    /// Resolvers that should see the change too.
    pub resolvers: Vec<Resolver>,
    /// Between two questions to one resolver.
    pub resolver_period: Duration,
    /// Who knows how far the change is.
    pub status: Option<Box<dyn ChangeStatus>>,
    /// How long each try of a query waits; a query over UDP has four.
    pub timeout: Duration,
    /// Queries a second to each server.
    pub rate: f64,
    /// When it ends, propagated or not.
    pub deadline: Duration,
    /// The time of day.
    pub clock: Clock,
}

impl fmt::Debug for PropagateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PropagateRequest").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Asks until everybody has seen the change, the deadline passes, or it is stopped. `tell` hears what is seen, with
/// the name of the resolver where it is about one.
///
/// It needs a tokio runtime with I/O and time, and never fails: what goes wrong is in the report.
pub async fn propagate(
    request: PropagateRequest,
    mut tell: impl FnMut(&News, &str),
    stop: impl Future<Output = ()>,
) -> PropagationReport {
    let end = Instant::now() + request.deadline;
    let (mut shell, mut messages, mut statuses) = Shell::start(request);
    tokio::pin!(stop);
    loop {
        let news = tokio::select! {
            biased;
            () = &mut stop => break,
            () = tokio::time::sleep_until(end) => break,
            // The shell holds the senders itself, so that there is always a next message.
            Some(status) = statuses.recv() => shell.state.route53(status, (shell.clock)()).into_iter().collect(),
            Some(message) = messages.recv() => shell.hear(message),
        };
        for news in &news {
            let resolver =
                if let News::Resolver(place, _) = news { shell.state.resolver(*place) } else { "" };
            tell(news, resolver);
        }
        if shell.state.is_over() {
            break;
        }
    }
    shell.state.report((shell.clock)())
}

/// The state with the tasks around it, which end with this value.
struct Shell {
    state: State,
    name: registrar_core::name::RecordName,
    clock: Clock,
    asking: Asking,
    random: StdRng,
    sender: mpsc::Sender<Message>,
    _statuses: mpsc::Sender<Result<ChangeState, String>>,
    tasks: JoinSet<()>,
}

type Statuses = mpsc::Receiver<Result<ChangeState, String>>;

impl Shell {
    fn start(request: PropagateRequest) -> (Self, mpsc::Receiver<Message>, Statuses) {
        let (sender, messages) = mpsc::channel(QUEUE);
        let (status_sender, statuses) = mpsc::channel(1);
        let (name, seed) = (request.settings.name.clone(), request.settings.seed);
        let mut random = StdRng::seed_from_u64(seed);
        let resolvers = request.resolvers.iter().map(|resolver| resolver.spec().to_string()).collect();
        let now = (request.clock)();
        let state = State::new(request.settings, resolvers, request.status.is_some(), now);
        let mut tasks = JoinSet::new();
        for (place, resolver) in request.resolvers.into_iter().enumerate() {
            let random = StdRng::from_rng(&mut random);
            let (name, sender) = (name.clone(), sender.clone());
            tasks.spawn(ask_resolver(place, resolver, name, request.resolver_period, random, sender));
        }
        if let Some(status) = request.status {
            tasks.spawn(ask_route53(status, status_sender.clone()));
        }
        if request.servers.is_empty() {
            let found = (name.clone(), request.roots, request.timeout, request.deadline, seed);
            tasks.spawn(find_servers(found, request.finder, sender.clone()));
        }
        let mut shell = Self {
            state,
            name,
            clock: request.clock,
            asking: Asking { timeout: request.timeout, rate: request.rate },
            random,
            sender,
            _statuses: status_sender,
            tasks,
        };
        shell.ask(request.servers.into_iter().map(|server| (server, None)).collect());
        (shell, messages, statuses)
    }

    fn ask(&mut self, servers: std::collections::BTreeMap<SocketAddr, Option<String>>) {
        for server in servers.keys() {
            let place = (*server, &self.name);
            ask_server(&mut self.tasks, place, &self.asking, &mut self.random, &self.sender);
        }
        if !servers.is_empty() {
            self.state.servers(servers);
        }
    }

    fn hear(&mut self, message: Message) -> Vec<News> {
        let now = (self.clock)();
        match message {
            Message::Udp(server, exchange) => self.state.answer(server, &exchange, now),
            Message::Resolved(place, exchange) => {
                self.state.resolved(place, &exchange, now).into_iter().collect()
            }
            Message::Found(found) => {
                let servers = found.servers().collect();
                let why = found.faults.last().map_or("none was found", |fault| fault.why.as_str());
                if found.belongs_to_others() || found.authorities.is_empty() {
                    self.state.failed(why.to_owned());
                } else if !self.state.knows_servers() {
                    self.ask(servers);
                }
                Vec::new()
            }
            // Whether TCP works is a check's affair.
            Message::Tcp(..) | Message::Truth(_) => Vec::new(),
        }
    }
}

async fn ask_route53(mut status: Box<dyn ChangeStatus>, sender: mpsc::Sender<Result<ChangeState, String>>) {
    let mut wait = FIRST_WAIT;
    loop {
        let says = status.status().await;
        let is_over = says == Ok(ChangeState::InSync);
        if sender.send(says).await.is_err() || is_over {
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait.mul_f64(1.5)).min(LONGEST_WAIT);
    }
}

//! `registrar-local serve`: the edge as a long-running process on files and standard input.
//!
//! It waits and reads; what it reads goes to the edge, which decides nothing either.

mod console;
mod inputs;
mod lines;
mod servers;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use registrar_core::execute::RetryReason;
use registrar_core::ids::DeploymentName;
use registrar_core::name::RecordName;
use registrar_core::offline::single_hosted_zone;
use registrar_core::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

pub use console::{Console, Happening};
pub use inputs::{FaultsDocument, Inputs};
pub use lines::read_line;

use self::servers::Servers;
use crate::dns::Clock;
use crate::edge::{Edge, EdgeFaults, Run, RunReport, SharedModel, Step};
use crate::route53::{Route53Model, Settings};

/// How long one run may take before it hands the rest to the next one.
const RUN_TIME: SignedDuration = SignedDuration::from_secs(30);
/// How many lines are taken in before the world is looked at.
const MOST_LINES_AT_ONCE: usize = 1_000;

/// What to serve.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// The files.
    pub inputs: Inputs,
    /// The name of the hosted zone.
    pub origin: RecordName,
    /// Where the name servers listen.
    pub dns: Vec<SocketAddr>,
    /// Where the resolvers listen.
    pub resolvers: Vec<SocketAddr>,
    /// The deployment that owns the records.
    pub deployment: DeploymentName,
    /// How often everything is looked at.
    pub sweep: Duration,
    /// Whether the end of standard input ends it.
    pub exit_on_eof: bool,
    /// Where random numbers begin.
    pub seed: u64,
}

/// An edge with its name servers, files and console.
pub struct Service<W> {
    inputs: Inputs,
    edge: Edge,
    servers: Servers,
    console: Console<W>,
    clock: Clock,
    faults: FaultsDocument,
    zone_is_written: bool,
    /// Events, where they are read; closed at their end.
    stdin: Option<mpsc::Receiver<String>>,
    lines: usize,
    events: usize,
    dropped: usize,
}

impl<W: Write> Service<W> {
    /// Reads everything once and starts the name servers; nothing is changed yet.
    ///
    /// # Errors
    /// When a file cannot be used or an address cannot be listened on.
    pub async fn start(config: &ServeConfig, console: Console<W>, clock: Clock) -> Result<Self> {
        let inputs = config.inputs.clone();
        let pools = inputs.first_pools(&config.origin)?;
        inputs.check_dumps()?;
        let faults = inputs.read_faults()?;
        if let Some(problem) = faults.problem(&config.dns, &config.resolvers) {
            let file = inputs.faults.as_deref().unwrap_or_else(|| "-".as_ref());
            bail!("faults {}: {problem}", file.display());
        }
        let zone_id = single_hosted_zone(&pools)?.ok_or_else(|| anyhow!("no pool was given"))?;
        inputs.check_zone_folder()?;
        let records = inputs.first_zone()?.records.into_values().map(Arc::unwrap_or_clone).collect();
        let mut model = Route53Model::new(Settings::default());
        model
            .create_hosted_zone(zone_id.clone(), config.origin.clone(), records)
            .map_err(|error| {
                let file = inputs.zone.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default();
                anyhow!(
                    "zone{file} does not hold the records of {}: {error} (hint: give --origin the zone's own name)",
                    config.origin
                )
            })?;
        let model: SharedModel = Arc::new(Mutex::new(model));
        let servers = Servers::start(config, &model, &clock).await?;
        let edge = Edge::new(config.deployment.clone(), zone_id, model, config.seed);
        let mut service = Self {
            inputs,
            edge,
            servers,
            console,
            clock,
            faults,
            zone_is_written: true,
            stdin: None,
            lines: 0,
            events: 0,
            dropped: 0,
        };
        service.arm_faults();
        Ok(service)
    }

    /// Returns where the name servers listen.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.addresses()
    }

    /// Returns where the resolvers listen.
    #[must_use]
    pub fn resolvers(&self) -> Vec<SocketAddr> {
        self.servers.resolvers()
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Takes in one line of standard input, and says whether it asks for a look.
    ///
    /// # Errors
    /// When nothing can be told any more.
    pub fn take_line(&mut self, line: &str) -> Result<bool> {
        self.lines += 1;
        if line.trim().is_empty() {
            return Ok(false);
        }
        let now = self.now();
        match self.edge.event(line, now) {
            Ok(trigger) => {
                self.events += 1;
                Ok(trigger.asks_for_a_look())
            }
            Err(dropped) => {
                self.dropped += 1;
                let (line, kind) = (self.lines, dropped.kind());
                let happening = Happening::Dropped { line, kind, detail: dropped.to_string() };
                self.console.tell(now, &happening)?;
                Ok(false)
            }
        }
    }

    /// Takes in a line and those that wait behind it, and says whether one of them asks for a look.
    fn take_lines(&mut self, first: Option<String>) -> Result<bool> {
        let mut asks = false;
        let mut next = first;
        for _ in 0..MOST_LINES_AT_ONCE {
            let Some(line) = next else { break };
            asks |= self.take_line(&line)?;
            next = self.stdin.as_mut().and_then(|lines| lines.try_recv().ok());
        }
        Ok(asks)
    }

    /// Reads the files again, and makes the records right.
    ///
    /// # Errors
    /// When nothing can be told any more.
    pub async fn look(&mut self) -> Result<Option<RunReport>> {
        let start = self.now();
        self.inputs.refresh(&mut self.edge, start);
        let mut troubles: Vec<Happening> = self.reload_faults().into_iter().collect();
        if let Some(problem) = self.faults.problem(&self.addresses(), &self.resolvers()) {
            troubles.push(Happening::Trouble { about: "faults".to_owned(), problem });
        }
        let mut run = match self.edge.begin(start, start + RUN_TIME) {
            Ok(run) => run,
            Err(problem) => {
                troubles.push(Happening::Trouble { about: "this look".to_owned(), problem });
                self.console.tell_also(start, troubles)?;
                return Ok(None);
            }
        };
        let report = loop {
            let now = self.now();
            match self.edge.step(&mut run, now) {
                Step::Progress => {}
                Step::WaitUntil { at, reason } => self.wait(&mut run, until(now, at), reason).await?,
                Step::Look => {
                    self.inputs.refresh(&mut self.edge, now);
                    self.edge.look_again(&mut run, now);
                }
                Step::Done(report) => break *report,
            }
        };
        if !report.outcome.applied.is_empty() {
            self.zone_is_written = false;
        }
        if !self.zone_is_written {
            match self.inputs.write_zone(&self.edge.records()?) {
                Ok(()) => self.zone_is_written = true,
                Err(error) => troubles.push(Happening::Trouble {
                    about: "zone file".to_owned(),
                    problem: format!("{error:#}; the next look tries again"),
                }),
            }
        }
        self.console.tell_run(self.now(), &report, &troubles)?;
        Ok(Some(report))
    }

    /// Waits, and takes in what standard input says meanwhile: an event that comes while a record waits is
    /// heeded before the record is made.
    async fn wait(&mut self, run: &mut Run, time: Duration, reason: RetryReason) -> Result<()> {
        let waits =
            Happening::Trouble { about: "Route 53".to_owned(), problem: format!("{reason}; trying again") };
        self.console.tell_also(self.now(), vec![waits])?;
        let over = tokio::time::sleep(time);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return Ok(()),
                line = next_line(&mut self.stdin) => {
                    if let Some(line) = line
                        && self.take_line(&line)?
                    {
                        run.distrust();
                    }
                }
            }
        }
    }

    /// Arms the faults again when their file has changed.
    fn reload_faults(&mut self) -> Option<Happening> {
        match self.inputs.read_faults() {
            Ok(faults) if faults == self.faults => None,
            Ok(faults) => {
                self.faults = faults;
                self.arm_faults();
                None
            }
            Err(error) => {
                let problem = format!("cannot be used, the last faults stay: {error:#}");
                Some(Happening::Trouble { about: "faults".to_owned(), problem })
            }
        }
    }

    fn arm_faults(&mut self) {
        self.edge.set_faults(EdgeFaults::from(&self.faults));
        self.servers.arm(&self.faults);
    }

    /// Stops whatever answers, and says goodbye.
    ///
    /// # Errors
    /// When nothing can be told any more.
    pub async fn stop(mut self, why: &'static str) -> Result<()> {
        self.servers.shutdown().await;
        let stopped = Happening::Stopped { why, events: self.events, dropped: self.dropped };
        let now = self.now();
        Ok(self.console.tell(now, &stopped)?)
    }
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// Serves until a signal, or the end of standard input where that is wanted.
///
/// # Errors
/// When it could not start, or nothing can be told any more.
pub async fn serve(config: ServeConfig, out: impl Write, json: bool, clock: Clock) -> Result<()> {
    // Before anybody is told that it listens, so that a signal right after that is heeded.
    let mut signals = Signals::new()?;
    let mut service = Service::start(&config, Console::new(out, json), Arc::clone(&clock)).await?;
    let listening = Happening::Listening {
        origin: config.origin.to_string(),
        addresses: service.addresses().iter().map(ToString::to_string).collect(),
        resolvers: service.resolvers().iter().map(ToString::to_string).collect(),
    };
    service.console.tell(clock(), &listening)?;
    service.stdin = Some(stdin_lines());
    let mut sweep = tokio::time::interval(config.sweep);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let why = loop {
        let had_stdin = service.stdin.is_some();
        let asks = tokio::select! {
            biased;
            why = signals.next() => break why,
            line = next_line(&mut service.stdin) => service.take_lines(line)?,
            _ = sweep.tick() => true,
        };
        let ends = config.exit_on_eof && had_stdin && service.stdin.is_none();
        if asks || ends {
            // A look only waits between two calls: to stop there is as safe as a crash.
            tokio::select! {
                biased;
                why = signals.next() => break why,
                looked = service.look() => drop(looked?),
            }
        }
        if config.exit_on_eof && service.stdin.is_none() {
            break "the end of standard input";
        }
    };
    service.stop(why).await
}

/// Returns the next line, or `None` once at the end; never returns where there is nothing to read.
async fn next_line(stdin: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    let Some(lines) = stdin else { return std::future::pending().await };
    let line = lines.recv().await;
    if line.is_none() {
        *stdin = None;
    }
    line
}

/// Reads standard input on a thread of its own, since a read of it cannot be interrupted.
fn stdin_lines() -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel(MOST_LINES_AT_ONCE);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        while let Ok(Some(line)) = read_line(&mut stdin) {
            if send.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receive
}

/// The signals that end a program.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(crate) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

//! `resolver-probe watch`: watches until it is stopped, tells what happens, and exits with what stands then.

mod screen;
mod sinks;
mod truth;

use std::future::Future;
use std::sync::Arc;

use anyhow::{Context, Result};
use registrar_core::SignedDuration;
use registrar_shell::tell;
use resolver_probe::History;
use resolver_probe::arguments::{WatchArgs, WatchFormat};
use resolver_probe::watch::{Endpoint, Keeper, WatchRequest, WatchSettings, watch};
use tokio::signal::unix::{SignalKind, signal};

use self::screen::Screen;
use self::sinks::Sinks;
use self::truth::FileTruth;
use super::{now, runtime, seed};
use crate::inputs;

/// Runs the command, and returns its exit code.
pub(crate) fn run(arguments: WatchArgs) -> Result<u8> {
    let arguments = Arc::new(arguments);
    runtime()?.block_on(watch_with(&arguments))
}

async fn watch_with(arguments: &Arc<WatchArgs>) -> Result<u8> {
    let name = inputs::name(&arguments.name)?;
    // Who would stop the watch while it begins shall find it listening already.
    let stop = stopped()?;
    let (keeper, history) = match &arguments.history {
        Some(path) => {
            let (keeper, history) = Keeper::open(path, &name, arguments.history_max)?;
            (Some(keeper), history)
        }
        None => (None, History::default()),
    };
    let request = request(arguments, history)?;
    let endpoint = match arguments.listen {
        Some(address) => {
            let endpoint = Endpoint::listen(address);
            let endpoint =
                endpoint.await.with_context(|| format!("--listen {address} cannot be listened on"))?;
            tell(format_args!("metrics: http://{}/metrics", endpoint.address()));
            Some(endpoint)
        }
        None => None,
    };
    let screen = if arguments.format == WatchFormat::Human { Screen::of_terminal()? } else { None };
    let mut sinks = Sinks::new(arguments, name, now(), (keeper, endpoint, screen));
    let policy = arguments.exit.policy();
    let ended = watch(request, &mut sinks, stop, |summary| summary.exit_code(policy)).await;
    let left = sinks.end();
    let code = ended.context("failed to tell what was seen")?;
    left?;
    Ok(code)
}

fn request(arguments: &Arc<WatchArgs>, history: History) -> Result<WatchRequest> {
    let name = inputs::name(&arguments.name)?;
    let (asking, seed) = (&arguments.asking, seed(arguments.asking.seed)?);
    // What is wrong with the command line is told at once, and not as an event.
    inputs::finder(asking, seed)?;
    let truth = FileTruth::open(&name, arguments)?;
    let resolvers = inputs::resolvers(asking, seed)?;
    let of_finder = Arc::clone(arguments);
    let mut searches = seed;
    Ok(WatchRequest {
        settings: WatchSettings {
            name,
            alpha: arguments.alpha,
            grace: SignedDuration::try_from(arguments.grace).unwrap_or(SignedDuration::MAX),
        },
        servers: asking.server.clone(),
        roots: asking.root.clone(),
        finder: Box::new(move || {
            searches = searches.wrapping_add(1);
            inputs::finder(&of_finder.asking, searches).ok().flatten()
        }),
        rediscover: arguments.rediscover,
        resolvers,
        resolver_period: arguments.resolver_period,
        truth: truth.map(|truth| Box::new(truth) as Box<_>),
        refresh: arguments.refresh,
        history,
        timeout: asking.timeout,
        rate: arguments.rate,
        length: arguments.length,
        count: arguments.count,
        every: arguments.every,
        seed,
        clock: Arc::new(now),
    })
}

/// Returns what ends when somebody wants this program to end: by Ctrl-C, a service manager, or the terminal's end.
pub(super) fn stopped() -> Result<impl Future<Output = ()>> {
    let fail = "failed to listen for signals";
    let mut interrupt = signal(SignalKind::interrupt()).context(fail)?;
    let mut terminate = signal(SignalKind::terminate()).context(fail)?;
    let mut hangup = signal(SignalKind::hangup()).context(fail)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

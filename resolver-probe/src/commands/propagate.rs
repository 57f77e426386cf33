//! `resolver-probe propagate`: asks until everybody has seen a change, and says how long each took.

use std::io::IsTerminal as _;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use registrar_core::name::RecordName;
use registrar_shell::tell;
use resolver_probe::arguments::{PropagateArgs, PropagateFormat};
use resolver_probe::propagate::{
    Change, News, PropagateRequest, PropagateSettings, Wanted, news_line, propagate, render_human,
    render_json, render_prometheus,
};

use super::output::print;
use super::watch::stopped;
use super::{now, runtime, seed};
use crate::inputs;

/// Runs the command, and returns its exit code.
pub(crate) fn run(arguments: PropagateArgs) -> Result<u8> {
    runtime()?.block_on(propagate_with(&Arc::new(arguments)))
}

async fn propagate_with(arguments: &Arc<PropagateArgs>) -> Result<u8> {
    let stop = stopped()?;
    let request = request(arguments)?;
    let from = arguments.changed_at.unwrap_or_else(now);
    let live = arguments.format == PropagateFormat::Human && std::io::stdout().is_terminal();
    let report = propagate(
        request,
        |news: &News, resolver: &str| {
            let line = news_line(news, resolver, from);
            if *news == News::Ready {
                // Who waits for it to make the change may be a script.
                tell(format_args!("ready: {}", line.trim_end()));
            } else if live {
                // A terminal that is gone is found out by the report.
                drop(print(&line));
            }
        },
        stop,
    )
    .await;
    let text = match arguments.format {
        PropagateFormat::Human => render_human(&report),
        PropagateFormat::Json => render_json(&report),
        PropagateFormat::Prometheus => render_prometheus(&report),
    };
    print(&text).context("failed to print the report")?;
    if report.exit_code() != 0 {
        tell("hint: give a longer --deadline, a higher --rate, or --share where the address has a large one");
    }
    Ok(report.exit_code())
}

fn request(arguments: &Arc<PropagateArgs>) -> Result<PropagateRequest> {
    let name = inputs::name(&arguments.name)?;
    let (asking, seed) = (&arguments.asking, seed(arguments.asking.seed)?);
    // What is wrong with the command line is told at once.
    inputs::finder(asking, seed)?;
    let changes = changes(arguments, &name)?;
    let of_finder = Arc::clone(arguments);
    let mut searches = seed;
    Ok(PropagateRequest {
        settings: PropagateSettings {
            name,
            changes,
            alpha: arguments.alpha,
            changed_at: arguments.changed_at,
            seed,
        },
        servers: asking.server.clone(),
        roots: asking.root.clone(),
        finder: Box::new(move || {
            searches = searches.wrapping_add(1);
            inputs::finder(&of_finder.asking, searches).ok().flatten()
        }),
        resolvers: inputs::resolvers(asking, seed)?,
        resolver_period: arguments.resolver_period,
        status: None,
        timeout: asking.timeout,
        rate: arguments.rate,
        deadline: arguments.deadline,
        clock: Arc::new(now),
    })
}

/// Returns what is wanted, each address with its share as far as that is known.
fn changes(arguments: &PropagateArgs, name: &RecordName) -> Result<Vec<Change>> {
    let truth = inputs::truth(name, &arguments.truth)?;
    let both = arguments.expect.iter().find(|address| arguments.expect_gone.contains(address));
    if let Some(address) = both {
        ensure!(false, "{address} cannot be there and gone (hint: name it with --expect or --expect-gone)");
    }
    let share = |address| {
        let of_truth = truth.as_ref().and_then(|truth| truth.share_while_there(address));
        arguments.share.or(of_truth)
    };
    let change = |wanted| move |address: &std::net::Ipv4Addr| (*address, wanted);
    let all = arguments.expect.iter().map(change(Wanted::Appears));
    let all = all.chain(arguments.expect_gone.iter().map(change(Wanted::Vanishes)));
    let mut changes: Vec<Change> =
        all.map(|(address, wanted)| Change { address, wanted, share: share(address) }).collect();
    changes.dedup_by_key(|change| change.address);
    Ok(changes)
}

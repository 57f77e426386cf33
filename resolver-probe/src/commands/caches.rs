//! `resolver-probe caches`: watches resolvers, prints what their caches do, and says it with the exit code.

use std::sync::Arc;

use anyhow::{Context, Result};
use registrar_shell::tell;
use resolver_probe::arguments::{CachesArgs, CachesFormat};
use resolver_probe::{CachesReport, CachesRequest, FindingId, Progress};

use super::output::print;
use super::progress::{Line, watched};
use super::{now, runtime, seed};
use crate::inputs;

/// Runs the command, and returns its exit code.
pub(crate) fn run(arguments: &CachesArgs) -> Result<u8> {
    let line = Line::for_terminal();
    let mut request = request(arguments)?;
    request.progress = line.clone().map(|line| line as Arc<dyn Progress>);
    let report = runtime()?.block_on(watched(resolver_probe::caches(request), line));
    let text = match arguments.format {
        CachesFormat::Human => resolver_probe::render_caches_human(&report),
        CachesFormat::Json => resolver_probe::render_caches_json(&report),
    };
    print(&text).context("failed to print the report")?;
    advise(&report);
    Ok(report.exit_code(arguments.exit.policy()))
}

fn request(arguments: &CachesArgs) -> Result<CachesRequest> {
    let name = inputs::name(&arguments.name)?;
    let (asking, seed) = (&arguments.asking, seed(arguments.asking.seed)?);
    Ok(CachesRequest {
        history: inputs::history(&name, arguments.history.as_deref())?,
        name,
        servers: asking.server.clone(),
        roots: asking.root.clone(),
        finder: inputs::finder(asking, seed)?,
        resolvers: inputs::resolvers_or_system(asking, seed)?,
        lasting: arguments.lasting,
        deadline: arguments.deadline,
        timeout: asking.timeout,
        started_at: now(),
        seed,
        progress: None,
    })
}

/// Says once, beside the report, how to see more.
fn advise(report: &CachesReport) {
    if report.findings.iter().any(|finding| finding.id == FindingId::TooFewSamples) {
        tell("hint: give a longer --for or --deadline, or the name servers with --server");
    }
}

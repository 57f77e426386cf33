//! `resolver-probe check`: asks, compares, prints what was found, and says it with the exit code.

use std::sync::Arc;

use anyhow::Result;
use registrar_shell::tell;
use resolver_probe::arguments::{CheckArgs, Format, TruthArgs, TruthSource};
use resolver_probe::{CheckReport, CheckRequest, FindingId, Origin, Phase, Progress, ProgressState};
use tokio::time::Instant;

use super::output::{deliver, look, replace, writable};
use super::progress::{Line, watched};
use super::{now, runtime, seed};
use crate::inputs::{self, Told};

/// Runs the command, and returns its exit code.
pub(crate) fn run(arguments: &CheckArgs) -> Result<u8> {
    // A check takes a while: what cannot be written in the end is told at once.
    arguments.html.iter().chain(&arguments.output.output).try_for_each(|path| writable(path))?;
    let line = Line::for_terminal();
    let progress = line.clone().map(|line| line as Arc<dyn Progress>);
    let report = runtime()?.block_on(watched(check(arguments, progress), line))?;
    let policy = arguments.output.exit.policy();
    let text = match arguments.output.format {
        Format::Human => resolver_probe::render_human(&report, look(&arguments.output)),
        Format::Json => resolver_probe::render_json(&report),
        Format::Nagios => resolver_probe::render_nagios(&report, policy),
        Format::Prometheus => resolver_probe::render_prometheus(&report, policy),
        Format::Junit => resolver_probe::render_junit(&report, policy),
    };
    deliver(&text, &arguments.output)?;
    if let Some(path) = &arguments.html {
        replace(path, &resolver_probe::render_html(&report, &origin(&report)))?;
    }
    advise(&report, &arguments.truth);
    Ok(report.exit_code(policy))
}

/// How the report came to be, so that it can be made again.
fn origin(report: &CheckReport) -> Origin {
    let mut words: Vec<String> = std::env::args_os().map(|word| quoted(&word.to_string_lossy())).collect();
    if let Some(program) = words.first_mut() {
        *program = env!("CARGO_PKG_NAME").to_owned();
    }
    if !words.iter().any(|word| word == "--seed" || word.starts_with("--seed=")) {
        words.push(format!("--seed {}", report.seed));
    }
    Origin { command: words.join(" "), version: env!("CARGO_PKG_VERSION") }
}

/// Quotes a word for a shell where it needs to be.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_./:=,@%+-".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Checks within the deadline, what it takes to learn the truth included.
async fn check(arguments: &CheckArgs, progress: Option<Arc<dyn Progress>>) -> Result<CheckReport> {
    let began = Instant::now();
    let mut request = request(arguments)?;
    if let (Some(progress), Some(TruthSource::Aws)) = (&progress, &arguments.truth.truth) {
        progress.report(&ProgressState::new(Phase::Looking, 0));
    }
    let Told { truth, records } = inputs::told(&request.name, &arguments.truth, arguments.deadline).await?;
    (request.truth, request.records, request.progress) = (truth, records, progress);
    request.deadline = arguments.deadline.saturating_sub(began.elapsed());
    Ok(resolver_probe::check(request).await)
}

fn request(arguments: &CheckArgs) -> Result<CheckRequest> {
    let name = inputs::name(&arguments.name)?;
    let (asking, seed) = (&arguments.asking, seed(arguments.asking.seed)?);
    Ok(CheckRequest {
        history: inputs::history(&name, arguments.history.as_deref())?,
        name,
        truth: None,
        records: None,
        untold: Vec::new(),
        servers: asking.server.clone(),
        roots: asking.root.clone(),
        finder: inputs::finder(asking, seed)?,
        resolvers: inputs::resolvers(asking, seed)?,
        reaching: inputs::reaching(&arguments.liveness, asking.ca.as_deref())?,
        samples: arguments.samples,
        timeout: asking.timeout,
        deadline: arguments.deadline,
        rate: arguments.rate,
        alpha: arguments.alpha,
        power: arguments.power,
        smallest_share: arguments.smallest_share,
        started_at: now(),
        seed,
        progress: None,
    })
}

/// Says once, beside the report, what else may explain it.
fn advise(report: &CheckReport, truth: &TruthArgs) {
    let found = |id: FindingId| report.findings.iter().any(|finding| finding.id == id);
    let is_dumped = matches!(truth.truth, Some(TruthSource::File(_)));
    if is_dumped && (found(FindingId::StaleRecord) || found(FindingId::MissingIp)) {
        tell("hint: dump the fleet again if instances came or went since it was dumped");
    }
    if found(FindingId::TooFewSamples) {
        tell("hint: use --samples auto, a longer --deadline or a higher --rate");
    }
}

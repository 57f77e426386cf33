//! Measures the Lambda function against the published reference design, in one run and under the same conditions.
//!
//! Both are processes under a Runtime API of ours, with a stand-in for AWS behind them, and take turns. Only loopback is
//! used; everything is bounded in number and time.

mod figures;
mod goals;
mod report;
mod scene;
mod start;
mod storm;
mod subject;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use registrar_shell::tell;

use figures::{Figures, Sample};
use report::{Conditions, Pair, Report, StormReport};
use scene::Scene;
use start::Counts;
use storm::Storm;
use subject::{Side, Subjects};

/// Measures the Lambda function against the published reference design.
///
/// Exit codes: 0 measured, 1 failed or a goal for calls or records was missed, with --check any goal.
#[derive(Parser)]
#[command(name = "registrar-bench", max_term_width = 100)]
struct Cli {
    /// The function's executable
    #[arg(long, value_name = "FILE")]
    bootstrap: PathBuf,
    /// The zip that it is in
    #[arg(long, value_name = "FILE")]
    zip: PathBuf,
    /// A Python interpreter with boto3
    #[arg(long, value_name = "FILE")]
    python: PathBuf,
    /// The folder of the baseline
    #[arg(long, value_name = "FOLDER")]
    baseline: PathBuf,
    /// What to measure
    #[arg(long, value_enum, default_value_t)]
    only: Part,
    /// How often each side is started
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repetitions: u16,
    /// Invocations with one event in each process, after the first
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=30))]
    warm: u16,
    /// Invocations with ten events in each process
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=5))]
    batches: u16,
    /// How much longer each call to AWS takes
    #[arg(long, value_name = "MS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(..=5_000))]
    latency_ms: u64,
    /// The same, in the storm
    #[arg(long, value_name = "MS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=5_000))]
    storm_latency_ms: u64,
    /// How many hosted zones the storm's twelve pools are in
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=12))]
    storm_zones: u16,
    /// Where the storm's order and doubles come from [default: 1]
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Leave the reference design out of the storm
    #[arg(long)]
    registrar_only: bool,
    /// Show what both sides write to their logs
    #[arg(long)]
    show_output: bool,
    /// Fail also where a goal for time or memory is missed
    #[arg(long)]
    check: bool,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Both
    #[default]
    All,
    /// Start, invocations and memory
    Processes,
    /// The storm
    Storm,
}

/// The storm that the goals are about.
const LAUNCHES: usize = 1_000;
const POOLS: usize = 12;
const WAVE: usize = 300;
const BATCH: usize = 10;
const DOUBLED_PERCENT: usize = 10;
const STORM_LIMIT_SECS: u64 = 300;
/// Instances that serve before anything is measured.
const SERVING: usize = 20;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli).await {
        Ok(report) if misses(&report, cli.check) => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            registrar_shell::report_error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Calls and records are the same on every machine, so that missing their goals is always a failure.
fn misses(report: &Report, judge_load: bool) -> bool {
    report.goals.iter().any(|goal| !goal.reached && (judge_load || !goal.depends_on_load))
}

async fn run(cli: &Cli) -> Result<Report> {
    let subjects = Subjects {
        bootstrap: cli.bootstrap.clone(),
        python: cli.python.clone(),
        baseline: cli.baseline.clone(),
        show_output: cli.show_output,
    };
    let processes = if cli.only == Part::Storm { None } else { Some(processes(cli, &subjects).await?) };
    let storm = if cli.only == Part::Processes { None } else { Some(storm(cli, &subjects).await?) };
    let conditions = conditions(cli)?;
    let goals = processes
        .iter()
        .flat_map(goals::of_processes)
        .chain(storm.iter().flat_map(goals::of_storm))
        .collect();
    let report = Report { schema: "registrar-bench/1", conditions, processes, storm, goals };
    std::io::stdout().write_all(report.render().as_bytes()).context("standard output is closed")?;
    if let Some(path) = &cli.json {
        let text = serde_json::to_string_pretty(&report).context("the report cannot be written as JSON")?;
        std::fs::write(path, text + "\n").with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(report)
}

async fn processes(cli: &Cli, subjects: &Subjects) -> Result<Pair<Figures>> {
    let latency = Duration::from_millis(cli.latency_ms);
    let scene = Scene { pools: 1, hosted_zones: 1, serving: SERVING, latency, throttling: true };
    let counts = Counts { warm: cli.warm.into(), batches: cli.batches.into() };
    let mut samples: [Vec<Sample>; 2] = Default::default();
    for repetition in 1..=cli.repetitions {
        tell(format!("repetition {repetition} of {}", cli.repetitions));
        for (side, samples) in Side::BOTH.into_iter().zip(&mut samples) {
            let sample = start::measure(subjects, side, &scene, counts).await;
            samples.push(sample.with_context(|| format!("{side:?} could not be measured"))?);
        }
    }
    let [registrar, baseline] = samples.map(|samples| Figures::of(&samples).context("nothing was measured"));
    Ok(Pair { registrar: registrar?, baseline: baseline? })
}

async fn storm(cli: &Cli, subjects: &Subjects) -> Result<StormReport> {
    let storm = Storm {
        launches: LAUNCHES,
        wave: WAVE,
        batch: BATCH,
        doubled_percent: DOUBLED_PERCENT,
        seed: cli.seed,
        limit_secs: STORM_LIMIT_SECS,
    };
    let latency = Duration::from_millis(cli.storm_latency_ms);
    let hosted_zones = usize::from(cli.storm_zones);
    let scene = Scene { pools: POOLS, hosted_zones, serving: 0, latency, throttling: true };
    tell("storm: registrar");
    let registrar =
        storm::endure(subjects, Side::Registrar, &scene, &storm).await.context("the registrar's storm")?;
    let baseline = if cli.registrar_only {
        None
    } else {
        tell("storm: reference design");
        // It makes ten times the requests that Route 53 allows; without the limit it is at least done in time.
        let scene = Scene { throttling: false, ..scene };
        Some(storm::endure(subjects, Side::Baseline, &scene, &storm).await.context("the baseline's storm")?)
    };
    Ok(StormReport { storm, pools: POOLS, hosted_zones, registrar, baseline })
}

fn conditions(cli: &Cli) -> Result<Conditions> {
    let size = |path: &PathBuf| {
        let metadata =
            std::fs::metadata(path).with_context(|| format!("{} cannot be looked at", path.display()));
        metadata.map(|metadata| metadata.len())
    };
    Ok(Conditions {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        repetitions: cli.repetitions.into(),
        latency_ms: cli.latency_ms,
        serving: SERVING,
        zip_bytes: size(&cli.zip)?,
        bootstrap_bytes: size(&cli.bootstrap)?,
    })
}

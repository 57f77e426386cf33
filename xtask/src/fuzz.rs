//! Bounded fuzzing: every target of `fuzz`, instrumented by the stable compiler and run by libFuzzer; and the work that
//! inputs take which grow, counted by the same instrumentation.
//!
//! cargo-fuzz would do the same and add the address sanitizer, which takes a nightly compiler; in a tree without
//! `unsafe` that finds little. A number of inputs starts from the corpus with one seed, so that a check judges the tree
//! and not its luck; a time goes on from what was found before, which is kept below the target folder. The corpus itself
//! is not changed.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::command::{cargo, output, root, step, target_folder};
use crate::tell;

/// What cargo-fuzz passes to the compiler for `--sanitizer none`: counters at every edge, and comparisons.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                            -Cllvm-args=-sanitizer-coverage-pc-table \
                            -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// One input may take this long, and a target this much memory, at once and in all.
const LIMITS: [&str; 3] = ["-timeout=5", "-malloc_limit_mb=128", "-rss_limit_mb=1024"];

/// Two dozen targets, two at a time, take two minutes of a check.
const INPUTS: u32 = 100_000;

/// How long, and which targets.
#[derive(Args)]
pub(crate) struct FuzzArguments {
    /// Inputs for each target, nearly the same ones each time; as many targets run at a time as there are processors.
    #[arg(long, value_name = "N", default_value_t = INPUTS)]
    inputs: u32,
    /// Seconds for each target instead, with other inputs each time.
    #[arg(long, value_name = "N", conflicts_with = "inputs")]
    seconds: Option<u32>,
    /// The targets, those of fuzz/fuzz_targets [default: all].
    targets: Vec<String>,
}

impl FuzzArguments {
    fn bound(&self) -> String {
        match self.seconds {
            Some(seconds) => format!("{seconds} s each"),
            None => format!("{} inputs each", self.inputs),
        }
    }
}

impl Default for FuzzArguments {
    fn default() -> Self {
        Self { inputs: INPUTS, seconds: None, targets: Vec::new() }
    }
}

/// Builds the targets and runs each, and fails where a promise is broken, or a limit passed.
pub(crate) fn run(arguments: &FuzzArguments) -> Result<()> {
    let all = names()?;
    let unknown = arguments.targets.iter().find(|target| !all.contains(target));
    if let Some(unknown) = unknown {
        bail!("{unknown} is no target (hint: there are {})", all.join(", "));
    }
    let targets = if arguments.targets.is_empty() { all } else { arguments.targets.clone() };
    let programs = build()?;
    if arguments.targets.is_empty() {
        step("the work of inputs that grow", Command::new(programs.join("work")))?;
    }
    tell(&format!("\n== fuzzing, {}: {}", arguments.bound(), targets.join(", ")));
    let queue = Mutex::new(VecDeque::from(targets));
    let failures = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(&queue, &failures, &programs, arguments));
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(failures.is_empty(), "fuzzing: {}", failures.join("; "));
    Ok(())
}

fn work(
    queue: &Mutex<VecDeque<String>>,
    failures: &Mutex<Vec<String>>,
    programs: &Path,
    arguments: &FuzzArguments,
) {
    loop {
        let Some(target) = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else { return };
        match fuzz(&target, programs, arguments) {
            Ok(told) => tell(&format!("-- {target}: {told}")),
            Err(error) => {
                let failure = format!("{target}: {error:#}");
                failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
            }
        }
    }
}

fn names() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds every target for the fuzzer, and returns the folder of the programs.
///
/// With the target named, even where it is the host's own, programs that are part of the build are not instrumented.
fn build() -> Result<PathBuf> {
    let told = output(Command::new("rustc").arg("-vV").current_dir(root()))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not name its host")?;
    let folder = target_folder().join("fuzz");
    let mut command = cargo(&["build", "--bins", "--manifest-path", "fuzz/Cargo.toml", "--target", host]);
    command.arg("--target-dir").arg(&folder);
    command.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", INSTRUMENTED);
    step("the fuzz targets", command)?;
    Ok(folder.join(host).join("debug"))
}

/// Runs a target, and says how many inputs it had.
fn fuzz(target: &str, programs: &Path, arguments: &FuzzArguments) -> Result<String> {
    let artifacts = folder_of("artifacts", target)?;
    let mut command = Command::new(programs.join(target));
    // The first folder takes what is new.
    match arguments.seconds {
        Some(seconds) => {
            command.arg(folder_of("found", target)?).arg(format!("-max_total_time={seconds}"));
        }
        None => {
            let nothing = folder_of("fresh", target)?;
            fs::remove_dir_all(&nothing)
                .with_context(|| format!("{} cannot be emptied", nothing.display()))?;
            command.arg(folder_of("fresh", target)?);
            command.arg(format!("-runs={}", arguments.inputs)).arg("-seed=1");
        }
    }
    command.arg(root().join("fuzz/corpus").join(target)).args(LIMITS).arg("-print_final_stats=1");
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    // What broke is said before the frames of libFuzzer, which would hide it.
    command.env("RUST_BACKTRACE", "0");
    let output = command.output().with_context(|| format!("{target} could not be started"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{}", complaint(&output, &told));
    }
    summary(&told).with_context(|| format!("{target} does not say what it did: {told}"))
}

fn folder_of(kind: &str, target: &str) -> Result<PathBuf> {
    let folder = target_folder().join("fuzz").join(kind).join(target);
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

/// The end of what libFuzzer says holds the input, and the file that it is in.
fn complaint(output: &Output, told: &str) -> String {
    let lines: Vec<&str> = told.lines().collect();
    let end = lines[lines.len().saturating_sub(40)..].join("\n");
    format!("{}\n{end}\n(hint: the program with that file as its argument does it again)", output.status)
}

fn summary(told: &str) -> Option<String> {
    let inputs: u64 = told
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?
        .trim()
        .parse()
        .ok()?;
    let last = told.lines().rfind(|line| line.contains(" cov: "))?;
    let edges = last.split(" cov: ").nth(1)?.split(' ').next()?;
    Some(format!("{inputs} inputs, {edges} edges"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_summed_up() {
        let told = "#2 INITED cov: 93 ft: 94 corp: 1/1b\n#12 DONE   cov: 101 ft: 120 corp: 9/9b\n\
                    Done 12 runs in 1 second(s)\nstat::number_of_executed_units: 12\n";
        assert_eq!(summary(told).as_deref(), Some("12 inputs, 101 edges"));
        assert_eq!(summary("INFO: Seed: 1"), None);
    }

    #[test]
    fn every_target_is_found() {
        let names = names().unwrap();
        assert!(names.contains(&"dns_reply".to_owned()) && names.contains(&"event".to_owned()), "{names:?}");
    }
}

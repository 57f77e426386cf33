//! `cargo xtask adversity`: random stories about fleets, registrars and a Region that fails, until a rule breaks.
//!
//! The stories are played on the simulation of the tests, each from a seed of its own; this is where time enters. It
//! judges nothing itself.

mod dice;
mod draw;
mod shrink;
mod story;
mod table;

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use registrar_shell::tell;

use crate::story::{Failure, Story};
use crate::table::Figures;

/// Plays random stories on the simulation until a rule breaks, and prints a table of what came about.
#[derive(Parser)]
#[command(name = "cargo xtask adversity", max_term_width = 100)]
struct Arguments {
    /// How many stories.
    #[arg(
        long,
        value_name = "N",
        default_value = "1000",
        default_value_if("minutes", clap::builder::ArgPredicate::IsPresent, "18446744073709551615")
    )]
    seeds: u64,
    /// The seed of the first one; the others count on from it.
    #[arg(long, value_name = "SEED", default_value = "1")]
    first: u64,
    /// Begin no more stories after so many minutes.
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// Tell a failure as it was found, without making it smaller.
    #[arg(long)]
    as_found: bool,
    /// Play one story, tell it line by line, and make it smaller where it fails.
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "first", "minutes"])]
    seed: Option<u64>,
    /// End that story after so many happenings.
    #[arg(long, value_name = "K", requires = "seed")]
    steps: Option<usize>,
}

fn main() -> ExitCode {
    // A panic is a failure of its story, told with it.
    std::panic::set_hook(Box::new(|_| {}));
    let arguments = Arguments::parse();
    let result = match arguments.seed {
        Some(seed) => replay(seed, arguments.steps),
        None => campaign(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            registrar_shell::report_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn replay(seed: u64, steps: Option<usize>) -> Result<()> {
    let mut story = draw::story(seed);
    story.happenings.truncate(steps.unwrap_or(usize::MAX));
    say(&format!("seed {seed}: {} registrars, {:?}", story.edges, story.sizes))?;
    match told(&story)?.failure {
        None => say("every rule held"),
        Some(failure) => fail(seed, &story, failure),
    }
}

/// Plays a story and prints it.
fn told(story: &Story) -> Result<story::Ending> {
    let mut lines = Vec::new();
    let ending = story.play_telling(&mut |line| lines.push(line));
    say(&lines.join("\n"))?;
    Ok(ending)
}

/// Prints the smallest story that fails like this one, and how to replay it.
fn fail(seed: u64, story: &Story, failure: Failure) -> Result<()> {
    let after = failure.after;
    tell(format_args!(
        "seed {seed} broke a rule after {after} happenings:\n{}\nmaking it smaller",
        failure.what
    ));
    let (smallest, failure) = shrink::shrink(story, failure);
    say(&format!("the smallest story: {} registrars, {:?}", smallest.edges, smallest.sizes))?;
    told(&smallest)?;
    say(&format!("{}\nreplay it with: cargo xtask adversity --seed {seed} --steps {after}", failure.what))?;
    bail!("a rule broke (hint: cargo xtask adversity --seed {seed} --steps {after} plays the story again)")
}

struct Campaign {
    next: AtomicU64,
    failed: AtomicBool,
    figures: Mutex<Figures>,
    failures: Mutex<Vec<(u64, Story, Failure)>>,
}

fn campaign(arguments: &Arguments) -> Result<()> {
    let started = now();
    let time = arguments.minutes.map(|minutes| Duration::from_secs_f64(minutes.max(0.0) * 60.0));
    let campaign = Campaign {
        next: AtomicU64::new(0),
        failed: AtomicBool::new(false),
        figures: Mutex::default(),
        failures: Mutex::default(),
    };
    let goes_on = || time.is_none_or(|time| now().duration_since(started) < time);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| campaign.work(arguments, &goes_on));
        }
    });
    let figures = campaign.figures.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seconds = now().duration_since(started).as_secs_f64();
    tell(format_args!(
        "{} stories, {} steps in {seconds:.1} s on {workers} cores",
        figures.stories,
        figures.steps()
    ));
    let failures = campaign.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failures.into_iter().min_by_key(|(seed, _, _)| *seed) {
        None => say(figures.to_string().trim_end()),
        Some((seed, _, Failure { after, what })) if arguments.as_found => {
            tell(format_args!("seed {seed} broke a rule after {after} happenings:\n{what}"));
            bail!("a rule broke (hint: cargo xtask adversity --seed {seed} plays the story again)")
        }
        Some((seed, story, failure)) => fail(seed, &story, failure),
    }
}

impl Campaign {
    fn work(&self, arguments: &Arguments, goes_on: &(dyn Fn() -> bool + Sync)) {
        while goes_on() && !self.failed.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= arguments.seeds {
                return;
            }
            let seed = arguments.first.wrapping_add(number);
            let story = draw::story(seed);
            let mut ending = story.play();
            if let Some(failure) = ending.failure.take() {
                self.failed.store(true, Ordering::Relaxed);
                self.failures.lock().unwrap_or_else(PoisonError::into_inner).push((seed, story, failure));
            } else {
                self.figures.lock().unwrap_or_else(PoisonError::into_inner).add(&ending);
            }
        }
    }
}

fn say(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").context("standard output is closed")
}

/// The time, for how long a campaign goes on.
#[expect(clippy::disallowed_methods, reason = "this is a binary: this is where the time enters")]
fn now() -> Instant {
    Instant::now()
}

//! `cargo xtask adversity`: random stories on the simulation until a rule breaks, and the proof that it would notice.
//!
//! The program that plays them is a package of its own, so that xtask stays quick to compile.

mod broken;

use anyhow::Result;
use clap::Args;

use crate::command::{cargo, step};

/// How many stories ci plays: the same ones each time, about a minute on two cores.
const IN_CI: [&str; 4] = ["--seeds", "6000", "--first", "1"];

/// How much is played, or which story again.
#[derive(Args)]
pub(crate) struct AdversityArguments {
    /// How many stories [default: 1000, or as many as fit into the minutes].
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// The seed of the first one; the others count on from it [default: 1].
    #[arg(long, value_name = "SEED")]
    first: Option<u64>,
    /// Begin no more stories after so many minutes.
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// Play one story, tell it line by line, and make it smaller where it fails.
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "first", "minutes"])]
    seed: Option<u64>,
    /// End that story after so many happenings.
    #[arg(long, value_name = "K", requires = "seed")]
    steps: Option<usize>,
    /// Break the core's guard in a copy, one rule at a time, and see that each is found within a minute.
    #[arg(long, conflicts_with_all = ["seeds", "first", "minutes", "seed"])]
    broken: bool,
}

/// Plays the stories.
pub(crate) fn run(arguments: &AdversityArguments) -> Result<()> {
    if arguments.broken {
        return broken::run();
    }
    let options = [
        ("--seeds", arguments.seeds.map(|it| it.to_string())),
        ("--first", arguments.first.map(|it| it.to_string())),
        ("--minutes", arguments.minutes.map(|it| it.to_string())),
        ("--seed", arguments.seed.map(|it| it.to_string())),
        ("--steps", arguments.steps.map(|it| it.to_string())),
    ];
    let given = options.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
    play(&given.flatten().collect::<Vec<_>>())
}

/// Plays the stories of ci.
pub(crate) fn in_ci() -> Result<()> {
    play(&IN_CI.map(str::to_owned))
}

fn play(options: &[String]) -> Result<()> {
    let mut command =
        cargo(&["run", "--quiet", "--locked", "--release", "--package", "registrar-adversity", "--"]);
    command.args(options);
    step("adversity", command)
}

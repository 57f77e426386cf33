//! Breaks a rule of the core in a copy of the tree, and sees that the campaign finds it within a minute.
//!
//! The breakages are texts of the sources, each of which must be there exactly once: a breakage that fits no more is an
//! error, not a pass. Nothing of the tree itself is changed, and nothing in it can be switched to be broken.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{cargo, now, output, root, target_folder};
use crate::tell;

/// A rule, and how it is broken.
struct Breakage {
    /// What the registrar does then.
    name: &'static str,
    /// The file, from the root of the workspace.
    file: &'static str,
    /// What stands there.
    right: &'static str,
    /// What stands there in the copy.
    wrong: &'static str,
}

const GUARD: &str = "registrar/core/src/guard/mod.rs";
const LIMITS: &str = "registrar/core/src/guard/limits.rs";

const BREAKAGES: [Breakage; 9] = [
    Breakage {
        name: "what is unknown is taken for dead",
        file: GUARD,
        right: "            Standing::Unknown(gap) => Verdict::Hold(Hold::new(",
        wrong: "            Standing::Unknown(_) => Verdict::Go(Evidence::Dead(standing.clone())),\n\
                Standing::Unknown(gap) => Verdict::Hold(Hold::new(",
    },
    Breakage {
        name: "the removal budget is not counted",
        file: LIMITS,
        right: "            } else if left == 0 {",
        wrong: "            } else if left == usize::MAX {",
    },
    Breakage {
        name: "the last record goes without proof",
        file: LIMITS,
        right: "            let verdict = if remaining <= 1 {",
        wrong: "            let verdict = if remaining == usize::MAX {",
    },
    Breakage {
        name: "a record that comes to stand beside others' brings a TTL of its own",
        file: "registrar/core/src/plan/shape.rs",
        right: "        let of_others = self.site.foreign_ttl_secs().filter(|_| entry.leaf.is_none());",
        wrong: "        let of_others = self.site.foreign_ttl_secs().filter(|_| entry.leaf.is_some());",
    },
    Breakage {
        name: "a leaf is emptied under its alias",
        file: "registrar/core/src/plan/tree/leaves.rs",
        right: "                self.aliases.remove(&leaf);\n                continue;",
        wrong: "                continue;",
    },
    Breakage {
        name: "the dead are held back",
        file: GUARD,
        right: "        if standing.proves_dead() {\n            return Verdict::Go",
        wrong: "        if standing.proves_dead() && at_stray {\n            return Verdict::Go",
    },
    Breakage {
        name: "EC2 of another Region proves that instances are gone",
        file: GUARD,
        right: "Standing::UnknownToEc2 if !self.desired.known_to_ec2 =>",
        wrong: "Standing::UnknownToEc2 if !self.desired.known_to_ec2 && at_stray =>",
    },
    Breakage {
        name: "a paused pool is changed",
        file: GUARD,
        right: "if self.desired.policy.state == PoolState::Paused {",
        wrong: "if self.desired.policy.state == PoolState::Paused && self.is_retired() {",
    },
    Breakage {
        name: "no alias weighs more than 100",
        file: "registrar/core/src/tree/scale.rs",
        right: "        u8::try_from(self.scaled(sum).clamp(least, LARGEST_WEIGHT)).unwrap_or(u8::MAX)",
        wrong: "        u8::try_from(self.scaled(sum).clamp(least, 100)).unwrap_or(u8::MAX)",
    },
];

/// Plays the campaign against each breakage, and fails where one is not found.
pub(crate) fn run() -> Result<()> {
    let copy = target_folder().join("adversity/copy");
    copy_tree(&copy)?;
    build(&copy).context("the copy does not build before anything is broken")?;
    let mut missed = Vec::new();
    for breakage in &BREAKAGES {
        let path = copy.join(breakage.file);
        let text = fs::read_to_string(&path).with_context(|| format!("{} is not there", path.display()))?;
        let places = text.matches(breakage.right).count();
        ensure!(places == 1, "{}: {:?} is there {places} times, not once", breakage.file, breakage.right);
        fs::write(&path, text.replace(breakage.right, breakage.wrong))?;
        let found = build(&copy).and_then(|program| hunt(&program));
        fs::write(&path, text)?;
        match found.with_context(|| breakage.name)? {
            Some(how) => tell(&format!("-- found: {}: {how}", breakage.name)),
            None => missed.push(breakage.name),
        }
    }
    ensure!(missed.is_empty(), "not found within a minute: {}", missed.join("; "));
    tell(&format!("every one of {} breakages was found", BREAKAGES.len()));
    Ok(())
}

/// Copies what git knows, and nothing that it knew before.
fn copy_tree(copy: &Path) -> Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy).with_context(|| format!("{} could not be deleted", copy.display()))?;
    }
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    for file in output(&mut git)?.lines() {
        let (from, to) = (root().join(file), copy.join(file));
        if from.is_file() {
            fs::create_dir_all(to.parent().unwrap_or(copy))?;
            fs::copy(&from, &to).with_context(|| format!("{} could not be written", to.display()))?;
        }
    }
    Ok(())
}

/// Builds the campaign of the copy, and returns its program.
fn build(copy: &Path) -> Result<PathBuf> {
    let target = target_folder().join("adversity/target");
    let mut command =
        cargo(&["build", "--quiet", "--locked", "--release", "--package", "registrar-adversity"]);
    command.current_dir(copy).env("CARGO_TARGET_DIR", &target).env("CARGO_INCREMENTAL", "1");
    let status = command.status().context("cargo could not be started")?;
    ensure!(status.success(), "the copy does not build ({status})");
    Ok(target.join("release/registrar-adversity"))
}

/// Plays for a minute at most, and returns how the failure was found.
fn hunt(program: &Path) -> Result<Option<String>> {
    let started = now();
    let mut command = Command::new(program);
    let played =
        command.args(["--minutes", "1", "--as-found"]).output().context("it could not be started")?;
    let seconds = now().duration_since(started).as_secs_f64();
    if played.status.success() {
        return Ok(None);
    }
    let told = String::from_utf8_lossy(&played.stderr);
    let Some(place) = told.find("broke a rule after") else { bail!("it failed otherwise: {told}") };
    let what = told[place..].lines().nth(1).unwrap_or_default();
    let what: String = what.chars().take(160).collect();
    Ok(Some(format!("{seconds:.1} s: {what}")))
}

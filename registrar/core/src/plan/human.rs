//! The plan for a person: old → new for each difference, what allows it, and what is held back.
//!
//! It is plain text; colour is the binaries' business.

use std::fmt;

use super::{HeldBack, Plan, PoolPlan, RouteBudget};

/// How many holds are spelled out for one reason; a whole fleet may be held back for the same one, and the
/// JSON form has them all.
const SHOWN_OF_A_REASON: usize = 3;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Deployment {}, seen at {:.0}", self.deployment, self.observed_at)?;
        for gap in &self.gaps {
            writeln!(f, "\n! incomplete read of {gap}")?;
            writeln!(f, "  What was not seen is unknown, not absent: no record is removed because of it.")?;
        }
        for pool in &self.pools {
            write!(f, "\n{pool}")?;
        }
        for note in &self.notes {
            writeln!(f, "\nnote: {note}")?;
        }
        writeln!(f, "\n{}", self.summary())?;
        match self.batches.is_empty() {
            true => Ok(()),
            false => writeln!(f, "{}", self.forecast(RouteBudget::default())),
        }
    }
}

impl Plan {
    /// Returns the last line of the human form.
    #[must_use]
    pub fn summary(&self) -> String {
        let changes = match self.change_count() {
            0 => "Nothing to change".to_owned(),
            count => {
                format!(
                    "{} in {}",
                    counted(count, "change", "changes"),
                    counted(self.batches.len(), "batch", "batches")
                )
            }
        };
        let errors: usize = self.pools.iter().map(|pool| pool.errors.len()).sum();
        format!("{changes}; {} held back; {}.", self.held_back_count(), counted(errors, "error", "errors"))
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

impl fmt::Display for PoolPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.headline {
            Some(headline) => writeln!(f, "{}  {headline}", self.name)?,
            None => writeln!(f, "{}", self.name)?,
        }
        if self.headline.is_some() {
            let members: Vec<String> =
                self.members.iter().map(|(state, count)| format!("{count} {state}")).collect();
            let members = if members.is_empty() { "no members".to_owned() } else { members.join(", ") };
            writeln!(f, "  {members}; {}", counted(self.records, "record", "records"))?;
        }
        let lines: Vec<String> = self.steps.iter().map(|(difference, _)| difference.to_string()).collect();
        let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        for (line, (_, evidence)) in lines.iter().zip(&self.steps) {
            writeln!(f, "  {line:width$}   {evidence}")?;
        }
        if self.steps.is_empty() && self.held_back.is_empty() && self.errors.is_empty() {
            writeln!(f, "  nothing to change")?;
        }
        for (index, held) in self.held_back.iter().enumerate() {
            let same = |other: &&HeldBack| other.reason() == held.reason();
            match self.held_back[..index].iter().filter(same).count() {
                before if before < SHOWN_OF_A_REASON => write!(f, "{held}")?,
                SHOWN_OF_A_REASON => {
                    let more = self.held_back[index..].iter().filter(same).count();
                    writeln!(f, "  held back: {more} more   [{}]", held.reason())?;
                }
                _ => {}
            }
        }
        for error in &self.errors {
            writeln!(f, "  error: {error}")?;
        }
        Ok(())
    }
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.difference.as_deref().or(self.set_identifier.as_deref()).unwrap_or_default();
        writeln!(f, "  held back: {what}   [{}] {}", self.hold.reason, self.hold.detail)?;
        match &self.hold.hint {
            Some(hint) => writeln!(f, "    hint: {hint}"),
            None => Ok(()),
        }
    }
}

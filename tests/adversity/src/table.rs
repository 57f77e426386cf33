//! The figures of a campaign as a table in Markdown.
//!
//! It holds nothing that differs from run to run: the same seeds print the same table.

use std::fmt;

use crate::story::{Ending, Tally};

/// What all stories came to together.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) stories: u64,
    steps: u64,
    seconds: u64,
    happened: Tally,
    came_about: Tally,
}

impl Figures {
    /// Adds what became of a story.
    pub(crate) fn add(&mut self, ending: &Ending) {
        self.stories += 1;
        self.steps += ending.steps;
        self.seconds += ending.seconds;
        for (all, one) in [(&mut self.happened, &ending.happened), (&mut self.came_about, &ending.came_about)]
        {
            for (what, count) in one {
                *all.entry(what.clone()).or_default() += count;
            }
        }
    }

    /// Returns how many steps there were.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.seconds / 86_400;
        writeln!(f, "{} stories, {} steps, {days} simulated days.\n", self.stories, self.steps)?;
        section(f, "What happened", &self.happened)?;
        writeln!(f)?;
        section(f, "What came of it", &self.came_about)
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, tally: &Tally) -> fmt::Result {
    writeln!(f, "| {title} | times |\n|---|---:|")?;
    for (what, count) in tally.iter().filter(|(_, count)| **count > 0) {
        writeln!(f, "| {what} | {count} |")?;
    }
    Ok(())
}

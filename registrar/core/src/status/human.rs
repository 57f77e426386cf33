//! The status for a person: a block for each pool, in two columns.
//!
//! It is plain text; colour is the binaries' business.

use std::fmt;

use jiff::Timestamp;

use super::{Fill, HeldStatus, Limit, PoolStatus, Status, TreeStatus};
use crate::pool::PoolState;

/// How many holds are spelled out for one reason; the JSON form has them all.
const SHOWN_OF_A_REASON: usize = 3;

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Deployment {}, seen at {:.0}", self.deployment, self.observed_at)?;
        for gap in &self.gaps {
            writeln!(f, "\n! incomplete read of {gap}")?;
        }
        for pool in &self.pools {
            writeln!(f)?;
            pool.write(f, self.observed_at)?;
        }
        for note in &self.notes {
            writeln!(f, "\nnote: {note}")?;
        }
        Ok(())
    }
}

impl PoolStatus {
    fn write(&self, f: &mut fmt::Formatter<'_>, now: Timestamp) -> fmt::Result {
        writeln!(f, "{}  {}", self.name, self.headline())?;
        if self.record.is_some() {
            let members: Vec<String> =
                self.members.iter().map(|(state, count)| format!("{count} {state}")).collect();
            let members = if members.is_empty() { "none".to_owned() } else { members.join(", ") };
            row(f, "members", &members)?;
            row(f, "records", &self.records.to_string())?;
            self.write_tree(f)?;
            row(f, "changes", &self.changes.to_string())?;
        }
        for (index, fill) in self.limits.iter().enumerate() {
            row(f, if index == 0 { "limits" } else { "" }, &fill.to_string())?;
        }
        if let Some(pause) = &self.pause {
            let (since, until) = (pause.since, pause.until);
            row(f, "paused", &format!("since {since:.0} until {until:.0}: {}", pause.reason))?;
        }
        if let Some(release) = &self.release {
            let only: Vec<&str> = release.only.iter().map(|instance| instance.as_str()).collect();
            let only = if only.is_empty() { String::new() } else { format!(" (only {})", only.join(", ")) };
            row(f, "released", &format!("until {:.0}: {}{only}", release.until, release.reason))?;
        }
        self.write_held_back(f, now)?;
        for error in &self.errors {
            row(f, "error", error)?;
        }
        Ok(())
    }

    fn write_tree(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(tree) = &self.tree else { return Ok(()) };
        let TreeStatus { records, alias_weight, leaves } = tree;
        row(f, "tree", &format!("{} leaves, {records} records, aliases weigh {alias_weight}", leaves.len()))?;
        leaves.iter().try_for_each(|leaf| row(f, "", &format!("  {leaf}")))
    }

    fn headline(&self) -> String {
        let state = match self.state {
            Some(PoolState::Active) => "active",
            Some(PoolState::Paused) => "paused",
            Some(PoolState::Retired) => "retired",
            None => "left as it is",
        };
        match &self.record {
            Some(record) => {
                format!("{state}  {}  {}, TTL {} s", record.name, record.routing, record.ttl_secs)
            }
            None => state.to_owned(),
        }
    }

    fn write_held_back(&self, f: &mut fmt::Formatter<'_>, now: Timestamp) -> fmt::Result {
        for (index, held) in self.held_back.iter().enumerate() {
            let title = if index == 0 { "held back" } else { "" };
            let same = |other: &&HeldStatus| other.reason == held.reason;
            match self.held_back[..index].iter().filter(same).count() {
                before if before < SHOWN_OF_A_REASON => {
                    row(f, title, &held.line(now))?;
                    if let Some(hint) = &held.hint {
                        row(f, "", &format!("  hint: {hint}"))?;
                    }
                }
                SHOWN_OF_A_REASON => {
                    let more = self.held_back[index..].iter().filter(same).count();
                    row(f, title, &format!("{more} more   [{}]", held.reason))?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl HeldStatus {
    fn line(&self, now: Timestamp) -> String {
        let what = self.difference.as_deref().or(self.set_identifier.as_deref()).unwrap_or_default();
        let since = match self.since {
            Some(since) => {
                let minutes = now.duration_since(since).as_mins().max(0);
                format!(" for {} h {} min, since {since:.0}", minutes / 60, minutes % 60)
            }
            None => String::new(),
        };
        format!("{what}   [{}]{since}: {}", self.reason, self.detail)
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.limit {
            Limit::RecordSetsOfTheName => "record sets of the name",
            Limit::InstancesOfTheTree => "instances of the tree",
            Limit::MembersOfTheSet => "members of the set",
            Limit::RecordSetsOfTheHostedZone => "record sets of the hosted zone",
            Limit::DocumentBytes => "bytes of the document",
        };
        write!(f, "{} of {} {of}", self.used, self.most)?;
        if self.is_nearly_full() { f.write_str("  ! nearly full") } else { Ok(()) }
    }
}

fn row(f: &mut fmt::Formatter<'_>, title: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {}", format!("{title:<10} {text}").trim_end())
}

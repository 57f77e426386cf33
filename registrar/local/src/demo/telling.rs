//! How the story is told: headings, reasons, what happened, shares as bars, and checks.
//!
//! It paces itself for a reader and keeps the score. It knows nothing of fleets or records.

use std::io::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use resolver_probe::AnswerReport;
use serde_json::{Value, json};

const BAR_WIDTH: f64 = 40.0;

/// Tells the story to a person, or as JSON lines.
pub(super) struct Teller<W> {
    out: W,
    json: bool,
    pace: Duration,
    scene: usize,
    scenes: Vec<Score>,
}

struct Score {
    title: &'static str,
    held: usize,
    failed: usize,
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(colour.into()))
}

impl<W: Write> Teller<W> {
    pub(super) fn new(out: W, json: bool, pace: Duration) -> Self {
        Self { out, json, pace, scene: 0, scenes: Vec::new() }
    }

    fn line(&mut self, style: Style, text: &str, event: &Value) -> Result<()> {
        if self.json {
            let mut event = event.clone();
            event["schema"] = json!("registrar-demo/1");
            event["scene"] = json!(self.scene);
            writeln!(self.out, "{event}")?;
        } else {
            writeln!(self.out, "{style}{text}{style:#}")?;
        }
        self.out.flush()?;
        Ok(())
    }

    /// Leaves the reader time; none in the fast telling.
    pub(super) async fn pause(&self) {
        tokio::time::sleep(self.pace).await;
    }

    pub(super) fn opening(&mut self, wherever: &str) -> Result<()> {
        let text = format!(
            "A fleet in a Wavelength zone, one weighted A record for each Carrier IP, TTL 20 s.\n\
             The name servers answer {wherever}; every check below asks them."
        );
        self.line(Style::new(), &text, &json!({ "event": "opening", "text": wherever }))
    }

    pub(super) fn scene(&mut self, title: &'static str) -> Result<()> {
        self.scene += 1;
        self.scenes.push(Score { title, held: 0, failed: 0 });
        let text = format!("\n{}. {title}", self.scene);
        self.line(colour(AnsiColor::Cyan).bold(), &text, &json!({ "event": "scene", "title": title }))
    }

    /// Says what happens now, and why it matters.
    pub(super) async fn say(&mut self, text: &str) -> Result<()> {
        self.line(Style::new(), &format!("   {text}"), &json!({ "event": "say", "text": text }))?;
        self.pause().await;
        Ok(())
    }

    /// Repeats what the registrar told.
    pub(super) async fn happened(&mut self, lines: &[String]) -> Result<()> {
        for line in lines {
            let style = match line.split("  ").nth(1).and_then(|rest| rest.trim_start().chars().next()) {
                Some('+') => colour(AnsiColor::Green),
                Some('-') => colour(AnsiColor::Red),
                Some('!' | 'h') => colour(AnsiColor::Magenta),
                _ => Style::new().dimmed(),
            };
            self.line(style, &format!("     {line}"), &json!({ "event": "registrar", "text": line }))?;
        }
        self.pause().await;
        Ok(())
    }

    /// Draws what DNS answers.
    pub(super) async fn answers(&mut self, replies: u64, answers: &[AnswerReport]) -> Result<()> {
        let event = json!({ "event": "answers", "replies": replies, "answers": answers });
        self.line(Style::new(), &format!("   DNS, {replies} answers over UDP:"), &event)?;
        for answer in answers.iter().filter(|_| !self.json) {
            let bar = "█".repeat((answer.share * BAR_WIDTH).round().clamp(0.0, BAR_WIDTH) as usize);
            let expected = match answer.expected_share {
                Some(expected) => format!("weight asks for {:.1} %", expected * 100.0),
                None => "no serving instance has it".to_owned(),
            };
            let instance = answer.instance.as_deref().unwrap_or("-");
            let style =
                colour(if answer.expected_share.is_some() { AnsiColor::Blue } else { AnsiColor::Red });
            let share = answer.share * 100.0;
            writeln!(
                self.out,
                "     {:<15} {instance:<20} {style}{bar:<40}{style:#} {share:>5.1} %  ({expected})",
                answer.address,
            )?;
        }
        self.pause().await;
        Ok(())
    }

    /// Checks that something holds, and keeps the score.
    pub(super) fn check(&mut self, what: &str, holds: bool) -> Result<()> {
        if let Some(score) = self.scenes.last_mut() {
            if holds { score.held += 1 } else { score.failed += 1 }
        }
        let (mark, style) = if holds { ("✓", AnsiColor::Green) } else { ("✗", AnsiColor::Red) };
        let event = json!({ "event": "check", "what": what, "holds": holds });
        self.line(colour(style), &format!("   {mark} {what}"), &event)
    }

    /// Sums up, and returns how many checks did not hold.
    pub(super) fn closing(&mut self, queries: u64) -> Result<usize> {
        let failed: usize = self.scenes.iter().map(|score| score.failed).sum();
        let held: usize = self.scenes.iter().map(|score| score.held).sum();
        self.line(
            Style::new().bold(),
            "\nSummary",
            &json!({ "event": "summary", "held": held, "failed": failed }),
        )?;
        let width = self.scenes.iter().map(|score| score.title.chars().count()).max().unwrap_or(0);
        for score in std::mem::take(&mut self.scenes) {
            let (mark, style) = match score.failed {
                0 => ("✓", colour(AnsiColor::Green)),
                _ => ("✗", colour(AnsiColor::Red)),
            };
            let (title, held, all) = (score.title, score.held, score.held + score.failed);
            let text = format!("   {mark} {title:width$}  {held} of {all} checks hold");
            self.line(style, &text, &json!({ "event": "score", "title": title, "held": held, "of": all }))?;
        }
        let text = format!("   {held} checks hold, {failed} do not, by {queries} DNS queries.");
        self.line(Style::new(), &text, &json!({ "event": "end", "queries": queries }))?;
        Ok(failed)
    }

    pub(super) fn keeping(&mut self, command: &str) -> Result<()> {
        let text = format!("\nStill serving. Try:\n   {command}\nCtrl-C ends it.");
        self.line(Style::new(), &text, &json!({ "event": "keeping", "command": command }))
    }
}

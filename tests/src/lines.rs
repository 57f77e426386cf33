//! What the one-line notations have in common: words, ranges, times and readable differences.

use anyhow::{Context, Result, bail};
use registrar_core::Timestamp;

/// Splits a line at spaces; a quoted text is one word and keeps its quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        quoted ^= character == '"';
        if character == ' ' && !quoted {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(character);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Writes a line out once for each step of its ranges: `i-{01..03} 10.0.0.{1..3}` is three lines, and
/// within a line `10.0.0.[1..3]` is three words.
///
/// All ranges of a line, or of a word, count together; a leading zero asks for the number's width.
pub(crate) fn expand(line: &str) -> Result<Vec<String>> {
    repeat(line, ('{', '}'))?.iter().map(|line| expand_words(line)).collect()
}

fn expand_words(line: &str) -> Result<String> {
    if next_range(line, ('[', ']')).is_none() {
        return Ok(line.to_owned());
    }
    let expanded: Result<Vec<String>> =
        words(line).iter().map(|word| Ok(repeat(word, ('[', ']'))?.join(" "))).collect();
    Ok(expanded?.join(" "))
}

fn repeat(text: &str, brackets: (char, char)) -> Result<Vec<String>> {
    let mut repeated: Option<Vec<String>> = None;
    let mut rest = text;
    while let Some((before, range, after)) = next_range(rest, brackets) {
        let steps = range_steps(range).with_context(|| format!("in {text:?}"))?;
        let known = repeated.get_or_insert_with(|| vec![String::new(); steps.len()]);
        if known.len() != steps.len() {
            bail!("the ranges of {text:?} have different lengths");
        }
        for (copy, step) in known.iter_mut().zip(&steps) {
            copy.push_str(before);
            copy.push_str(step);
        }
        rest = after;
    }
    let copies = repeated.unwrap_or_else(|| vec![String::new()]);
    Ok(copies.into_iter().map(|copy| copy + rest).collect())
}

/// Writes several lines out.
pub(crate) fn expand_all(lines: &[String]) -> Result<Vec<String>> {
    let expanded: Result<Vec<Vec<String>>> = lines.iter().map(|line| expand(line)).collect();
    Ok(expanded?.into_iter().flatten().collect())
}

fn next_range(text: &str, (open, close): (char, char)) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(open)?;
    let (range, after) = rest.split_once(close)?;
    range.contains("..").then_some((before, range, after))
}

fn range_steps(range: &str) -> Result<Vec<String>> {
    let (first, last) = range.split_once("..").context("a range is written {first..last}")?;
    let width = if first.starts_with('0') { first.len() } else { 0 };
    let (first, last): (u32, u32) = (first.parse()?, last.parse()?);
    Ok((first..=last).map(|step| format!("{step:0width$}")).collect())
}

/// Reads `HH:MM`, `HH:MM:SS` (of the day of `now`) or a whole RFC 3339 timestamp.
pub(crate) fn time(text: &str, now: Timestamp) -> Result<Timestamp> {
    let day = now.to_string();
    let day = day.split('T').next().unwrap_or_default();
    let whole = match text.len() {
        5 => format!("{day}T{text}:00Z"),
        8 => format!("{day}T{text}Z"),
        _ => text.to_owned(),
    };
    whole.parse().with_context(|| format!("{text:?} is not a time"))
}

/// Shows how two lists of lines differ, one line each: kept, missing (`-`) and not expected (`+`).
///
/// Returns `None` where they are equal. Long runs of kept lines are left out.
#[must_use]
pub fn difference(expected: &[String], got: &[String]) -> Option<String> {
    if expected == got {
        return None;
    }
    let common = common_lines(expected, got);
    let (mut left, mut right) = (expected.iter().peekable(), got.iter().peekable());
    let mut shown = Vec::new();
    for kept in common.iter().map(Some).chain([None]) {
        while let Some(line) = left.next_if(|line| Some(*line) != kept) {
            shown.push(format!("  - {line}"));
        }
        while let Some(line) = right.next_if(|line| Some(*line) != kept) {
            shown.push(format!("  + {line}"));
        }
        shown.extend(kept.map(|line| format!("    {line}")));
        left.next();
        right.next();
    }
    Some(shorten(&shown).join("\n"))
}

/// A longest common subsequence.
fn common_lines(one: &[String], other: &[String]) -> Vec<String> {
    let mut lengths = vec![vec![0_usize; other.len() + 1]; one.len() + 1];
    for (row, line) in one.iter().enumerate().rev() {
        for (column, candidate) in other.iter().enumerate().rev() {
            lengths[row][column] = if line == candidate {
                lengths[row + 1][column + 1] + 1
            } else {
                lengths[row + 1][column].max(lengths[row][column + 1])
            };
        }
    }
    let (mut row, mut column, mut common) = (0, 0, Vec::new());
    while row < one.len() && column < other.len() {
        if one[row] == other[column] {
            common.push(one[row].clone());
            row += 1;
            column += 1;
        } else if lengths[row + 1][column] >= lengths[row][column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    common
}

fn shorten(lines: &[String]) -> Vec<String> {
    const MOST: usize = 3;
    let mut shown = Vec::new();
    for run in lines.chunk_by(|one, other| is_kept(one) && is_kept(other)) {
        shown.extend(run.iter().take(MOST).cloned());
        let more = run.len().saturating_sub(MOST);
        if more > 0 {
            shown.push(format!("    … and {more} more lines that are the same"));
        }
    }
    shown
}

fn is_kept(line: &str) -> bool {
    line.starts_with("    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_line_count_together() {
        assert_eq!(
            expand("i-{08..10} 10.0.0.{1..3}").unwrap(),
            ["i-08 10.0.0.1", "i-09 10.0.0.2", "i-10 10.0.0.3"]
        );
        assert_eq!(expand("a \"i-[08..10]=[1..3]\" b").unwrap(), ["a \"i-08=1\" \"i-09=2\" \"i-10=3\" b"]);
        assert_eq!(expand("plain {} [0] line").unwrap(), ["plain {} [0] line"]);
        assert!(expand("{1..2} {1..3}").is_err());
    }

    #[test]
    fn a_quoted_text_is_one_word() {
        assert_eq!(words("a  \"b c\" d"), ["a", "\"b c\"", "d"]);
    }

    #[test]
    fn a_difference_is_shown_line_by_line() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(difference(&lines("a b"), &lines("a b")), None);
        assert_eq!(difference(&lines("a b c"), &lines("a c d")).unwrap(), "    a\n  - b\n    c\n  + d");
    }
}

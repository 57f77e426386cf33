//! Lines, tables and bars for a terminal of a given width.
//!
//! It knows nothing of reports. No line has blanks at its end, and what is too long for a line is wrapped
//! between words, never cut.

use anstyle::Style;

use crate::render::words::styled;
use crate::statistics::Interval;

/// A piece of text and how it looks.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::new() }
    }

    pub(super) fn styled((text, style): (&str, Style)) -> Self {
        Self { text: text.to_owned(), style }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn filled(&self, side: Side, width: usize) -> String {
        let blanks = " ".repeat(width.saturating_sub(self.width()));
        let is_plain = self.style == Style::new();
        let text = if is_plain { self.text.clone() } else { styled(&self.text, self.style) };
        match side {
            Side::Left => text + &blanks,
            Side::Right => blanks + &text,
        }
    }
}

/// Which side of a column its texts stand at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A table; each column is as wide as its widest cell.
#[derive(Debug)]
pub(super) struct Table {
    heads: Vec<(&'static str, Side)>,
    rows: Vec<Vec<Cell>>,
}

/// Blanks between two columns.
pub(super) const GAP: usize = 2;

impl Table {
    pub(super) fn new(heads: Vec<(&'static str, Side)>) -> Self {
        Self { heads, rows: Vec::new() }
    }

    pub(super) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Returns the width of the first columns, with a gap behind each.
    pub(super) fn width(&self) -> usize {
        self.widths().iter().map(|width| width + GAP).sum()
    }

    fn widths(&self) -> Vec<usize> {
        let widest = |(column, (head, _)): (usize, &(&str, Side))| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(Cell::width);
            cells.max().unwrap_or(0).max(head.len())
        };
        self.heads.iter().enumerate().map(widest).collect()
    }

    /// Writes the line of the heads, and a line for each row.
    pub(super) fn lines(&self) -> (String, Vec<String>) {
        let widths = self.widths();
        let head: Vec<Cell> = self.heads.iter().map(|(head, _)| Cell::new(*head)).collect();
        let line = |cells: &[Cell]| {
            let columns = cells.iter().zip(&self.heads).zip(&widths);
            let texts = columns.map(|((cell, (_, side)), width)| cell.filled(*side, *width));
            texts.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
        };
        (line(&head), self.rows.iter().map(|row| line(row)).collect())
    }
}

/// Writes a text of one paragraph in lines of this width; the first one begins after `first` blanks, all
/// others after `indent`.
pub(super) fn wrapped(text: &str, first: usize, indent: usize, width: usize) -> String {
    let mut lines = " ".repeat(first);
    let (mut column, mut begins) = (first, true);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if !begins && column + 1 + length > width {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = indent;
        } else if !begins {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
        begins = false;
    }
    lines.push('\n');
    lines
}

/// Draws a share: full up to it, fading over the interval around it, with a mark where it should be.
///
/// `most` is the share that fills the whole width.
pub(super) fn bar(
    share: f64,
    interval: Option<Interval>,
    expected: Option<f64>,
    most: f64,
    width: usize,
) -> String {
    let place = |share: f64| ((share / most * width as f64).round() as usize).min(width);
    // What was answered at all has a mark.
    let end = place(share).max(usize::from(share > 0.0));
    let sure = interval.map_or(end, |interval| place(interval.low)).min(end);
    let perhaps = interval.map_or(end, |interval| place(interval.high)).max(end);
    let mark = expected.filter(|expected| *expected > 0.0).map(|expected| place(expected).max(1) - 1);
    let cell = |column: usize| match column {
        _ if Some(column) == mark => '┃',
        _ if column < sure => '█',
        _ if column < end => '▓',
        _ if column < perhaps => '░',
        _ => ' ',
    };
    (0..width).map(cell).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_share_interval_and_what_it_should_be() {
        let interval = Some(Interval { low: 0.2, high: 0.6 });
        assert_eq!(bar(0.4, interval, Some(0.9), 1.0, 10), "██▓▓░░  ┃");
        assert_eq!(bar(0.4, None, None, 1.0, 10), "████");
        assert_eq!(bar(0.001, None, None, 1.0, 10), "█");
        assert_eq!(bar(0.0, None, Some(0.5), 1.0, 10), "    ┃");
        assert_eq!(bar(3.0, None, Some(7.0), 1.0, 4), "███┃");
    }

    #[test]
    fn long_texts_are_wrapped_between_words_and_words_stay_whole() {
        assert_eq!(wrapped("one two three", 0, 2, 8), "one two\n  three\n");
        assert_eq!(wrapped("a 0123456789 b", 3, 1, 5), "   a\n 0123456789\n b\n");
        assert_eq!(wrapped("", 0, 2, 8), "\n");
    }

    #[test]
    fn a_table_has_no_blanks_at_the_ends_of_its_lines() {
        let mut table = Table::new(vec![("A", Side::Left), ("N", Side::Right), ("LAST", Side::Left)]);
        table.push(vec![Cell::new("long"), Cell::new("7"), Cell::new("")]);
        let (head, lines) = table.lines();
        assert_eq!((head.as_str(), lines), ("A     N  LAST", vec!["long  7".to_owned()]));
        assert_eq!(table.width(), 4 + 1 + 4 + 3 * GAP);
    }
}

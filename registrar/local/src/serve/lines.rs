//! Events from a stream, one a line, with a bound on how much of a line is kept.

use std::io::BufRead;

use registrar_core::trigger::LARGEST_EVENT;

/// Reads one line, without its end and cut where it is longer than any event; `None` at the end.
///
/// # Errors
/// When the stream cannot be read.
pub fn read_line(stream: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let available = stream.fill_buf()?;
        if available.is_empty() {
            return Ok(any.then(|| String::from_utf8_lossy(&line).into_owned()));
        }
        any = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(available.len());
        // One byte more than an event may have is kept, so that the parser sees that it is too long.
        let room = (LARGEST_EVENT + 1).saturating_sub(line.len()).min(taken);
        line.extend_from_slice(&available[..room]);
        stream.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one_and_the_last_needs_no_end() {
        let mut stream = std::io::Cursor::new(b"one\n\ntwo".to_vec());
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut stream).unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, ["one", "", "two"]);
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_the_memory() {
        let text = format!("{}\nnext\n", "x".repeat(LARGEST_EVENT * 3));
        let mut stream = std::io::BufReader::new(text.as_bytes());
        assert_eq!(read_line(&mut stream).unwrap().unwrap().len(), LARGEST_EVENT + 1);
        assert_eq!(read_line(&mut stream).unwrap().unwrap(), "next");
    }
}

//! IAM's wildcards: `*` for any text, `?` for any character.

/// Says whether a whole text matches a pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern.as_str();
            let mut ends = text.char_indices().map(|(start, _)| &text[start..]);
            rest.is_empty() || ends.any(|end| matches(rest, end)) || matches(rest, "")
        }
        Some(wanted) => {
            let mut text = text.chars();
            text.next().is_some_and(|found| {
                (wanted == '?' || wanted == found) && matches(pattern.as_str(), text.as_str())
            })
        }
    }
}

/// Says whether an ARN matches a pattern part by part, of which there are six.
pub(super) fn matches_arn(pattern: &str, arn: &str) -> bool {
    let (pattern, arn): (Vec<_>, Vec<_>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    pattern.len() == arn.len() && pattern.iter().zip(&arn).all(|(pattern, part)| matches(pattern, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_any_text_and_any_character() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*", "a", true),
            ("a*c", "abcc", true),
            ("a*c", "abcd", false),
            ("l??.x", "l07.x", true),
            ("l??.x", "l7.x", false),
            ("*b*", "abc", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_wildcard_stays_within_its_part_of_an_arn() {
        assert!(matches_arn("arn:aws:events:*:1:rule/*", "arn:aws:events:us-east-1:1:rule/a:b"));
        assert!(!matches_arn("arn:aws:events:*", "arn:aws:events:us-east-1:1:rule/a"));
    }
}

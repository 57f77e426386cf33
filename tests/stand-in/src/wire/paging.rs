//! Pages of a listing with an opaque token, and what faults make of them.
//!
//! A token names the last item that was shown, so that items which come and go between two pages
//! neither repeat nor hide the others. Route 53 has its own cursor.

/// How a listing is asked for, and how faults bend it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bend {
    /// The next page is the one that was asked for.
    pub(crate) repeat_cursor: bool,
    /// The page is empty and has a next one.
    pub(crate) empty_page: bool,
    /// The most items of a page, whatever was asked for.
    pub(crate) largest_page: Option<usize>,
}

/// What every token begins with; the rest is the key of the last item that was shown, in hexadecimal.
const MARK: &str = "page-";

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_token: Option<String>,
}

/// Cuts a page from items in the order of their keys. `None`: the token is not one of ours.
pub(crate) fn page<T>(
    items: Vec<(String, T)>,
    size: Option<usize>,
    token: Option<&str>,
    bend: &Bend,
) -> Option<Page<T>> {
    let after = match token {
        Some(token) => Some(decode(token)?),
        None => None,
    };
    if bend.empty_page {
        // It stands where the one before stood, and is another one, as a service's would be.
        let next_token = Some(encode(&format!("{}\0", after.unwrap_or_default())));
        return Some(Page { items: Vec::new(), next_token });
    }
    let size = size.unwrap_or(usize::MAX).min(bend.largest_page.unwrap_or(usize::MAX)).max(1);
    let mut left = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let shown: Vec<(String, T)> = left.by_ref().take(size).collect();
    let last = shown.last().map(|(key, _)| key.clone()).filter(|_| left.next().is_some());
    let next_token = match token.filter(|_| bend.repeat_cursor) {
        Some(token) => Some(token.to_owned()),
        None => last.map(|key| encode(&key)),
    };
    Some(Page { items: shown.into_iter().map(|(_, item)| item).collect(), next_token })
}

fn encode(key: &str) -> String {
    let digits = key.bytes().map(|byte| format!("{byte:02x}"));
    digits.fold(MARK.to_owned(), |token, digit| token + &digit)
}

fn decode(token: &str) -> Option<String> {
    let digits = token.strip_prefix(MARK)?;
    if !digits.is_ascii() || digits.len() % 2 != 0 {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Vec<(String, u32)> {
        (1..=5).map(|number| (format!("k{number}"), number)).collect()
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let bend = Bend::default();
        let first = page(items(), Some(2), None, &bend).unwrap();
        let second = page(items(), Some(2), first.next_token.as_deref(), &bend).unwrap();
        let third = page(items(), Some(2), second.next_token.as_deref(), &bend).unwrap();
        assert_eq!([first.items, second.items, third.items], [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(third.next_token, None);
        assert_eq!(page(items(), Some(5), None, &bend).unwrap().next_token, None);
    }

    #[test]
    fn an_item_that_goes_away_between_pages_hides_no_other() {
        let first = page(items(), Some(2), None, &Bend::default()).unwrap();
        let rest = items().split_off(2);
        let second = page(rest, Some(2), first.next_token.as_deref(), &Bend::default()).unwrap();
        assert_eq!(second.items, [3, 4]);
    }

    #[test]
    fn a_bent_listing_repeats_its_cursor_or_shows_an_empty_page() {
        let repeat = Bend { repeat_cursor: true, largest_page: Some(1), ..Bend::default() };
        let first = page(items(), None, None, &repeat).unwrap();
        let second = page(items(), None, first.next_token.as_deref(), &repeat).unwrap();
        assert_eq!((second.items, second.next_token), (vec![2], first.next_token));
        let empty = Bend { empty_page: true, ..Bend::default() };
        let first = page(items(), None, None, &empty).unwrap();
        assert_eq!(first.items, [0; 0]);
        let all = page(items(), None, first.next_token.as_deref(), &Bend::default()).unwrap();
        assert_eq!(all.items.len(), 5);
    }

    #[test]
    fn a_token_of_somebody_else_is_refused() {
        for token in ["", "eyJ9", "page-1", "page-zz", "page-é1"] {
            assert_eq!(page(items(), None, Some(token), &Bend::default()), None, "{token}");
        }
    }
}

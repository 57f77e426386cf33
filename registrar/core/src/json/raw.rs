//! Objects and lists whose values stay text until each is asked for, so that a bad one spoils only itself.
//!
//! serde_json finds where a value ends, and does so without recursion, however deep the value is nested;
//! here is only what stands between values.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IgnoredAny};

use super::{JsonError, from_serde};

/// The fields of one object; of fields with the same name, the last.
pub(crate) struct Fields<'a>(BTreeMap<String, &'a str>);

impl<'a> Fields<'a> {
    /// Reads an object.
    pub(crate) fn parse(text: &'a str) -> Result<Self, JsonError> {
        let mut cursor = Cursor { text, at: 0 };
        let mut fields = BTreeMap::new();
        cursor.take('{', "an object")?;
        if !cursor.takes('}') {
            loop {
                let name = cursor.value()?;
                let name = serde_json::from_str(name).map_err(|_| cursor.expected("a field's name"))?;
                cursor.take(':', "a colon")?;
                fields.insert(name, cursor.value()?);
                if cursor.takes('}') {
                    break;
                }
                cursor.take(',', "a comma or the end of the object")?;
            }
        }
        cursor.end()?;
        Ok(Self(fields))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the fields' names and JSON texts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Returns the JSON text of a field, which is absent where it is `null`.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied().filter(|text| *text != "null")
    }

    /// Returns a field that can be read as a `T`.
    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// Returns a field that is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name)
    }

    /// Returns a field that is a whole number, or a string that holds one.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        let raw = self.raw(name)?;
        raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(raw).parse().ok()
    }
}

/// Reads a list of at most so many values.
pub(crate) fn elements(text: &str, most: usize) -> Result<Vec<&str>, JsonError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut elements = Vec::new();
    cursor.take('[', "a list")?;
    if !cursor.takes(']') {
        loop {
            if elements.len() == most {
                return Err(cursor.problem(format!("there are more than {most} values")));
            }
            elements.push(cursor.value()?);
            if cursor.takes(']') {
                break;
            }
            cursor.take(',', "a comma or the end of the list")?;
        }
    }
    cursor.end()?;
    Ok(elements)
}

/// A place in a text.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn takes(&mut self, mark: char) -> bool {
        self.skip_space();
        let stands = self.rest().starts_with(mark);
        self.at += if stands { mark.len_utf8() } else { 0 };
        stands
    }

    fn take(&mut self, mark: char, expected: &str) -> Result<(), JsonError> {
        if self.takes(mark) { Ok(()) } else { Err(self.expected(expected)) }
    }

    /// Takes the text of the next value.
    fn value(&mut self) -> Result<&'a str, JsonError> {
        self.skip_space();
        let rest = self.rest();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                let value = rest.get(..values.byte_offset()).unwrap_or_default();
                self.at += value.len();
                Ok(value)
            }
            Some(Err(error)) => Err(self.problem(from_serde(String::new(), &error).problem)),
            None => Err(self.expected("a value")),
        }
    }

    fn end(&mut self) -> Result<(), JsonError> {
        self.skip_space();
        if self.rest().is_empty() { Ok(()) } else { Err(self.problem("it goes on after its end".to_owned())) }
    }

    fn expected(&self, expected: &str) -> JsonError {
        let found = self.rest().chars().next().map_or("its end".to_owned(), |found| format!("{found:?}"));
        self.problem(format!("expected {expected}, found {found}"))
    }

    fn problem(&self, problem: String) -> JsonError {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        JsonError { line, column, path: ".".to_owned(), problem }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_value_stays_text_until_it_is_asked_for() {
        let fields = Fields::parse(
            " {\n\"a\" : [1, {\"b\":2}] , \"n\":\"-7\",\"m\":7,\"s\":\"\\ud800\",\"z\":null}\t",
        )
        .unwrap();
        assert_eq!(fields.raw("a"), Some("[1, {\"b\":2}]"));
        assert_eq!((fields.number("n"), fields.number("m"), fields.number("a")), (Some(-7), Some(7), None));
        assert_eq!((fields.raw("s"), fields.text("s")), (Some("\"\\ud800\""), None));
        assert_eq!(fields.raw("z"), None);
    }

    #[test]
    fn a_problem_is_named_with_its_place() {
        for (text, problem) in [
            ("", "line 1, column 1, at .: expected an object, found its end"),
            ("[", "line 1, column 1, at .: expected an object, found '['"),
            ("{\n 1:2}", "line 2, column 3, at .: expected a field's name, found ':'"),
            ("{\"a\" 2}", "line 1, column 6, at .: expected a colon, found '2'"),
            ("{\"a\":}", "line 1, column 6, at .: expected value"),
            (
                "{\"a\":1 \"b\":2}",
                "line 1, column 8, at .: expected a comma or the end of the object, found '\"'",
            ),
            ("{\"a\":1,}", "line 1, column 8, at .: expected value"),
            ("{} x", "line 1, column 4, at .: it goes on after its end"),
        ] {
            assert_eq!(Fields::parse(text).map(|_| ()).unwrap_err().to_string(), problem, "{text}");
        }
        assert_eq!(elements("[1,2,3]", 2).unwrap_err().problem, "there are more than 2 values");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,9}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,5}", inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn taking_json_apart_loses_nothing(value in any_json(), pretty in any::<bool>()) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            match &value {
                Value::Object(expected) => {
                    let fields = Fields::parse(&text).unwrap();
                    let read = fields.iter().map(|(name, raw)| (name.to_owned(), serde_json::from_str(raw).unwrap()));
                    prop_assert_eq!(&read.collect::<serde_json::Map<String, Value>>(), expected);
                }
                Value::Array(expected) => {
                    let read = elements(&text, usize::MAX).unwrap();
                    let read: Vec<Value> = read.into_iter().map(|raw| serde_json::from_str(raw).unwrap()).collect();
                    prop_assert_eq!(&read, expected);
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    prop_assert!(Fields::parse(&text).is_err() && elements(&text, 9).is_err());
                }
            }
        }

        #[test]
        fn what_is_taken_apart_is_what_serde_json_would_take(text in "[\\[\\]{},:\"1a\\\\ ]{0,12}") {
            let whole = serde_json::from_str::<Value>(&text);
            prop_assert_eq!(Fields::parse(&text).is_ok(), whole.as_ref().is_ok_and(Value::is_object), "{}", text);
            prop_assert_eq!(elements(&text, 99).is_ok(), whole.as_ref().is_ok_and(Value::is_array), "{}", text);
        }
    }
}

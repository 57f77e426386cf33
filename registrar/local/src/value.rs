//! Values of record sets, parsed from the presentation format that Route 53 keeps them in.
//!
//! One parser, so that the model refuses exactly what the name servers could not send. It does not
//! know about types that nobody here serves; their values are kept as text.

use std::net::{Ipv4Addr, Ipv6Addr};

use registrar_core::name::RecordName;
use registrar_core::record_set::RecordType;

/// Longest character string of a text record (RFC 1035 §3.3).
const LONGEST_CHARACTER_STRING: usize = 255;

/// One value, of a type that can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Caa {
        flags: u8,
        tag: String,
        value: Vec<u8>,
    },
    Cname(RecordName),
    /// A preference, and an exchange that is `None` for the root (RFC 7505).
    Mx(u16, Option<RecordName>),
    Ns(RecordName),
    Ptr(RecordName),
    Soa(Soa),
    /// A target that is `None` for the root, which says that there is no such service (RFC 2782).
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: Option<RecordName>,
    },
    Txt(Vec<Vec<u8>>),
}

/// The start of authority of a zone (RFC 1035 §3.3.13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Soa {
    pub(crate) primary: RecordName,
    pub(crate) mailbox: RecordName,
    pub(crate) serial: u32,
    pub(crate) refresh: i32,
    pub(crate) retry: i32,
    pub(crate) expire: i32,
    pub(crate) minimum: u32,
}

/// Why a value is refused: the name that Route 53 gives the problem, and what it says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidValue {
    pub(crate) code: &'static str,
    pub(crate) problem: &'static str,
}

const fn invalid(code: &'static str, problem: &'static str) -> InvalidValue {
    InvalidValue { code, problem }
}

const NOT_IPV4: InvalidValue = invalid("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address");
const NOT_IPV6: InvalidValue = invalid("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address");
const NOT_A_NAME: InvalidValue = invalid("DomainNameInvalid", "Value is not a valid domain name");
const NOT_QUOTED: InvalidValue =
    invalid("InvalidCharacterString", "Value should be enclosed in quotation marks");
const TOO_LONG: InvalidValue =
    invalid("CharacterStringTooLong", "Value is longer than 255 characters between quotation marks");
const BAD_ESCAPE: InvalidValue = invalid("InvalidCharacterString", "Escape is not three octal digits");
const NOT_THE_FIELDS: InvalidValue =
    invalid("RRDATAWrongFields", "Value does not have the fields of its type");

impl Value {
    /// Parses one value, and says `None` for a type that is kept without being understood.
    pub(crate) fn parse(record_type: &RecordType, text: &str) -> Result<Option<Self>, InvalidValue> {
        let value = match record_type {
            RecordType::A => Self::A(text.parse().map_err(|_| NOT_IPV4)?),
            RecordType::Cname => Self::Cname(name(text)?),
            RecordType::Ns => Self::Ns(name(text)?),
            RecordType::Soa => Self::Soa(soa(text)?),
            RecordType::Txt => Self::Txt(character_strings(text)?),
            RecordType::Other(other) => match other.as_str() {
                "AAAA" => Self::Aaaa(text.parse().map_err(|_| NOT_IPV6)?),
                "CAA" => caa(text)?,
                "MX" => mx(text)?,
                "PTR" => Self::Ptr(name(text)?),
                "SRV" => srv(text)?,
                _ => return Ok(None),
            },
        };
        Ok(Some(value))
    }
}

fn name(text: &str) -> Result<RecordName, InvalidValue> {
    text.parse().map_err(|_| NOT_A_NAME)
}

fn name_or_root(text: &str) -> Result<Option<RecordName>, InvalidValue> {
    if text == "." { Ok(None) } else { name(text).map(Some) }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, InvalidValue> {
    text.parse().map_err(|_| NOT_THE_FIELDS)
}

fn fields<const COUNT: usize>(text: &str) -> Result<[&str; COUNT], InvalidValue> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    fields.try_into().map_err(|_| NOT_THE_FIELDS)
}

fn soa(text: &str) -> Result<Soa, InvalidValue> {
    let [primary, mailbox, serial, refresh, retry, expire, minimum] = fields(text)?;
    Ok(Soa {
        primary: name(primary)?,
        mailbox: name(mailbox)?,
        serial: number(serial)?,
        refresh: number(refresh)?,
        retry: number(retry)?,
        expire: number(expire)?,
        minimum: number(minimum)?,
    })
}

fn mx(text: &str) -> Result<Value, InvalidValue> {
    let [preference, exchange] = fields(text)?;
    Ok(Value::Mx(number(preference)?, name_or_root(exchange)?))
}

fn srv(text: &str) -> Result<Value, InvalidValue> {
    let [priority, weight, port, target] = fields(text)?;
    Ok(Value::Srv {
        priority: number(priority)?,
        weight: number(weight)?,
        port: number(port)?,
        target: name_or_root(target)?,
    })
}

fn caa(text: &str) -> Result<Value, InvalidValue> {
    let (flags, rest) = text.trim_start().split_once(' ').ok_or(NOT_THE_FIELDS)?;
    let (tag, value) = rest.trim_start().split_once(' ').ok_or(NOT_THE_FIELDS)?;
    if tag.is_empty() || !tag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(NOT_THE_FIELDS);
    }
    let mut strings = character_strings(value)?;
    let (Some(value), true) = (strings.pop(), strings.is_empty()) else { return Err(NOT_THE_FIELDS) };
    Ok(Value::Caa { flags: number(flags)?, tag: tag.to_owned(), value })
}

/// Splits the value of a text record into its strings, resolving `\"`, `\\` and octal escapes.
///
/// Route 53 writes other octets as three octal digits, unlike zone files (Developer Guide, "TXT
/// record type").
fn character_strings(text: &str) -> Result<Vec<Vec<u8>>, InvalidValue> {
    let mut strings = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let opened = rest.strip_prefix('"').ok_or(NOT_QUOTED)?;
        let (string, after) = character_string(opened)?;
        if string.len() > LONGEST_CHARACTER_STRING {
            return Err(TOO_LONG);
        }
        strings.push(string);
        rest = after.trim_ascii_start();
    }
    if strings.is_empty() { Err(NOT_QUOTED) } else { Ok(strings) }
}

/// Reads up to the closing quotation mark and returns what follows it.
fn character_string(text: &str) -> Result<(Vec<u8>, &str), InvalidValue> {
    let mut string = Vec::new();
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Ok((string, text.get(at + 1..).unwrap_or_default())),
            b'\\' => {
                let octet = unescape(bytes.by_ref().map(|(_, byte)| byte)).ok_or(BAD_ESCAPE)?;
                string.push(octet);
            }
            other => string.push(other),
        }
    }
    Err(NOT_QUOTED)
}

/// Resolves what follows a backslash: three octal digits, or the character itself.
pub(crate) fn unescape(mut bytes: impl Iterator<Item = u8>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, bytes.next()?, bytes.next()?];
    let octal = std::str::from_utf8(&digits).ok()?;
    u8::from_str_radix(octal, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(record_type: &str, text: &str) -> Result<Option<Value>, InvalidValue> {
        Value::parse(&RecordType::from(record_type.to_owned()), text)
    }

    #[test]
    fn addresses_are_checked_for_their_family() {
        assert_eq!(parse("A", "192.0.2.1"), Ok(Some(Value::A(Ipv4Addr::new(192, 0, 2, 1)))));
        for bad in ["", "192.0.2", "192.0.2.256", "2001:db8::1", "192.0.2.1 ", "video.example.com"] {
            assert_eq!(parse("A", bad), Err(NOT_IPV4), "{bad:?}");
        }
        assert!(parse("AAAA", "2001:db8::1").is_ok());
        assert_eq!(parse("AAAA", "192.0.2.1"), Err(NOT_IPV6));
    }

    #[test]
    fn text_is_a_series_of_quoted_strings_with_octal_escapes() {
        let strings = |text: &[&[u8]]| Ok(Some(Value::Txt(text.iter().map(|s| s.to_vec()).collect())));
        assert_eq!(parse("TXT", r#""one" "two""#), strings(&[b"one", b"two"]));
        assert_eq!(parse("TXT", r#""a\"b\\c\101""#), strings(&[b"a\"b\\cA"]));
        assert_eq!(parse("TXT", "\"\""), strings(&[b""]));
        for bad in ["", "one", "\"one", "\"one\" two", r#""\9""#, r#""\777""#] {
            assert!(parse("TXT", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_string_of_a_text_record_has_at_most_255_characters() {
        assert!(parse("TXT", &format!("\"{}\"", "a".repeat(255))).is_ok());
        assert_eq!(parse("TXT", &format!("\"{}\"", "a".repeat(256))), Err(TOO_LONG));
    }

    #[test]
    fn structured_values_need_every_field() {
        for (record_type, good, bad) in [
            ("SOA", "ns.example.com. h.example.com. 1 7200 900 1209600 86400", "ns.example.com. 1"),
            ("MX", "10 mail.example.com.", "mail.example.com."),
            ("MX", "0 .", "70000 mail.example.com."),
            ("SRV", "1 2 443 a.example.com.", "1 2 a.example.com."),
            ("CAA", "0 issue \"ca.example.net\"", "0 issue ca.example.net"),
            ("CNAME", "a.example.com", "a b"),
            ("PTR", "a.example.com", ""),
        ] {
            assert!(matches!(parse(record_type, good), Ok(Some(_))), "{record_type} {good}");
            assert!(parse(record_type, bad).is_err(), "{record_type} {bad}");
        }
    }

    #[test]
    fn values_of_other_types_are_kept_as_they_are() {
        assert_eq!(parse("NAPTR", "anything"), Ok(None));
    }
}

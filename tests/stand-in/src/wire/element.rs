//! XML as a tree: what Route 53 is sent, and what it, EC2, Auto Scaling and STS answer.
//!
//! Namespaces are read by their prefix-less name only, and attributes are not kept: none of the
//! protocols uses them for more than the default namespace.

use std::fmt::Display;

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, BytesStart, Event};

/// The deepest nesting that is read; Route 53's own documents need seven levels.
const DEEPEST: usize = 32;

/// An element: text or children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(crate) fn text(name: &str, text: impl Display) -> Self {
        Self { name: name.to_owned(), text: text.to_string(), children: Vec::new() }
    }

    /// Adds an element.
    pub(crate) fn with(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    /// Adds an element of text.
    pub(crate) fn field(self, name: &str, text: impl Display) -> Self {
        self.with(Self::text(name, text))
    }

    /// Adds an element of text where there is one.
    pub(crate) fn optional(self, name: &str, text: Option<impl Display>) -> Self {
        match text {
            Some(text) => self.field(name, text),
            None => self,
        }
    }

    /// Adds an element that holds the given ones.
    pub(crate) fn list(self, name: &str, items: impl IntoIterator<Item = Element>) -> Self {
        let children = items.into_iter().collect();
        self.with(Self { name: name.to_owned(), text: String::new(), children })
    }

    /// Returns the first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Prints a document with this element as its root, in a namespace unless that is empty.
    pub(crate) fn document(&self, namespace: &str) -> String {
        let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        self.print(&mut out, Some(namespace).filter(|namespace| !namespace.is_empty()));
        out
    }

    fn print(&self, out: &mut String, namespace: Option<&str>) {
        let Self { name, text, children } = self;
        out.push('<');
        out.push_str(name);
        if let Some(namespace) = namespace {
            out.push_str(&format!(" xmlns=\"{}\"", escape(namespace)));
        }
        out.push('>');
        out.push_str(&escape(text.as_str()));
        for child in children {
            child.print(out, None);
        }
        out.push_str("</");
        out.push_str(name);
        out.push('>');
    }

    /// Reads a document.
    ///
    /// # Errors
    /// When it is not well-formed, or has text beside elements, or is nested too deeply.
    pub(crate) fn parse(document: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(document);
        let mut open: Vec<Element> = Vec::new();
        let mut root = None;
        loop {
            let closed = match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) => {
                    open.push(Self::new(&local_name(&start)?));
                    None
                }
                Event::Empty(start) => Some(Self::new(&local_name(&start)?)),
                Event::End(_) => open.pop().map(Self::without_blanks),
                Event::Text(text) => {
                    append(&mut open, &text.decode().map_err(|error| error.to_string())?)?;
                    None
                }
                Event::CData(text) => {
                    append(&mut open, &text.decode().map_err(|error| error.to_string())?)?;
                    None
                }
                Event::GeneralRef(reference) => {
                    append(&mut open, &resolve(&reference)?)?;
                    None
                }
                Event::Eof => break,
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => None,
            };
            if open.len() > DEEPEST {
                return Err(format!("more than {DEEPEST} elements inside each other"));
            }
            let Some(closed) = closed else { continue };
            match open.last_mut() {
                Some(parent) => parent.children.push(closed),
                None if root.is_none() => root = Some(closed),
                None => return Err("more than one root".to_owned()),
            }
        }
        if !open.is_empty() {
            return Err("the document ends too early".to_owned());
        }
        root.ok_or_else(|| "the document is empty".to_owned())
    }

    /// Drops the blanks that indent children; text without children is kept as it is.
    fn without_blanks(mut self) -> Self {
        if !self.children.is_empty() && self.text.trim().is_empty() {
            self.text.clear();
        }
        self
    }
}

fn local_name(start: &BytesStart<'_>) -> Result<String, String> {
    let name = start.local_name();
    String::from_utf8(name.as_ref().to_vec()).map_err(|error| error.to_string())
}

fn append(open: &mut [Element], text: &str) -> Result<(), String> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("text outside the root".to_owned()),
    }
    Ok(())
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.to_string());
    }
    let name = reference.decode().map_err(|error| error.to_string())?;
    let text = resolve_predefined_entity(&name).ok_or_else(|| format!("unknown entity &{name};"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back_with_every_character() {
        let element = Element::new("Change").field("Value", "\"a <b> & 'c' é\"").field("Empty", "");
        let read = Element::parse(&element.document("https://example.com/")).unwrap();
        assert_eq!(read, element);
        let spaced = "<a>\n  <b>&#34;x&quot; &amp; <![CDATA[<y>]]></b>\n</a>";
        assert_eq!(Element::parse(spaced).unwrap(), Element::new("a").field("b", "\"x\" & <y>"));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
        for bad in ["", "<a>", "<a></b>", "<a/><b/>", "text", "<a>&unknown;</a>", deep.as_str()] {
            assert!(Element::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}

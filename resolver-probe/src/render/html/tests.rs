//! What a browser gets: a well-formed page that fetches nothing and shows the bad address first.

use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};

use super::*;
use crate::render::samples;

fn origin() -> Origin {
    Origin {
        command: "resolver-probe check video.bos.edge.example.com --seed 42".to_owned(),
        version: "0.1.0",
    }
}

fn page(report: &CheckReport) -> String {
    render_html(report, &origin())
}

fn all() -> Vec<CheckReport> {
    vec![
        samples::healthy(),
        samples::stale_record(),
        samples::hundred(),
        samples::stale_cache(),
        samples::hostile(),
        samples::judged(None, &[]),
    ]
}

/// Reads what is inside of the body as strictly as XML, and returns its elements, attributes and texts.
///
/// The head has elements that HTML never closes; nothing in it comes from a report but the title.
fn read(page: &str) -> (Vec<String>, Vec<(String, String)>, String) {
    let (_, body) = page.split_once("<body>").unwrap();
    let (body, rest) = body.split_once("</body>").unwrap();
    assert_eq!(rest.trim(), "</html>");
    let mut reader = Reader::from_str(body);
    reader.config_mut().enable_all_checks(true);
    let (mut elements, mut attributes, mut texts) = (Vec::new(), Vec::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) | Event::Empty(start) => {
                elements.push(String::from_utf8(start.name().as_ref().to_vec()).unwrap());
                attributes.extend(start.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                    (key, attribute.normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned())
                }));
            }
            Event::Text(text) => texts.push_str(&text.xml10_content().unwrap()),
            Event::End(_) | Event::GeneralRef(_) => texts.push(' '),
            Event::Eof => return (elements, attributes, texts),
            other => panic!("there should be nothing like it: {other:?}"),
        }
    }
}

#[test]
fn every_page_is_well_formed_and_has_no_script() {
    for report in all() {
        let (elements, attributes, _) = read(&page(&report));
        for element in ["script", "img", "link", "iframe", "object", "embed", "form", "a", "use", "image"] {
            assert!(!elements.iter().any(|name| name == element), "{element}");
        }
        assert!(attributes.iter().all(|(key, _)| !key.starts_with("on")), "{attributes:?}");
    }
}

#[test]
fn no_page_fetches_anything() {
    for report in all() {
        let page = page(&report);
        let (_, attributes, _) = read(&page);
        assert!(
            attributes.iter().all(|(key, _)| !["src", "href", "xlink:href", "style"].contains(&key.as_str()))
        );
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
        assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    }
}

#[test]
fn hostile_texts_are_shown_and_are_no_markup() {
    let page = page(&samples::hostile());
    assert!(!page.contains("<script"), "a text became an element");
    assert!(page.contains("&lt;script src=&quot;"), "the text is there to be read");
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
}

#[test]
fn the_first_sentence_names_the_bad_address_and_why() {
    let sentences = [samples::hundred(), samples::stale_cache(), samples::stale_record(), samples::healthy()];
    let sentences: Vec<String> = sentences.iter().map(sentence).collect();
    insta::assert_snapshot!(sentences.join("\n"));
}

#[test]
fn the_bad_address_stands_before_all_others() {
    let page = page(&samples::hundred());
    let table = page.split_once("<tbody>").unwrap().1;
    assert!(table.find("192.0.2.77").unwrap() < table.find("192.0.2.1<").unwrap());
    assert!(page.contains("<details><summary>99 addresses with nothing wrong"), "the others are folded");
}

#[test]
fn a_stale_cache_has_a_timeline_with_both_bounds() {
    let (_, _, text) = read(&page(&samples::stale_cache()));
    assert!(text.contains("Timeline") && text.contains("stale for 71 to 124 s"), "{text}");
}

#[test]
fn a_page_says_how_it_is_made_again() {
    let (_, _, text) = read(&page(&samples::healthy()));
    for part in ["--seed 42", "2026-11-21T12:00:00Z", "resolver-probe 0.1.0"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn numbers_of_a_drawing_are_finite() {
    for report in all() {
        let page = page(&report);
        assert!(!page.contains("NaN") && !page.contains("=\"inf") && !page.contains("=\"-inf"));
    }
}

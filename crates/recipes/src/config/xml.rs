//! XML: slashed paths of elements from the root, `@name` for an attribute at their end. Of several elements
//! of one name `property[@name='Port']` means the one with that attribute.

use std::{borrow::Cow, collections::BTreeMap};

use quick_xml::{
    Reader,
    escape::partial_escape,
    events::{BytesStart, BytesText, Event, attributes::Attribute},
    writer::Writer,
};
use serde_json::Value as Json;

use super::{ConfigError, scalar};

/// Elements inside each other, at most.
const MAX_DEPTH: usize = 64;

pub(super) fn write(existing: &str, values: &BTreeMap<String, Json>) -> Result<String, ConfigError> {
    let mut document = parse(existing)?;
    for (path, value) in values {
        let path = Path::parse(path)?;
        let text = scalar(path.written, value)?;
        if let Some(bad) = text.chars().find(|c| !is_character(*c)) {
            return Err(ConfigError::value(path.written, format!("XML cannot hold the character {bad:?}")));
        }
        let element = path.element(&mut document)?;
        match path.attribute {
            Some(name) => element.set_attribute(name, &text),
            None => element.set_text(&text, path.written)?,
        }
    }
    let mut writer = Writer::new(Vec::new());
    print(&document, &mut writer).map_err(|error| wrong(error.to_string()))?;
    let mut text = String::from_utf8(writer.into_inner()).map_err(|error| wrong(error.to_string()))?;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

enum Node {
    Element(Element),
    /// Text, comment, declaration and so on, as it stands.
    Other(Event<'static>),
}

struct Element {
    start: BytesStart<'static>,
    children: Vec<Node>,
}

fn wrong(message: String) -> ConfigError {
    ConfigError::Existing { format: "XML", message }
}

fn parse(text: &str) -> Result<Vec<Node>, ConfigError> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut document = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| wrong(error.to_string()))?;
        let node = match event {
            Event::Start(start) if open.len() >= MAX_DEPTH => {
                return Err(wrong(format!("'{}' is nested too deeply", start.name().as_ref())));
            }
            Event::Start(start) => {
                open.push(Element { start: start.into_owned(), children: Vec::new() });
                continue;
            }
            Event::Empty(start) => Node::Element(Element { start: start.into_owned(), children: Vec::new() }),
            // The reader checks that it is the end of the one that is open.
            Event::End(_) => match open.pop() {
                Some(element) => Node::Element(element),
                None => return Err(wrong("an element ends that never began".to_owned())),
            },
            Event::Eof if open.is_empty() => return Ok(document),
            Event::Eof => return Err(wrong("it ends in the middle of an element".to_owned())),
            other => Node::Other(other.into_owned()),
        };
        open.last_mut().map_or(&mut document, |element| &mut element.children).push(node);
    }
}

fn print(nodes: &[Node], writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
    for node in nodes {
        match node {
            Node::Other(event) => writer.write_event(event.borrow())?,
            Node::Element(element) if element.children.is_empty() => {
                writer.write_event(Event::Empty(element.start.borrow()))?;
            }
            Node::Element(element) => {
                writer.write_event(Event::Start(element.start.borrow()))?;
                print(&element.children, writer)?;
                writer.write_event(Event::End(element.start.to_end()))?;
            }
        }
    }
    Ok(())
}

impl Element {
    fn set_attribute(&mut self, name: &str, value: &str) {
        // Tabs in attributes are read as spaces unless they are written as a reference.
        let value = quick_xml::escape::escape(value).replace('\t', "&#9;");
        let mut start = BytesStart::new(self.start.name().as_ref().to_owned());
        let mut set = false;
        for attribute in self.start.attributes().with_checks(false).flatten() {
            let value = if attribute.key.as_ref() == name {
                set = true;
                Cow::Borrowed(value.as_str())
            } else {
                // It may stand in single quotes and is written in double ones.
                Cow::Owned(attribute.value.replace('"', "&quot;"))
            };
            start.push_attribute(Attribute { key: attribute.key, value });
        }
        if !set {
            start.push_attribute(Attribute {
                key: quick_xml::name::QName(name),
                value: value.as_str().into(),
            });
        }
        self.start = start.into_owned();
    }

    fn set_text(&mut self, text: &str, path: &str) -> Result<(), ConfigError> {
        if self.children.iter().any(|node| matches!(node, Node::Element(_))) {
            return Err(ConfigError::value(path, "the file has further elements in there"));
        }
        let escaped = partial_escape(text).into_owned();
        self.children = vec![Node::Other(Event::Text(BytesText::from_escaped(escaped)))];
        Ok(())
    }

    fn has_attribute(&self, name: &str, value: &str) -> bool {
        self.start.attributes().with_checks(false).flatten().any(|attribute| {
            let unescaped = quick_xml::escape::unescape(&attribute.value);
            attribute.key.as_ref() == name && unescaped.is_ok_and(|unescaped| unescaped == value)
        })
    }
}

struct Path<'a> {
    written: &'a str,
    parents: Vec<Step<'a>>,
    last: Step<'a>,
    attribute: Option<&'a str>,
}

struct Step<'a> {
    name: &'a str,
    with: Option<(&'a str, &'a str)>,
}

impl<'a> Path<'a> {
    fn parse(written: &'a str) -> Result<Self, ConfigError> {
        let unfit = || ConfigError::key(written, "a path is element/element or element/@attribute");
        let mut steps = Vec::new();
        let mut attribute = None;
        // Attribute values in brackets may hold slashes.
        let mut quoted = false;
        for part in written.split(|c| {
            quoted ^= c == '\'';
            c == '/' && !quoted
        }) {
            if attribute.is_some() || steps.len() >= MAX_DEPTH {
                return Err(unfit());
            }
            match part.strip_prefix('@') {
                Some(name) => attribute = Some(name).filter(|name| is_name(name)),
                None => steps.push(Step::parse(part).ok_or_else(unfit)?),
            }
            if part.starts_with('@') && attribute.is_none() {
                return Err(unfit());
            }
        }
        let last = steps.pop().ok_or_else(unfit)?;
        Ok(Self { written, parents: steps, last, attribute })
    }

    fn element<'n>(&self, document: &'n mut Vec<Node>) -> Result<&'n mut Element, ConfigError> {
        let mut children = document;
        for (depth, step) in self.parents.iter().enumerate() {
            children = &mut step.find_or_add(children, depth == 0, self.written)?.children;
        }
        self.last.find_or_add(children, self.parents.is_empty(), self.written)
    }
}

impl<'a> Step<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let Some((name, rest)) = text.split_once('[') else {
            return is_name(text).then_some(Self { name: text, with: None });
        };
        let (key, value) = rest.strip_prefix('@')?.strip_suffix("']")?.split_once("='")?;
        let fits = is_name(name) && is_name(key) && !value.contains('\'') && value.chars().all(is_character);
        fits.then_some(Self { name, with: Some((key, value)) })
    }

    fn find_or_add<'n>(
        &self,
        nodes: &'n mut Vec<Node>,
        root: bool,
        path: &str,
    ) -> Result<&'n mut Element, ConfigError> {
        let at = nodes.iter().position(|node| match node {
            Node::Element(element) => {
                let named = element.start.name().as_ref() == self.name;
                named && self.with.is_none_or(|(key, value)| element.has_attribute(key, value))
            }
            Node::Other(_) => false,
        });
        let at = match at {
            Some(at) => at,
            // A document has one root.
            None if root && nodes.iter().any(|node| matches!(node, Node::Element(_))) => {
                return Err(ConfigError::value(path, format!("the file's root is not '{}'", self.name)));
            }
            None => {
                let mut element =
                    Element { start: BytesStart::new(self.name.to_owned()), children: Vec::new() };
                if let Some((key, value)) = self.with {
                    element.set_attribute(key, value);
                }
                nodes.push(Node::Element(element));
                nodes.len() - 1
            }
        };
        match nodes.get_mut(at) {
            Some(Node::Element(element)) => Ok(element),
            _ => Err(ConfigError::key(path, "there is no such element")),
        }
    }
}

/// Names in ASCII; XML allows more, but no game uses it.
fn is_name(text: &str) -> bool {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
}

/// XML 1.0, section 2.2.
fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
pub(super) fn read(text: &str, path: &str) -> Option<String> {
    let path = Path::parse(path).ok()?;
    let mut nodes = parse(text).ok()?;
    let element = path.element(&mut nodes).ok()?;
    let raw = match path.attribute {
        Some(name) => element.start.try_get_attribute(name).ok()??.value.into_owned(),
        None => {
            let mut writer = Writer::new(Vec::new());
            print(&element.children, &mut writer).ok()?;
            String::from_utf8(writer.into_inner()).ok()?
        }
    };
    Some(quick_xml::escape::unescape(&raw).ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_attributes_are_set_and_the_rest_stays() {
        let existing = "<?xml version=\"1.0\"?>\n<!-- by hand -->\n<Settings>\n  <Name a='1' b=\"&lt;\">old &amp; x</Name>\n  \
                        <property name=\"Port\" value=\"1\"/><property name=\"Other\" value=\"2\"/>\n</Settings>\n";
        let values = BTreeMap::from([
            ("Settings/Name".to_owned(), Json::from("a < b & \"c\"")),
            ("Settings/Name/@a".to_owned(), 2.into()),
            ("Settings/property[@name='Port']/@value".to_owned(), "\"x\"".into()),
            ("Settings/New/Deep".to_owned(), true.into()),
        ]);
        assert_eq!(
            write(existing, &values).expect("written"),
            "<?xml version=\"1.0\"?>\n<!-- by hand -->\n<Settings>\n  <Name a=\"2\" b=\"&lt;\">a &lt; b &amp; \"c\"</Name>\n  \
             <property name=\"Port\" value=\"&quot;x&quot;\"/><property name=\"Other\" value=\"2\"/>\n<New><Deep>true</Deep></New></Settings>\n"
        );
    }
}

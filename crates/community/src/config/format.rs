//! TOML, YAML and JSON as one tree whose members know their lines.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};
use serde_saphyr::Spanned;

use super::Format;
use crate::CommunityError;

/// How deep a file may be nested; a configuration needs four.
const DEEPEST: usize = 16;

/// A part of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Where it, or the key it belongs to, is; from 1.
    pub(super) line: u64,
    pub(super) content: Content,
}

/// What a part of a file is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Leaf(Value),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

impl Node {
    /// The part as a value.
    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Leaf(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::value).collect(),
            Content::Table(members) => {
                let members = members.iter().map(|(key, node)| (key.clone(), node.value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }
}

/// Reads a file.
pub(super) fn read(format: Format, text: &str) -> Result<Node, CommunityError> {
    let result = match format {
        Format::Toml => toml(text),
        Format::Yaml => yaml(text),
        Format::Json => json(text),
    };
    result.map_err(|(line, problem)| {
        let format = format.name();
        // A reader's message may quote the file over several lines; the first says what is wrong.
        let problem = problem.lines().next().unwrap_or_default().chars().take(200).collect();
        CommunityError::FileUnreadable { format, line, problem }
    })
}

type Problem = (u64, String);

fn line_at(text: &str, offset: usize) -> u64 {
    let before = &text.as_bytes()[..offset.min(text.len())];
    1 + before.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn toml(text: &str) -> Result<Node, Problem> {
    let document = toml_edit::Document::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(text, span.start));
        (line, error.message().to_owned())
    })?;
    let line = |span: Option<std::ops::Range<usize>>| span.map_or(1, |span| line_at(text, span.start));
    toml_table(document.as_table(), &line, 0)
}

fn toml_table(
    table: &dyn toml_edit::TableLike,
    line: &dyn Fn(Option<std::ops::Range<usize>>) -> u64,
    depth: usize,
) -> Result<Node, Problem> {
    let mut members = Vec::new();
    for (key, item) in table.iter() {
        let at = line(table.key(key).and_then(toml_edit::Key::span).or_else(|| item.span()));
        let mut node = toml_item(item, line, at, depth + 1)?;
        node.line = at;
        members.push((key.to_owned(), node));
    }
    Ok(Node { line: 1, content: Content::Table(members) })
}

fn toml_item(
    item: &toml_edit::Item,
    line: &dyn Fn(Option<std::ops::Range<usize>>) -> u64,
    at: u64,
    depth: usize,
) -> Result<Node, Problem> {
    if depth > DEEPEST {
        return Err((at, "it is nested too deeply".to_owned()));
    }
    if let Some(table) = item.as_table_like() {
        return toml_table(table, line, depth);
    }
    if let Some(tables) = item.as_array_of_tables() {
        let items = tables.iter().map(|table| toml_table(table, line, depth)).collect::<Result<_, _>>()?;
        return Ok(Node { line: at, content: Content::List(items) });
    }
    match item.as_value() {
        Some(value) => toml_value(value, line, at, depth),
        None => Ok(Node { line: at, content: Content::Leaf(Value::Null) }),
    }
}

fn toml_value(
    value: &toml_edit::Value,
    line: &dyn Fn(Option<std::ops::Range<usize>>) -> u64,
    at: u64,
    depth: usize,
) -> Result<Node, Problem> {
    if depth > DEEPEST {
        return Err((at, "it is nested too deeply".to_owned()));
    }
    let leaf = match value {
        toml_edit::Value::String(text) => Value::from(text.value().as_str()),
        toml_edit::Value::Integer(number) => Value::from(*number.value()),
        toml_edit::Value::Float(number) => Value::from(*number.value()),
        toml_edit::Value::Boolean(truth) => Value::from(*truth.value()),
        toml_edit::Value::Datetime(moment) => Value::from(moment.value().to_string()),
        toml_edit::Value::Array(items) => {
            let items = items.iter().map(|item| toml_value(item, line, line(item.span()), depth + 1));
            let items = items.collect::<Result<_, _>>()?;
            return Ok(Node { line: at, content: Content::List(items) });
        }
        toml_edit::Value::InlineTable(table) => return toml_table(table, line, depth),
    };
    Ok(Node { line: at, content: Content::Leaf(leaf) })
}

fn yaml(text: &str) -> Result<Node, Problem> {
    if text.trim().is_empty() {
        return Ok(Node { line: 1, content: Content::Table(Vec::new()) });
    }
    let tree: Spanned<Tree> = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line().max(1));
        (line, error.to_string())
    })?;
    of_tree(tree, 0)
}

/// What serde-saphyr reads: like [`Content`], with the reader's own places.
enum Tree {
    Leaf(Value),
    List(Vec<Spanned<Tree>>),
    Table(Vec<(Spanned<String>, Spanned<Tree>)>),
}

fn of_tree(tree: Spanned<Tree>, depth: usize) -> Result<Node, Problem> {
    let line = tree.referenced.line().max(1);
    if depth > DEEPEST {
        return Err((line, "it is nested too deeply".to_owned()));
    }
    let content = match tree.value {
        Tree::Leaf(value) => Content::Leaf(value),
        Tree::List(items) => {
            Content::List(items.into_iter().map(|item| of_tree(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Tree::Table(members) => {
            let mut table = Vec::with_capacity(members.len());
            for (key, value) in members {
                let mut node = of_tree(value, depth + 1)?;
                node.line = key.referenced.line().max(1);
                table.push((key.value, node));
            }
            Content::Table(table)
        }
    };
    Ok(Node { line, content })
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf(Value::Null))
            }

            fn visit_none<E: de::Error>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf(Value::Null))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
                Tree::deserialize(deserializer)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Tree::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
                let mut table = Vec::new();
                while let Some(member) = members.next_entry()? {
                    table.push(member);
                }
                Ok(Tree::Table(table))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

fn json(text: &str) -> Result<Node, Problem> {
    let whole: &RawValue = serde_json::from_str(text)
        .map_err(|error| (u64::try_from(error.line()).unwrap_or(1).max(1), error.to_string()))?;
    raw(text, whole, 0)
}

/// serde_json tells no places, but a raw value borrows from the text, so its address is its place.
fn raw(text: &str, value: &RawValue, depth: usize) -> Result<Node, Problem> {
    let slice = value.get();
    let line = line_at(text, (slice.as_ptr() as usize).saturating_sub(text.as_ptr() as usize));
    if depth > DEEPEST {
        return Err((line, "it is nested too deeply".to_owned()));
    }
    let broken = |error: serde_json::Error| (line, error.to_string());
    let content = match slice.as_bytes().first() {
        Some(b'{') => {
            let members: Members<'_> = serde_json::from_str(slice).map_err(broken)?;
            let mut table: Vec<(String, Node)> = Vec::with_capacity(members.0.len());
            for (key, member) in members.0 {
                let node = raw(text, member, depth + 1)?;
                if table.iter().any(|(known, _)| *known == key) {
                    let shown: String = key.chars().take(64).collect();
                    return Err((node.line, format!("'{shown}' is there twice")));
                }
                table.push((key, node));
            }
            Content::Table(table)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(slice).map_err(broken)?;
            Content::List(items.into_iter().map(|item| raw(text, item, depth + 1)).collect::<Result<_, _>>()?)
        }
        _ => Content::Leaf(serde_json::from_str(slice).map_err(broken)?),
    };
    Ok(Node { line, content })
}

/// An object's members in their order, none lost when a key is there twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = members.next_entry()? {
                    all.push(member);
                }
                Ok(Members(all))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TOML: &str = "[settings.general]\nprefix = \"!\"\nwords = [\n  \"a\",\n]\n\n[roles]\n\"42\" = 3\n";
    const YAML: &str = "settings:\n  general:\n    prefix: \"!\"\n    words:\n      - a\nroles:\n  42: 3\n";
    const JSON: &str = "{\n \"settings\": {\"general\": {\n  \"prefix\": \"!\",\n  \"words\": [\"a\"]\n }},\n \"roles\": {\"42\": 3}\n}";

    fn at<'a>(node: &'a Node, path: &[&str]) -> &'a Node {
        path.iter().fold(node, |node, key| match &node.content {
            Content::Table(members) => &members.iter().find(|(name, _)| name == key).expect(key).1,
            other => panic!("{key} is looked for in {other:?}"),
        })
    }

    #[test]
    fn the_same_file_in_three_formats_is_the_same_and_each_member_knows_its_line() {
        let expected = json!({"settings": {"general": {"prefix": "!", "words": ["a"]}}, "roles": {"42": 3}});
        let cases = [
            (Format::Toml, TOML, [2, 3, 8]),
            (Format::Yaml, YAML, [3, 4, 7]),
            (Format::Json, JSON, [3, 4, 6]),
        ];
        for (format, text, lines) in cases {
            let node = read(format, text).unwrap();
            assert_eq!(node.value(), expected, "{format:?}");
            let found = [
                at(&node, &["settings", "general", "prefix"]).line,
                at(&node, &["settings", "general", "words"]).line,
                at(&node, &["roles", "42"]).line,
            ];
            assert_eq!(found, lines, "{format:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let cases = [
            (Format::Toml, "a = 1\nb = \n", 2),
            (Format::Toml, "a = 1\na = 2\n", 2),
            (Format::Yaml, "a: 1\nb: [1\n", 2),
            (Format::Json, "{\"a\": 1,\n\"b\" 2}", 2),
            (Format::Json, "{\"a\": 1,\n\"a\": 2}", 2),
        ];
        for (format, text, expected) in cases {
            match read(format, text) {
                Err(CommunityError::FileUnreadable { line, problem, .. }) => {
                    assert!(
                        line.abs_diff(expected) <= 1 && !problem.is_empty(),
                        "{format:?} {line} {problem}"
                    );
                }
                other => panic!("{format:?} {text:?} was read as {other:?}"),
            }
        }
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        assert!(read(Format::Json, &deep).is_err() && read(Format::Yaml, &deep).is_err());
        assert!(read(Format::Toml, &format!("a = {deep}")).is_err());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_readers(text in "[a-z0-9:{}\\[\\]\"=,#&* \n\t-]{0,120}") {
            for format in [Format::Toml, Format::Yaml, Format::Json] {
                let _ = read(format, &text);
            }
        }
    }
}

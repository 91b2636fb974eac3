//! What a button carries: the operation and its input, in the 100 characters of a `custom_id`.
//!
//! ```text
//! a1:server start|{"server":"survival"}      an action
//! c1:…                                       an action whose question has been answered already
//! y1:<user>:<until>:…                        yes to a question, for one user, until a moment
//! m1:…                                       a form that asks for the inputs which are still missing
//! p1:<page>:<key>                            a page of a kept document
//! n1                                         no
//! ```
//!
//! Where the input is too long, `=<key>` stands in for it and the rest is kept in the notebook. A number
//! after the version (`a1.2:`) tells apart two buttons of one message that do the same.

use guildhall_core::Document;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Discord's limit, in characters.
pub(crate) const LONGEST: usize = 100;

/// Yes, no, or what to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Press {
    /// Calls an operation.
    Act { what: What, confirmed: bool },
    /// Answers a question with yes.
    Yes { user: u64, until: i64, what: What },
    /// Answers a question with no.
    No,
    /// Turns to a page, counted from 0.
    Page { page: usize, key: String },
    /// Fills in a form.
    Form { what: What },
}

/// The operation and its input, or the key under which they are kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Inline(Stored),
    Kept(String),
}

/// An operation and its input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) operation: String,
    pub(crate) input: Value,
}

/// What has to be in the notebook before a message with these buttons is sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Keep {
    Action { key: String, stored: Stored },
    Document { key: String, document: Box<Document> },
}

/// How a button is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Intent {
    Act,
    Confirmed,
    Yes { user: u64, until: i64 },
    Form,
}

/// The `custom_id` for calling `operation` with `input`; `number` tells apart equal buttons (0: no other).
pub(crate) fn write(
    intent: Intent,
    operation: &str,
    input: &Value,
    number: usize,
    keep: &mut Vec<Keep>,
) -> String {
    let number = if number == 0 { String::new() } else { format!(".{number}") };
    let head = match intent {
        Intent::Act => format!("a1{number}:"),
        Intent::Confirmed => format!("c1{number}:"),
        Intent::Yes { user, until } => format!("y1{number}:{user:x}:{until:x}:"),
        Intent::Form => format!("m1{number}:"),
    };
    let input_text = match input {
        Value::Null => String::new(),
        Value::Object(object) if object.is_empty() => String::new(),
        other => other.to_string(),
    };
    let whole = format!("{head}{operation}|{input_text}");
    if whole.chars().count() <= LONGEST && !operation.contains('|') && !operation.starts_with('=') {
        return whole;
    }
    let stored = Stored { operation: operation.to_owned(), input: input.clone() };
    let key = key_of(format!("{operation}|{input_text}").as_bytes());
    let id = format!("{head}={key}");
    keep.push(Keep::Action { key, stored });
    id
}

/// The `custom_id` for turning to `page`, counted from 0.
pub(crate) fn write_page(page: usize, key: &str) -> String {
    format!("p1:{page}:{key}")
}

/// The `custom_id` of "no"; `number` tells apart several of one message.
pub(crate) fn write_no(number: usize) -> String {
    if number == 0 { NO.to_owned() } else { format!("{NO}.{number}") }
}

const NO: &str = "n1";

/// A key made from what it stands for, so that showing the same thing again keeps it once.
pub(crate) fn key_of(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..12])
}

/// Reads a `custom_id`; `None` when it is none of ours, or of a version that no longer is.
pub(crate) fn read(id: &str) -> Option<Press> {
    if id.split('.').next() == Some(NO) {
        return Some(Press::No);
    }
    let (head, rest) = id.split_once(':')?;
    let kind = head.split_once('.').map_or(head, |(kind, _)| kind);
    match kind {
        "a1" => Some(Press::Act { what: what(rest)?, confirmed: false }),
        "c1" => Some(Press::Act { what: what(rest)?, confirmed: true }),
        "m1" => Some(Press::Form { what: what(rest)? }),
        "y1" => {
            let (user, rest) = rest.split_once(':')?;
            let (until, rest) = rest.split_once(':')?;
            let user = u64::from_str_radix(user, 16).ok()?;
            let until = i64::from_str_radix(until, 16).ok()?;
            Some(Press::Yes { user, until, what: what(rest)? })
        }
        "p1" => {
            let (page, key) = rest.split_once(':')?;
            Some(Press::Page { page: page.parse().ok()?, key: key_text(key)? })
        }
        _ => None,
    }
}

fn what(text: &str) -> Option<What> {
    if let Some(key) = text.strip_prefix('=') {
        return Some(What::Kept(key_text(key)?));
    }
    let (operation, input) = text.split_once('|')?;
    let input = if input.is_empty() { Value::Null } else { serde_json::from_str(input).ok()? };
    Some(What::Inline(Stored { operation: operation.to_owned(), input }))
}

/// A key becomes part of a notebook key, so nothing but what [`key_of`] makes is taken.
fn key_text(text: &str) -> Option<String> {
    (text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_short_action_is_carried_whole() {
        let mut keep = Vec::new();
        let id = write(Intent::Act, "server start", &json!({"server": "survival"}), 0, &mut keep);
        assert_eq!(id, r#"a1:server start|{"server":"survival"}"#);
        assert!(keep.is_empty());
    }

    #[test]
    fn a_long_action_is_kept_once_under_a_key_of_its_content() {
        let mut keep = Vec::new();
        let input = json!({"line": "x".repeat(200)});
        let first = write(Intent::Act, "server send", &input, 0, &mut keep);
        let second = write(Intent::Act, "server send", &input, 0, &mut keep);
        assert_eq!(first, second);
        assert_eq!(keep[0], keep[1]);
        assert!(matches!(read(&first), Some(Press::Act { what: What::Kept(_), confirmed: false })));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            operation in "[a-z]{1,12}( [a-z]{1,12}){0,2}",
            text in ".{0,120}",
            user: u64,
            until in 0..i64::MAX,
            number in 0..30usize,
        ) {
            let input = json!({"text": text});
            for intent in [Intent::Act, Intent::Confirmed, Intent::Form, Intent::Yes { user, until }] {
                let mut keep = Vec::new();
                let id = write(intent, &operation, &input, number, &mut keep);
                prop_assert!(id.chars().count() <= LONGEST);
                let what = match keep.pop() {
                    Some(Keep::Action { key, stored }) => {
                        prop_assert_eq!(&stored.input, &input);
                        What::Kept(key)
                    }
                    _ => What::Inline(Stored { operation: operation.clone(), input: input.clone() }),
                };
                let expected = match intent {
                    Intent::Act => Press::Act { what, confirmed: false },
                    Intent::Confirmed => Press::Act { what, confirmed: true },
                    Intent::Form => Press::Form { what },
                    Intent::Yes { user, until } => Press::Yes { user, until, what },
                };
                prop_assert_eq!(read(&id), Some(expected));
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(id in ".{0,120}") {
            let _ = read(&id);
        }
    }
}

//! What a button or menu carries: the operation and its input, in the 100 characters of a `custom_id`.
//!
//! ```text
//! a1:server start|{"server":"survival"}      an action
//! a1:case edit+reason|{"case":12}            an action that asks for the reason in a form first
//! c1:…                                       an action whose question has been answered already
//! y1:<user>:<until>:…                        yes to a question, for one user, until a moment
//! m1:…                                       a form that asks for the inputs which are still missing
//! s1:config set+value|{"key":"general.…"}    a menu whose choice goes into an input
//! l1:…                                       a menu whose choices go into an input as a list
//! p1:<page>:<key>                            a page of a kept document
//! n1, n1:<user>                              no, for everybody or for one user
//! g<guild>:…                                 any of these in a direct message, where no guild is around it
//! ```
//!
//! Where the input is too long, `=<key>` stands in for it and the rest is kept in the notebook. A number
//! after the version (`a1.2:`) tells apart two buttons of one message that do the same. All numbers but the
//! page and that one are hexadecimal.

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
    /// Calls an operation with what was chosen; whether that is a list.
    Choose { what: What, several: bool },
    /// Answers a question with yes.
    Yes { user: u64, until: i64, what: What },
    /// Answers a question with no; only this user may, where one is named.
    No { user: Option<u64> },
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) operation: String,
    pub(crate) input: Value,
    /// Inputs to ask for in a form first; of a menu, the one that the choice goes into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<String>,
}

/// What has to be in the notebook before a message with these buttons is sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Keep {
    Action { key: String, stored: Stored },
    Document { key: String, document: Box<Document> },
}

/// How a button or menu is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Intent {
    Act,
    Confirmed,
    Choose { several: bool },
    Yes { user: u64, until: i64 },
    Form,
}

/// What a button or menu calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meant<'a> {
    pub(crate) intent: Intent,
    pub(crate) operation: &'a str,
    pub(crate) input: &'a Value,
    pub(crate) fields: &'a [String],
}

impl Meant<'_> {
    /// The `custom_id`; `number` tells apart equal buttons (0: no other), `guild` is named in direct messages.
    pub(crate) fn write(&self, guild: Option<u64>, number: usize, keep: &mut Vec<Keep>) -> String {
        let number = numbered(number);
        let head = match self.intent {
            Intent::Act => format!("a1{number}:"),
            Intent::Confirmed => format!("c1{number}:"),
            Intent::Choose { several: false } => format!("s1{number}:"),
            Intent::Choose { several: true } => format!("l1{number}:"),
            Intent::Yes { user, until } => format!("y1{number}:{user:x}:{until:x}:"),
            Intent::Form => format!("m1{number}:"),
        };
        let head = within(guild, &head);
        let input = match self.input {
            Value::Null => String::new(),
            Value::Object(object) if object.is_empty() => String::new(),
            other => other.to_string(),
        };
        let fields: String = self.fields.iter().map(|field| format!("+{field}")).collect();
        let text = format!("{}{fields}|{input}", self.operation);
        let signs = |text: &str| text.contains(['|', '+']);
        let plain = !signs(self.operation) && !self.fields.iter().any(|field| signs(field));
        if plain && !self.operation.starts_with('=') && head.len() + text.chars().count() <= LONGEST {
            return head + &text;
        }
        let key = key_of(text.as_bytes());
        let (operation, input) = (self.operation.to_owned(), self.input.clone());
        let stored = Stored { operation, input, fields: self.fields.to_vec() };
        let id = format!("{head}={key}");
        keep.push(Keep::Action { key, stored });
        id
    }
}

/// The `custom_id` for turning to `page`, counted from 0.
pub(crate) fn write_page(guild: Option<u64>, page: usize, key: &str) -> String {
    within(guild, &format!("p1:{page}:{key}"))
}

/// The `custom_id` of "no"; `number` tells apart several of one message.
pub(crate) fn write_no(guild: Option<u64>, user: u64, number: usize) -> String {
    within(guild, &format!("{NO}{}:{user:x}", numbered(number)))
}

const NO: &str = "n1";

fn numbered(number: usize) -> String {
    if number == 0 { String::new() } else { format!(".{number}") }
}

fn within(guild: Option<u64>, id: &str) -> String {
    guild.map_or_else(|| id.to_owned(), |guild| format!("g{guild:x}:{id}"))
}

/// A key made from what it stands for, so that showing the same thing again keeps it once.
pub(crate) fn key_of(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..12])
}

/// The guild that a `custom_id` of a direct message names, and the rest of it.
pub(crate) fn guild(id: &str) -> (Option<u64>, &str) {
    let named = id.strip_prefix('g').and_then(|rest| rest.split_once(':'));
    match named.map(|(guild, rest)| (u64::from_str_radix(guild, 16), rest)) {
        Some((Ok(guild), rest)) => (Some(guild), rest),
        _ => (None, id),
    }
}

/// Reads a `custom_id` without its guild; `None` when it is none of ours, or of a version that no longer is.
pub(crate) fn read(id: &str) -> Option<Press> {
    let (head, rest) = id.split_once(':').unwrap_or((id, ""));
    let kind = head.split_once('.').map_or(head, |(kind, _)| kind);
    match kind {
        NO if rest.is_empty() => Some(Press::No { user: None }),
        NO => Some(Press::No { user: Some(u64::from_str_radix(rest, 16).ok()?) }),
        "a1" => Some(Press::Act { what: what(rest)?, confirmed: false }),
        "c1" => Some(Press::Act { what: what(rest)?, confirmed: true }),
        "s1" => Some(Press::Choose { what: what(rest)?, several: false }),
        "l1" => Some(Press::Choose { what: what(rest)?, several: true }),
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
    let (names, input) = text.split_once('|')?;
    let input = if input.is_empty() { Value::Null } else { serde_json::from_str(input).ok()? };
    let mut names = names.split('+').map(str::to_owned);
    let operation = names.next()?;
    Some(What::Inline(Stored { operation, input, fields: names.collect() }))
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

    fn act<'a>(operation: &'a str, input: &'a Value) -> Meant<'a> {
        Meant { intent: Intent::Act, operation, input, fields: &[] }
    }

    #[test]
    fn a_short_action_is_carried_whole() {
        let mut keep = Vec::new();
        let id = act("server start", &json!({"server": "survival"})).write(None, 0, &mut keep);
        assert_eq!(id, r#"a1:server start|{"server":"survival"}"#);
        let fields = ["reason".to_owned()];
        let id = Meant { fields: &fields, ..act("case edit", &Value::Null) }.write(Some(0x2a), 1, &mut keep);
        assert_eq!(id, "g2a:a1.1:case edit+reason|");
        assert!(keep.is_empty());
    }

    #[test]
    fn a_long_action_is_kept_once_under_a_key_of_its_content() {
        let mut keep = Vec::new();
        let input = json!({"line": "x".repeat(200)});
        let first = act("server send", &input).write(None, 0, &mut keep);
        let second = act("server send", &input).write(None, 0, &mut keep);
        assert_eq!(first, second);
        assert_eq!(keep[0], keep[1]);
        assert!(matches!(read(&first), Some(Press::Act { what: What::Kept(_), confirmed: false })));
    }

    #[test]
    fn buttons_from_before_an_update_are_still_read() {
        assert_eq!(read("n1"), Some(Press::No { user: None }));
        let stored: Stored = serde_json::from_value(json!({"operation": "ban", "input": {}})).unwrap();
        assert!(stored.fields.is_empty());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            operation in "[a-z+|=]{1,12}( [a-z]{1,12}){0,2}",
            text in ".{0,120}",
            fields in prop::collection::vec("[a-z_+|]{1,12}", 0..3),
            user: u64,
            until in 0..i64::MAX,
            number in 0..30usize,
            around in prop::option::of(any::<u64>()),
            several: bool,
        ) {
            let input = json!({"text": text});
            let stored = Stored { operation: operation.clone(), input: input.clone(), fields: fields.clone() };
            let intents =
                [Intent::Act, Intent::Confirmed, Intent::Form, Intent::Choose { several }, Intent::Yes { user, until }];
            for intent in intents {
                let mut keep = Vec::new();
                let meant = Meant { intent, operation: &operation, input: &input, fields: &fields };
                let id = meant.write(around, number, &mut keep);
                prop_assert!(id.chars().count() <= LONGEST);
                let what = match keep.pop() {
                    Some(Keep::Action { key, stored: kept }) => {
                        prop_assert_eq!(&kept, &stored);
                        What::Kept(key)
                    }
                    _ => What::Inline(stored.clone()),
                };
                let expected = match intent {
                    Intent::Act => Press::Act { what, confirmed: false },
                    Intent::Confirmed => Press::Act { what, confirmed: true },
                    Intent::Choose { several } => Press::Choose { what, several },
                    Intent::Form => Press::Form { what },
                    Intent::Yes { user, until } => Press::Yes { user, until, what },
                };
                let (found, rest) = guild(&id);
                prop_assert_eq!(found, around);
                prop_assert_eq!(read(rest), Some(expected));
            }
            let no = write_no(around, user, number);
            prop_assert_eq!(read(guild(&no).1), Some(Press::No { user: Some(user) }));
        }

        #[test]
        fn any_text_is_read_without_a_panic(id in ".{0,120}") {
            let _ = read(guild(&id).1);
        }
    }
}

//! What makes two errors the same: code, kind, operation and the shape of their causes.
//!
//! The shape of a text is what is left when everything that differs from one time to the next is taken out:
//! numbers, ids, quoted names, paths and addresses.

use std::{fmt, str::FromStr};

use guildhall_core::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A group of errors: 16 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of an error whose causes have this [`shape`].
    pub(crate) fn of(code: &str, kind: Kind, operation: &str, shape: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [code, kind.as_str(), operation, shape] {
            // The length keeps "ab" "c" apart from "a" "bc".
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self(hex::encode(&hash.finalize()[..8]))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 16 hexadecimal digits")]
pub struct BadFingerprint;

impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        let fits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if fits { Ok(Self(text.to_ascii_lowercase())) } else { Err(BadFingerprint) }
    }
}

/// Quotation marks, each with those that end it.
const QUOTES: &[(char, &[char])] = &[
    ('\'', &['\'']),
    ('"', &['"']),
    ('`', &['`']),
    ('“', &['”', '“']),
    ('„', &['“', '”']),
    ('‘', &['’']),
    ('«', &['»']),
];
/// A quotation is at most so many bytes long; a mark without its other half is an apostrophe.
const LONGEST_QUOTE: usize = 300;
/// Longer words are ids of some kind.
const LONGEST_WORD: usize = 32;

/// The shape of the first part of a text, at most `most` bytes long.
pub(crate) fn shape(text: &str, most: usize) -> String {
    let mut shape = String::with_capacity(most.min(text.len()));
    // What is said far behind tells groups apart no better, and reading it would cost more than all the rest.
    let mut rest = &text[..text.floor_char_boundary(most.saturating_mul(4))];
    let mut after_word = false;
    while let Some(first) = rest.chars().next() {
        if shape.len() >= most {
            break;
        }
        if let Some(end) = quotation(rest, first).filter(|_| !after_word) {
            shape.push('…');
            rest = &rest[end..];
            after_word = true;
        } else if is_word(first) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, left) = rest.split_at(end);
            // A full stop or a colon at the end is the sentence's.
            let bare = word.trim_end_matches(['.', ':', '-']);
            shape.push_str(shape_of_word(bare));
            shape.push_str(&word[bare.len()..]);
            rest = left;
            after_word = true;
        } else {
            // Any run of blanks and control characters is one blank.
            let blank = first.is_whitespace() || first.is_control();
            if !blank {
                shape.push(first);
            } else if !shape.ends_with(' ') {
                shape.push(' ');
            }
            rest = &rest[first.len_utf8()..];
            after_word = false;
        }
    }
    shape.truncate(shape.floor_char_boundary(most));
    shape.trim().to_owned()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '\\' | '@' | ':' | '%' | '+' | '~')
}

fn shape_of_word(word: &str) -> &str {
    if word.contains(['/', '\\']) && word.len() > 1 {
        "/…"
    } else if word.contains('@') {
        "@"
    } else if word.contains(|c: char| c.is_numeric()) || word.len() > LONGEST_WORD && !word.contains("::") {
        "#"
    } else {
        word
    }
}

/// Where a quotation that begins here ends.
fn quotation(text: &str, open: char) -> Option<usize> {
    let (_, closing) = QUOTES.iter().find(|(mark, _)| *mark == open)?;
    let inner = open.len_utf8();
    let window = &text[inner..text.floor_char_boundary(LONGEST_QUOTE.min(text.len())).max(inner)];
    let (at, mark) = window.char_indices().find(|(_, c)| closing.contains(c))?;
    Some(inner + at + mark.len_utf8())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> String {
        shape(text, 300)
    }

    #[test]
    fn what_differs_from_time_to_time_is_no_part_of_a_shape() {
        for (one, other) in [
            ("There is no server called 'survival'.", "There is no server called 'lobby 2'."),
            ("timed out after 30s", "timed out after 5s"),
            ("cannot open /var/lib/guildhall/a.db: denied", "cannot open /srv/b.db: denied"),
            ("row 018f3c1e-aaaa-7000-8000-000000000001 is gone", "row 5 is gone"),
            ("host ada@example.org refused", "host bob@example.net refused"),
            ("“Lobby” runs", "“Survival island” runs"),
            ("„Lobby“ läuft", "„Insel“ läuft"),
            ("token abcdefghijklmnopqrstuvwxyzabcdefghijkl", "token zyxwvutsrqponmlkjihgfedcbazyxwvutsrqp"),
        ] {
            assert_eq!(of(one), of(other));
        }
    }

    #[test]
    fn what_happened_is_kept() {
        assert_eq!(of("The query doesn't end: it isn't closed."), "The query doesn't end: it isn't closed.");
        assert_eq!(of("a  \n b"), "a b");
        assert_ne!(of("connection refused"), of("connection reset"));
        assert_eq!(of("it's 5 o'clock: 'x'"), "it's # o'clock: …");
    }

    #[test]
    fn groups_are_apart_by_each_of_their_parts() {
        let base = Fingerprint::of("internal", Kind::Bug, "server start", "x");
        assert_eq!(base, base.as_str().parse().unwrap());
        for other in [
            Fingerprint::of("other", Kind::Bug, "server start", "x"),
            Fingerprint::of("internal", Kind::Upstream, "server start", "x"),
            Fingerprint::of("internal", Kind::Bug, "server stop", "x"),
            Fingerprint::of("internal", Kind::Bug, "server start", "y"),
            Fingerprint::of("internal", Kind::Bug, "server startx", ""),
        ] {
            assert_ne!(base, other);
        }
        assert!("E-12345678".parse::<Fingerprint>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_has_a_bounded_shape(text in "\\PC{0,400}", most in 0_usize..200) {
            prop_assert!(shape(&text, most).len() <= most);
        }

        #[test]
        fn numbers_never_matter(a in any::<u64>(), b in any::<u64>()) {
            prop_assert_eq!(of(&format!("lost {a} of {b} lines")), of("lost 1 of 2 lines"));
        }
    }
}

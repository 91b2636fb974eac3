//! Blanks what must not leave with an error: secrets everywhere, and what tells of people where strangers read.
//!
//! Secrets that the program knows are found by value, also when they were percent-encoded, put into JSON or into
//! base64. Others are found by their shape: tokens, passwords in addresses, keys, webhooks.

use std::{
    borrow::Cow,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use guildhall_core::error::CUT;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::{Captures, Regex};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// What stands where a secret stood.
pub(crate) const BLANK: &str = "[secret]";
/// Shorter values are not looked for: they would blank ordinary words.
const SHORTEST: usize = 4;

/// Knows the secrets. Make one and share it.
pub struct Scrub {
    /// The longest first, so that a secret that is part of another leaves nothing of that one behind.
    values: Vec<String>,
    pepper: [u8; 32],
}

impl fmt::Debug for Scrub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrub").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

impl Scrub {
    /// For these secrets. Those of less than 4 bytes are left alone.
    pub fn new(secrets: &[SecretString], pepper: Option<&SecretString>) -> Self {
        let mut values = Vec::new();
        for secret in secrets {
            let secret = secret.expose_secret().trim();
            if secret.len() < SHORTEST {
                continue;
            }
            let json = serde_json::Value::from(secret).to_string();
            values.push(secret.to_owned());
            values.push(utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string());
            values.push(json.trim_matches('"').to_owned());
            values.push(STANDARD.encode(secret));
        }
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        let pepper = pepper.map_or_else(rand::random, |pepper| Sha256::digest(pepper.expose_secret()).into());
        Self { values, pepper }
    }

    /// The text without secrets.
    pub fn secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), BLANK));
            }
        }
        if text.contains(CUT) {
            text = Cow::Owned(self.before_cuts(&text));
        }
        for (shape, with) in SECRETS.iter() {
            if shape.is_match(&text) {
                text = Cow::Owned(shape.replace_all(&text, *with).into_owned());
            }
        }
        text
    }

    /// The text without what may be the beginning of a known secret where it was cut.
    fn before_cuts(&self, text: &str) -> String {
        let mut parts: Vec<Cow<'_, str>> = text.split(CUT).map(Cow::Borrowed).collect();
        // What follows the last one was not cut.
        let cut = parts.len() - 1;
        for part in &mut parts[..cut] {
            let whole = self.without_beginning(part).len();
            if whole < part.len() {
                *part = Cow::Owned(format!("{}{BLANK}", &part[..whole]));
            }
        }
        parts.join(&CUT.to_string())
    }

    /// The text without secrets and without what tells of people: e-mail and IP addresses, mentions, ids. An id
    /// becomes a [hash](Self::hash), so that one can still see whether two are the same.
    pub fn all<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = self.secrets(text);
        for (shape, how) in PEOPLE.iter() {
            if shape.is_match(&text) {
                text = Cow::Owned(
                    shape.replace_all(&text, |found: &Captures<'_>| self.person(*how, found)).into_owned(),
                );
            }
        }
        text
    }

    /// The text [without anything](Self::all), for a text that was cut: what may be the beginning of a known
    /// secret at its end goes as well.
    pub(crate) fn all_of_cut(&self, text: &str) -> String {
        self.all(self.without_beginning(text)).into_owned()
    }

    /// The text up to where the beginning of a known secret ends it, if one does.
    fn without_beginning<'a>(&self, text: &'a str) -> &'a str {
        let mut end = text.len();
        for value in &self.values {
            let begun = (SHORTEST..value.len()).rev().filter(|&length| value.is_char_boundary(length));
            for length in begun {
                if text.ends_with(&value[..length]) {
                    end = end.min(text.len() - length);
                    break;
                }
            }
        }
        &text[..end]
    }

    /// What stands for a person or a community where their id must not: the same for the same id, 12 digits.
    pub fn hash(&self, id: &str) -> String {
        let digest = Sha256::new().chain_update(self.pepper).chain_update(id.as_bytes()).finalize();
        hex::encode(&digest[..6])
    }

    fn person(&self, how: How, found: &Captures<'_>) -> String {
        let whole = found.get(0).map_or("", |whole| whole.as_str());
        match how {
            How::Mail => "[e-mail]".to_owned(),
            How::Mention => "[person]".to_owned(),
            How::Id => format!("[id {}]", self.hash(whole)),
            How::V4 if whole.parse::<Ipv4Addr>().is_ok() => "[address]".to_owned(),
            How::V6 => {
                let before = found.get(1).map_or("", |before| before.as_str());
                let address = found.get(2).map_or("", |address| address.as_str());
                // The end of a sentence or the colon before a port is no part of it.
                let bare = address.trim_end_matches('.');
                let bare = if bare.ends_with("::") { bare } else { bare.trim_end_matches(':') };
                match bare.parse::<Ipv6Addr>() {
                    Ok(_) => format!("{before}[address]{}", &address[bare.len()..]),
                    Err(_) => whole.to_owned(),
                }
            }
            How::V4 => whole.to_owned(),
        }
    }
}

/// How what tells of a person is replaced.
#[derive(Clone, Copy, Debug)]
enum How {
    Mail,
    Mention,
    Id,
    V4,
    V6,
}

fn compiled<T: Copy>(shapes: &[(&str, T)]) -> Vec<(Regex, T)> {
    // All of them are constants, and a test reads each.
    shapes.iter().filter_map(|(shape, with)| Some((Regex::new(shape).ok()?, *with))).collect()
}

static SECRETS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| compiled(SECRET_SHAPES));
static PEOPLE: LazyLock<Vec<(Regex, How)>> = LazyLock::new(|| compiled(PEOPLE_SHAPES));

const SECRET_SHAPES: &[(&str, &str)] = &[
    // A private key in PEM, also when its end is missing.
    (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)", BLANK),
    // User and password in an address; the second form is for passwords with a slash in them.
    (r#"(?i)\b([a-z][a-z0-9+.\-]*://)[^\s/@"'<>]+@"#, "${1}[secret]@"),
    (r#"(?i)\b([a-z][a-z0-9+.\-]*://[^\s/@:"'<>]*:)[^\s@"'<>]*@"#, "${1}[secret]@"),
    // https://discord.com/developers/docs/resources/webhook: the last part lets anybody write.
    (r"(?i)(/webhooks/\d+/)[\w\-]+", "${1}[secret]"),
    (r"(?i)(/interactions/\d+/)[\w\-]+", "${1}[secret]"),
    // The schemes of the header Authorization; words that sentences use as well need a longer credential.
    (r"(?i)\b(bearer\s+)[\w\-.~+/]{6,}=*", "${1}[secret]"),
    (r"(?i)\b((?:basic|bot|token|digest|sentry)\s+)[\w\-.~+/]{20,}=*", "${1}[secret]"),
    // Guildhall's own API tokens, and those of GitHub.
    (r"\b(?:gh[a-z]{0,2}|github_pat)_[A-Za-z0-9_]{16,}", BLANK),
    // A Discord bot's token: id, time and signature in base64. With letters of every language in it, this one alone
    // took a thousand times as long as the others together, and every call's record goes through here.
    (r"(?-u:\b)[0-9A-Za-z_\-]{23,30}\.[0-9A-Za-z_\-]{6,7}\.[0-9A-Za-z_\-]{27,}", BLANK),
    (r"\bmfa\.[\w\-]{20,}", BLANK),
    // A JSON web token, https://www.rfc-editor.org/rfc/rfc7519.
    (r"\beyJ[\w\-]{5,}\.[\w\-]+\.[\w\-]*", BLANK),
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", BLANK),
    // Anything that is called a secret.
    (
        r#"(?i)((?:password|passwd|passphrase|pwd|secret|token|api[_\-]?key|access[_\-]?key|private[_\-]?key|authorization|credential)s?["']?\s*[:=]\s*["']?)[^\s"'&,;\[\]][^\s"'&,;]*"#,
        "${1}[secret]",
    ),
];

const PEOPLE_SHAPES: &[(&str, How)] = &[
    (r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}", How::Mail),
    (r"<@[!&]?\d+>", How::Mention),
    (r"\b(?:\d{1,3}\.){3}\d{1,3}\b", How::V4),
    // What is before it keeps a path such as serde::de from being read as an address.
    (r"(^|[^\w:.])([0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)", How::V6),
    // Snowflakes have 17 to 20 digits.
    (r"\b\d{17,20}\b", How::Id),
];

#[cfg(test)]
mod tests {
    use guildhall_core::error::typed;
    use proptest::prelude::*;

    use super::*;

    fn scrub(secrets: &[&str]) -> Scrub {
        let secrets: Vec<SecretString> = secrets.iter().map(|&secret| secret.into()).collect();
        Scrub::new(&secrets, Some(&"pepper".into()))
    }

    #[test]
    fn every_shape_is_a_regular_expression() {
        assert_eq!(SECRETS.len(), SECRET_SHAPES.len());
        assert_eq!(PEOPLE.len(), PEOPLE_SHAPES.len());
    }

    #[test]
    fn a_known_secret_is_found_in_every_spelling() {
        let scrub = scrub(&["p4ss/w\"rd with blanks", "p4ss/w\"rd with blanks and more", "abc"]);
        for text in [
            "refused: p4ss/w\"rd with blanks!",
            "refused: p4ss/w\"rd with blanks and more!",
            "at https://x/?q=p4ss%2Fw%22rd%20with%20blanks&",
            r#"{"x":"p4ss/w\"rd with blanks"}"#,
            "cDRzcy93InJkIHdpdGggYmxhbmtz",
        ] {
            let said = scrub.secrets(text);
            assert!(said.contains(BLANK), "{said}");
            assert!(!said.contains("p4ss") && !said.contains("more") && !said.contains("cDRz"), "{said}");
        }
        assert_eq!(scrub.secrets("abc is too short to be one"), "abc is too short to be one");
    }

    #[test]
    fn secrets_are_known_by_their_shape() {
        let discord = format!("{}.{}.{}", "MTE4NzY1NDMyMTA5ODc2NTQzMg", "GabcDE", "x".repeat(38));
        let own = format!("gh_{}", "0f".repeat(32));
        for (text, leak) in [
            (format!("login failed with {discord}"), "GabcDE"),
            (format!("401 for Bot {discord}"), "GabcDE"),
            (format!("token {own} is unknown"), "0f0f"),
            ("Authorization: Bearer abcdef123456".to_owned(), "abcdef"),
            ("postgres://guild:hunter2@db/guild is away".to_owned(), "hunter2"),
            ("redis://:hunter2/x@cache:6379".to_owned(), "hunter2"),
            ("https://a1b2c3@o1.ingest.sentry.io/2".to_owned(), "a1b2c3"),
            ("POST https://discord.com/api/v10/webhooks/123/aBc-d_e failed".to_owned(), "aBc-d_e"),
            ("POST /interactions/123/aW50ZXJ/callback failed".to_owned(), "aW50ZXJ"),
            ("db_password=hunter2, again".to_owned(), "hunter2"),
            ("\"api_key\": \"hunter2\"".to_owned(), "hunter2"),
            ("jwt eyJhbGciOi.eyJzdWIi.sig-x".to_owned(), "sig-x"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n".to_owned(), "MIIabc"),
        ] {
            let said = scrub(&[]).secrets(&text).into_owned();
            assert!(!said.contains(leak) && said.contains(BLANK), "{text} became {said}");
        }
    }

    #[test]
    fn people_cannot_be_told_from_what_is_left() {
        let scrub = scrub(&[]);
        let text =
            "ada@example.org at 192.0.2.7:25565 and [2001:db8::1]:80 and ::1. was <@!42>, 118765432109876543";
        let said = scrub.all(text);
        for leak in ["ada", "192.0", "2001", "::1", "42>", "118765"] {
            assert!(!said.contains(leak), "{leak} is in {said}");
        }
        assert_eq!(
            scrub.all("serde::de::Error at 12:30:45, 300.1.1.1"),
            "serde::de::Error at 12:30:45, 300.1.1.1"
        );
        assert_eq!(scrub.hash("discord:1"), scrub.hash("discord:1"));
        assert_ne!(scrub.hash("discord:1"), scrub.hash("discord:2"));
        assert_ne!(scrub.hash("discord:1"), Scrub::new(&[], None).hash("discord:1"), "others cannot try ids");
    }

    #[test]
    fn a_sentence_stays_as_it_is() {
        let text = "The bot permissions of the token holder are too low: ask the secretary.";
        assert_eq!(scrub(&[]).all(text), text);
    }

    #[test]
    fn a_cut_does_not_leave_the_beginning_of_a_secret() {
        let scrub = scrub(&["correct horse battery"]);
        assert_eq!(scrub.all_of_cut("the words were: correct horse"), "the words were: ");
        let repeated = typed("is it correct horse battery?", 20);
        assert_eq!(repeated, "is it correct horse…");
        assert_eq!(scrub.secrets(&format!("'{repeated}' is wrong")), "'is it [secret]…' is wrong");
        assert_eq!(
            scrub.secrets("a list… of words… and correct horses"),
            "a list… of words… and correct horses"
        );
    }

    proptest! {
        #[test]
        fn no_known_secret_survives_anywhere(before in "\\PC{0,40}", after in "\\PC{0,40}", secret in "[!-~]{6,30}") {
            let scrub = scrub(&[&secret]);
            let text = format!("{before}{secret}{after}");
            // The blank itself may happen to hold what is asked for.
            prop_assume!(!BLANK.contains(&secret) && !before.contains(&secret) && !after.contains(&secret));
            let said = scrub.all(&text);
            prop_assert!(said.matches(secret.as_str()).count() == 0, "{said}");
            let _ = scrub.all_of_cut(&text);
        }
    }
}

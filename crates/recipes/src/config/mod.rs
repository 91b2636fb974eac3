//! Writes a game's configuration files: the recipe's keys are set, everything else of the file stays.
//!
//! Each format has its own writer, which escapes what it writes: a value can hold the format's own marks and
//! is still one value afterwards. Properties, INI, lines, TOML and XML keep comments and order; JSON and
//! YAML keep keys, order and values, but JSON has no comments and YAML's are lost.

mod ini;
mod json;
mod lines;
mod properties;
mod tree;
mod xml;
mod yaml;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::recipe::FileFormat;

/// An existing file above this is refused rather than rewritten.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Why a configuration file cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file holds something else than its format.
    #[error("the file is not {format}: {message}; mend it, or delete it to have a new one written")]
    Existing {
        /// The format's name.
        format: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The file is larger than 4 MiB.
    #[error("the file is larger than 4 MiB; delete it to have a new one written")]
    TooLarge,
    /// A key that the format cannot have.
    #[error("the key '{key}' cannot be written: {message}")]
    Key {
        /// The key.
        key: String,
        /// Why not.
        message: String,
    },
    /// A value that the format cannot hold.
    #[error("the value of '{key}' cannot be written: {message}")]
    Value {
        /// Its key.
        key: String,
        /// Why not.
        message: String,
    },
}

impl ConfigError {
    fn key(key: &str, message: impl Into<String>) -> Self {
        Self::Key { key: key.to_owned(), message: message.into() }
    }

    fn value(key: &str, message: impl Into<String>) -> Self {
        Self::Value { key: key.to_owned(), message: message.into() }
    }
}

/// The text of a file in which `values` are set and everything else is as in `existing`.
pub fn write(
    format: FileFormat,
    existing: Option<&str>,
    values: &BTreeMap<String, Json>,
) -> Result<String, ConfigError> {
    let existing = existing.unwrap_or_default();
    if existing.len() > MAX_BYTES {
        return Err(ConfigError::TooLarge);
    }
    // A byte order mark would become a part of the first key.
    let existing = existing.strip_prefix('\u{feff}').unwrap_or(existing);
    match format {
        FileFormat::Properties => properties::write(existing, values),
        FileFormat::Ini => ini::write(existing, values),
        FileFormat::Json => json::write(existing, values),
        FileFormat::Yaml => yaml::write(existing, values),
        FileFormat::Xml => xml::write(existing, values),
        FileFormat::Toml => tree::write_toml(existing, values),
        FileFormat::Lines => lines::write(existing, values),
        FileFormat::Text => Err(ConfigError::key("content", "a file of the format text has no values")),
    }
}

/// Checks without an existing file whether the format can hold these keys: for lint.
pub(crate) fn check_keys(format: FileFormat, values: &BTreeMap<String, Json>) -> Result<(), ConfigError> {
    write(format, None, values).map(drop)
}

/// A single value as text, for formats that know nothing else.
fn scalar(key: &str, value: &Json) -> Result<String, ConfigError> {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Bool(yes) => yes.to_string(),
        Json::Null => String::new(),
        Json::Array(_) | Json::Object(_) => {
            return Err(ConfigError::value(key, "this format has no lists or tables"));
        }
    };
    if text.contains(['\n', '\r', '\0']) {
        return Err(ConfigError::value(key, "a line end cannot stand in it"));
    }
    Ok(text)
}

/// Lines as a file: each ends, and nothing is no file.
fn joined(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMATS: [FileFormat; 7] = [
        FileFormat::Properties,
        FileFormat::Ini,
        FileFormat::Json,
        FileFormat::Yaml,
        FileFormat::Xml,
        FileFormat::Toml,
        FileFormat::Lines,
    ];

    /// A key that fits the format, and the value that stands there in a text, by a reader of its own.
    fn key(format: FileFormat) -> &'static str {
        match format {
            FileFormat::Xml => "Root/Key",
            FileFormat::Properties | FileFormat::Lines | FileFormat::Text => "key",
            FileFormat::Ini | FileFormat::Json | FileFormat::Yaml | FileFormat::Toml => "section.key",
        }
    }

    fn read(format: FileFormat, text: &str) -> Option<Json> {
        match format {
            FileFormat::Properties => properties::read(text).remove("key").map(Json::from),
            FileFormat::Ini => ini::read(text).remove("section.key").map(Json::from),
            FileFormat::Lines => lines::read(text).remove("key").map(Json::from),
            FileFormat::Xml => xml::read(text, "Root/Key").map(Json::from),
            FileFormat::Json => serde_json::from_str::<Json>(text).ok()?.pointer("/section/key").cloned(),
            FileFormat::Yaml => serde_saphyr::from_str::<Json>(text).ok()?.pointer("/section/key").cloned(),
            FileFormat::Toml => serde_json::to_value(toml::from_str::<toml::Value>(text).ok()?)
                .ok()?
                .pointer("/section/key")
                .cloned(),
            FileFormat::Text => None,
        }
    }

    fn one(format: FileFormat, value: impl Into<Json>) -> BTreeMap<String, Json> {
        BTreeMap::from([(key(format).to_owned(), value.into())])
    }

    #[test]
    fn typed_values_keep_their_type_where_the_format_has_types() {
        for format in [FileFormat::Json, FileFormat::Yaml, FileFormat::Toml] {
            for value in [
                Json::from(-7),
                true.into(),
                "true".into(),
                "7".into(),
                "null".into(),
                "1e3".into(),
                "~".into(),
            ] {
                let written = write(format, None, &one(format, value.clone())).expect("written");
                assert_eq!(read(format, &written), Some(value), "{format:?}: {written}");
            }
        }
    }

    #[test]
    fn what_the_recipe_does_not_name_stays() {
        let existing = [
            (FileFormat::Properties, "# note\nother=1\nkey=0\n"),
            (FileFormat::Ini, "; note\n[section]\nother = 1\nkey = 0\n"),
            (FileFormat::Json, "{\"section\":{\"other\":1,\"key\":0}}"),
            (FileFormat::Yaml, "section:\n  other: 1\n  key: 0\n"),
            (FileFormat::Xml, "<Root><!-- note --><Other>1</Other><Key>0</Key></Root>"),
            (FileFormat::Toml, "# note\n[section]\nother = 1 # one\nkey = 0 # two\n"),
            (FileFormat::Lines, "# note\nother 1\nkey 0\n"),
        ];
        for (format, text) in existing {
            let written = write(format, Some(text), &one(format, "new")).expect("written");
            assert_eq!(read(format, &written), Some("new".into()), "{format:?}: {written}");
            assert!(written.to_lowercase().contains("other"), "{format:?}: {written}");
            for note in ["note", "# one", "# two"].iter().filter(|note| text.contains(**note)) {
                assert!(written.contains(note), "{format:?}: {written}");
            }
            let again = write(format, Some(&written), &one(format, "new")).expect("written");
            assert_eq!(again, written, "{format:?}: writing twice changes nothing");
        }
    }

    #[test]
    fn a_file_that_is_no_such_file_is_refused_with_its_format() {
        for (format, text) in [
            (FileFormat::Json, "{"),
            (FileFormat::Yaml, "a: [b"),
            (FileFormat::Toml, "a = "),
            (FileFormat::Xml, "<a><b></a>"),
            (FileFormat::Json, "[1]"),
            (FileFormat::Xml, "<Other/>"),
        ] {
            let error = write(format, Some(text), &one(format, 1)).expect_err(text);
            assert!(matches!(error, ConfigError::Existing { .. } | ConfigError::Value { .. }), "{error}");
        }
        let large = "#".repeat(MAX_BYTES + 1);
        assert_eq!(
            write(FileFormat::Lines, Some(&large), &one(FileFormat::Lines, 1)),
            Err(ConfigError::TooLarge)
        );
    }

    #[test]
    fn a_value_cannot_start_a_line_of_its_own() {
        for format in [FileFormat::Properties, FileFormat::Ini, FileFormat::Lines, FileFormat::Xml] {
            for value in ["a\nop=true", "a\rop=true"] {
                assert!(write(format, None, &one(format, value)).is_err(), "{format:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(value in "\\PC{0,60}|[ -~äß€😀]{0,40}|[{}\\[\\]#;:=&<>'\"\\\\!,|@%`*~ -]{1,12}") {
            for format in FORMATS {
                match write(format, None, &one(format, value.as_str())) {
                    Ok(written) => {
                        prop_assert_eq!(read(format, &written), Some(value.as_str().into()), "{:?}: {}", format, written);
                    }
                    // These two have no way to write spaces around a value, and XML has no such characters.
                    Err(ConfigError::Value { .. }) => prop_assert!(
                        (value.trim() != value && matches!(format, FileFormat::Ini | FileFormat::Lines))
                            || format == FileFormat::Xml
                    ),
                    Err(other) => prop_assert!(false, "{}", other),
                }
            }
        }

        #[test]
        fn a_second_value_does_not_change_how_the_first_is_read(value in "[ -~]{1,30}", next in "[ -~]{1,30}") {
            for format in FORMATS {
                let Ok(first) = write(format, None, &one(format, value.as_str())) else { continue };
                let Ok(second) = write(format, Some(&first), &one(format, next.as_str())) else { continue };
                prop_assert_eq!(read(format, &second), Some(next.as_str().into()), "{:?}: {}", format, second);
            }
        }

        #[test]
        fn no_existing_file_panics(text in "\\PC*|[\\[\\]{}<>/=:#;'\" \\n\\r\\t\\\\a-z&-]{0,200}") {
            for format in FORMATS {
                if let Ok(written) = write(format, Some(&text), &one(format, "value")) {
                    prop_assert_eq!(read(format, &written), Some("value".into()), "{:?}: {}", format, written);
                }
            }
        }

        #[test]
        fn no_key_panics_or_breaks_out(key in "\\PC{0,30}|[\\n\\[\\]=.@/' a-z]{0,20}") {
            for format in FORMATS {
                let _ = write(format, None, &BTreeMap::from([(key.clone(), Json::from("value"))]));
            }
        }
    }
}

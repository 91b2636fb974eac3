//! What readers of values and of files say, in words for people.

use std::io;

/// Why a value does not fit, from what serde says. What is text or was to be is not repeated: it may be a secret.
pub fn unfit(message: &str) -> String {
    let told = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let told = told.and_then(|told| told.rsplit_once(", expected "));
    let Some((found, needed)) = told else { return told_otherwise(message) };
    match (found_words(found), needed) {
        (_, "a string") if found.starts_with("integer") || found.starts_with("floating") => {
            "is a number; text is needed, so put it in quotes.".to_owned()
        }
        (found, needed) => format!("is {found}; {} is needed.", needed_words(needed)),
    }
}

fn told_otherwise(message: &str) -> String {
    match message {
        "invalid socket address syntax" => {
            "is not an address with a port; write it like 127.0.0.1:8080.".to_owned()
        }
        other => other.to_owned(),
    }
}

fn found_words(found: &str) -> String {
    let (kind, value) = found.split_once(['`', '"']).unwrap_or((found, ""));
    match kind.trim() {
        "integer" | "floating point" => value.trim_end_matches('`').to_owned(),
        "boolean" => value.trim_end_matches('`').to_owned(),
        "string" | "character" => "text".to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "a section".to_owned(),
        "null" | "unit value" => "nothing".to_owned(),
        other => other.to_owned(),
    }
}

fn needed_words(needed: &str) -> &str {
    match needed {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" => "text",
        "path string" => "the path of a file or folder, as text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "socket address" => "an address with a port, such as 127.0.0.1:8080,",
        other if other.starts_with("struct ") => "a section with keys",
        other => other,
    }
}

/// Why a file or folder cannot be used.
pub fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not use it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "a part of its path is no folder".to_owned(),
        io::ErrorKind::InvalidData => "it is not text".to_owned(),
        io::ErrorKind::AddrInUse => "something else uses it".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "it cannot be written to".to_owned(),
        _ => without_number(&error.to_string()),
    }
}

/// The system's own words, without the number that it knows the error by.
fn without_number(text: &str) -> String {
    text.split(" (os error ").next().unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said_in_words() {
        let cases = [
            (
                "invalid type: string \"x, expected y\", expected u64",
                "is text; a whole number of 0 or more is needed.",
            ),
            ("invalid value: integer `-1`, expected u64", "is -1; a whole number of 0 or more is needed."),
            ("invalid type: boolean `true`, expected a string", "is true; text is needed."),
            (
                "invalid type: integer `5`, expected a string",
                "is a number; text is needed, so put it in quotes.",
            ),
            ("invalid type: floating point `1.5`, expected i32", "is 1.5; a whole number is needed."),
            ("invalid type: map, expected a sequence", "is a section; a list is needed."),
            ("invalid type: null, expected struct HttpSection", "is nothing; a section with keys is needed."),
            ("unknown field `lissten`, expected `listen`", "unknown field `lissten`, expected `listen`"),
        ];
        for (told, expected) in cases {
            assert_eq!(unfit(told), expected, "{told}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_said_in_words() {
        let missing = std::fs::read("/there/is/no/such/file").unwrap_err();
        assert_eq!(why(&missing), "there is no such file or folder");
        let folder = std::fs::read("/").unwrap_err();
        assert_eq!(why(&folder), "it is a folder");
        for number in 1..134 {
            let told = why(&io::Error::from_raw_os_error(number));
            assert!(!told.is_empty() && !told.contains("os error"), "{number}: {told}");
        }
    }
}

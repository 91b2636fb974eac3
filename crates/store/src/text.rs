//! Text as both databases take it.

use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

/// Text without the NUL character, which PostgreSQL refuses in a text column and a person may well send. It
/// becomes U+FFFD, as an undecodable byte would.
pub(crate) fn storable(text: impl Into<String>) -> String {
    let text = text.into();
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

/// JSON as text; its escapes make NUL harmless.
pub(crate) fn to_json<T: Serialize>(table: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::corrupt(table, error))
}

/// The value of JSON kept as text.
pub(crate) fn from_json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(table, error))
}

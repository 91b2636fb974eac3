//! What many operations are given alike.

use schemars::JsonSchema;
use serde::Deserialize;

/// Why something is done.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct Why {
    /// Why, or the name of a template in braces: {spam}
    #[serde(default)]
    #[schemars(length(max = 2000), extend("x-complete" = "reason"))]
    pub reason: Option<String>,
}

/// Why something is done to people, whether they are told, and what shows it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct Given {
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// Tell them nothing
    #[serde(default)]
    pub silent: Option<bool>,
    /// Links to what shows it, at most 10
    #[serde(default)]
    pub evidence: Vec<String>,
}

impl From<Why> for Given {
    fn from(why: Why) -> Self {
        Self { why, ..Self::default() }
    }
}

/// Seconds of messages that a ban deletes.
pub(super) fn delete_seconds(days: u8) -> u32 {
    u32::from(days) * 86_400
}

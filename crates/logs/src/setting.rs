//! What a community can set about its logs.

use guildhall_core::setting::{Setting, SettingKind};

/// Whether anything is logged at all.
pub const FEATURE: Setting = Setting {
    key: "features.logs",
    summary: "Write what happens in the guild to the log channels.",
    kind: SettingKind::Switch,
    default: "true",
};

/// Channels, roles, settings.
pub const AUDIT: Setting = Setting {
    key: "logs.audit",
    summary: "Where changes of channels, roles and settings are logged.",
    kind: SettingKind::Channel,
    default: "null",
};

/// Joins and leaves.
pub const JOINS: Setting = Setting {
    key: "logs.joins",
    summary: "Where joins and leaves are logged, with invite and account age.",
    kind: SettingKind::Channel,
    default: "null",
};

/// Edited and deleted messages.
pub const MESSAGES: Setting = Setting {
    key: "logs.messages",
    summary: "Where edited and deleted messages are logged.",
    kind: SettingKind::Channel,
    default: "null",
};

/// Voice.
pub const VOICE: Setting = Setting {
    key: "logs.voice",
    summary: "Where people entering, leaving and changing voice channels are logged.",
    kind: SettingKind::Channel,
    default: "null",
};

/// Channels left out.
pub const IGNORED: Setting = Setting {
    key: "logs.ignored_channels",
    summary: "Channels and categories of which nothing is logged.",
    kind: SettingKind::Channels,
    default: "[]",
};

/// Programs left out.
pub const BOTS: Setting = Setting {
    key: "logs.bots",
    summary: "Log edited and deleted messages of bots as well.",
    kind: SettingKind::Switch,
    default: "false",
};

/// How long what people wrote is kept.
pub const KEEP: Setting = Setting {
    key: "logs.keep_messages",
    summary: "How long messages are kept to show what was edited or deleted; not set: not at all.",
    kind: SettingKind::Duration { min: 60, max: 30 * 86_400 },
    // Nobody's words are kept before the staff has said for how long.
    default: "null",
};

/// Every setting that this crate reads.
pub const SETTINGS: &[&Setting] = &[&FEATURE, &AUDIT, &JOINS, &MESSAGES, &VOICE, &IGNORED, &BOTS, &KEEP];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_json_and_every_summary_fits_a_menu() {
        for setting in SETTINGS {
            assert!(serde_json::from_str::<serde_json::Value>(setting.default).is_ok(), "{}", setting.key);
            assert!(setting.summary.chars().count() <= 100, "{}", setting.key);
        }
    }
}

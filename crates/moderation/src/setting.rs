//! What a community sets for its moderation.

use guildhall_core::setting::{Setting, SettingKind};

/// Whether there is moderation at all.
pub const FEATURE: Setting = Setting {
    key: "features.moderation",
    summary: "Moderation: cases, jail, reports and appeals.",
    kind: SettingKind::Switch,
    default: "true",
};

/// The mod-log.
pub const MOD_LOG: Setting = Setting {
    key: "logs.moderation",
    summary: "Channel where every case is posted",
    kind: SettingKind::Channel,
    default: "null",
};
/// Where reports go.
pub const REPORT_LOG: Setting = Setting {
    key: "logs.reports",
    summary: "Staff channel for reports of members",
    kind: SettingKind::Channel,
    default: "null",
};
/// Where appeals go.
pub const APPEAL_LOG: Setting = Setting {
    key: "logs.appeals",
    summary: "Staff channel for appeals; until it is set, they go where reports go",
    kind: SettingKind::Channel,
    default: "null",
};
/// The role of those in jail.
pub const JAIL_ROLE: Setting = Setting {
    key: "jail.role",
    summary: "Role that members in jail have instead of their own",
    kind: SettingKind::Role,
    default: "null",
};
/// The one channel of those in jail.
pub const JAIL_CHANNEL: Setting = Setting {
    key: "jail.channel",
    summary: "Channel that members in jail still see",
    kind: SettingKind::Channel,
    default: "null",
};
/// Whether people are told.
pub const DM: Setting = Setting {
    key: "moderation.dm",
    summary: "Tell people by direct message what was done to them, and why",
    kind: SettingKind::Switch,
    default: "true",
};
/// Whether people may appeal.
pub const APPEALS: Setting = Setting {
    key: "moderation.appeals",
    summary: "Let people appeal with a button in that message",
    kind: SettingKind::Switch,
    default: "true",
};
/// What they are told about it.
pub const APPEAL_TEXT: Setting = Setting {
    key: "moderation.appeal_text",
    summary: "What people are told about appeals",
    kind: SettingKind::Text { min: 0, max: 500 },
    default: "\"If you think this is a mistake, you can appeal once. The staff reads every appeal.\"",
};
/// Templates of reasons.
pub const REASONS: Setting = Setting {
    key: "moderation.reasons",
    summary: "Reasons by name: {spam} in a reason stands for the text of spam",
    kind: SettingKind::Map { max: 1_000 },
    default: "{}",
};
/// What reaches the game servers.
pub const CARRY: Setting = Setting {
    key: "moderation.carry",
    summary: "What also keeps people out of the community's game servers",
    kind: SettingKind::Choice { of: &["none", "ban", "ban_and_jail"] },
    default: "\"none\"",
};
/// Which game servers.
pub const CARRY_SERVERS: Setting = Setting {
    key: "moderation.carry_servers",
    summary: "The game servers that this is about; none named is all of them",
    kind: SettingKind::Texts,
    default: "[]",
};
/// Whether what staff do by hand becomes cases.
pub const RECORD_BY_HAND: Setting = Setting {
    key: "moderation.record_by_hand",
    summary: "Make cases of bans and kicks that staff do in Discord itself",
    kind: SettingKind::Switch,
    default: "true",
};

/// Every setting that this crate reads.
pub const SETTINGS: &[&Setting] = &[
    &FEATURE,
    &MOD_LOG,
    &REPORT_LOG,
    &APPEAL_LOG,
    &JAIL_ROLE,
    &JAIL_CHANNEL,
    &DM,
    &APPEALS,
    &APPEAL_TEXT,
    &REASONS,
    &CARRY,
    &CARRY_SERVERS,
    &RECORD_BY_HAND,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_json_and_every_line_fits() {
        for setting in SETTINGS {
            assert!(
                serde_json::from_str::<serde_json::Value>(setting.default).is_ok(),
                "{}: its default is no JSON",
                setting.key
            );
            assert!(setting.summary.chars().count() <= 100, "{}: its line is too long", setting.key);
        }
    }
}

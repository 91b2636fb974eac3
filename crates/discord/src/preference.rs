//! What a community can set about how Guildhall speaks with it on Discord, and the messages of this crate.

use futures::FutureExt;
use guildhall_core::{
    TenantId,
    language::{Language, Locales},
    setting::{Setting, SettingKind, Settings},
};

/// What a message begins with that is meant for Guildhall.
pub const PREFIX: Setting = Setting {
    key: "general.prefix",
    summary: "What a message begins with that is a command, 1 to 5 characters",
    kind: SettingKind::Text { min: 1, max: 5 },
    default: "\"$\"",
};

/// The language that Guildhall speaks.
pub const LANGUAGE: Setting = Setting {
    key: "general.language",
    summary: "The language of answers: auto is each reader's own, as Discord knows it",
    kind: SettingKind::Choice { of: &["auto", "en", "de"] },
    default: "\"auto\"",
};

/// Everything that a community can set here.
pub const SETTINGS: &[&Setting] = &[&PREFIX, &LANGUAGE];

/// The messages of this crate.
pub const LOCALES: Locales =
    Locales { en: include_str!("../locales/en.ftl"), de: include_str!("../locales/de.ftl") };

/// The community's prefix; the default when it cannot be read.
pub(crate) async fn prefix(settings: &dyn Settings, tenant: &TenantId) -> String {
    let value = match settings.value(tenant, &PREFIX).await {
        Ok(value) => value,
        Err(error) => {
            tracing::warn!(%tenant, "the prefix cannot be read: {}", error.causes());
            PREFIX.default_value()
        }
    };
    value.as_str().unwrap_or_default().to_owned()
}

/// The prefix, if it can be had without waiting.
pub(crate) fn prefix_now(settings: &dyn Settings, tenant: &TenantId) -> Option<String> {
    prefix(settings, tenant).now_or_never()
}

/// The community's language, or the first that is spoken here of those that Discord names.
pub(crate) async fn language(
    settings: &dyn Settings,
    tenant: &TenantId,
    locales: [Option<&str>; 2],
) -> Language {
    let set = settings.value(tenant, &LANGUAGE).await.ok();
    let set = set.as_ref().and_then(|value| value.as_str()).and_then(|tag| tag.parse().ok());
    set.unwrap_or_else(|| Language::first(locales.into_iter().flatten()))
}

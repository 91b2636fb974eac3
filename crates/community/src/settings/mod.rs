//! Settings: the registry of all that any domain declares, and reading them.

mod fit;
mod operations;
mod shown;

use std::collections::BTreeMap;

use async_trait::async_trait;
use guildhall_core::{
    Call, Error, TenantId,
    setting::{Setting, SettingKind, Settings},
    suggest,
};
use serde_json::Value;

use crate::{Community, CommunityError, book::Book, change::Expected};

pub(crate) use fit::{check_in_guild, fit};
pub use operations::{
    ChangeData, ConfigGet, ConfigHistory, ConfigList, ConfigReset, ConfigSet, HistoryData, ListData,
    ResetData, SettingData, SettingKey,
};
pub(crate) use operations::{complete_key, no_section};
pub(crate) use shown::{change_cells, changes_table, in_words, typed, what_fits};

/// Whether members get a rank from what Discord lets them do, without any role having been given one.
pub const NATIVE: Setting = Setting {
    key: "ranks.native",
    summary: "Give ranks by what Discord's own permissions allow a member",
    kind: SettingKind::Switch,
    default: "true",
};

/// The settings of this domain.
pub const SETTINGS: &[&Setting] = &[&NATIVE];

/// Every setting of the installation, by key.
#[derive(Debug)]
pub(crate) struct Registry {
    settings: BTreeMap<&'static str, &'static Setting>,
}

impl Registry {
    /// Of all domains' settings; this one's are always in it.
    pub(crate) fn new(settings: impl IntoIterator<Item = &'static Setting>) -> Self {
        let all = settings.into_iter().chain(SETTINGS.iter().copied());
        Self { settings: all.map(|setting| (setting.key, setting)).collect() }
    }

    /// A setting by key.
    pub(crate) fn get(&self, key: &str) -> Option<&'static Setting> {
        self.settings.get(key).copied()
    }

    /// A setting by key, or the nearest keys.
    pub(crate) fn find(&self, key: &str) -> Result<&'static Setting, CommunityError> {
        let key = key.trim();
        self.get(key).ok_or_else(|| {
            let shown: String = key.chars().take(64).collect();
            let near = suggest::nearest(&shown, self.settings.keys().copied(), 3);
            CommunityError::SettingUnknown { near: near.into_iter().map(str::to_owned).collect(), key: shown }
        })
    }

    /// All of them, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Setting> {
        self.settings.values().copied()
    }

    /// The sections that have settings, in the order of the alphabet.
    pub(crate) fn sections(&self) -> Vec<&'static str> {
        let mut sections: Vec<_> = self.iter().map(Setting::section).collect();
        sections.dedup();
        sections
    }

    /// Takes out what does not fit the settings of this version of the program; it has its default then.
    pub(crate) fn drop_unfit(&self, book: &mut Book) {
        book.settings.retain(|key, kept| match self.get(key) {
            // Another process may know settings that this one does not; they are kept for it.
            None => true,
            Some(setting) => {
                let fits = fit(setting, &kept.value).is_ok_and(|value| value == kept.value);
                if !fits {
                    tracing::warn!(
                        key,
                        "a kept value no longer fits its setting, which is at its default now"
                    );
                }
                fits
            }
        });
    }
}

impl Book {
    /// The setting's value, or its default.
    pub(crate) fn value(&self, setting: &Setting) -> Value {
        self.settings.get(setting.key).map_or_else(|| setting.default_value(), |kept| kept.value.clone())
    }

    /// The number of the change that set it, 0 for a default.
    pub(crate) fn version(&self, key: &str) -> i64 {
        self.settings.get(key).map_or(0, |kept| kept.version)
    }

    /// Whether a switch is on.
    pub(crate) fn is_on(&self, setting: &Setting) -> bool {
        self.value(setting).as_bool().unwrap_or(false)
    }
}

#[async_trait]
impl Settings for Community {
    async fn value(&self, tenant: &TenantId, setting: &'static Setting) -> Result<Value, Error> {
        let book = self.book(tenant).await?;
        match book.settings.get(setting.key) {
            None => Ok(setting.default_value()),
            // What the registry knows was checked when the book was read.
            Some(kept) if self.registry().get(setting.key).is_some() => Ok(kept.value.clone()),
            Some(kept) => Ok(fit(setting, &kept.value).unwrap_or_else(|_| setting.default_value())),
        }
    }

    async fn set(&self, call: &Call, setting: &'static Setting, from: Value, to: Value) -> Result<(), Error> {
        let edit = self.edit_of(call, setting, &to).await?;
        let book = self.book(call.tenant()).await?;
        // No change has a number below zero, so what was not read from this book is answered as out of date.
        let seen = if book.value(setting) == from { book.version(setting.key) } else { -1 };
        self.apply(call, &[edit], Expected::Version(seen)).await?;
        Ok(())
    }
}

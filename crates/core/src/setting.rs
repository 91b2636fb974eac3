//! What a community can set: typed, documented, with a default, one name in every face.
//!
//! A domain declares its settings as constants and reads them through [`Settings`]; who keeps, caches and
//! changes them is not its business.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Call, Error, Kind, TenantId};

/// One thing that a community can set.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name, `section.words_with_underscores`; the section is the part before the dot.
    pub key: &'static str,
    /// What it is for, one line of at most 100 characters.
    pub summary: &'static str,
    /// What fits.
    pub kind: SettingKind,
    /// What holds until somebody sets it, as JSON; `null` is "not set" and fits every kind.
    pub default: &'static str,
}

/// What fits into a setting. Bounds are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum SettingKind {
    /// On or off.
    Switch,
    /// Text, in characters.
    Text {
        /// At least.
        min: u64,
        /// At most.
        max: u64,
    },
    /// Text with `{names}` that are filled in.
    Template {
        /// The names that may occur.
        names: &'static [&'static str],
        /// At most so many characters.
        max: u64,
    },
    /// A whole number.
    Integer {
        /// At least.
        min: i64,
        /// At most.
        max: i64,
    },
    /// A length of time, as [`Span`](crate::duration::Span) writes it.
    Duration {
        /// At least, in seconds.
        min: u64,
        /// At most, in seconds.
        max: u64,
    },
    /// One of these words.
    Choice {
        /// The words, at most 25 (Discord's limit for a menu).
        of: &'static [&'static str],
    },
    /// A channel.
    Channel,
    /// Several channels, at most 25.
    Channels,
    /// A role.
    Role,
    /// Several roles, at most 25.
    Roles,
    /// A colour, `#rrggbb`.
    Color,
    /// Several texts, each of at most 100 characters, at most 25 of them: names of servers, words.
    Texts,
    /// Names and texts, at most 25: reason templates.
    Map {
        /// At most so many characters a text.
        max: u64,
    },
}

impl Setting {
    /// The section: the part of the key before the dot.
    pub fn section(&self) -> &'static str {
        self.key.split('.').next().unwrap_or(self.key)
    }

    /// The default as a value. A default that is not JSON is a fault that a test of the declaring crate finds.
    pub fn default_value(&self) -> Value {
        serde_json::from_str(self.default).unwrap_or(Value::Null)
    }
}

/// Reads what a community has set.
#[async_trait]
pub trait Settings: Send + Sync {
    /// The value, or the default. It fits the setting's kind.
    async fn value(&self, tenant: &TenantId, setting: &'static Setting) -> Result<Value, Error>;

    /// Sets it for the caller's community, if it is still `from`, with all checks and traces that setting it in
    /// any other way has.
    ///
    /// # Errors
    ///
    /// When the value does not fit, when somebody else has changed it meanwhile, and `settings_fixed` where
    /// nothing keeps settings.
    async fn set(&self, call: &Call, setting: &'static Setting, from: Value, to: Value) -> Result<(), Error> {
        let _ = (call, from, to);
        let message = format!("Nothing here keeps settings, so {} stays as it is.", setting.key);
        Err(Error::new(Kind::Conflict, "settings_fixed", message)
            .remedy("Run Guildhall with a database.")
            .with("key", setting.key))
    }
}

/// Reads a setting as a type: `bool`, `String`, `i64`, [`Span`](crate::duration::Span), an id, or an `Option`
/// of these where the default is `null`.
pub async fn get<T: DeserializeOwned>(
    settings: &dyn Settings,
    tenant: &TenantId,
    setting: &'static Setting,
) -> Result<T, Error> {
    serde_json::from_value(settings.value(tenant, setting).await?).map_err(Error::bug)
}

/// Reads a setting of kind [`SettingKind::Duration`].
pub async fn duration(
    settings: &dyn Settings,
    tenant: &TenantId,
    setting: &'static Setting,
) -> Result<Option<Duration>, Error> {
    let span: Option<crate::duration::Span> = get(settings, tenant, setting).await?;
    Ok(span.map(crate::duration::Span::duration))
}

/// Every setting at its default: for what runs without a store, and for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults;

#[async_trait]
impl Settings for Defaults {
    async fn value(&self, _: &TenantId, setting: &'static Setting) -> Result<Value, Error> {
        Ok(setting.default_value())
    }
}

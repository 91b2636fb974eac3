//! What a community can set about how its errors are shown.

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Error, TenantId,
    setting::{self, Setting, SettingKind, Settings},
};

/// What may stand in a template.
pub(crate) const PLACEHOLDERS: &[&str] = &["message", "remedy", "reference", "command", "code"];

/// The colour.
pub const COLOR: Setting = Setting {
    key: "errors.color",
    summary: "The colour of error messages; none is red",
    kind: SettingKind::Color,
    default: "null",
};
/// The first line.
pub const TITLE: Setting = Setting {
    key: "errors.title",
    summary: "A title for error messages",
    kind: SettingKind::Template { names: PLACEHOLDERS, max: 100 },
    default: "null",
};
/// What comes before the message.
pub const INTRO: Setting = Setting {
    key: "errors.intro",
    summary: "A text before the error itself",
    kind: SettingKind::Template { names: PLACEHOLDERS, max: 300 },
    default: "null",
};
/// What comes after it.
pub const FOOTER: Setting = Setting {
    key: "errors.footer",
    summary: "A text after the error, such as where to ask for help",
    kind: SettingKind::Template { names: PLACEHOLDERS, max: 300 },
    default: "null",
};
/// How much is said.
pub const DETAIL: Setting = Setting {
    key: "errors.detail",
    summary: "short: the message alone; normal: with what to do; full: with code, kind and inputs",
    kind: SettingKind::Choice { of: &["short", "normal", "full"] },
    default: "\"normal\"",
};
/// Whether repeats are folded.
pub const FOLD: Setting = Setting {
    key: "errors.fold",
    summary: "Answer repeats of an error in one line",
    kind: SettingKind::Switch,
    default: "true",
};
/// For how long.
pub const FOLD_WINDOW: Setting = Setting {
    key: "errors.fold_window",
    summary: "How long the same error to the same person counts as a repeat",
    kind: SettingKind::Duration { min: 10, max: 3_600 },
    default: "\"1m\"",
};

/// The settings of this crate.
pub const SETTINGS: &[&Setting] = &[&COLOR, &TITLE, &INTRO, &FOOTER, &DETAIL, &FOLD, &FOLD_WINDOW];

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Detail {
    Short,
    #[default]
    Normal,
    Full,
}

/// A community's style.
#[derive(Clone, Debug, Default)]
pub(crate) struct Style {
    pub(crate) color: Option<u32>,
    pub(crate) title: Option<String>,
    pub(crate) intro: Option<String>,
    pub(crate) footer: Option<String>,
    pub(crate) detail: Detail,
    /// `None` folds nothing.
    pub(crate) window: Option<Duration>,
}

/// Who waits for an error's text waits no longer than this for its style.
const PATIENCE: Duration = Duration::from_millis(250);

impl Style {
    /// The community's style; the default one when it cannot be read at once. An error about an error would
    /// help nobody.
    pub(crate) async fn of(settings: &Arc<dyn Settings>, tenant: &TenantId) -> Self {
        let read = Self::read(settings.as_ref(), tenant);
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(style)) => style,
            Ok(Err(error)) => {
                tracing::debug!(code = error.code, "a community's style of errors cannot be read");
                Self { window: Some(Duration::from_secs(60)), ..Self::default() }
            }
            Err(_) => Self { window: Some(Duration::from_secs(60)), ..Self::default() },
        }
    }

    async fn read(settings: &dyn Settings, tenant: &TenantId) -> Result<Self, Error> {
        let color: Option<String> = setting::get(settings, tenant, &COLOR).await?;
        let detail: Option<String> = setting::get(settings, tenant, &DETAIL).await?;
        let fold: Option<bool> = setting::get(settings, tenant, &FOLD).await?;
        let window = setting::duration(settings, tenant, &FOLD_WINDOW).await?;
        Ok(Self {
            color: color.and_then(|text| u32::from_str_radix(text.strip_prefix('#')?, 16).ok()),
            title: template(setting::get(settings, tenant, &TITLE).await?),
            intro: template(setting::get(settings, tenant, &INTRO).await?),
            footer: template(setting::get(settings, tenant, &FOOTER).await?),
            detail: match detail.as_deref() {
                Some("short") => Detail::Short,
                Some("full") => Detail::Full,
                _ => Detail::Normal,
            },
            window: window.filter(|_| fold.unwrap_or(true)),
        })
    }
}

fn template(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Fills a template in. A name that nobody knows stays as it was written; what is filled in is not read again.
pub(crate) fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        text.push_str(before);
        let filled = from.find('}').and_then(|close| Some((value(&from[1..close])?, close)));
        match filled {
            Some((value, close)) => {
                text.push_str(&value);
                rest = &from[close + 1..];
            }
            None => {
                text.push('{');
                rest = &from[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_default_can_be_read() {
        for setting in SETTINGS {
            assert!(setting.default == "null" || !setting.default_value().is_null(), "{}", setting.key);
            assert!(setting.summary.len() <= 100 && setting.section() == "errors", "{}", setting.key);
        }
    }

    #[test]
    fn a_template_is_filled_in_once() {
        let value = |name: &str| (name == "message").then(|| "a {message} {}".to_owned());
        assert_eq!(fill("{message}: {other} {message", value), "a {message} {}: {other} {message");
        assert_eq!(fill("{{message}}", value), "{a {message} {}}");
    }

    proptest! {
        #[test]
        fn any_template_is_filled_in_without_a_panic(template in "[{}a-zé]{0,60}") {
            let _ = fill(&template, |name| (name == "a").then(|| "é".to_owned()));
        }
    }
}

//! `config set`, `get`, `list`, `reset` and `history`.

use std::{future::Future, pin::Pin};

use guildhall_core::{
    Action, Actor, Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone,
    document::Style,
    guild::Guild,
    operation::{About, Choice},
    setting::{Setting, SettingKind},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{change_cells, check_in_guild, fit, in_words, typed, what_fits};
use crate::{
    Community, CommunityError,
    book::Book,
    change::{Edit, Entry, Expected, Subject},
    error::Misfit,
};

/// Lines of history in one answer.
const LINES: u64 = 20;

/// A setting as people name it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SettingKey(#[schemars(length(min = 1, max = 64), extend("x-complete" = "setting"))] pub String);

/// A setting and its value.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SettingData {
    /// Its name.
    pub key: String,
    /// What it is for.
    pub summary: String,
    /// What it takes, in words.
    pub fits: String,
    /// What holds now.
    pub value: Value,
    /// What holds when nobody sets it.
    pub default: Value,
    /// Whether somebody has set it.
    pub set: bool,
    /// The number of the change that set it, 0 when nobody has: give it back with `config set` to change the
    /// setting only if nobody else has meanwhile.
    pub version: i64,
}

/// Several settings.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ListData {
    /// By key.
    pub settings: Vec<SettingData>,
}

impl SettingData {
    fn of(setting: &Setting, book: &Book) -> Self {
        Self {
            key: setting.key.to_owned(),
            summary: setting.summary.to_owned(),
            fits: what_fits(setting),
            value: book.value(setting),
            default: setting.default_value(),
            set: book.settings.contains_key(setting.key),
            version: book.version(setting.key),
        }
    }
}

impl Community {
    /// Reads a value for a setting as the edit that sets it.
    pub(crate) async fn edit_of(
        &self,
        call: &Call,
        setting: &Setting,
        value: &Value,
    ) -> Result<Edit, CommunityError> {
        let unfit = |misfit| CommunityError::Unfit { field: setting.key.to_owned(), misfit };
        let value = fit(setting, value).map_err(unfit)?;
        check_in_guild(self.guilds(), call.tenant(), setting, &value).await.map_err(unfit)?;
        // What is the default anyway is not kept: it follows the default when that changes.
        let to = (!value.is_null() && value != setting.default_value()).then_some(value);
        Ok(Edit::Setting { key: setting.key.to_owned(), to })
    }
}

pub(crate) fn complete_key<'a>(
    community: &'a Community,
    _: &'a Actor,
    partial: &'a str,
) -> Pin<Box<dyn Future<Output = Result<Vec<Choice>, Error>> + Send + 'a>> {
    Box::pin(async move {
        let wanted = partial.to_lowercase();
        let fitting = community.registry().iter().filter(|setting| {
            setting.key.contains(&wanted) || setting.summary.to_lowercase().contains(&wanted)
        });
        let choices = fitting.take(25).map(|setting| Choice {
            value: setting.key.to_owned(),
            label: format!("{} – {}", setting.key, setting.summary).chars().take(100).collect(),
        });
        Ok(choices.collect())
    })
}

/// Changes a setting.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConfigSet {
    /// Which setting, such as `logs.moderation`.
    pub key: SettingKey,
    /// Its new value; `config get` says what fits. Nothing gives the default again.
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub value: Option<String>,
    /// Its new values, for a setting that has several.
    #[serde(default)]
    pub values: Option<Vec<String>>,
    /// Change it only if this is still its version.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub version: Option<i64>,
    /// Answer with this page of its section.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub page: Option<u32>,
}

impl Operation for ConfigSet {
    type Domain = Community;
    type Output = SettingData;

    const NAME: &'static str = "config set";
    const SUMMARY: &'static str = "Change a setting of this community";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] =
        &["config set key:general.prefix value:!", "config set key:logs.moderation value:#mod-log"];
    const ABOUT: Option<About> = Some(About { noun: "setting", verb: "set", item: Some("key") });

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<SettingData>, Error> {
        let setting = community.registry().find(&self.key.0)?;
        let value = match (self.value, self.values) {
            (Some(value), None) => Value::from(value),
            (None, Some(values))
                if matches!(
                    setting.kind,
                    SettingKind::Channels | SettingKind::Roles | SettingKind::Texts
                ) =>
            {
                values.into()
            }
            // A menu for one thing may hand over a list of one, or of none.
            (None, Some(values)) if values.len() <= 1 => values.into_iter().next().unwrap_or_default().into(),
            (None, None) => Value::Null,
            _ => {
                let message = "is for settings that have several values; use “value”.";
                let misfit = Misfit::new("setting_one_value", message);
                return Err(CommunityError::Unfit { field: "values".to_owned(), misfit }.into());
            }
        };
        let edit = community.edit_of(call, setting, &value).await?;
        let expected = self.version.map_or(Expected::Anything, Expected::Version);
        let changed = community.apply(call, &[edit], expected).await?;
        let book = community.book(call.tenant()).await?;
        let data = SettingData::of(setting, &book);
        if let Some(page) = self.page {
            return Ok(Answer::new(data, community.page(call, setting.section(), page, None).await?));
        }
        let guild = community.guild(call.tenant()).await;
        let now = in_words(setting, &data.value, guild.as_ref());
        let line = match changed.first() {
            None => Rich::new().code(setting.key).text(" is already ").strong(now).text("."),
            Some(_) => Rich::new().code(setting.key).text(" is now ").strong(now).text("."),
        };
        let document = Document::default().tone(Tone::Good).text(line);
        Ok(Answer::new(data, document.action(open_section(setting.section()))))
    }
}

/// Shows a setting.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConfigGet {
    /// Which setting, such as `logs.moderation`.
    pub key: SettingKey,
}

impl Operation for ConfigGet {
    type Domain = Community;
    type Output = SettingData;

    const NAME: &'static str = "config get";
    const SUMMARY: &'static str = "Show a setting, what it takes and who set it";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["config get key:general.prefix"];
    const ABOUT: Option<About> = Some(About { noun: "setting", verb: "show", item: Some("key") });

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<SettingData>, Error> {
        let setting = community.registry().find(&self.key.0)?;
        let book = community.book(call.tenant()).await?;
        let guild = community.guild(call.tenant()).await;
        let data = SettingData::of(setting, &book);
        let words = |value: &Value| in_words(setting, value, guild.as_ref());
        let mut document = Document::titled(setting.key)
            .text(format!("{}.", setting.summary))
            .field("value", Rich::new().strong(words(&data.value)))
            .field("default", words(&data.default))
            .field("takes", data.fits.as_str());
        if data.set {
            let newest =
                community.history(call.tenant(), Some((Subject::Setting, setting.key)), None, 1).await?;
            if let Some(entry) = newest.first() {
                document =
                    document.field("set", Rich::new().text(entry.by.as_str()).text(", ").ago(entry.at));
            }
        }
        let long = typed(&data.value);
        if long.chars().count() > 300 {
            document = document.code(long.as_str());
        }
        let input = json!({"key": setting.key, "value": long});
        document = document.action(Action::new("Change", "config set", input).asking(&["value"]));
        if data.set {
            let input = json!({"key": setting.key});
            document = document.action(Action::new("Reset", "config reset", input).style(Style::Danger));
        }
        Ok(Answer::new(data, document))
    }
}

/// Lists settings.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConfigList {
    /// Only this section, such as `logs`.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub section: Option<String>,
    /// Only what somebody has set.
    #[serde(default)]
    pub set: Option<bool>,
}

impl Operation for ConfigList {
    type Domain = Community;
    type Output = ListData;

    const NAME: &'static str = "config list";
    const SUMMARY: &'static str = "List the settings of this community and their values";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["config list", "config list section:logs"];
    const ABOUT: Option<About> = Some(About { noun: "setting", verb: "list", item: None });

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<ListData>, Error> {
        let book = community.book(call.tenant()).await?;
        let guild = community.guild(call.tenant()).await;
        let wanted = self.section.as_deref().map(str::trim).filter(|section| !section.is_empty());
        let registry = community.registry();
        if let Some(section) = wanted.filter(|section| !registry.sections().contains(section)) {
            let known: Vec<String> = registry.sections().into_iter().map(str::to_owned).collect();
            return Err(no_section(section, &known).into());
        }
        let listed =
            registry.iter().filter(|setting| wanted.is_none_or(|section| setting.section() == section));
        let listed: Vec<&Setting> = listed
            .filter(|setting| self.set != Some(true) || book.settings.contains_key(setting.key))
            .collect();
        let mut document = Document::titled("Settings");
        let mut section = "";
        for setting in &listed {
            if setting.section() != section {
                section = setting.section();
                document = document.heading(section);
            }
            document = document.field(setting.key, line(setting, &book, guild.as_ref()));
        }
        if listed.is_empty() {
            document = document.text("Everything is at its default.");
        }
        let settings = listed.into_iter().map(|setting| SettingData::of(setting, &book)).collect();
        Ok(Answer::new(ListData { settings }, document))
    }
}

fn line(setting: &Setting, book: &Book, guild: Option<&Guild>) -> Rich {
    let words = in_words(setting, &book.value(setting), guild);
    match book.settings.contains_key(setting.key) {
        true => Rich::new().strong(words),
        false => Rich::new().text(words),
    }
}

/// What was reset.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ResetData {
    /// The keys that had a value of their own.
    pub reset: Vec<String>,
}

/// Gives settings their defaults again.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConfigReset {
    /// One setting.
    #[serde(default)]
    pub key: Option<SettingKey>,
    /// All settings of a section, instead of one.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub section: Option<String>,
    /// Answer with this page of the section.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub page: Option<u32>,
}

impl Operation for ConfigReset {
    type Domain = Community;
    type Output = ResetData;

    const NAME: &'static str = "config reset";
    const SUMMARY: &'static str = "Give a setting, or all of a section, its default again";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Destroy;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] =
        &["config reset key:general.prefix", "config reset section:logs"];
    const ABOUT: Option<About> = Some(About { noun: "setting", verb: "delete", item: Some("key") });

    fn question(&self) -> String {
        let cut = |text: &str| text.chars().take(64).collect::<String>();
        match (&self.key, &self.section) {
            (Some(key), None) => format!("{} gets its default again. Do it?", cut(&key.0)),
            (_, Some(section)) => {
                format!("Every setting of the section {} gets its default again. Do it?", cut(section))
            }
            (None, None) => "Nothing is named; name a setting or a section.".to_owned(),
        }
    }

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<ResetData>, Error> {
        let settings: Vec<&Setting> = match (&self.key, self.section.as_deref()) {
            (Some(key), None) => vec![community.registry().find(&key.0)?],
            (None, Some(section)) => {
                community.registry().iter().filter(|setting| setting.section() == section.trim()).collect()
            }
            _ => {
                let misfit = Misfit::new("section_or_key", "or section is wanted: name one of the two.");
                return Err(CommunityError::Unfit { field: "key".to_owned(), misfit }.into());
            }
        };
        let Some(section) = settings.first().map(|setting| setting.section()) else {
            let known: Vec<String> = community.registry().sections().into_iter().map(str::to_owned).collect();
            return Err(no_section(self.section.as_deref().unwrap_or_default(), &known).into());
        };
        let edits = settings.iter().map(|setting| Edit::Setting { key: setting.key.to_owned(), to: None });
        let changed = community.apply(call, &edits.collect::<Vec<_>>(), Expected::Anything).await?;
        let reset: Vec<String> = changed.into_iter().map(|change| change.name).collect();
        let document = match (self.page, reset.as_slice()) {
            (Some(page), _) => community.page(call, section, page, None).await?,
            (None, []) => Document::default().tone(Tone::Good).text("That was at its default already."),
            (None, keys) => {
                let text = format!("At the default again: {}.", keys.join(", "));
                Document::default().tone(Tone::Good).text(text).action(open_section(section))
            }
        };
        Ok(Answer::new(ResetData { reset }, document))
    }
}

/// One change.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChangeData {
    /// Its number; they have no gaps.
    pub number: i64,
    /// When, RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub at: OffsetDateTime,
    /// Who, as they were called then.
    pub by: String,
    /// `setting`, `rank`, `role` or `requirement`.
    pub subject: String,
    /// Which of them.
    pub name: String,
    /// What it was; nothing for the default.
    pub from: Option<Value>,
    /// What it is since; nothing for the default.
    pub to: Option<Value>,
}

/// Changes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HistoryData {
    /// The newest first.
    pub changes: Vec<ChangeData>,
}

impl From<Entry> for ChangeData {
    fn from(entry: Entry) -> Self {
        let Entry { number, at, by, change } = entry;
        let subject = change.subject.as_str().to_owned();
        Self { number, at, by, subject, name: change.name, from: change.from, to: change.to }
    }
}

/// Shows who changed what.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConfigHistory {
    /// Only this setting.
    #[serde(default)]
    pub key: Option<SettingKey>,
    /// Only changes before the one with this number.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub before: Option<i64>,
}

impl Operation for ConfigHistory {
    type Domain = Community;
    type Output = HistoryData;

    const NAME: &'static str = "config history";
    const SUMMARY: &'static str = "Show who changed which setting, rank or requirement, and when";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Read;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["config history", "config history key:general.prefix"];
    const ABOUT: Option<About> = Some(About { noun: "setting", verb: "history", item: None });

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<HistoryData>, Error> {
        let setting = self.key.map(|key| community.registry().find(&key.0)).transpose()?;
        let of = setting.map(|setting| (Subject::Setting, setting.key));
        let mut entries = community.history(call.tenant(), of, self.before, LINES + 1).await?;
        let more = entries.len() as u64 > LINES;
        entries.truncate(usize::try_from(LINES).unwrap_or(usize::MAX));
        let guild = community.guild(call.tenant()).await;
        let rows = entries.iter().map(|entry| {
            let mut row = vec![Rich::new().ago(entry.at), entry.by.as_str().into()];
            row.extend(change_cells(community.registry(), guild.as_ref(), &entry.change));
            row
        });
        let mut document = match entries.is_empty() {
            true => Document::titled("Changes").text("Nobody has changed anything yet."),
            false => {
                Document::titled("Changes").table(&["when", "who", "what", "from", "to"], rows.collect())
            }
        };
        if let Some(last) = entries.last().filter(|_| more) {
            let input = json!({"key": setting.map(|setting| setting.key), "before": last.number});
            document = document.action(Action::new("Older", "config history", input));
        }
        let changes = entries.into_iter().map(ChangeData::from).collect();
        Ok(Answer::new(HistoryData { changes }, document))
    }
}

/// There is no such section.
pub(crate) fn no_section(section: &str, known: &[String]) -> CommunityError {
    let section: String = section.chars().take(32).collect();
    let known = known.join(", ");
    let misfit = Misfit::new("section_unknown", format!("there is no '{section}'; there are: {known}."));
    CommunityError::Unfit {
        field: "section".to_owned(),
        misfit: misfit.with("section", section).with("known", known),
    }
}

fn open_section(section: &str) -> Action {
    Action::new("Open the section", "config open", json!({"section": section}))
}

//! `config export`, `import` and `diff`.

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone, document::Style,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::file::{self, Format};
use crate::{
    Community,
    change::{Change, Edit, Expected},
    settings::changes_table,
};

/// Changes shown of an import; the rest is counted.
const SHOWN: usize = 40;

/// A configuration as a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExportData {
    /// How it is written.
    pub format: Format,
    /// The file.
    pub text: String,
}

/// Writes the configuration as a file.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConfigExport {
    /// How to write it.
    #[serde(default)]
    pub format: Format,
}

impl Operation for ConfigExport {
    type Domain = Community;
    type Output = ExportData;

    const NAME: &'static str = "config export";
    const SUMMARY: &'static str = "Write the settings, ranks and requirements of this community as a file";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["config export format:yaml"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<ExportData>, Error> {
        let book = community.book(call.tenant()).await?;
        let text = file::write(&book, self.format)?;
        let document = Document::titled(format!("The configuration as {}", self.format.name()))
            .text("What is at its default is left out.")
            .code(text.as_str());
        Ok(Answer::new(ExportData { format: self.format, text }, document))
    }
}

/// What an import changes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImportData {
    /// Whether it has been done; a preview has not.
    pub applied: bool,
    /// What is different.
    pub changes: Vec<DifferenceData>,
    /// Give it to `config import` to apply exactly this preview.
    pub revision: i64,
}

/// Something that is different.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DifferenceData {
    /// `setting`, `rank`, `role` or `requirement`.
    pub subject: String,
    /// Which of them.
    pub name: String,
    /// What it is; nothing for the default.
    pub from: Option<serde_json::Value>,
    /// What the file makes it; nothing for the default.
    pub to: Option<serde_json::Value>,
}

impl From<&Change> for DifferenceData {
    fn from(change: &Change) -> Self {
        let Change { subject, name, from, to } = change.clone();
        Self { subject: subject.as_str().to_owned(), name, from, to }
    }
}

/// Reads a configuration from a file: first a preview, then, when you press the button, for real.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConfigImport {
    /// The file's text.
    #[schemars(length(min = 1, max = 65536))]
    pub text: String,
    /// How it is written.
    #[serde(default)]
    pub format: Format,
    /// Also reset what the file does not name.
    #[serde(default)]
    pub replace: Option<bool>,
    /// Apply it, if nothing has changed since the preview that named this number.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub revision: Option<i64>,
}

impl Operation for ConfigImport {
    type Domain = Community;
    type Output = ImportData;

    const NAME: &'static str = "config import";
    const SUMMARY: &'static str =
        "Read a configuration from a file; shows what would change before it changes";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["config import format:toml text:…"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<ImportData>, Error> {
        let replace = self.replace.unwrap_or(false);
        let (edits, changes, revision) =
            differences(community, call, self.format, &self.text, replace).await?;
        if let Some(seen) = self.revision {
            let made = community.apply(call, &edits, Expected::Revision(seen)).await?;
            let text = match made.len() {
                0 => "Everything was so already.".to_owned(),
                1 => "1 change was made.".to_owned(),
                many => format!("{many} changes were made."),
            };
            let document = Document::titled("Imported").tone(Tone::Good).text(text);
            let changes = made.iter().map(DifferenceData::from).collect();
            let revision = community.book(call.tenant()).await?.revision;
            return Ok(Answer::new(ImportData { applied: true, changes, revision }, document));
        }
        let mut document = preview(community, call, &changes).await;
        if !changes.is_empty() {
            let input = json!({
                "text": self.text, "format": self.format, "replace": replace, "revision": revision,
            });
            let apply = Action::new("Apply these changes", "config import", input).style(Style::Danger);
            document = document.text("Nothing has been changed yet.").action(apply);
        }
        let changes = changes.iter().map(DifferenceData::from).collect();
        Ok(Answer::new(ImportData { applied: false, changes, revision }, document))
    }
}

/// Compares a file with the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConfigDiff {
    /// The file's text.
    #[schemars(length(min = 1, max = 65536))]
    pub text: String,
    /// How it is written.
    #[serde(default)]
    pub format: Format,
    /// Also count what the file does not name.
    #[serde(default)]
    pub replace: Option<bool>,
}

impl Operation for ConfigDiff {
    type Domain = Community;
    type Output = ImportData;

    const NAME: &'static str = "config diff";
    const SUMMARY: &'static str = "Show how a file differs from the configuration, and check it line by line";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["config diff format:toml text:…"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<ImportData>, Error> {
        let replace = self.replace.unwrap_or(false);
        let (_, changes, revision) = differences(community, call, self.format, &self.text, replace).await?;
        let document = preview(community, call, &changes).await;
        let changes = changes.iter().map(DifferenceData::from).collect();
        Ok(Answer::new(ImportData { applied: false, changes, revision }, document))
    }
}

async fn differences(
    community: &Community,
    call: &Call,
    format: Format,
    text: &str,
    replace: bool,
) -> Result<(Vec<Edit>, Vec<Change>, i64), Error> {
    let book = community.book(call.tenant()).await?;
    let edits = file::read(community, call, &book, format, text, replace).await?;
    let changes = edits.iter().filter_map(|edit| edit.against(&book)).collect();
    Ok((edits, changes, book.revision))
}

async fn preview(community: &Community, call: &Call, changes: &[Change]) -> Document {
    if changes.is_empty() {
        return Document::titled("No difference").text("The configuration is already like the file.");
    }
    let what =
        if changes.len() == 1 { "1 difference".to_owned() } else { format!("{} differences", changes.len()) };
    let shown = &changes[..SHOWN.min(changes.len())];
    let guild = community.guild(call.tenant()).await;
    let document = changes_table(Document::titled(what), community.registry(), guild.as_ref(), shown);
    match changes.len() - shown.len() {
        0 => document,
        left => document.text(Rich::new().text(format!("… and {left} more."))),
    }
}

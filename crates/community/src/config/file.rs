//! The configuration as a file: writing it, and reading it as edits, each problem with its line.

use guildhall_core::{
    Call, Error, FieldError, Rank, error::Vars, guild::RoleId, language::Language, setting::Setting, suggest,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::format::{self, Content, Node};
use crate::{
    Community, CommunityError,
    book::{Book, RankText},
    change::Edit,
    error::{Misfit, at_line},
    ranks::find,
    settings::{check_in_guild, fit},
};

/// Entries of a file; a full configuration has fewer than half of that.
const MOST_ENTRIES: usize = 2_000;
/// Problems named at once.
const MOST_PROBLEMS: usize = 20;

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// TOML.
    #[default]
    Toml,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// The format's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
            Self::Json => "JSON",
        }
    }
}

/// Writes everything that a community has set. What is at its default is left out.
pub(super) fn write(book: &Book, format: Format) -> Result<String, Error> {
    let mut settings: Map<String, Value> = Map::new();
    for (key, kept) in &book.settings {
        let (section, name) = key.split_once('.').unwrap_or(("general", key));
        let members = settings.entry(section).or_insert_with(|| json!({}));
        if let Some(members) = members.as_object_mut() {
            members.insert(name.to_owned(), kept.value.clone());
        }
    }
    let ranks: Map<String, Value> = book
        .ranks
        .iter()
        .map(|(level, text)| (level.to_string(), json!({"name": text.name, "description": text.description})))
        .collect();
    let roles: Map<String, Value> =
        book.roles.iter().map(|(role, rank)| (role.to_string(), json!(rank))).collect();
    let requirements: Map<String, Value> =
        book.requirements.iter().map(|(name, rank)| (name.clone(), json!(rank))).collect();
    let whole = json!({"settings": settings, "ranks": ranks, "roles": roles, "requirements": requirements});
    match format {
        Format::Toml => toml::to_string_pretty(&whole).map_err(Error::bug),
        Format::Yaml => serde_saphyr::to_string(&whole).map_err(Error::bug),
        Format::Json => serde_json::to_string_pretty(&whole).map_err(Error::bug),
    }
}

/// Reads a file as the edits that make the book like it, or says what is wrong in which lines.
pub(super) async fn read(
    community: &Community,
    call: &Call,
    book: &Book,
    format: Format,
    text: &str,
    replace: bool,
) -> Result<Vec<Edit>, CommunityError> {
    let root = format::read(format, text)?;
    let mut reader = Reader {
        community,
        call,
        authority: community.authority(&call.actor).await,
        staged: book.clone(),
        entries: 0,
        edits: Vec::new(),
        problems: Vec::new(),
    };
    reader.root(&root).await?;
    if replace {
        reader.reset_the_rest(book);
    }
    match reader.problems.is_empty() {
        true => Ok(reader.edits),
        false => {
            // Parts are read in another order than they may stand in.
            reader.problems.sort_by_key(|(line, _)| *line);
            Err(CommunityError::FileUnfit(reader.problems.into_iter().map(|(_, problem)| problem).collect()))
        }
    }
}

struct Reader<'a> {
    community: &'a Community,
    call: &'a Call,
    authority: u8,
    /// The book with the edits so far.
    staged: Book,
    entries: usize,
    edits: Vec<Edit>,
    /// Each with its line.
    problems: Vec<(u64, FieldError)>,
}

impl Reader<'_> {
    async fn root(&mut self, root: &Node) -> Result<(), CommunityError> {
        let whole = match self.call.language {
            Language::English => "the file",
            Language::German => "die Datei",
        };
        let Some(parts) = self.table(whole, root) else { return Ok(()) };
        // Ranks come first: roles and requirements may name those that the file makes.
        for name in ["ranks", "settings", "roles", "requirements"] {
            let Some((_, node)) = parts.iter().find(|(key, _)| key == name) else { continue };
            let Some(members) = self.table(name, node) else { continue };
            for (key, node) in members {
                self.entries += 1;
                if self.entries > MOST_ENTRIES {
                    let count = MOST_ENTRIES as u64;
                    return Err(CommunityError::TooMany { what: "entries", count });
                }
                match name {
                    "ranks" => self.rank(key, node),
                    "settings" => self.section(key, node).await,
                    "roles" => self.role(key, node).await,
                    _ => self.requirement(key, node)?,
                }
            }
        }
        for (key, node) in parts {
            if !["settings", "ranks", "roles", "requirements"].contains(&key.as_str()) {
                let message =
                    "is no part of a configuration; there are: settings, ranks, roles, requirements.";
                self.wrong(node.line, key, Misfit::new("file_part", message));
            }
        }
        Ok(())
    }

    async fn section(&mut self, section: &str, node: &Node) {
        // `general.prefix` is how the page spells a setting, so it is one where a section could stand.
        if section.contains('.') {
            return self.setting(section, node).await;
        }
        let Some(members) = self.table(section, node) else { return };
        for (name, node) in members {
            self.entries += 1;
            self.setting(&format!("{section}.{name}"), node).await;
        }
    }

    async fn setting(&mut self, key: &str, node: &Node) {
        let Some(setting) = self.community.registry().get(key) else {
            let all = self.community.registry().iter().map(|setting| setting.key);
            let near = suggest::nearest(key, all, 1).first().copied().unwrap_or_default();
            let message = format!("is no setting. Did you mean {near}?");
            return self.wrong(node.line, key, Misfit::new("file_setting", message).with("near", near));
        };
        match self.value(setting, &node.value()).await {
            Ok(edit) => self.stage(node.line, key, edit),
            Err(misfit) => self.wrong(node.line, key, misfit),
        }
    }

    async fn value(&self, setting: &Setting, value: &Value) -> Result<Edit, Misfit> {
        let value = fit(setting, value)?;
        check_in_guild(self.community.guilds(), self.call.tenant(), setting, &value).await?;
        let to = (!value.is_null() && value != setting.default_value()).then_some(value);
        Ok(Edit::Setting { key: setting.key.to_owned(), to })
    }

    fn rank(&mut self, key: &str, node: &Node) {
        let path = format!("ranks.{key}");
        let level = key.parse::<u8>().ok().filter(|level| *level <= 10);
        let text: Option<RankText> = serde_json::from_value(node.value()).ok();
        match (level, text) {
            (Some(level), Some(mut text)) if text.description.chars().count() <= 500 => {
                text.name = text.name.trim().to_owned();
                self.stage(node.line, &path, Edit::Rank { level, to: Some(text) });
            }
            _ => {
                let message = "is a rank from 0 to 9 with a name and, if you like, a description of at most 500 \
                               characters.";
                self.wrong(node.line, &path, Misfit::new("file_rank", message));
            }
        }
    }

    async fn role(&mut self, key: &str, node: &Node) {
        let path = format!("roles.{key}");
        let Ok(role) = key.parse::<RoleId>() else {
            let message = "is a role: mention it, or copy its id from Discord.";
            return self.wrong(node.line, &path, Misfit::new("setting_role", message));
        };
        if let Some(guild) = self.community.guild(self.call.tenant()).await
            && (guild.role(role).is_none() || role.0 == guild.id)
        {
            let message = format!("names the role {role}, which is not in this server.");
            let misfit = Misfit::new("setting_role_gone", message).with("id", role.to_string());
            return self.wrong(node.line, &path, misfit);
        }
        if let Some(rank) = self.named_rank(&path, node) {
            self.stage(node.line, &path, Edit::Role { role, to: Some(rank) });
        }
    }

    fn requirement(&mut self, key: &str, node: &Node) -> Result<(), CommunityError> {
        let path = format!("requirements.{key}");
        let names = self.community.command_names()?;
        if !names.iter().any(|name| name == key) {
            let near = suggest::nearest(key, names.iter().map(String::as_str), 1);
            let near = near.first().copied().unwrap_or_default();
            let message = format!("is no command and no group of commands. Did you mean {near}?");
            self.wrong(node.line, &path, Misfit::new("file_command", message).with("near", near));
            return Ok(());
        }
        if let Some(rank) = self.named_rank(&path, node) {
            self.stage(node.line, &path, Edit::Requirement { name: key.to_owned(), to: Some(rank) });
        }
        Ok(())
    }

    fn named_rank(&mut self, path: &str, node: &Node) -> Option<Rank> {
        let asked = match node.value() {
            Value::String(text) => text,
            other => other.to_string(),
        };
        match find(&self.staged, &asked) {
            Ok(rank) => Some(rank),
            Err(error) => {
                self.refused(node.line, path, error);
                None
            }
        }
    }

    fn table<'n>(&mut self, path: &str, node: &'n Node) -> Option<&'n [(String, Node)]> {
        match &node.content {
            Content::Table(members) => Some(members),
            // An empty part of a YAML file is null.
            Content::Leaf(Value::Null) => Some(&[]),
            _ => {
                self.wrong(node.line, path, Misfit::new("file_table", "is not a table of names and values."));
                None
            }
        }
    }

    fn stage(&mut self, line: u64, path: &str, edit: Edit) {
        if edit.against(&self.staged).is_none() {
            // It is so already, which nobody has to be allowed to do; but a replacement must know it was named.
            self.edits.push(edit);
            return;
        }
        match self.community.check_edit(&self.staged, self.authority, &edit) {
            Ok(()) => {
                let revision = self.staged.revision;
                edit.put_into(&mut self.staged, revision);
                self.edits.push(edit);
            }
            Err(error) => self.refused(line, path, error),
        }
    }

    /// Everything that the file does not name gets its default again.
    fn reset_the_rest(&mut self, book: &Book) {
        let named = |edit: &Edit| self.edits.iter().any(|known| known.is_about_the_same(edit));
        let settings = book.settings.keys().map(|key| Edit::Setting { key: key.clone(), to: None });
        let roles = book.roles.keys().map(|role| Edit::Role { role: *role, to: None });
        let requirements =
            book.requirements.keys().map(|name| Edit::Requirement { name: name.clone(), to: None });
        // A rank goes last, when nothing asks for it any more.
        let ranks = book.ranks.keys().map(|level| Edit::Rank { level: *level, to: None });
        let rest: Vec<Edit> =
            settings.chain(roles).chain(requirements).chain(ranks).filter(|edit| !named(edit)).collect();
        for edit in rest {
            let path = edit.path();
            self.stage(1, &path, edit);
        }
    }

    fn refused(&mut self, line: u64, path: &str, error: CommunityError) {
        if let CommunityError::Unfit { misfit, .. } = error {
            return self.wrong(line, path, misfit);
        }
        let edge = Error::from(error);
        let vars: Vars = edge.vars;
        self.wrong(line, path, Misfit { code: edge.code, message: edge.message, vars });
    }

    fn wrong(&mut self, line: u64, path: &str, misfit: Misfit) {
        if self.problems.len() < MOST_PROBLEMS {
            let path: String = path.chars().take(100).collect();
            self.problems.push((line, misfit.of(at_line(self.call.language, line, &path))));
        }
    }
}

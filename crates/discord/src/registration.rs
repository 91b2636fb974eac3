//! Slash commands from the catalogue, registered with Discord only when they have changed.

use std::{collections::BTreeMap, sync::Arc};

use guildhall_core::{
    Clock, Error, Spec, TenantId,
    input::{Field, FieldKind},
    notebook::{self, Notebook},
    operation::{Menu, MenuTarget},
    permission,
};
use sha2::{Digest, Sha256};
use twilight_model::{
    application::{
        command::{
            Command, CommandOption, CommandOptionChoice, CommandOptionChoiceValue, CommandOptionType,
            CommandOptionValue, CommandType,
        },
        interaction::InteractionContextType,
    },
    guild::Permissions,
    id::{Id, marker::CommandVersionMarker},
    oauth::ApplicationIntegrationType,
};

use crate::{
    config::{CommandScope, Community, DiscordError},
    desk::{menu_problem, nobody},
    patience,
    post::Post,
    rest::RestError,
    shelf::OWNER,
};

/// Discord's limits: <https://discord.com/developers/docs/interactions/application-commands>.
const DESCRIPTION: usize = 100;
const CHOICES: usize = 25;
const TEXT: u64 = 6_000;
const COMMANDS: usize = 100;
const ENTRIES: usize = 15;
/// Whole numbers that JavaScript, and so Discord's client, can tell apart.
const SAFE: i64 = (1 << 53) - 1;

/// The commands for these operations, or why one cannot be a command.
pub(crate) fn commands<'a>(specs: impl Iterator<Item = &'a Spec>) -> Result<Vec<Command>, DiscordError> {
    let mut tree: BTreeMap<&str, Word<'_>> = BTreeMap::new();
    let mut entries = BTreeMap::new();
    for spec in specs {
        if let Some(menu) = &spec.menu
            && entries.insert((menu.on as u8, menu.label), entry(spec, menu)?).is_some()
        {
            return Err(unfit(spec, "its menu has an entry with this label already"));
        }
        let words: Vec<&str> = spec.name.split(' ').collect();
        if words.len() > 3 {
            return Err(unfit(spec, "Discord has room for three words: command, group, sub-command"));
        }
        place(&mut tree, &words, spec)?;
    }
    let mut commands = tree.iter().map(|(name, word)| command(name, word)).collect::<Result<Vec<_>, _>>()?;
    let count = |kind| entries.values().filter(|entry: &&Command| entry.kind == kind).count();
    let counts = [
        (commands.len(), COMMANDS, "commands"),
        (count(CommandType::User), ENTRIES, "entries in the menu of a person"),
        (count(CommandType::Message), ENTRIES, "entries in the menu of a message"),
    ];
    if let Some((made, most, what)) = counts.into_iter().find(|(made, most, _)| made > most) {
        let problem = format!("Discord takes {most} {what} and this makes {made}");
        return Err(DiscordError::Operation { operation: "(all)".to_owned(), problem });
    }
    commands.extend(entries.into_values());
    Ok(commands)
}

/// A word of a command: an operation, or more words.
enum Word<'a> {
    Operation(&'a Spec),
    More(BTreeMap<&'a str, Word<'a>>),
}

impl Word<'_> {
    fn operations(&self) -> Vec<&Spec> {
        match self {
            Self::Operation(spec) => vec![spec],
            Self::More(words) => words.values().flat_map(Word::operations).collect(),
        }
    }
}

fn place<'a>(
    tree: &mut BTreeMap<&'a str, Word<'a>>,
    words: &[&'a str],
    spec: &'a Spec,
) -> Result<(), DiscordError> {
    const BOTH: &str =
        "it is the beginning of another operation's name, and Discord cannot run such a command";
    let [first, rest @ ..] = words else { return Err(unfit(spec, "it has no name")) };
    if rest.is_empty() {
        return match tree.insert(first, Word::Operation(spec)) {
            None => Ok(()),
            Some(_) => Err(unfit(spec, BOTH)),
        };
    }
    match tree.entry(first).or_insert_with(|| Word::More(BTreeMap::new())) {
        Word::More(words) => place(words, rest, spec),
        Word::Operation(other) => Err(unfit(other, BOTH)),
    }
}

fn unfit(spec: &Spec, problem: &str) -> DiscordError {
    DiscordError::Operation { operation: spec.name.to_owned(), problem: problem.to_owned() }
}

fn command(name: &str, word: &Word<'_>) -> Result<Command, DiscordError> {
    let (description, options) = match word {
        Word::Operation(spec) => (described(spec.summary, name), options(spec)),
        Word::More(words) => {
            (described("", name), words.iter().map(|(name, word)| sub(name, word)).collect())
        }
    };
    let operations = word.operations();
    let plain = plain(CommandType::ChatInput, name, hint(&operations)?);
    let command = Command { description, options, ..plain };
    let names: Vec<&str> = operations.iter().map(|spec| spec.name).collect();
    checked(command, &names.join(", "))
}

/// An entry in the menu of a person or a message.
fn entry(spec: &Spec, menu: &Menu) -> Result<Command, DiscordError> {
    if let Some(problem) = menu_problem(spec, menu) {
        return Err(unfit(spec, problem));
    }
    let kind = match menu.on {
        MenuTarget::User => CommandType::User,
        MenuTarget::Message => CommandType::Message,
    };
    checked(plain(kind, menu.label, hint(&[spec])?), spec.name)
}

#[expect(deprecated, reason = "twilight's Command has the old members, which have to be named")]
fn plain(kind: CommandType, name: &str, permissions: Option<Permissions>) -> Command {
    Command {
        application_id: None,
        contexts: Some(vec![InteractionContextType::Guild]),
        default_member_permissions: permissions,
        description: String::new(),
        description_localizations: None,
        dm_permission: None,
        guild_id: None,
        id: None,
        integration_types: Some(vec![ApplicationIntegrationType::GuildInstall]),
        kind,
        name: name.to_owned(),
        name_localizations: None,
        nsfw: None,
        options: Vec::new(),
        version: Id::<CommandVersionMarker>::new(1),
    }
}

fn checked(command: Command, operation: &str) -> Result<Command, DiscordError> {
    match twilight_validate::command::command(&command) {
        Ok(()) => Ok(command),
        Err(error) => {
            Err(DiscordError::Operation { operation: operation.to_owned(), problem: error.to_string() })
        }
    }
}

/// Who sees a command in Discord's list, unless the guild's staff says otherwise: Discord's own permission
/// that its operation with the lowest rank names, or that goes with that rank.
///
/// This keeps the list short for everybody else and nothing more. Who may call an operation is decided by
/// rank, in the catalogue, at every call: a member with the rank but without Discord's permission can be
/// given the command in the guild's integration settings, and one with the permission but without the rank
/// is turned away.
fn hint(operations: &[&Spec]) -> Result<Option<Permissions>, DiscordError> {
    let lowest = operations.iter().min_by_key(|spec| spec.rank);
    let (Some(bits), Some(lowest)) = (permission::shown_with(operations.iter().copied()), lowest) else {
        return Ok(None);
    };
    let known = Permissions::from_bits(bits).filter(|_| bits.count_ones() == 1);
    let unknown = || unfit(lowest, "the permission that shows it is not one of Discord's");
    known.ok_or_else(unknown).map(Some)
}

fn sub(name: &str, word: &Word<'_>) -> CommandOption {
    let (kind, description, options) = match word {
        Word::Operation(spec) => {
            (CommandOptionType::SubCommand, described(spec.summary, name), options(spec))
        }
        Word::More(words) => (
            CommandOptionType::SubCommandGroup,
            described("", name),
            words.iter().map(|(name, word)| sub(name, word)).collect(),
        ),
    };
    CommandOption { options: Some(options), required: None, ..blank(name, kind, description) }
}

/// The inputs, those that must be given first, as Discord wants it.
fn options(spec: &Spec) -> Vec<CommandOption> {
    let (required, others): (Vec<&Field>, Vec<&Field>) = spec.fields.iter().partition(|field| field.required);
    required.into_iter().chain(others).map(option).collect()
}

fn option(field: &Field) -> CommandOption {
    let kind = match field.kind {
        FieldKind::Integer { .. } => CommandOptionType::Integer,
        FieldKind::Number { .. } => CommandOptionType::Number,
        FieldKind::Boolean => CommandOptionType::Boolean,
        FieldKind::User => CommandOptionType::User,
        FieldKind::Role => CommandOptionType::Role,
        FieldKind::Channel => CommandOptionType::Channel,
        _ => CommandOptionType::String,
    };
    let how = match field.kind {
        FieldKind::List => " (several, with commas between)",
        FieldKind::Map => " (name=value other=\"two words\")",
        FieldKind::Users => " (several mentions or ids)",
        FieldKind::Duration => &format!(" ({})", field.durations()),
        FieldKind::Message => " (a link to it)",
        _ => "",
    };
    let description = described(&format!("{}{how}", field.description), &field.name);
    let mut option =
        CommandOption { required: Some(field.required), ..blank(&field.name, kind, description) };
    match &field.kind {
        FieldKind::Text { min, max, .. } => {
            let length = |characters: &u64| u16::try_from((*characters).min(TEXT)).ok();
            option.min_length = min.as_ref().and_then(length);
            option.max_length = max.as_ref().and_then(length).map(|most| most.max(1));
        }
        FieldKind::Integer { min, max } => {
            let bound = |number: &i64| CommandOptionValue::Integer((*number).clamp(-SAFE, SAFE));
            option.min_value = min.as_ref().map(bound);
            option.max_value = max.as_ref().map(bound);
        }
        FieldKind::Number { min, max } => {
            option.min_value = min.map(CommandOptionValue::Number);
            option.max_value = max.map(CommandOptionValue::Number);
        }
        FieldKind::Choice { of } if of.len() <= CHOICES && field.complete.is_none() => {
            let choice = |word: &String| CommandOptionChoice {
                name: word.clone(),
                name_localizations: None,
                value: CommandOptionChoiceValue::String(word.clone()),
            };
            option.choices = Some(of.iter().map(choice).collect());
        }
        // More words than Discord lists are suggested while the person types.
        FieldKind::Choice { .. } => option.autocomplete = Some(true),
        _ => {}
    }
    if field.complete.is_some() && kind != CommandOptionType::Boolean {
        option.autocomplete = Some(true);
    }
    option
}

fn described(text: &str, name: &str) -> String {
    let text = text.trim();
    let text = if text.is_empty() { name.replace('_', " ") } else { text.to_owned() };
    if text.chars().count() <= DESCRIPTION {
        return text;
    }
    text.chars().take(DESCRIPTION - 1).chain(['…']).collect()
}

fn blank(name: &str, kind: CommandOptionType, description: String) -> CommandOption {
    CommandOption {
        autocomplete: None,
        channel_types: None,
        choices: None,
        description,
        description_localizations: None,
        kind,
        max_length: None,
        max_value: None,
        min_length: None,
        min_value: None,
        name: name.to_owned(),
        name_localizations: None,
        options: None,
        file_types: None,
        required: None,
    }
}

/// Registers the commands.
pub(crate) struct Registration {
    pub(crate) post: Arc<Post>,
    pub(crate) notebook: Arc<dyn Notebook>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) application: u64,
    pub(crate) scope: CommandScope,
    pub(crate) communities: Vec<Community>,
    pub(crate) commands: Vec<Command>,
}

impl Registration {
    /// Registers where it is needed, and tries again while Discord cannot be reached.
    pub(crate) async fn run(&self) {
        match self.scope {
            CommandScope::Global => self.register(&nobody(), 0).await,
            CommandScope::Guilds => {
                for community in &self.communities {
                    self.register(&community.tenant, community.guild_id).await;
                }
            }
        }
    }

    async fn register(&self, tenant: &TenantId, guild: u64) {
        let mut failed = 0;
        loop {
            match self.once(tenant, guild).await {
                Ok(true) => {
                    return tracing::info!(
                        commands = self.commands.len(),
                        guild,
                        "slash commands registered"
                    );
                }
                Ok(false) => return tracing::debug!(guild, "slash commands have not changed"),
                Err(Trouble::Rest(error)) if !error.is_transient() => {
                    return tracing::error!(guild, "slash commands could not be registered: {error}");
                }
                Err(trouble) => {
                    tracing::warn!(guild, "slash commands could not be registered yet: {trouble}");
                }
            }
            self.clock.sleep(patience::pause(failed)).await;
            failed += 1;
        }
    }

    /// Registers unless the notebook says that Discord has these very commands. Returns whether it did.
    async fn once(&self, tenant: &TenantId, guild: u64) -> Result<bool, Trouble> {
        let definition =
            serde_json::to_vec(&self.commands).map_err(|error| Trouble::Notebook(Error::bug(error)))?;
        let digest = hex::encode(Sha256::digest(&definition));
        let key = format!("commands/{}/{guild}", self.application);
        let known: Option<String> =
            notebook::read(self.notebook.as_ref(), tenant, OWNER, &key).await.map_err(Trouble::Notebook)?;
        if known.as_ref() == Some(&digest) {
            return Ok(false);
        }
        let set = || self.post.rest.set_commands(self.scope, guild, &self.commands);
        self.post.unhurried(set).await.map_err(Trouble::Rest)?;
        notebook::write(self.notebook.as_ref(), tenant, OWNER, &key, &digest)
            .await
            .map_err(Trouble::Notebook)?;
        Ok(true)
    }
}

/// What keeps commands from being registered.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Rest(RestError),
    #[error("the notebook cannot be used: {0}")]
    Notebook(Error),
}

//! What a command, or a group of commands, asks for in this community.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone, suggest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    explain::shown,
    ladder::{RankName, find, name_of},
};
use crate::{
    Community, CommunityError,
    change::{Edit, Expected},
};

/// Commands named in the answer.
const NAMED: usize = 15;

/// A command as people name it, with or without the slash, or a group of commands.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CommandName(#[schemars(length(min = 1, max = 64), extend("x-complete" = "command"))] pub String);

impl CommandName {
    /// The name as the catalogue has it.
    pub(crate) fn read(&self) -> String {
        self.0.trim().trim_start_matches('/').to_lowercase()
    }
}

/// What a command or group asks for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RequirementData {
    /// The command or group.
    pub name: String,
    /// The rank of the community's own, if it has set one.
    pub rank: Option<u8>,
    /// The commands that this covers, with what each asks for now.
    pub commands: Vec<CommandRank>,
}

/// A command and the rank it asks for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CommandRank {
    /// The command.
    pub command: String,
    /// The rank.
    pub rank: u8,
}

/// Sets the rank that a command or a group of commands asks for.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RankRequire {
    /// A command such as `server start`, or a group such as `server`.
    pub command: CommandName,
    /// The rank, by number or name; the default again when it is left out.
    #[serde(default)]
    pub rank: Option<RankName>,
    /// Answer with this page of the configuration.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub page: Option<u32>,
}

impl Operation for RankRequire {
    type Domain = Community;
    type Output = RequirementData;

    const NAME: &'static str = "rank require";
    const SUMMARY: &'static str = "Set the rank that a command or a group of commands asks for here";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] =
        &["rank require command:server start rank:Trusted", "rank require command:server"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<RequirementData>, Error> {
        let book = community.book(call.tenant()).await?;
        let name = self.command.read();
        let names = community.command_names()?;
        if !names.contains(&name) {
            let near = suggest::nearest(&name, names.iter().map(String::as_str), 3);
            return Err(CommunityError::CommandUnknown {
                near: near.into_iter().map(str::to_owned).collect(),
                name: name.chars().take(64).collect(),
                retry: ("help", "query"),
            }
            .into());
        }
        let to = self.rank.map(|rank| find(&book, &rank.0)).transpose()?;
        let edit = Edit::Requirement { name: name.clone(), to };
        community.apply(call, &[edit], Expected::Anything).await?;

        let after = community.book(call.tenant()).await?;
        let catalogue = community.catalogue()?;
        let covered = catalogue.specs().filter(|spec| {
            spec.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        let commands: Vec<(&str, Rank)> =
            covered.map(|spec| (spec.name, after.requirement(spec).0)).collect();
        let line = match to {
            Some(rank) => Rich::new()
                .code(name.as_str())
                .text(" asks for rank ")
                .strong(name_of(&after, rank))
                .text(" now."),
            None => Rich::new().code(name.as_str()).text(" asks for what it asks for by default again."),
        };
        let document = match self.page {
            // The page of the rank that is asked for now names the command.
            Some(page) => community.page(call, "ranks", page, to.map(Rank::level)).await?,
            None => {
                let mut document = Document::default().tone(Tone::Good).text(line);
                for (command, rank) in commands.iter().take(NAMED) {
                    document = document.field(*command, name_of(&after, *rank));
                }
                if let Some(more) = commands.len().checked_sub(NAMED).filter(|more| *more > 0) {
                    document = document.text(format!("… and {more} more."));
                }
                let (seen_by, _) = shown(&catalogue, &name);
                document.text(format!(
                    "What Discord lists stays as it was: it is for {seen_by} at first, and Server Settings → \
                     Integrations → Guildhall is where staff changes that."
                ))
            }
        };
        let commands = commands
            .into_iter()
            .map(|(command, rank)| CommandRank { command: command.to_owned(), rank: rank.level() });
        let data = RequirementData { name, rank: to.map(Rank::level), commands: commands.collect() };
        Ok(Answer::new(data, document))
    }
}

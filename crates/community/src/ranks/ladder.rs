//! The ranks themselves: what they are called, and making, renaming and deleting them.

use std::{future::Future, pin::Pin};

use guildhall_core::{
    Actor, Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone, operation::Choice,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::standing::highest;
use crate::{
    Community, CommunityError,
    book::{Book, RankText},
    change::{Edit, Expected},
    error::Misfit,
};

/// The names of the ranks that are always there, and what they are for.
const DEFAULTS: [(&str, &str); 8] = [
    ("Member", "Everybody"),
    ("Trusted", "Members the staff trusts"),
    ("Junior Moderator", "Warns, puts in timeout and throws out"),
    ("Moderator", "Bans and jails"),
    ("Senior Moderator", "Leads the moderators"),
    ("Administrator", "Sets things up and takes them away"),
    ("Head Administrator", "Leads the administrators"),
    ("Server Owner", "Owns the Discord server"),
];
/// What rank 10 is for. It is called the same in every community, because no community gives it.
const OPERATOR: &str = "Runs this installation, which alone gives it";

/// What a rank is called here; `None` when there is no such rank.
pub(crate) fn text(book: &Book, level: u8) -> Option<RankText> {
    let default = || {
        let (name, description) = DEFAULTS.get(usize::from(level))?;
        Some(RankText { name: (*name).to_owned(), description: (*description).to_owned() })
    };
    book.ranks.get(&level).cloned().or_else(default)
}

/// `3 (Moderator)`, with the community's own name for it.
pub(crate) fn name_of(book: &Book, rank: Rank) -> String {
    match text(book, rank.level()) {
        Some(text) => format!("{} ({})", rank.level(), text.name),
        None => rank.to_string(),
    }
}

/// The ranks that a community gives, the lowest first.
pub(crate) fn ladder(book: &Book) -> Vec<(Rank, RankText)> {
    let levels = 0..=highest().level();
    levels.filter_map(|level| Some((Rank::new(level)?, text(book, level)?))).collect()
}

/// The rank that is meant by a number or a name.
pub(crate) fn find(book: &Book, asked: &str) -> Result<Rank, CommunityError> {
    let asked = asked.trim();
    if asked == "10" || asked.eq_ignore_ascii_case(Rank::OPERATOR.name()) {
        return Err(CommunityError::RankReserved);
    }
    let known = ladder(book).into_iter().find(|(rank, text)| {
        rank.level().to_string() == asked || text.name.to_lowercase() == asked.to_lowercase()
    });
    known.map(|(rank, _)| rank).ok_or_else(|| unknown(book, asked))
}

pub(crate) fn unknown(book: &Book, asked: &str) -> CommunityError {
    let names = ladder(book).into_iter().map(|(rank, text)| format!("{} {}", rank.level(), text.name));
    CommunityError::RankUnknown {
        rank: asked.chars().take(64).collect(),
        known: names.collect::<Vec<_>>().join(", "),
    }
}

/// Whether a rank can be called so: people give ranks by name, so each name is one rank's.
pub(crate) fn check_name(book: &Book, level: u8, name: &str) -> Result<(), CommunityError> {
    let fits = (1..=100).contains(&name.chars().count())
        && name.trim() == name
        && !name.contains(char::is_control)
        && name.parse::<u8>().is_err();
    if !fits {
        let message = "is a name of 1 to 100 characters in one line, and not a number.";
        return Err(CommunityError::Unfit {
            field: "name".to_owned(),
            misfit: Misfit::new("rank_name", message),
        });
    }
    let operator = name.eq_ignore_ascii_case(Rank::OPERATOR.name());
    let same = |(rank, text): &(Rank, RankText)| {
        rank.level() != level && text.name.to_lowercase() == name.to_lowercase()
    };
    let taken = ladder(book).into_iter().find(same).map(|(rank, _)| rank.level());
    match taken.or(operator.then_some(Rank::OPERATOR.level())) {
        Some(level) => Err(CommunityError::RankNameTaken { name: name.to_owned(), level }),
        None => Ok(()),
    }
}

pub(crate) fn complete_rank<'a>(
    community: &'a Community,
    actor: &'a Actor,
    partial: &'a str,
) -> Pin<Box<dyn Future<Output = Result<Vec<Choice>, Error>> + Send + 'a>> {
    Box::pin(async move {
        let book = community.book(&actor.tenant).await?;
        let wanted = partial.to_lowercase();
        let fitting = ladder(&book)
            .into_iter()
            .map(|(rank, _)| Choice { value: rank.level().to_string(), label: name_of(&book, rank) });
        Ok(fitting.filter(|choice| choice.label.to_lowercase().contains(&wanted)).collect())
    })
}

/// A rank as people name it: by number or by name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RankName(#[schemars(length(min = 1, max = 100), extend("x-complete" = "rank"))] pub String);

/// One rank.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RankData {
    /// 0 to 10. Nobody gives 10: it is who runs the installation.
    pub level: u8,
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The roles that give it.
    pub roles: Vec<String>,
}

/// The ranks of a community.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RanksData {
    /// The lowest first.
    pub ranks: Vec<RankData>,
}

impl Community {
    pub(crate) async fn ranks(&self, call: &Call) -> Result<RanksData, Error> {
        let book = self.book(call.tenant()).await?;
        let roles = self.ranked_roles(call.tenant(), &book);
        let of = |rank: Rank| {
            let roles = roles.iter().filter(move |(_, given, _)| *given == rank);
            roles.map(|(role, ..)| role.to_string()).collect()
        };
        let operator = RankText { name: Rank::OPERATOR.name().to_owned(), description: OPERATOR.to_owned() };
        let all = ladder(&book).into_iter().chain([(Rank::OPERATOR, operator)]);
        let ranks = all.map(|(rank, text)| RankData {
            level: rank.level(),
            name: text.name,
            description: text.description,
            roles: of(rank),
        });
        Ok(RanksData { ranks: ranks.collect() })
    }

    async fn rank_data(&self, call: &Call, level: u8) -> Result<RankData, Error> {
        let rank = self.ranks(call).await?.ranks.into_iter().find(|rank| rank.level == level);
        let book = self.book(call.tenant()).await?;
        rank.ok_or_else(|| unknown(&book, &level.to_string()).into())
    }

    pub(crate) async fn ranks_table(&self, call: &Call, document: Document) -> Result<Document, Error> {
        let guild = self.guild(call.tenant()).await;
        let name = |id: &String| {
            let known = id.parse().ok().and_then(|id| guild.as_ref().and_then(|guild| guild.role(id)));
            known.map_or_else(|| id.clone(), |role| format!("@{}", role.name))
        };
        let ranks = self.ranks(call).await?.ranks;
        let rows = (0..=Rank::OPERATOR.level()).map(|level| {
            let Some(rank) = ranks.iter().find(|rank| rank.level == level) else {
                return vec![level.to_string().into(), "free: make it with /rank create".into(), "–".into()];
            };
            let roles: Vec<String> = rank.roles.iter().map(name).collect();
            let roles = match level == Rank::OPERATOR.level() {
                true => "none: this installation gives it".to_owned(),
                false if roles.is_empty() => "–".to_owned(),
                false => roles.join(", "),
            };
            vec![level.to_string().into(), Rich::new().strong(rank.name.as_str()), roles.into()]
        });
        Ok(document.table(&["rank", "name", "roles"], rows.collect()))
    }
}

/// Lists the ranks and the roles that give them.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RankList {}

impl Operation for RankList {
    type Domain = Community;
    type Output = RanksData;

    const NAME: &'static str = "rank list";
    const SUMMARY: &'static str = "Show the ranks of this community and which roles give them";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;
    const ALIASES: &'static [&'static str] = &["ranks"];
    const EXAMPLES: &'static [&'static str] = &["rank list"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<RanksData>, Error> {
        let document = community.ranks_table(call, Document::titled("Ranks")).await?;
        let document = document.text(
            "Whoever owns the server may do everything but what asks for rank 10, and whoever runs this installation \
             may do that as well. /rank explain says why somebody may or may not use a command.",
        );
        Ok(Answer::new(community.ranks(call).await?, document))
    }
}

/// Makes one of the free ranks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RankCreate {
    /// Its number: 8 or 9.
    // The others are taken, which is said better than by a bound.
    #[schemars(range(min = 0, max = 10))]
    pub rank: u8,
    /// What it is called.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What it is for.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub description: Option<String>,
    /// Answer with this page of the configuration.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub page: Option<u32>,
}

impl Operation for RankCreate {
    type Domain = Community;
    type Output = RankData;

    const NAME: &'static str = "rank create";
    const SUMMARY: &'static str = "Make rank 8 or 9, which stand above the server's own ladder";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["rank create rank:8 name:Board"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<RankData>, Error> {
        let book = community.book(call.tenant()).await?;
        if let Some(text) = text(&book, self.rank) {
            return Err(CommunityError::RankThere { level: self.rank, name: text.name }.into());
        }
        let new = RankText {
            name: self.name.trim().to_owned(),
            description: self.description.unwrap_or_default().trim().to_owned(),
        };
        let edit = Edit::Rank { level: self.rank, to: Some(new) };
        community.apply(call, &[edit], Expected::Revision(book.revision)).await?;
        let data = community.rank_data(call, self.rank).await?;
        if let Some(page) = self.page {
            return Ok(Answer::new(data, community.page(call, "ranks", page, Some(self.rank)).await?));
        }
        let line = Rich::new().text(format!("Rank {} is there: ", data.level)).strong(data.name.as_str());
        Ok(Answer::new(data, Document::default().tone(Tone::Good).text(line.text("."))))
    }
}

/// Renames or describes a rank.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RankEdit {
    /// Which, by number or name.
    pub rank: RankName,
    /// What it is called from now on.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub description: Option<String>,
    /// Answer with this page of the configuration.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub page: Option<u32>,
}

impl Operation for RankEdit {
    type Domain = Community;
    type Output = RankData;

    const NAME: &'static str = "rank edit";
    const SUMMARY: &'static str = "Rename a rank or say what it is for";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["rank edit rank:3 name:Guardian"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<RankData>, Error> {
        let book = community.book(call.tenant()).await?;
        let rank = find(&book, &self.rank.0)?;
        let Some(mut new) = text(&book, rank.level()) else {
            return Err(unknown(&book, &self.rank.0).into());
        };
        if let Some(name) = self.name {
            name.trim().clone_into(&mut new.name);
        }
        if let Some(description) = self.description {
            description.trim().clone_into(&mut new.description);
        }
        // What reads like the default is the default.
        let default = text(&Book::default(), rank.level());
        let to = (default.as_ref() != Some(&new)).then_some(new);
        let edit = Edit::Rank { level: rank.level(), to };
        community.apply(call, &[edit], Expected::Revision(book.revision)).await?;
        let data = community.rank_data(call, rank.level()).await?;
        if let Some(page) = self.page {
            return Ok(Answer::new(data, community.page(call, "ranks", page, Some(rank.level())).await?));
        }
        let line = Rich::new().text(format!("Rank {} is now ", data.level)).strong(data.name.as_str());
        Ok(Answer::new(data, Document::default().tone(Tone::Good).text(line.text("."))))
    }
}

/// Deletes a rank that the community made.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RankDelete {
    /// Which, by number or name: 8 or 9.
    pub rank: RankName,
    /// Answer with this page of the configuration.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub page: Option<u32>,
}

impl RankDelete {
    /// The rank that is meant, where it is one that can go.
    fn free(&self, book: &Book) -> Result<Rank, CommunityError> {
        let rank = find(book, &self.rank.0)?;
        if rank <= Rank::OWNER { Err(CommunityError::RankFixed(rank.level())) } else { Ok(rank) }
    }
}

impl Operation for RankDelete {
    type Domain = Community;
    type Output = RanksData;

    const NAME: &'static str = "rank delete";
    const SUMMARY: &'static str = "Delete rank 8 or 9; the roles that gave it give none";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Destroy;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["rank delete rank:8"];

    async fn ask(&self, community: &Community, call: &Call) -> Result<String, Error> {
        let book = community.book(call.tenant()).await?;
        let level = self.free(&book)?.level();
        Ok(format!("Rank {level} is deleted, and the roles that give it give none any more. Do it?"))
    }

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<RanksData>, Error> {
        let book = community.book(call.tenant()).await?;
        let rank = self.free(&book)?;
        let level = rank.level();
        let roles = book.roles.iter().filter(|(_, given)| **given == rank);
        let mut edits: Vec<Edit> = roles.map(|(role, _)| Edit::Role { role: *role, to: None }).collect();
        edits.push(Edit::Rank { level, to: None });
        community.apply(call, &edits, Expected::Revision(book.revision)).await?;
        let document = match self.page {
            Some(page) => community.page(call, "ranks", page, None).await?,
            None => Document::default().tone(Tone::Good).text(format!("Rank {level} is gone.")),
        };
        Ok(Answer::new(community.ranks(call).await?, document))
    }
}

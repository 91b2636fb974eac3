//! What a command asks for in a community, and who may change that.

use async_trait::async_trait;
use guildhall_core::{
    Actor, Error, Rank, Spec,
    guild::UserId,
    permission::{Permissions, Requirement},
};

use super::standing::highest;
use crate::{
    Community, CommunityError,
    book::Book,
    change::{Edit, MOST_REQUIREMENTS, MOST_ROLES},
    error::level,
    ranks::ladder,
};

/// Where a requirement comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The command's own default.
    Default,
    /// The community set it, for this command or group.
    Community(String),
    /// It is for who runs the installation, whatever a community sets.
    Fixed,
}

impl Book {
    /// The rank that a command asks for here. Of several entries that cover it the longest counts.
    pub(crate) fn requirement(&self, spec: &Spec) -> (Rank, Source) {
        if spec.rank == Rank::OPERATOR {
            return (Rank::OPERATOR, Source::Fixed);
        }
        let mut name = spec.name;
        loop {
            if let Some(rank) = self.requirements.get(name) {
                return (*rank, Source::Community(name.to_owned()));
            }
            match name.rsplit_once(' ') {
                Some((group, _)) => name = group,
                None => return (spec.rank, Source::Default),
            }
        }
    }
}

impl Community {
    /// Why the actor need not have the rank that a command asks for, if so.
    pub(crate) async fn bypass(&self, actor: &Actor) -> Option<&'static str> {
        if actor.rank == Rank::OPERATOR {
            return Some("operator");
        }
        let user = actor.id.discord_user()?;
        if self.config().operators.contains(&UserId(user)) {
            return Some("operator");
        }
        self.shapes().owns(&actor.tenant, user).await.then_some("owner of the guild")
    }

    /// The feature that is switched off, when the command belongs to one.
    pub(crate) fn switched_off(&self, book: &Book, spec: &Spec) -> Option<&'static str> {
        let feature = spec.feature?;
        let setting = self.registry().get(&format!("features.{feature}"))?;
        (!book.is_on(setting)).then_some(feature)
    }

    /// Whether the actor, with this authority, may make this change.
    pub(crate) fn check_edit(&self, book: &Book, authority: u8, edit: &Edit) -> Result<(), CommunityError> {
        let below = |level: u8| match level {
            level if level < authority => Ok(()),
            level => Err(CommunityError::RankTooHigh { level, own: authority }),
        };
        match edit {
            Edit::Setting { .. } => Ok(()),
            Edit::Rank { level, to } => {
                if *level > highest().level() {
                    return Err(CommunityError::RankReserved);
                }
                below(*level)?;
                match to {
                    Some(text) => ladder::check_name(book, *level, &text.name),
                    None => self.check_unused(book, *level),
                }
            }
            Edit::Role { role, to } => {
                if let Some(rank) = book.roles.get(role) {
                    below(level(*rank))?;
                }
                let Some(rank) = to else { return Ok(()) };
                if *rank > highest() {
                    return Err(CommunityError::RankReserved);
                }
                below(level(*rank))?;
                if ladder::text(book, rank.level()).is_none() {
                    return Err(ladder::unknown(book, &rank.level().to_string()));
                }
                match book.roles.len() {
                    count if count >= MOST_ROLES && !book.roles.contains_key(role) => {
                        Err(CommunityError::TooMany { what: "roles", count: count as u64 })
                    }
                    _ => Ok(()),
                }
            }
            Edit::Requirement { name, to } => self.check_requirement(book, authority, name, *to),
        }
    }

    fn check_requirement(
        &self,
        book: &Book,
        authority: u8,
        name: &str,
        to: Option<Rank>,
    ) -> Result<(), CommunityError> {
        let catalogue = self.catalogue()?;
        let covered = |spec: &&Spec| spec.name == name || spec.name.starts_with(&format!("{name} "));
        let mut after = book.clone();
        Edit::Requirement { name: name.to_owned(), to }.put_into(&mut after, book.revision);
        let mut changes_any = false;
        for spec in catalogue.specs().filter(covered).filter(|spec| spec.rank != Rank::OPERATOR) {
            changes_any = true;
            let (now, then) = (book.requirement(spec).0, after.requirement(spec).0);
            // What stays as it is, because the command has a rank of its own, is nobody's loss.
            let highest = level(now.max(then));
            if now != then && highest > authority {
                return Err(CommunityError::RequirementTooHigh {
                    name: spec.name.to_owned(),
                    level: highest,
                    own: authority,
                });
            }
        }
        if let Some(rank) = to {
            if !changes_any {
                return Err(CommunityError::RequirementFixed(name.to_owned()));
            }
            if rank > highest() {
                return Err(CommunityError::RankReserved);
            }
            if level(rank) > authority {
                let (name, level) = (name.to_owned(), level(rank));
                return Err(CommunityError::RequirementTooHigh { name, level, own: authority });
            }
            if ladder::text(book, rank.level()).is_none() {
                return Err(ladder::unknown(book, &rank.level().to_string()));
            }
            let count = book.requirements.len();
            if count >= MOST_REQUIREMENTS && !book.requirements.contains_key(name) {
                return Err(CommunityError::TooMany { what: "commands", count: count as u64 });
            }
        }
        Ok(())
    }

    /// A rank that is taken away must not leave commands without one: they would fall back to their default,
    /// which may be lower.
    fn check_unused(&self, book: &Book, level: u8) -> Result<(), CommunityError> {
        if level <= Rank::OWNER.level() {
            return Ok(());
        }
        let asking = book.requirements.iter().filter(|(_, rank)| rank.level() == level);
        let commands: Vec<&str> = asking.map(|(name, _)| name.as_str()).collect();
        match commands.is_empty() {
            true => Ok(()),
            false => Err(CommunityError::RankInUse { level, commands: commands.join(", ") }),
        }
    }

    /// The names of commands and of groups of commands.
    pub(crate) fn command_names(&self) -> Result<Vec<String>, CommunityError> {
        let catalogue = self.catalogue()?;
        let mut names: Vec<String> = Vec::new();
        for spec in catalogue.specs() {
            let blanks = spec.name.match_indices(' ').map(|(at, _)| &spec.name[..at]);
            names.extend(blanks.chain([spec.name]).map(str::to_owned));
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

#[async_trait]
impl Permissions for Community {
    async fn required(&self, actor: &Actor, spec: &Spec) -> Result<Requirement, Error> {
        let book = self.book(&actor.tenant).await?;
        if let Some(feature) = self.switched_off(&book, spec) {
            return Err(CommunityError::FeatureOff { feature: feature.to_owned() }.into());
        }
        let (rank, source) = book.requirement(spec);
        let enough = self.own_rank(actor).await? >= rank;
        let bypass = if enough { None } else { self.bypass_for(actor, &source).await };
        Ok(Requirement { rank, bypass })
    }
}

impl Community {
    /// What is for operators only is not for the owners of guilds.
    pub(crate) async fn bypass_for(&self, actor: &Actor, source: &Source) -> Option<&'static str> {
        let bypass = self.bypass(actor).await?;
        (*source != Source::Fixed || bypass == "operator").then_some(bypass)
    }
}
